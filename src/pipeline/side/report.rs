//! What side tasks did in a run.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::pipeline::{Latency, Percentiles};

use super::QuestionCounts;

/// Measurements of a side task while it runs.
#[derive(Clone, Debug, Default)]
pub(super) struct SideStats {
    pub(super) run: u64,
    pub(super) failed: u64,
    pub(super) events: u64,
    pub(super) resets: u64,
    pub(super) retries: u64,
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
    /// How often it began anew: the stream was interrupted, or another scene began.
    pub resets: u64,
    /// How often it was tried again after a pause for failures.
    pub retries: u64,
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

/// What was done beside the main stage.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SideSummary {
    /// The tasks.
    #[serde(rename = "side")]
    pub tasks: SideReports,
    /// The questions to them.
    pub questions: QuestionCounts,
}

impl From<&SideStats> for SideReport {
    fn from(stats: &SideStats) -> Self {
        Self {
            run: stats.run,
            failed: stats.failed,
            events: stats.events,
            resets: stats.resets,
            retries: stats.retries,
            asked: stats.asked,
            latency_ms: stats.latency.percentiles(),
            answer_ms: stats.answers.percentiles(),
            newest: stats.newest.clone(),
            error: stats.error.clone(),
        }
    }
}
