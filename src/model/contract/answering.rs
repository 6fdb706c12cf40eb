//! How questions are answered: when an answer is withheld, and what a memory of frames spans.

use serde::{Deserialize, Serialize};

/// How a model with the task `answer` is used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answering {
    /// An answer that is less probable than this is withheld, 0..=1.
    pub abstain: f32,
    /// What the model remembers; absent when it looks at the newest frame alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<ClipMemory>,
}

/// The frames that a recurrent model was made to remember.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipMemory {
    /// Frames a second that it is shown; more are left out.
    pub rate: f32,
    /// The most frames a question is about.
    pub frames: usize,
}

impl Answering {
    /// What is wrong, as field and reason.
    pub(super) fn fault(&self) -> Option<(&'static str, String)> {
        if !(0.0..=1.0).contains(&self.abstain) {
            return Some(("abstain", format!("{} is outside 0..=1", self.abstain)));
        }
        let clip = self.clip?;
        if !(clip.rate > 0.0 && clip.rate <= 1000.0) {
            return Some(("clip.rate", format!("{} is outside 0..=1000, 0 excluded", clip.rate)));
        }
        if !(2..=100_000).contains(&clip.frames) {
            return Some(("clip.frames", format!("{} is outside 2..=100000", clip.frames)));
        }
        None
    }
}
