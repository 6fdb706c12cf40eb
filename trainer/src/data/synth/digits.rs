//! Sequences of Moving MNIST with the places of their digits.

use serde_json::json;

use super::super::moving_mnist::{MovingMnist, MovingMnistRecipe, SIDE, Split};
use super::super::store::{Store, Stored};
use crate::TrainError;

/// Which sequences are made.
#[derive(Clone, Debug)]
pub struct Drifting {
    /// The digits, and the number of sequences.
    pub recipe: MovingMnistRecipe,
    /// Which of the digits.
    pub split: Split,
    /// Seed of the set.
    pub seed: u64,
    /// Frames of a sequence.
    pub length: usize,
}

/// Makes the sequences; `progress` is told the number of frames so far. For each sequence the truth
/// says: its number, and of each digit its number in the IDX file and the left and top pixel in each
/// frame.
///
/// # Errors
/// The errors of [`MovingMnist::open`] and of [`Store`].
pub fn digits(
    drifting: &Drifting,
    mut store: Store,
    progress: &mut dyn FnMut(u64),
) -> Result<Stored, TrainError> {
    let generator = MovingMnist::open(&drifting.recipe, drifting.split, SIDE)?;
    let mut done = 0;
    for number in 0..drifting.recipe.sequences as u64 {
        store.begin();
        let drawn = generator.drawn(drifting.seed, number, drifting.length);
        for frame in &drawn.frames {
            store.push(frame)?;
            done += 1;
            progress(done);
        }
        let digits: Vec<_> = drawn
            .digits
            .iter()
            .map(|digit| json!({ "digit": digit.number, "places": digit.places }))
            .collect();
        store.truth(&json!({ "sequence": number, "digits": digits }))?;
    }
    store.finish()
}
