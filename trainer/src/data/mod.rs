//! Training data: short sequences cut from the demo camera and from recordings.
//!
//! Each draw is a function of its random generator alone, so that a resumed run sees exactly the
//! data the uninterrupted run would have seen.

mod batch;
mod demo;
mod fixed;
mod mixture;
mod recording;

use framecast::vision::RgbImage;
use rand_pcg::Pcg64;

use crate::TrainError;

pub use batch::{Batch, frame_tensor};
pub use demo::{DemoFootage, DemoRecipe, FourTwoZero, TRAINING_SEEDS};
pub use fixed::{FixedFootage, FixedRecipe};
pub use mixture::{DataRecipe, Mixture};
pub use recording::{RecordingFootage, RecordingRecipe};

/// Something sequences are cut from.
pub trait Footage {
    /// Draws `frames` successive pictures of `side` x `side` pixels.
    ///
    /// # Errors
    /// [`TrainError::Data`] when the footage gives no such sequence.
    fn draw(
        &mut self,
        frames: usize,
        side: u32,
        random: &mut Pcg64,
    ) -> Result<Vec<RgbImage>, TrainError>;

    /// What it is, for the model's provenance.
    fn describe(&self) -> String;
}
