//! Sequences of a fixed length from folders and archives, such as the catz set.

use std::path::Path;

use framecast::source::Limits;
use framecast::task::evaluate::SequenceSet;
use framecast::vision::RgbImage;
use rand::RngExt as _;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::recording::cut;
use super::{Footage, place};
use crate::TrainError;

/// A set of sequences in a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequencesRecipe {
    /// A folder of folders of pictures, or a tar archive of such; `data:NAME` is NAME in the
    /// folder of test data.
    pub uri: String,
    /// Share of the sequences, relative to the other footage.
    #[serde(default = "one")]
    pub weight: f32,
    /// Sequences left out at the beginning, in natural order.
    #[serde(default)]
    pub skip: usize,
    /// Sequences taken after that; all without it.
    #[serde(default)]
    pub take: Option<usize>,
}

const fn one() -> f32 {
    1.0
}

/// Sequences in memory.
#[derive(Debug)]
pub struct SequencesFootage {
    uri: String,
    sequences: Vec<Vec<RgbImage>>,
}

impl SequencesFootage {
    /// Reads the sequences.
    ///
    /// # Errors
    /// [`TrainError::Data`] when the set cannot be read, is empty, or a picture has another size
    /// than its sequence.
    pub fn read(recipe: &SequencesRecipe) -> Result<Self, TrainError> {
        let fail = |reason: String| TrainError::Data { uri: recipe.uri.clone(), reason };
        let mut set = SequenceSet::open(Path::new(&place(&recipe.uri)), &Limits::default())
            .map_err(|e| fail(e.to_string()))?;
        let end = recipe.take.map_or(set.len(), |n| recipe.skip.saturating_add(n).min(set.len()));
        let mut sequences = Vec::new();
        for at in recipe.skip..end {
            let pictures = set.read(at).map_err(|e| fail(e.to_string()))?;
            let size = pictures.first().map(RgbImage::size).unwrap_or_default();
            if pictures.len() < 2 || pictures.iter().any(|p| p.size() != size) {
                return Err(fail(format!(
                    "sequence {at} has {} pictures, not two or more of one size",
                    pictures.len()
                )));
            }
            sequences.push(pictures);
        }
        if sequences.is_empty() {
            return Err(fail(format!(
                "no sequences are left of {} after skipping {}",
                set.len(),
                recipe.skip
            )));
        }
        Ok(Self { uri: recipe.uri.clone(), sequences })
    }

    /// All of them.
    #[must_use]
    pub fn into_sequences(self) -> Vec<Vec<RgbImage>> {
        self.sequences
    }
}

impl Footage for SequencesFootage {
    /// A whole sequence, of whatever length, a cut of `side` at any place.
    fn draw(
        &mut self,
        _frames: usize,
        side: u32,
        random: &mut Pcg64,
    ) -> Result<Vec<RgbImage>, TrainError> {
        let at = random.random_range(0..self.sequences.len());
        let sequence = &self.sequences[at];
        let size = sequence.first().map(RgbImage::size).unwrap_or_default();
        if size.width < side || size.height < side {
            return Err(TrainError::Data {
                uri: self.uri.clone(),
                reason: format!("its pictures are {size} but data.side = {side}"),
            });
        }
        if size.width == side && size.height == side {
            return Ok(sequence.clone());
        }
        let x = random.random_range(0..=size.width - side);
        let y = random.random_range(0..=size.height - side);
        Ok(sequence.iter().map(|picture| cut(picture, x, y, side)).collect())
    }

    fn largest_stride(&self, _frames: usize) -> usize {
        1
    }

    fn describe(&self) -> String {
        let name = self.uri.rsplit('/').next().unwrap_or_default();
        format!("{} sequences of {name}", self.sequences.len())
    }
}
