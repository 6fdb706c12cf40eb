//! The main stage of a run: what is done with each frame.

use crate::frame::{FrameMeta, FrameSeq};
use crate::model::ResetReason;
use crate::task::TaskError;
use crate::task::predict::{Step, Totals};
use crate::vision::RgbImage;

use super::ModelUse;

/// What the inference thread runs on each frame. One thread owns it.
pub trait Stage: Send {
    /// Takes a frame in.
    ///
    /// # Errors
    /// [`TaskError`] ends the run; what was recorded is kept.
    fn step(&mut self, image: &RgbImage, meta: &FrameMeta) -> Result<Step, TaskError>;

    /// Called between frames, with the age of the newest result if there is one: the place to take
    /// over a model that was loaded again.
    ///
    /// # Errors
    /// [`TaskError`] ends the run.
    fn between_frames(&mut self, age: Option<std::time::Duration>) -> Result<(), TaskError>;

    /// The model that works on frame `seq`, told once when it begins; none while nothing changed.
    fn new_model(&mut self, _seq: FrameSeq) -> Option<ModelUse> {
        None
    }

    /// Begins afresh before the next frame.
    fn reset(&mut self, reason: ResetReason);

    /// Scores and resets so far.
    fn totals(&self) -> &Totals;

    /// Surprise events so far.
    fn events(&self) -> u64;

    /// Called once after the last frame.
    ///
    /// # Errors
    /// [`TaskError`] when a state file cannot be written.
    fn finish(&mut self) -> Result<(), TaskError> {
        Ok(())
    }
}
