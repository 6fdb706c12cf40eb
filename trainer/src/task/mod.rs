//! The families other than prediction, each with its data, networks, losses and scores.

pub mod answer;
pub mod embed;

use crate::TrainError;
use crate::fit::{FitRecipe, Lesson};

/// What `recipe` trains.
///
/// # Errors
/// [`TrainError::Recipe`] for a family that there is none of, or wrong settings; [`TrainError::Data`]
/// when its data cannot be opened.
pub fn open(recipe: &FitRecipe) -> Result<Box<dyn Lesson>, TrainError> {
    let known = ["answer", "embed"];
    match recipe.task.as_str() {
        "answer" => answer::open(recipe),
        "embed" => Ok(Box::new(embed::EmbedLesson::open(recipe)?)),
        task => {
            Err(recipe.wrong(format!("task = {task:?} is unknown; there are {}", known.join(", "))))
        }
    }
}
