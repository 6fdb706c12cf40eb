//! What an evaluation found.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::frame::Size;
use crate::source::Damage;

use super::statistics::Target;
use super::{Layout, Means, Paired, Scores, Statistics};

/// Time the predictor took for a frame, metrics not included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LatencyMs {
    /// Median in milliseconds.
    pub p50: Option<f64>,
    /// 99th percentile in milliseconds.
    pub p99: Option<f64>,
    /// Frames timed.
    pub frames: u64,
}

impl LatencyMs {
    /// The nearest-rank percentiles of `times` in milliseconds.
    #[must_use]
    pub fn of(times: &[f32]) -> Self {
        let mut sorted = times.to_vec();
        sorted.sort_unstable_by(f32::total_cmp);
        let at = |share: f64| {
            let rank = (share * sorted.len() as f64).ceil() as usize;
            sorted.get(rank.saturating_sub(1)).map(|&ms| (f64::from(ms) * 1e3).round() / 1e3)
        };
        Self { p50: at(0.5), p99: at(0.99), frames: sorted.len() as u64 }
    }
}

/// One source of an evaluation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The source as it was given.
    pub source: String,
    /// Size of the frames as they were scored; that of the last one, should they differ.
    pub size: String,
    /// Targets scored.
    pub frames: u64,
    /// Frames or sequences that could not be decoded or are known to be missing.
    pub lost: u64,
    /// Targets that equal the frame before.
    pub repeats: u64,
    /// Means of the model.
    pub model: Means,
    /// Means of copy-last on the same targets.
    pub copy_last: Means,
    /// Frame by frame.
    pub paired: Paired,
    /// Time of a prediction.
    pub latency_ms: LatencyMs,
    /// State resets by reason, the start of each stream included.
    pub state_resets: BTreeMap<&'static str, u64>,
    /// Why the source could not be opened or read to its end; the figures are of what came before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What could not be read of the source although it went on.
    #[serde(skip_serializing_if = "Damage::is_none")]
    pub damage: Damage,
    #[serde(skip)]
    pub(super) scores: Scores,
    #[serde(skip)]
    pub(super) targets: Vec<Target>,
    #[serde(skip)]
    pub(super) times: Vec<f32>,
}

impl Row {
    /// A source of which nothing could be scored.
    #[must_use]
    pub fn failed(source: &str, error: String) -> Self {
        Self { error: Some(error), ..Self::new(source, None, super::tally::Tally::default()) }
    }

    pub(super) fn new(source: &str, size: Option<Size>, tally: super::tally::Tally) -> Self {
        let super::tally::Tally { scores, targets, times, lost, resets } = tally;
        Self {
            source: source.to_owned(),
            size: size.map(|s| s.to_string()).unwrap_or_default(),
            frames: scores.frames(),
            lost,
            repeats: scores.repeats(),
            model: scores.model(),
            copy_last: scores.copy_last(),
            paired: scores.paired(),
            latency_ms: LatencyMs::of(&times),
            state_resets: resets,
            error: None,
            damage: Damage::default(),
            scores,
            targets,
            times,
        }
    }
}

/// The result of an evaluation, as `framecast eval --json` prints it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EvalReport {
    /// Version of this document.
    pub schema_version: u32,
    /// The protocol.
    pub protocol: &'static str,
    /// How the data were read.
    pub layout: Layout,
    /// Targets at the start of each clip that were not scored.
    pub skip: u64,
    /// The width frames were scaled to before anything else.
    pub width: Option<u32>,
    /// How far ahead was predicted: frames, or a time such as `100ms`.
    pub horizon: String,
    /// Name of the predictor.
    pub predictor: String,
    /// Targets scored.
    pub frames: u64,
    /// Frames or sequences lost.
    pub lost: u64,
    /// Targets that equal the frame before.
    pub repeats: u64,
    /// Means of the model over all targets.
    pub model: Means,
    /// Means of copy-last over the same targets.
    pub copy_last: Means,
    /// Frame by frame.
    pub paired: Paired,
    /// Time of a prediction.
    pub latency_ms: LatencyMs,
    /// How sure the differences from copy-last are, and where they come from.
    pub statistics: Statistics,
    /// One row a source.
    pub sources: Vec<Row>,
}

impl EvalReport {
    /// Pools `rows`, each frame weighing the same.
    #[must_use]
    pub fn new(predictor: &str, options: &super::EvalOptions, rows: Vec<Row>) -> Self {
        let mut scores = Scores::default();
        let mut times = Vec::new();
        for row in &rows {
            scores.merge(&row.scores);
            times.extend_from_slice(&row.times);
        }
        Self {
            schema_version: 1,
            protocol: "eval/1",
            layout: options.layout,
            skip: options.skip,
            width: options.width,
            horizon: options.horizon.to_string(),
            predictor: predictor.to_owned(),
            frames: scores.frames(),
            lost: rows.iter().map(|r| r.lost).sum(),
            repeats: scores.repeats(),
            model: scores.model(),
            copy_last: scores.copy_last(),
            paired: scores.paired(),
            latency_ms: LatencyMs::of(&times),
            statistics: Statistics::new(options.layout, rows.iter().map(|r| r.targets.as_slice())),
            sources: rows,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        let times: Vec<f32> = (1..=200).map(|v| v as f32).collect();
        let latency = LatencyMs::of(&times);
        assert_eq!((latency.p50, latency.p99, latency.frames), (Some(100.0), Some(198.0), 200));
        assert_eq!(LatencyMs::of(&[]), LatencyMs::default());
        assert_eq!(LatencyMs::of(&[7.0]).p99, Some(7.0));
    }
}
