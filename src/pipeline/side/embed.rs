//! The backbone of a run: one vector a frame for all tasks beside prediction.

use crate::model::ResetReason;
use crate::task::TaskError;
use crate::task::embed::FrameEmbedder;

use super::{Seen, SideEvent, SideTask};

/// A [`FrameEmbedder`] as a task of a run; it goes first.
#[derive(Debug)]
pub struct EmbedTask {
    embedder: FrameEmbedder,
    newest: Vec<f32>,
}

impl EmbedTask {
    /// Runs `embedder`.
    #[must_use]
    pub const fn new(embedder: FrameEmbedder) -> Self {
        Self { embedder, newest: Vec::new() }
    }
}

impl SideTask for EmbedTask {
    fn name(&self) -> &'static str {
        "embed"
    }

    fn embedding(&self) -> Option<&[f32]> {
        (!self.newest.is_empty()).then_some(&self.newest)
    }

    fn reset(&mut self, reason: ResetReason, _: &Seen<'_>, _: &mut Vec<SideEvent>) {
        self.embedder.reset(reason);
    }

    fn see(&mut self, seen: &Seen<'_>, _events: &mut Vec<SideEvent>) -> Result<(), TaskError> {
        // The vector of an earlier frame must not stand for this one.
        self.newest.clear();
        self.newest.extend_from_slice(self.embedder.embed(seen.image)?);
        Ok(())
    }
}
