//! The footage of a recipe, drawn from by weight.

use std::collections::BTreeSet;

use framecast::model::PredictKind;
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
use crate::net::Shape;

/// The `[data]` part of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataRecipe {
    /// Side of the square pictures, a multiple of 8.
    pub side: u32,
    /// Frames of a sequence; all but the first are predicted.
    pub frames: usize,
    /// Share of sequences in which a frame is repeated now and then, as some cameras do. Those of
    /// `sequences` are left as they are: a set has a cadence of its own.
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

/// How long the sequences of a batch may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    Any,
    /// All of a batch alike.
    One,
    /// All as long as `data.frames`.
    Frames,
}

/// All footage of a recipe.
pub struct Mixture {
    footage: Vec<(f32, Box<dyn Footage>)>,
    side: u32,
    frames: usize,
    repeats: f32,
    begun: f32,
    together: bool,
    lengths: Lengths,
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
            lengths: Lengths::Any,
            augment: augment.clone(),
            turns: Vec::new(),
            next: (0, u64::MAX),
        })
    }

    /// The same for a network of `shape`: one that computes the sequences of a batch side by side
    /// takes those of one length only.
    #[must_use]
    pub fn feeding(mut self, shape: &Shape) -> Self {
        self.lengths = match shape.preset.kind() {
            PredictKind::Blend => Lengths::Any,
            PredictKind::Direct if shape.base.is_some() => Lengths::Frames,
            PredictKind::Direct => Lengths::One,
        };
        self
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
    /// [`TrainError::Data`], also for sequences of lengths that the network does not take.
    pub fn batch(&mut self, seed: u64, number: u64, count: usize) -> Result<Batch, TrainError> {
        if self.next != (seed, number) {
            self.footage.iter_mut().for_each(|(_, footage)| footage.reseed(seed));
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
            let repeats = random.random::<f32>() < self.repeats;
            if repeats && !footage.whole() {
                repeat_some(&mut sequence, &mut random);
            }
            if self.begun > 0.0 && random.random::<f32>() < self.begun {
                // The last is the target; one to see is left.
                let lost = random.random_range(0..sequence.len().max(2) - 1);
                sequence.drain(..lost);
            }
            batch.push(sequence, &self.augment, &mut random);
        }
        self.check(&batch)?;
        Ok(batch)
    }
}

impl Mixture {
    /// Refuses sequences that the network cannot compute side by side.
    fn check(&self, batch: &Batch) -> Result<(), TrainError> {
        let lengths: BTreeSet<usize> = batch.sequences().iter().map(Vec::len).collect();
        let fits = match self.lengths {
            Lengths::Any => true,
            Lengths::One => lengths.len() < 2,
            Lengths::Frames => lengths.iter().all(|n| *n == self.frames),
        };
        if fits {
            return Ok(());
        }
        let list: Vec<String> = lengths.iter().map(usize::to_string).collect();
        let list = list.join(" and ");
        let reason = if self.lengths == Lengths::Frames {
            format!(
                "sequences of {list} frames where the network takes {}; leave out sets of \
                 another length",
                self.frames
            )
        } else {
            format!(
                "sequences of {list} frames are in one batch, and only blend networks take those; \
                 set data.frames to the length of the sets, or data.together = true"
            )
        };
        Err(TrainError::Data { uri: self.describe().join("; "), reason })
    }

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
    use crate::net::Preset;

    #[test]
    fn some_sequences_have_just_begun() {
        let recipe: DataRecipe =
            toml::from_str("side = 16\nframes = 5\nbegun = 0.5\n[[demo]]\nworlds = 1\n").unwrap();
        let batch = Mixture::open(&recipe, &toml::from_str("").unwrap()).unwrap().batch(1, 2, 64);
        let lengths: Vec<usize> = batch.unwrap().sequences().iter().map(Vec::len).collect();
        assert!((2..=5).all(|n| lengths.contains(&n)), "{lengths:?}");
        assert!(lengths.iter().filter(|n| **n == 5).count() > 32);
    }

