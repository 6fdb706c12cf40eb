//! What a run measures, shared between the inference thread and whoever reports.
//!
//! Threading: behind a mutex that is held for a few additions a frame, never across inference.
//! Nothing is allocated after construction.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::frame::MonoTime;
use crate::source::Damage;
use crate::task::predict::{Distance, Totals};

use super::{FrameRecord, Latency, ModelLog};

/// Measurements of a run.
#[derive(Clone, Debug, Default)]
pub struct RunStats {
    /// From capture to result.
    pub age: Latency,
    /// In the model.
    pub infer: Latency,
    /// From pixel format to RGB.
    pub convert: Latency,
    /// Between frames captured one after the other.
    pub interval: Latency,
    /// Scores and state resets.
    pub totals: Totals,
    /// Surprise events.
    pub events: u64,
    /// What the source could not read although it went on.
    pub damage: Damage,
    /// The models in use so far.
    pub models: ModelLog,
    /// The newest result.
    pub newest: Option<FrameRecord>,
    last_captured: Option<(u64, MonoTime)>,
}

impl RunStats {
    /// Adds a result.
    pub fn record(&mut self, record: &FrameRecord, totals: &Totals, events: u64) {
        self.age.record(record.age);
        self.infer.record(record.step.infer);
        self.convert.record(record.convert);
        if let Some((seq, before)) = self.last_captured
            && record.seq.0 == seq.wrapping_add(1)
        {
            self.interval.record(record.captured.since(before));
        }
        self.last_captured = Some((record.seq.0, record.captured));
        self.totals.clone_from(totals);
        self.events = events;
        self.newest = Some(*record);
    }

    /// State resets by reason.
    #[must_use]
    pub fn resets(&self) -> BTreeMap<&'static str, u64> {
        self.totals.resets().map(|(reason, n)| (reason.name(), n)).collect()
    }
}

/// Quality as reported: mean perceptual distance and the PSNR of the mean squared error.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quality {
    /// Mean perceptual distance.
    pub pd: f64,
    /// Mean squared error of values 0..=1.
    pub mse: f64,
    /// PSNR in dB; null when infinite.
    pub psnr: Option<f64>,
}

impl From<Distance> for Quality {
    fn from(distance: Distance) -> Self {
        Self { pd: distance.pd, mse: distance.mse, psnr: distance.psnr() }
    }
}
