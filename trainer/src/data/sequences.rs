//! Sequences of a fixed length from folders and archives, such as the catz set. They are found when
//! the set is opened and read when their turn comes: memory does not grow with the set.

use std::path::Path;

use framecast::source::Limits;
use framecast::task::evaluate::SequenceSet;
use framecast::vision::RgbImage;
use rand::RngExt as _;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::epoch::Epochs;
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

/// A set of sequences, each drawn once an epoch.
#[derive(Debug)]
pub struct SequencesFootage {
    uri: String,
    set: SequenceSet,
    /// Tells it from the other sets of a recipe.
    own: u64,
    first: usize,
    count: usize,
    epochs: Epochs,
}

impl SequencesFootage {
    /// Finds the sequences; `seed` and that of the run decide their order.
    ///
    /// # Errors
    /// [`TrainError::Data`] when the set cannot be opened or nothing is left of it.
    pub fn open(recipe: &SequencesRecipe, seed: u64) -> Result<Self, TrainError> {
        let fail = |reason: String| TrainError::Data { uri: recipe.uri.clone(), reason };
        let set = SequenceSet::open(Path::new(&place(&recipe.uri)), &Limits::default())
            .map_err(|e| fail(e.to_string()))?;
        let end = recipe.take.map_or(set.len(), |n| recipe.skip.saturating_add(n).min(set.len()));
        let count = end.saturating_sub(recipe.skip);
        if count == 0 {
            return Err(fail(format!(
                "no sequences are left of {} after skipping {}",
                set.len(),
                recipe.skip
            )));
        }
        let epochs = Epochs::new(seed, count);
        Ok(Self { uri: recipe.uri.clone(), set, own: seed, first: recipe.skip, count, epochs })
    }

    /// Reads all of them.
    ///
    /// # Errors
    /// [`TrainError::Data`] naming the sequence whose pictures cannot be read, or are not two or
    /// more of one size.
    pub fn read_all(mut self) -> Result<Vec<Vec<RgbImage>>, TrainError> {
        (0..self.count).map(|at| self.read(at)).collect()
    }

    fn read(&mut self, at: usize) -> Result<Vec<RgbImage>, TrainError> {
        let at = self.first + at;
        let fail = |reason: String| TrainError::Data { uri: self.uri.clone(), reason };
        let pictures = self.set.read(at).map_err(|e| fail(e.to_string()))?;
        let size = pictures.first().map(RgbImage::size).unwrap_or_default();
        if let Some(odd) = pictures.iter().find(|p| p.size() != size) {
            return Err(fail(format!(
                "sequence {at} has pictures of {size} and of {}; all of a sequence must have one \
                 size",
                odd.size()
            )));
        }
        if pictures.len() < 2 {
            return Err(fail(format!(
                "sequence {at} has one picture; two or more are needed, the last is the target"
            )));
        }
        Ok(pictures)
    }
}

impl Footage for SequencesFootage {
    /// A whole sequence, of whatever length, a cut of `side` at any place.
    fn draw(
        &mut self,
        turn: u64,
        _frames: usize,
        side: u32,
        random: &mut Pcg64,
    ) -> Result<Vec<RgbImage>, TrainError> {
        let at = self.epochs.member(turn);
        let sequence = self.read(at)?;
        let size = sequence.first().map(RgbImage::size).unwrap_or_default();
        if size.width < side || size.height < side {
            return Err(TrainError::Data {
                uri: self.uri.clone(),
                reason: format!("its pictures are {size} but data.side = {side}"),
            });
        }
        if size.width == side && size.height == side {
            return Ok(sequence);
        }
        let x = random.random_range(0..=size.width - side);
        let y = random.random_range(0..=size.height - side);
        Ok(sequence.iter().map(|picture| cut(picture, x, y, side)).collect())
    }

    fn largest_stride(&self, _frames: usize) -> usize {
        1
    }

    fn whole(&self) -> bool {
        true
    }

    fn reseed(&mut self, seed: u64) {
        self.epochs.reseed(self.own ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }

    fn describe(&self) -> String {
        let name = self.uri.rsplit('/').next().unwrap_or_default();
        format!("{} sequences of {name}", self.count)
    }
}
