//! The footage of a recipe, drawn from by weight.

use framecast::vision::RgbImage;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::augment;
use super::moving_mnist::Split;
use super::{
    AugmentRecipe, Batch, DemoFootage, DemoRecipe, FixedFootage, FixedRecipe, Footage, MovingMnist,
    MovingMnistRecipe, RecordingFootage, RecordingRecipe, SequencesFootage, SequencesRecipe,
};
use crate::TrainError;

/// The `[data]` part of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataRecipe {
    /// Side of the square pictures, a multiple of 8.
    pub side: u32,
    /// Frames of a sequence; all but the first are predicted.
    pub frames: usize,
    /// Share of sequences in which a frame is repeated now and then, as some cameras do.
    #[serde(default)]
    pub repeats: f32,
    /// All sequences of a batch come from one footage, so that those of a fixed length go together
    /// with longer ones; `direct` networks only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub together: bool,
    /// Share of sequences that lose a random number of their first frames, so that a `blend`
    /// network meets streams that have just begun; `blend` only.
    #[serde(default)]
    pub begun: f32,
    /// Demo cameras.
    #[serde(default)]
    pub demo: Vec<DemoRecipe>,
    /// Cameras that stand still.
    #[serde(default)]
    pub fixed: Vec<FixedRecipe>,
    /// Clips and folders.
    #[serde(default)]
    pub recording: Vec<RecordingRecipe>,
    /// Sets of sequences of a fixed length.
    #[serde(default)]
    pub sequences: Vec<SequencesRecipe>,
    /// Handwritten digits that drift and bounce.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moving_mnist: Vec<MovingMnistRecipe>,
}

/// All footage of a recipe.
pub struct Mixture {
    footage: Vec<(f32, Box<dyn Footage>)>,
    side: u32,
    frames: usize,
    repeats: f32,
    begun: f32,
    together: bool,
    augment: AugmentRecipe,
    /// How often each footage was drawn from before batch `next` of the run with `seed`.
    turns: Vec<u64>,
    next: (u64, u64),
}

impl Mixture {
    /// Opens everything the recipe names; sequences are changed as `augment` says.
    ///
    /// # Errors
    /// [`TrainError::Recipe`] and [`TrainError::Data`].
    pub fn open(recipe: &DataRecipe, augment: &AugmentRecipe) -> Result<Self, TrainError> {
        let mut footage: Vec<(f32, Box<dyn Footage>)> = Vec::new();
        for demo in &recipe.demo {
            footage.push((demo.weight, Box::new(DemoFootage::new(demo, recipe.side)?)));
        }
        for fixed in &recipe.fixed {
            footage.push((fixed.weight, Box::new(FixedFootage::new(fixed, recipe.side)?)));
        }
        for file in &recipe.recording {
            let read = RecordingFootage::read(file, recipe.side, recipe.frames)?;
            footage.push((file.weight, Box::new(read)));
        }
        for set in &recipe.sequences {
            let seed = footage.len() as u64 + 1;
            footage.push((set.weight, Box::new(SequencesFootage::open(set, seed)?)));
        }
        for digits in &recipe.moving_mnist {
            let made = MovingMnist::open(digits, Split::Train, recipe.side)?;
            footage.push((digits.weight, Box::new(made)));
        }
        let total: f32 = footage.iter().map(|(w, _)| w).sum();
        if footage.iter().any(|(w, _)| *w < 0.0) || !(total > 0.0 && total.is_finite()) {
            return Err(TrainError::Recipe {
                path: "data".to_owned(),
                reason: format!(
                    "{} footages with a total weight of {total}; add [[data.demo]] or \
                     [[data.recording]] with positive weights",
                    footage.len()
                ),
            });
        }
        Ok(Self {
            footage,
            side: recipe.side,
            frames: recipe.frames,
            repeats: recipe.repeats,
            begun: recipe.begun,
            together: recipe.together,
            augment: augment.clone(),
            turns: Vec::new(),
            next: (0, u64::MAX),
        })
    }

