//! The table `[answer]` of a recipe.

use serde::{Deserialize, Serialize};

use super::scene::{CELLS, KINDS};
use super::sentence::Reader;
use crate::TrainError;
use crate::fit::FitRecipe;

/// Which questions are learnt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum About {
    /// Questions of easy-VQA about pictures.
    #[default]
    Picture,
    /// Questions about drawn clips.
    Clip,
}

/// The settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Settings {
    /// Which questions are learnt.
    pub(super) about: About,
    /// How questions are read.
    pub(super) reader: Reader,
    /// Numbers of a word's vector.
    pub(super) embedding: usize,
    /// Numbers of a question's vector.
    pub(super) size: usize,
    /// Channels of the encoder's layers; of a clip's those of `encoder`.
    pub(super) widths: [usize; 4],
    /// Token ids of a question.
    pub(super) length: usize,
    /// Data of questions about pictures.
    pub(super) data: String,
    /// Questions of a picture or clip in a batch.
    pub(super) questions: usize,
    /// Weight of the maps' loss, or of that of the events of clips.
    pub(super) beside: f64,
    /// Weight of questions about clips that have no right answer, which are to make every answer as
    /// likely; 0 leaves them out.
    pub(super) doubt: f64,
    /// Train copies of the network beside it, each shown one frame of every clip instead of all: what
    /// can be known without time. They are scored, not exported.
    pub(super) controls: bool,
    /// The model whose encoder a clip's is.
    pub(super) encoder: String,
    /// Clips that are learnt from, and kept for validation and test.
    pub(super) clips: [u64; 3],
    /// Numbers remembered of each kind of shape.
    pub(super) memory: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            about: About::Picture,
            reader: Reader::Bag,
            embedding: 32,
            size: 64,
            widths: [16, 32, 48, 64],
            length: 12,
            data: "data:vqa/easy-vqa.tar.gz".to_owned(),
            questions: 6,
            beside: 0.1,
            doubt: 0.0,
            controls: false,
            encoder: "models/answer-image.onnx".to_owned(),
            clips: [6000, 600, 2000],
            memory: 32,
        }
    }
}

impl Settings {
    /// Those of `recipe`, checked.
    pub(super) fn of(recipe: &FitRecipe) -> Result<Self, TrainError> {
        recipe.only(&["answer"])?;
        let settings: Self = recipe.table("answer")?;
        let sides = [
            ("embedding", settings.embedding, 1, 4096),
            ("size", settings.size, 1, 4096),
            ("length", settings.length, 1, 256),
            ("questions", settings.questions, 1, 64),
            ("memory", settings.memory, 1, 512),
            ("widths", *settings.widths.iter().min().unwrap_or(&0), 1, 1024),
            ("widths", *settings.widths.iter().max().unwrap_or(&0), 1, 1024),
            ("clips", settings.clips.iter().copied().min().unwrap_or(0) as usize, 1, 1_000_000),
            ("clips", settings.clips.iter().copied().max().unwrap_or(0) as usize, 1, 1_000_000),
        ];
        for (key, value, low, high) in sides {
            if !(low..=high).contains(&value) {
                return Err(
                    recipe.wrong(format!("answer.{key} = {value} is outside {low} to {high}"))
                );
            }
        }
        for (key, value) in [("beside", settings.beside), ("doubt", settings.doubt)] {
            if !(0.0..=100.0).contains(&value) {
                return Err(recipe.wrong(format!("answer.{key} = {value} is outside 0 to 100")));
            }
        }
        Ok(settings)
    }
}

/// Numbers of a map.
pub(super) const MAP: usize = KINDS * CELLS * CELLS;
