//! Scoring a predictor beside copy-last on the same frames: protocol eval/1.
//!
//! See `docs/evaluation.md`. The predictor is the one a run uses, with the same state resets, so
//! that what is measured here is what a stream gets.

mod evaluator;
mod hindsight;
mod judge;
mod pattern;
mod picture;
mod report;
mod scores;
mod sequence_set;
mod sequences;
mod statistics;
mod sweep;
mod tally;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use serde::Serialize;

use crate::task::predict::Horizon;
pub use evaluator::{Evaluator, Maker, Progress};
pub use hindsight::Hindsight;
pub use pattern::Pattern;
pub use report::{EvalReport, LatencyMs, Row};
pub use scores::{FrameScore, Means, Paired, Scores};
pub use sequence_set::SequenceSet;
pub use statistics::{Differences, Interval, Part, Statistics};
pub use sweep::{Reach, Sweep, sweep};

/// How data are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Video: every frame but the first is a target.
    #[default]
    Clip,
    /// Folders of frames: the last frame of each is a target.
    Sequences,
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "clip" => Ok(Self::Clip),
            "sequences" => Ok(Self::Sequences),
            _ => Err(format!("{text:?} is not one of clip, sequences")),
        }
    }
}

/// Settings of an evaluation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EvalOptions {
    /// How data are read.
    pub layout: Layout,
    /// The most frames of each clip, or sequences of each folder, that are read.
    pub frames: Option<u64>,
    /// Targets at the start of each clip that are not scored.
    pub skip: u64,
    /// Scales frames by area to this width first.
    pub width: Option<u32>,
    /// How far ahead is predicted in clips; a sequence has one target, the next frame.
    pub horizon: Horizon,
    /// Scores a perfect choice between the prediction and the last frame instead.
    pub hindsight: Option<Hindsight>,
    /// Leaves structural similarity out, which costs more than many predictors do.
    pub without_ssim: bool,
}
