//! Training data: short sequences cut from the demo camera and from recordings.
//!
//! Each draw is a function of its random generator alone, so that a resumed run sees exactly the
//! data the uninterrupted run would have seen.

mod augment;
mod batch;
pub mod convert;
mod demo;
mod epoch;
mod example;
pub mod features;
mod fixed;
pub mod inspect;
pub(crate) mod limited;
mod mixture;
pub mod moving_mnist;
mod prefetch;
mod recording;
pub mod scenes;
mod sequences;
pub mod store;
pub mod synth;

use framecast::vision::RgbImage;
use rand_pcg::Pcg64;

use crate::TrainError;

pub use augment::{AugmentRecipe, FillMode};
pub use batch::{Batch, frame_tensor};
pub use demo::{DemoFootage, DemoRecipe, FourTwoZero, KEPT_SEEDS, TRAINING_SEEDS};
pub use example::{Example, Examples, features_tensor};
pub use fixed::{FixedFootage, FixedRecipe};
pub use mixture::{DataRecipe, Mixture};
pub use moving_mnist::{MovingMnist, MovingMnistRecipe};
pub use prefetch::Prefetch;
pub use recording::{RecordingFootage, RecordingRecipe};
pub use sequences::{SequencesFootage, SequencesRecipe};

/// What begins the address of something in the folder of test data.
const SHARED: &str = "data:";

/// The place a recipe means: `data:NAME` is NAME in the folder of `FRAMECAST_DATA`, by default
/// `../shared/data`, so that a recipe is the same on every machine.
#[must_use]
pub fn place(uri: &str) -> String {
    let Some(name) = uri.strip_prefix(SHARED) else { return uri.to_owned() };
    let folder = std::env::var("FRAMECAST_DATA").unwrap_or_else(|_| "../shared/data".to_owned());
    format!("{}/{name}", folder.trim_end_matches('/'))
}

/// Something sequences are cut from.
pub trait Footage: Send {
    /// Draws `frames` successive pictures of `side` x `side` pixels. `turn` is how often it was drawn
    /// from before in the run: sets of sequences go through all their members by it.
    ///
    /// # Errors
    /// [`TrainError::Data`] when the footage gives no such sequence.
    fn draw(
        &mut self,
        turn: u64,
        frames: usize,
        side: u32,
        random: &mut Pcg64,
    ) -> Result<Vec<RgbImage>, TrainError>;

    /// The largest step between frames at which it has sequences of `frames` frames; 1 where a
    /// sequence is drawn whole.
    fn largest_stride(&self, frames: usize) -> usize;

    /// Whether it draws the sequences of a set as they are, with the length and cadence they have.
    fn whole(&self) -> bool {
        false
    }

    /// Sets the seed of the run, where an order of members hangs on it.
    fn reseed(&mut self, _seed: u64) {}

    /// What it is, for the model's provenance.
    fn describe(&self) -> String;
}
