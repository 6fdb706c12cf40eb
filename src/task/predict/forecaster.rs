//! The seam between the predict task and the ways to make a next frame.

use crate::model::ResetReason;
use crate::task::TaskError;
use crate::vision::motion::Homography;
use crate::vision::{FloatImage, RgbImage};

/// Something that predicts the next frame of a stream. One thread owns it.
///
/// A stream is a sequence of [`Forecaster::observe`]. After each, any number of
/// [`Forecaster::extend`] looks further ahead on scratch state, ended by [`Forecaster::settle`].
/// Pictures keep their size from construction on; implementations allocate nothing per frame once
/// warmed up.
pub trait Forecaster: Send {
    /// Name for reports: the model's name, or that of the baseline.
    fn name(&self) -> &str;

    /// What a saved state belongs to: the model's SHA-256, or the name of a baseline.
    fn identity(&self) -> &str;

    /// Tells where the pixels of the next frame that is observed were in the one before, as far as
    /// the camera's own motion is known; it holds for that frame alone. Forecasters that search no
    /// motion need not know.
    fn hint(&mut self, _prior: Option<Homography>) {}

    /// Takes the newest frame in and writes the prediction one interval ahead: 0..=255, clamped,
    /// not rounded. `Ok(false)` when the model gave a number that is not finite, in which case
    /// `next` is unspecified and the caller resets the state.
    ///
    /// # Errors
    /// [`TaskError`] when the frame has the wrong size or the engine fails.
    fn observe(&mut self, frame: &RgbImage, next: &mut FloatImage) -> Result<bool, TaskError>;

    /// Replaces `ahead`, the furthest prediction so far, by the one an interval further.
    /// `Ok(false)` as in [`Forecaster::observe`].
    ///
    /// # Errors
    /// [`TaskError`] when the engine fails.
    fn extend(&mut self, ahead: &mut FloatImage) -> Result<bool, TaskError>;

    /// Ends looking ahead; the state is that of the last [`Forecaster::observe`].
    fn settle(&mut self);

    /// Puts the state back to its beginning; false when `reason` is none for this model, so that
    /// everything is kept.
    fn reset(&mut self, reason: ResetReason) -> bool;

    /// The state as bytes that [`Forecaster::import_state`] takes.
    ///
    /// # Errors
    /// [`TaskError`] when the engine does not give it out.
    fn export_state(&self) -> Result<Vec<u8>, TaskError>;

    /// Restores a state.
    ///
    /// # Errors
    /// [`TaskError`] when the bytes are damaged or belong to another model or frame size.
    fn import_state(&mut self, bytes: &[u8]) -> Result<(), TaskError>;
}
