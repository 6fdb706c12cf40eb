//! Moving MNIST: two handwritten digits that drift over a black canvas and bounce off its borders
//! (Srivastava, Mansimov and Salakhutdinov, 2015), generated from IDX files.
//!
//! A sequence is a function of digits, seed and number alone. The digits of the training and of the
//! test set are different pictures.

mod idx;
mod trajectory;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use framecast::frame::Size;
use framecast::vision::RgbImage;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

pub use idx::Digits;
use trajectory::Trajectory;

use super::{Footage, place};
use crate::TrainError;

/// Side of the canvas.
pub const SIDE: u32 = 64;
/// Frames that are given, and as many that are to be predicted.
pub const GIVEN: usize = 10;
/// Frames of a sequence.
pub const FRAMES: usize = 2 * GIVEN;
/// Where validation and tests begin, in twentieths of the digits.
const VALIDATION: usize = 15;
const TEST: usize = 16;
const PARTS: usize = 20;
/// Where the digits are by default.
pub const DIGITS: &str = "data:mnist/t10k-images-idx3-ubyte.gz";
/// Seed of the test sequences, from digits that training never sees.
pub const TEST_SEED: u64 = 2015;
/// Seed of the sequences that a run is validated on while it trains.
pub const VALIDATION_SEED: u64 = 2014;

/// Moving MNIST in a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MovingMnistRecipe {
    /// An IDX file of digits, plain or gzipped; `data:NAME` is NAME in the folder of test data.
    pub uri: String,
    /// Share of the sequences, relative to the other footage.
    pub weight: f32,
    /// Digits of a sequence, 1 to 8.
    pub digits: usize,
    /// Test sequences a validation scores; training has no end of sequences.
    pub sequences: usize,
}

impl Default for MovingMnistRecipe {
    fn default() -> Self {
        Self { uri: DIGITS.to_owned(), weight: 1.0, digits: 2, sequences: 100 }
    }
}

/// Which pictures of digits a sequence is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Digits 0 to 7499 of 10,000.
    Train,
    /// Digits 7500 to 7999 of 10,000.
    Validation,
    /// Digits 8000 to 9999 of 10,000.
    Test,
}

/// A sequence and what is true of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// The frames.
    pub frames: Vec<RgbImage>,
    /// Its digits, the first drawn first.
    pub digits: Vec<Drift>,
}

/// A digit of a sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The picture's number in the IDX file.
    pub number: usize,
    /// Left and top pixel in each frame.
    pub places: Vec<[usize; 2]>,
}

/// A generator of sequences.
#[derive(Clone, Debug)]
pub struct MovingMnist {
    digits: Arc<Digits>,
    first: usize,
    end: usize,
    count: usize,
    side: u32,
}

impl MovingMnist {
    /// Opens the digits of the recipe on a canvas of `side` pixels.
    ///
    /// # Errors
    /// [`TrainError::Data`] for a file that is damaged or has too few digits, and
    /// [`TrainError::Recipe`] for values out of range.
    pub fn open(recipe: &MovingMnistRecipe, split: Split, side: u32) -> Result<Self, TrainError> {
        if !(1..=8).contains(&recipe.digits) || recipe.sequences == 0 {
            return Err(TrainError::Recipe {
                path: "data.moving_mnist".to_owned(),
                reason: format!(
                    "digits = {} must be 1 to 8 and sequences = {} at least 1",
                    recipe.digits, recipe.sequences
                ),
            });
        }
        let fail = |reason: String| TrainError::Data { uri: recipe.uri.clone(), reason };
        let path = place(&recipe.uri);
        let digits = shared(Path::new(&path)).map_err(|e| fail(format!("{path} {e}")))?;
        let (width, height) = digits.size();
        if width.max(height) > side as usize {
            return Err(fail(format!(
                "its pictures are {width}x{height}, larger than the canvas of {side}x{side}"
            )));
        }
        let (first, end) = match split {
            Split::Train => (0, VALIDATION),
            Split::Validation => (VALIDATION, TEST),
            Split::Test => (TEST, PARTS),
        };
        let [first, end] = [first, end].map(|part| digits.len() * part / PARTS);
        if first >= end {
            return Err(fail(format!("{} digits are too few to split", digits.len())));
        }
        Ok(Self { digits, first, end, count: recipe.digits, side })
    }

    /// `frames` frames with what `random` draws.
    #[must_use]
    pub fn draw(&self, frames: usize, random: &mut Pcg64) -> Drawn {
        let mut digits = Vec::with_capacity(self.count);
        let mut pictures = vec![RgbImage::new(Size::new(self.side, self.side)); frames];
        let side = self.side as usize;
        let (width, height) = self.digits.size();
        for _ in 0..self.count {
            let number = random.random_range(self.first..self.end);
            let digit = self.digits.picture(number);
            let mut path = Trajectory::draw(random);
            let mut places = Vec::with_capacity(frames);
            for picture in &mut pictures {
                let [left, top] = path.advance([side - width, side - height]);
                places.push([left, top]);
                let lines = picture.data_mut().chunks_exact_mut(side * 3).skip(top);
                for (line, ink) in lines.zip(digit.chunks_exact(width)) {
                    let pixels = line.chunks_exact_mut(3).skip(left);
                    for (pixel, ink) in pixels.zip(ink) {
                        pixel.iter_mut().for_each(|sample| *sample = (*sample).max(*ink));
                    }
                }
            }
            digits.push(Drift { number, places });
        }
        Drawn { frames: pictures, digits }
    }

