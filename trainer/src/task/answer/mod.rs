//! Answering questions about pictures and clips.
//!
//! One encoder serves both: it is learnt with questions about pictures, and a clip's
//! network remembers what it sees. Questions are sentences; answers are one of a fixed list, with a
//! probability, or withheld.

mod batch;
mod calibrate;
mod clip_lesson;
mod clip_net;
mod clips;
pub mod easy_vqa;
mod encoder;
pub mod original;
mod picture_lesson;
mod picture_net;
pub mod scene;
pub mod score;
mod sentence;
mod settings;
pub mod tgif;

use crate::TrainError;
use crate::fit::{FitRecipe, Lesson};
use clip_lesson::ClipLesson;
use picture_lesson::PictureLesson;
use settings::{About, Settings};

/// What `recipe` trains.
///
/// # Errors
/// [`TrainError::Recipe`] for wrong settings, [`TrainError::Data`] when the data cannot be opened.
pub(super) fn open(recipe: &FitRecipe) -> Result<Box<dyn Lesson>, TrainError> {
    let settings = Settings::of(recipe)?;
    Ok(match settings.about {
        About::Picture => Box::new(PictureLesson::open(recipe, settings)?),
        About::Clip => Box::new(ClipLesson::open(recipe, settings)?),
    })
}
