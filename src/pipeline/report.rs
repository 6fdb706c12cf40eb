//! What a run says about itself: while it runs, and at its end.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::sink::SinkCounts;
use crate::source::Damage;

use super::side::SideSummary;
use super::{
    FrameCounts, FrameRecord, LinkReport, ModelLog, Percentiles, PipelineError, Quality, RunStats,
};

/// A glance at a running stream.
#[derive(Clone, Debug)]
pub struct Status {
    /// Time since the start.
    pub elapsed: Duration,
    /// Frame accounting.
    pub frames: FrameCounts,
    /// From capture to result.
    pub age: Percentiles,
    /// In the model.
    pub infer: Percentiles,
    /// Quality of the predictions so far.
    pub model: Option<Quality>,
    /// Copy-last on the same frames.
    pub copy_last: Option<Quality>,
    /// Surprise events so far.
    pub events: u64,
    /// The newest result.
    pub newest: Option<FrameRecord>,
    /// What the tasks beside prediction did so far.
    pub side: SideSummary,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The source ended, or the number of frames or the time asked for was reached.
    Complete,
    /// A signal ended it.
    Interrupted,
    /// An error ended it.
    Failed,
}

/// Runs of a stage beside those left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StageCounts {
    /// Frames the stage ran on.
    pub run: u64,
    /// Captured frames it did not run on.
    pub skipped: u64,
}

/// The measurements of a whole run.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Processed frames a second.
    pub fps: f64,
    /// Frame accounting; nothing is in flight any more.
    pub frames: FrameCounts,
    /// From capture to result, in milliseconds.
    pub age_ms: Percentiles,
    /// In the model.
    pub infer_ms: Percentiles,
    /// From pixel format to RGB.
    pub convert_ms: Percentiles,
    /// Between frames captured one after the other.
    pub interval_ms: Percentiles,
    /// Predictions compared with the frame they were made for.
    pub scored: u64,
    /// Quality of the predictions; null when none was scored.
    pub model: Option<Quality>,
    /// Copy-last on the same frames.
    pub copy_last: Option<Quality>,
    /// Frames on which the prediction had the smaller perceptual distance than copy-last.
    pub better: u64,
    /// Frames on which it had the larger.
    pub worse: u64,
    /// Events of surprise.
    pub surprise_events: u64,
    /// State resets by reason.
    pub state_resets: BTreeMap<&'static str, u64>,
    /// The models the figures come from, and how often they changed.
    #[serde(flatten)]
    pub models: ModelLog,
    /// Stages with the frames they ran on.
    pub stages: BTreeMap<&'static str, StageCounts>,
    /// What the tasks beside prediction did, and what became of questions to them.
    #[serde(flatten)]
    pub side: SideSummary,
    /// Sinks with their own losses.
    pub sinks: BTreeMap<String, SinkCounts>,
    /// Errors of the source that did not end it, as a decoder that patched a damaged file up.
    pub source_damage: Damage,
    /// The connection to the source; null when it is not supervised.
    pub link: Option<LinkReport>,
}

/// A run that has ended: what was measured, and why it ended early if it did.
#[derive(Debug)]
pub struct Finished {
    /// The measurements.
    pub report: RunReport,
    /// What ended it.
    pub error: Option<PipelineError>,
}

impl Status {
    /// A glance at `stats`.
    #[must_use]
    pub fn new(elapsed: Duration, frames: FrameCounts, stats: &RunStats) -> Self {
        Self {
            elapsed,
            frames,
            age: stats.age.percentiles(),
            infer: stats.infer.percentiles(),
            model: stats.totals.model().map(Quality::from),
            copy_last: stats.totals.copy_last().map(Quality::from),
            events: stats.events,
            newest: stats.newest,
            side: SideSummary::default(),
        }
    }

    /// Processed frames a second since the start.
    #[must_use]
    pub fn fps(&self) -> f64 {
        rate(self.frames.processed, self.elapsed)
    }
}

impl RunReport {
    /// The report of a run that took `elapsed`.
    #[must_use]
    pub fn new(
        outcome: Outcome,
        elapsed: Duration,
        frames: FrameCounts,
        stats: &RunStats,
        sinks: BTreeMap<String, SinkCounts>,
        link: Option<LinkReport>,
        side: SideSummary,
    ) -> Self {
        let (better, worse) = stats.totals.better_worse();
        let predict =
            StageCounts { run: frames.processed, skipped: frames.captured - frames.processed };
        let beside = side.tasks.iter().map(|(name, report)| {
            let skipped = frames.captured.saturating_sub(report.run);
            (*name, StageCounts { run: report.run, skipped })
        });
        let stages = std::iter::once(("predict", predict)).chain(beside).collect();
        Self {
            outcome,
            seconds: elapsed.as_secs_f64(),
            fps: rate(frames.processed, elapsed),
            frames,
            age_ms: stats.age.percentiles(),
            infer_ms: stats.infer.percentiles(),
            convert_ms: stats.convert.percentiles(),
            interval_ms: stats.interval.percentiles(),
            scored: stats.totals.scored(),
            model: stats.totals.model().map(Quality::from),
            copy_last: stats.totals.copy_last().map(Quality::from),
            better,
            worse,
            surprise_events: stats.events,
            state_resets: stats.resets(),
            models: stats.models.clone(),
            stages,
            side,
            sinks,
            source_damage: stats.damage.clone(),
            link,
        }
    }
}

fn rate(frames: u64, elapsed: Duration) -> f64 {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { frames as f64 / seconds } else { 0.0 }
}