    /// Sequence `number` of the set with `seed`.
    #[must_use]
    pub fn sequence(&self, seed: u64, number: u64, frames: usize) -> Vec<RgbImage> {
        self.drawn(seed, number, frames).frames
    }

    /// As [`MovingMnist::sequence`], with what is true of it.
    #[must_use]
    pub fn drawn(&self, seed: u64, number: u64, frames: usize) -> Drawn {
        let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number;
        self.draw(frames, &mut Pcg64::seed_from_u64(seed))
    }

    /// What the digits are, for reports.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("Moving MNIST, {} digits of number {} to {}", self.count, self.first, self.end - 1)
    }
}

/// The digits of a file, kept for as long as the program runs: training, validation and benchmark
/// read the same 10 MB.
fn shared(path: &Path) -> Result<Arc<Digits>, String> {
    type Files = HashMap<PathBuf, Arc<Digits>>;
    static FILES: LazyLock<Mutex<Files>> = LazyLock::new(Mutex::default);
    let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(digits) = files.get(path) {
        return Ok(Arc::clone(digits));
    }
    let digits = Arc::new(Digits::read(path)?);
    files.insert(path.to_owned(), Arc::clone(&digits));
    Ok(digits)
}

impl Footage for MovingMnist {
    fn draw(
        &mut self,
        _turn: u64,
        frames: usize,
        side: u32,
        random: &mut Pcg64,
    ) -> Result<Vec<RgbImage>, TrainError> {
        debug_assert_eq!(side, self.side);
        Ok(Self::draw(self, frames, random).frames)
    }

    fn largest_stride(&self, _frames: usize) -> usize {
        usize::MAX
    }

    fn describe(&self) -> String {
        Self::describe(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twenty bright pictures of 4x4, digit `n` of level `100 + n`.
    fn generator(split: Split, digits: usize) -> MovingMnist {
        let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, 20, 0, 0, 0, 4, 0, 0, 0, 4];
        bytes.extend((0..320).map(|i| 100 + (i / 16) as u8));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("digits");
        std::fs::write(&path, bytes).unwrap();
        let uri = path.display().to_string();
        let recipe = MovingMnistRecipe { uri, digits, ..MovingMnistRecipe::default() };
        MovingMnist::open(&recipe, split, 16).unwrap()
    }

    fn levels(generator: &MovingMnist) -> std::collections::BTreeSet<u8> {
        let sequences = (0..200).flat_map(|n| generator.sequence(1, n, 2));
        sequences.flat_map(|p| p.data().to_vec()).filter(|v| *v > 0).collect()
    }

    #[test]
    fn the_splits_share_no_digit() {
        assert_eq!(levels(&generator(Split::Train, 2)), (100..115).collect());
        assert_eq!(levels(&generator(Split::Validation, 2)), [115].into());
        assert_eq!(levels(&generator(Split::Test, 2)), (116..120).collect());
    }

    #[test]
    fn sequences_are_functions_of_seed_and_number() {
        let generator = generator(Split::Train, 2);
        let first = generator.sequence(3, 7, 20);
        assert_eq!(generator.sequence(3, 7, 20), first);
        assert_ne!(generator.sequence(3, 8, 20), first);
        assert_ne!(generator.sequence(4, 7, 20), first);
        assert_eq!(generator.sequence(3, 7, 5), first[..5]);
    }

    #[test]
    fn a_digit_keeps_its_ink_while_it_moves_and_two_are_laid_over_each_other() {
        let ink = |p: &RgbImage| p.data().iter().filter(|v| **v > 0).count();
        let alone = generator(Split::Train, 1).sequence(1, 0, 60);
        assert!(alone.iter().all(|p| ink(p) == 16 * 3));
        assert!(alone.windows(2).any(|p| p[0] != p[1]));
        let both = generator(Split::Train, 2);
        let counts: Vec<usize> =
            (0..40).flat_map(|n| both.sequence(1, n, 9)).map(|p| ink(&p)).collect();
        assert!(counts.iter().all(|n| (16 * 3..=32 * 3).contains(n)));
        assert!(counts.contains(&(32 * 3)) && counts.iter().any(|n| *n < 32 * 3));
    }

    #[test]
    fn the_truth_says_where_each_digit_is() {
        let drawn = generator(Split::Train, 1).drawn(9, 4, 5);
        let [Drift { number, places }] = drawn.digits.as_slice() else { panic!("one digit") };
        for (frame, [left, top]) in drawn.frames.iter().zip(places) {
            let at = |x: usize, y: usize| frame.data()[(y * 16 + x) * 3];
            let level = 100 + *number as u8;
            assert_eq!([at(*left, *top), at(left + 3, top + 3)], [level, level]);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let open = |recipe: &MovingMnistRecipe, side| {
            MovingMnist::open(recipe, Split::Train, side).unwrap_err().to_string()
        };
        let recipe = MovingMnistRecipe { digits: 9, ..MovingMnistRecipe::default() };
        assert!(open(&recipe, 64).contains("digits = 9 must be 1 to 8"));
        let uri = "/no/such/digits".to_owned();
        let recipe = MovingMnistRecipe { uri, ..MovingMnistRecipe::default() };
        assert!(open(&recipe, 64).contains("cannot be opened"));
    }
}
