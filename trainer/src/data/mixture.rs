//! The footage of a recipe, drawn from by weight.

use framecast::vision::RgbImage;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::augment;
use super::{
    AugmentRecipe, Batch, DemoFootage, DemoRecipe, FixedFootage, FixedRecipe, Footage,
    RecordingFootage, RecordingRecipe, SequencesFootage, SequencesRecipe,
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
            footage.push((set.weight, Box::new(SequencesFootage::read(set)?)));
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
        })
    }

    /// What the footage is, for the model's provenance.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        self.footage.iter().map(|(_, f)| f.describe()).collect()
    }

    /// A footage by weight.
    fn pick(&self, random: &mut Pcg64) -> usize {
        let total: f32 = self.footage.iter().map(|(w, _)| w).sum();
        let mut place = random.random::<f32>() * total;
        let pick = self.footage.iter().position(|(w, _)| {
            place -= w;
            place < 0.0
        });
        pick.unwrap_or(self.footage.len() - 1)
    }

    /// The `number`-th batch of `count` sequences of the run with `seed`.
    ///
    /// # Errors
    /// [`TrainError::Data`].
    pub fn batch(&mut self, seed: u64, number: u64, count: usize) -> Result<Batch, TrainError> {
        let mut random = Pcg64::seed_from_u64(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut batch = Batch::default();
        let mut pick = self.pick(&mut random);
        for i in 0..count {
            if i > 0 && !self.together {
                pick = self.pick(&mut random);
            }
            let (_, footage) = &mut self.footage[pick];
            let allowed = footage.largest_stride(self.frames);
            let step = augment::stride(&self.augment, allowed, &mut random);
            let frames = (self.frames - 1) * step + 1;
            let mut sequence = footage.draw(frames, self.side, &mut random)?;
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
