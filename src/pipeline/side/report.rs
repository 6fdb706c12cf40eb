//! What side tasks did in a run.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::pipeline::{Latency, Percentiles};

/// Measurements of a side task while it runs.
#[derive(Clone, Debug, Default)]
pub(super) struct SideStats {
    pub(super) run: u64,
    pub(super) failed: u64,
    pub(super) events: u64,
    pub(super) asked: u64,
    pub(super) latency: Latency,
    pub(super) answers: Latency,
    pub(super) newest: serde_json::Value,
    pub(super) error: Option<String>,
}

/// A side task in the report of a run.
#[derive(Clone, Debug, Serialize)]
pub struct SideReport {
    /// Frames it took in.
    pub run: u64,
    /// Frames it failed on.
    pub failed: u64,
    /// Events it told.
    pub events: u64,
    /// Questions it answered.
    pub asked: u64,
    /// Its time on a frame.
    pub latency_ms: Percentiles,
    /// From a question to its answer.
    pub answer_ms: Percentiles,
    /// What it said last.
    pub newest: serde_json::Value,
    /// Its last error; null without one.
    pub error: Option<String>,
}

/// All side tasks by name.
pub type SideReports = BTreeMap<&'static str, SideReport>;

impl From<&SideStats> for SideReport {
    fn from(stats: &SideStats) -> Self {
        Self {
            run: stats.run,
            failed: stats.failed,
            events: stats.events,
            asked: stats.asked,
            latency_ms: stats.latency.percentiles(),
            answer_ms: stats.answers.percentiles(),
            newest: stats.newest.clone(),
            error: stats.error.clone(),
        }
    }
}
