//! What is counted while a source is evaluated.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::task::predict::Predictor;

use super::pattern::Pattern;
use super::statistics::Target;
use super::{FrameScore, Scores};

/// Counts of one source.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) scores: Scores,
    pub(super) targets: Vec<Target>,
    /// Milliseconds of each prediction.
    pub(super) times: Vec<f32>,
    pub(super) lost: u64,
    pub(super) resets: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// Adds a target, before which frames repeated as `pattern` says.
    pub(super) fn add(&mut self, model: FrameScore, copy_last: FrameScore, pattern: Pattern) {
        self.scores.add(&model, &copy_last);
        self.targets.push(Target { model, copy_last, pattern });
    }

    pub(super) fn time(&mut self, infer: Duration) {
        self.times.push((infer.as_secs_f64() * 1e3) as f32);
    }

    /// Adds the state resets of `predictor`, which is at its end.
    pub(super) fn note_resets(&mut self, predictor: &Predictor) {
        for (reason, count) in predictor.totals().resets().filter(|(_, count)| *count > 0) {
            *self.resets.entry(reason.name()).or_default() += count;
        }
    }
}