    /// Five sequences of three frames each, told apart by their level.
    fn set(at: &std::path::Path) -> String {
        for number in 0..5u8 {
            let folder = at.join(format!("{number}"));
            std::fs::create_dir(&folder).unwrap();
            for frame in 0..3 {
                let picture = image::RgbImage::from_pixel(16, 16, image::Rgb([40 * number; 3]));
                picture.save(folder.join(format!("{frame}.png"))).unwrap();
            }
        }
        format!("[[sequences]]\nuri = {:?}\n", at.display().to_string())
    }

    #[test]
    fn only_blend_networks_take_sequences_of_different_lengths() {
        let place = tempfile::tempdir().unwrap();
        let text = format!("side = 16\nframes = 5\n{}[[demo]]\nworlds = 1\n", set(place.path()));
        let draw = |text: &str, network: Preset| {
            let recipe: DataRecipe = toml::from_str(text).unwrap();
            let mixture = Mixture::open(&recipe, &toml::from_str("").unwrap()).unwrap();
            mixture.feeding(&network.shape()).batch(1, 0, 16)
        };
        draw(&text, Preset::Nano).unwrap();
        let error = draw(&text, Preset::NanoDirect).unwrap_err().to_string();
        assert!(error.contains("3 and 5 frames") && error.contains("together"), "{error}");
        draw(&format!("together = true\n{text}"), Preset::NanoDirect).unwrap();
        let alone = text.replace("[[demo]]\nworlds = 1\n", "");
        let error = draw(&alone, Preset::BaseTiny).unwrap_err().to_string();
        assert!(error.contains("of 3 frames where the network takes 5"), "{error}");
    }

    #[test]
    fn frames_are_repeated_but_not_those_of_sets() {
        let place = tempfile::tempdir().unwrap();
        // Frames that differ, so that a repeat shows.
        for frame in 0..3u8 {
            let folder = place.path().join("only");
            std::fs::create_dir_all(&folder).unwrap();
            let picture = image::RgbImage::from_pixel(16, 16, image::Rgb([90 * frame; 3]));
            picture.save(folder.join(format!("{frame}.png"))).unwrap();
        }
        let repeated = |footage: &str| {
            let recipe: DataRecipe =
                toml::from_str(&format!("side = 16\nframes = 9\nrepeats = 1.0\n{footage}"))
                    .unwrap();
            let mut mixture = Mixture::open(&recipe, &toml::from_str("").unwrap()).unwrap();
            let batch = mixture.batch(1, 0, 8).unwrap();
            let twice = |s: &&Vec<RgbImage>| s.windows(2).any(|pair| pair[0] == pair[1]);
            batch.sequences().iter().filter(twice).count()
        };
        assert_eq!(repeated("[[demo]]\nworlds = 1\n"), 8);
        let set = format!("[[sequences]]\nuri = {:?}\n", place.path().display().to_string());
        assert_eq!(repeated(&set), 0);
    }

    #[test]
    fn the_seed_of_the_run_decides_the_order_of_a_set() {
        let place = tempfile::tempdir().unwrap();
        let text = format!("side = 16\nframes = 3\n{}", set(place.path()));
        let recipe: DataRecipe = toml::from_str(&text).unwrap();
        let open = || Mixture::open(&recipe, &toml::from_str("").unwrap()).unwrap();
        let levels = |batch: Batch| -> Vec<u8> {
            batch.sequences().iter().map(|s| s[0].data()[0]).collect()
        };
        let order = |seed| levels(open().batch(seed, 0, 10).unwrap());
        assert_eq!(order(1), order(1));
        assert!((2..8).any(|seed| order(seed) != order(1)));
        let mut later = open();
        later.batch(9, 0, 5).unwrap();
        assert_eq!(levels(later.batch(1, 1, 5).unwrap()), order(1)[5..]);
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
