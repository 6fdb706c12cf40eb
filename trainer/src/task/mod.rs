//! The families other than prediction, each with its data, networks, losses and scores.

pub mod answer;
pub mod autoencode;
pub mod backbone;
mod batch;
pub mod caption;
pub mod classify;
pub mod digits;
pub mod embed;
pub mod intent;
pub mod phrases;
mod product;
pub mod rank;
pub mod tag;
pub mod words;

use crate::TrainError;
use crate::fit::{FitRecipe, Lesson};

pub use product::product;

/// What `recipe` trains.
///
/// # Errors
/// [`TrainError::Recipe`] for a family that there is none of, or wrong settings; [`TrainError::Data`]
/// when its data cannot be opened.
pub fn open(recipe: &FitRecipe) -> Result<Box<dyn Lesson>, TrainError> {
    let known = [
        "answer",
        "autoencode",
        "backbone",
        "caption",
        "classify",
        "embed",
        "intent",
        "phrases",
        "rank",
        "tag",
        "words",
    ];
    Ok(match recipe.task.as_str() {
        "answer" => answer::open(recipe)?,
        "autoencode" => Box::new(autoencode::Autoencoding::open(recipe)?),
        "backbone" => Box::new(backbone::BackboneLesson::open(recipe)?),
        "caption" => Box::new(caption::CaptionLesson::open(recipe)?),
        "classify" => Box::new(classify::Classifying::open(recipe)?),
        "embed" => Box::new(embed::EmbedLesson::open(recipe)?),
        "intent" => Box::new(intent::Judging::open(recipe)?),
        "phrases" => Box::new(phrases::Writing::open(recipe)?),
        "rank" => Box::new(rank::Ranking::open(recipe)?),
        "tag" => Box::new(tag::TagLesson::open(recipe)?),
        "words" => Box::new(words::Wording::open(recipe)?),
        task => {
            return Err(
                recipe.wrong(format!("task = {task:?} is unknown; there are {}", known.join(", ")))
            );
        }
    })
}