    /// What the footage is, for the model's provenance.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        self.footage.iter().map(|(_, f)| f.describe()).collect()
    }

    /// The `number`-th batch of `count` sequences of the run with `seed`, all of whose batches have
    /// that many.
    ///
    /// # Errors
    /// [`TrainError::Data`].
    pub fn batch(&mut self, seed: u64, number: u64, count: usize) -> Result<Batch, TrainError> {
        if self.next != (seed, number) {
            // Only which footage was drawn from matters, so a run resumes at once.
            self.turns = vec![0; self.footage.len()];
            for before in 0..number {
                for pick in self.picks(seed, before, count) {
                    self.turns[pick] += 1;
                }
            }
        }
        self.next = (seed, number + 1);
        let mut random = Pcg64::seed_from_u64(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut batch = Batch::default();
        for pick in self.picks(seed, number, count) {
            let turn = self.turns[pick];
            self.turns[pick] += 1;
            let (_, footage) = &mut self.footage[pick];
            let allowed = footage.largest_stride(self.frames);
            let step = augment::stride(&self.augment, allowed, &mut random);
            let frames = (self.frames - 1) * step + 1;
            let mut sequence = footage.draw(turn, frames, self.side, &mut random)?;
            if step > 1 {
                sequence = sequence.into_iter().step_by(step).collect();
            }
            if random.random::<f32>() < self.repeats {
                repeat_some(&mut sequence, &mut random);
            }
            if self.begun > 0.0 && random.random::<f32>() < self.begun {
                // The last is the target; one to see is left.
                let lost = random.random_range(0..sequence.len().max(2) - 1);
                sequence.drain(..lost);
            }
            batch.push(sequence, &self.augment, &mut random);
        }
        Ok(batch)
    }
}

impl Mixture {
    /// Which footage each sequence of a batch comes from, by weight.
    fn picks(&self, seed: u64, number: u64, count: usize) -> Vec<usize> {
        let stream = seed.rotate_left(32) ^ number.wrapping_mul(0xd1b5_4a32_d192_ed03);
        let mut random = Pcg64::seed_from_u64(stream);
        let total: f32 = self.footage.iter().map(|(w, _)| w).sum();
        let pick = |_| {
            let mut place = random.random::<f32>() * total;
            let found = self.footage.iter().position(|(w, _)| {
                place -= w;
                place < 0.0
            });
            found.unwrap_or(self.footage.len() - 1)
        };
        if self.together {
            return (0..1).map(pick).flat_map(|pick| vec![pick; count]).collect();
        }
        (0..count).map(pick).collect()
    }
}

/// Shows every n-th frame twice, in place of the one that follows.
fn repeat_some(sequence: &mut [RgbImage], random: &mut Pcg64) {
    let every = random.random_range(2..6);
    let phase = random.random_range(0..every);
    for i in 1..sequence.len() {
        if i % every == phase {
            sequence[i] = sequence[i - 1].clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_sequences_have_just_begun() {
        let recipe: DataRecipe =
            toml::from_str("side = 16\nframes = 5\nbegun = 0.5\n[[demo]]\nworlds = 1\n").unwrap();
        let batch = Mixture::open(&recipe, &toml::from_str("").unwrap()).unwrap().batch(1, 2, 64);
        let lengths: Vec<usize> = batch.unwrap().sequences().iter().map(Vec::len).collect();
        assert!((2..=5).all(|n| lengths.contains(&n)), "{lengths:?}");
        assert!(lengths.iter().filter(|n| **n == 5).count() > 32);
    }

    #[test]
    fn strides_keep_the_number_of_frames_and_batches_repeat() {
        let recipe: DataRecipe =
            toml::from_str("side = 16\nframes = 4\n[[demo]]\nworlds = 1\n").unwrap();
        let open = |text: &str| Mixture::open(&recipe, &toml::from_str(text).unwrap()).unwrap();
        let batch = |text: &str| open(text).batch(1, 2, 6).unwrap();
        let plain = batch("");
        assert_eq!(batch("stride = 1").sequences(), plain.sequences());
        let strided = batch("stride = 4");
        assert!(strided.sequences().iter().all(|s| s.len() == 4));
        assert_ne!(strided.sequences(), plain.sequences());
        assert_eq!(batch("stride = 4").sequences(), strided.sequences());
    }
}
