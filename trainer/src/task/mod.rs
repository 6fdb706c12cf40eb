//! The families other than prediction, each with its data, networks, losses and scores.

pub mod answer;

use crate::TrainError;
use crate::fit::{FitRecipe, Lesson};

/// What `recipe` trains.
///
/// # Errors
/// [`TrainError::Recipe`] for a family that there is none of, or wrong settings; [`TrainError::Data`]
/// when its data cannot be opened.
pub fn open(recipe: &FitRecipe) -> Result<Box<dyn Lesson>, TrainError> {
    if recipe.task == "answer" {
        return answer::open(recipe);
    }
    let known = ["answer"];
    Err(recipe.wrong(format!(
        "task = {:?} is unknown; there are {}",
        recipe.task,
        known.join(", ")
    )))
}
