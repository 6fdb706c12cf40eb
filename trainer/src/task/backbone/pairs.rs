//! Pairs of views of one place: two frames of a sequence or recording, each cut, lit and toned by
//! chance.

use framecast::frame::Size;
use framecast::vision::{RgbImage, resize};
use rand::RngExt as _;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::data::{RecordingFootage, RecordingRecipe, SequencesFootage, SequencesRecipe};

/// The `[pairs]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PairsRecipe {
    /// Pairs of a batch.
    pub count: usize,
    /// How many of them are of recordings, as far as there are as many; the others are of sequences.
    pub of_recordings: usize,
    /// Weight of their loss beside that of the labels.
    pub weight: f32,
    /// What similarities are divided by.
    pub temperature: f32,
    /// The least share of each side that a cut keeps.
    pub cut: f32,
    /// Light is changed by up to this share, and each colour by up to 64 times as many levels.
    pub light: f32,
    /// Frames between the two of a pair of a recording, at most.
    pub apart: usize,
    /// Sets of sequences.
    pub sequences: Vec<SequencesRecipe>,
    /// Recordings.
    pub recording: Vec<RecordingRecipe>,
}

impl Default for PairsRecipe {
    fn default() -> Self {
        Self {
            count: 16,
            of_recordings: 4,
            weight: 0.1,
            temperature: 0.1,
            cut: 0.6,
            light: 0.15,
            apart: 30,
            sequences: Vec::new(),
            recording: Vec::new(),
        }
    }
}

impl PairsRecipe {
    /// A sentence when a number is out of range.
    pub(super) fn check(&self) -> Result<(), String> {
        for (key, value, low, high) in [
            ("pairs.weight", self.weight, 0.0, 100.0),
            ("pairs.temperature", self.temperature, 0.01, 10.0),
            ("pairs.cut", self.cut, 0.1, 1.0),
            ("pairs.light", self.light, 0.0, 0.9),
        ] {
            if !(low..=high).contains(&value) {
                return Err(format!("{key} = {value} is outside {low} to {high}"));
            }
        }
        if self.count < 2 || self.count > 4096 {
            return Err(format!("pairs.count = {} is outside 2 to 4096", self.count));
        }
        Ok(())
    }
}

/// Sequences and recordings in memory.
pub(super) struct Pairs {
    recipe: PairsRecipe,
    side: u32,
    sequences: Vec<Vec<RgbImage>>,
    recordings: Vec<Vec<RgbImage>>,
}

impl Pairs {
    /// Reads all footage.
    pub(super) fn open(recipe: &PairsRecipe, side: usize) -> Result<Self, TrainError> {
        let mut sequences = Vec::new();
        for set in &recipe.sequences {
            sequences.extend(SequencesFootage::open(set, 0)?.read_all()?);
        }
        let recordings = recipe
            .recording
            .iter()
            .map(|one| Ok(RecordingFootage::read(one, 8, 2)?.into_frames()))
            .collect::<Result<_, TrainError>>()?;
        Ok(Self { recipe: recipe.clone(), side: side as u32, sequences, recordings })
    }

    /// Whether there is enough for the pairs of a batch.
    pub(super) fn is_enough(&self) -> bool {
        self.sequences.len() + self.recordings.len() >= self.recipe.count
    }

    /// The first views of all pairs, then the second ones; no two pairs are of one recording or
    /// sequence.
    pub(super) fn draw(&self, by: &mut Pcg64) -> Result<Vec<RgbImage>, TrainError> {
        let count = self.recipe.count;
        let least = count.saturating_sub(self.sequences.len());
        let recorded = self.recipe.of_recordings.max(least).min(self.recordings.len()).min(count);
        let mut chosen: Vec<&Vec<RgbImage>> = some(&self.recordings, recorded, by);
        chosen.extend(some(&self.sequences, count - recorded, by));
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for frames in chosen {
            let a = by.random_range(0..frames.len());
            let last = (a + self.recipe.apart).min(frames.len() - 1);
            let b = by.random_range(a.saturating_sub(self.recipe.apart)..=last);
            first.push(self.view(&frames[a], by)?);
            second.push(self.view(&frames[b], by)?);
        }
        first.append(&mut second);
        Ok(first)
    }

    fn view(&self, frame: &RgbImage, by: &mut Pcg64) -> Result<RgbImage, TrainError> {
        let size = frame.size();
        let mut part = |full: u32| {
            let share = by.random_range(self.recipe.cut..=1.0);
            let kept = ((full as f32 * share) as u32).clamp(1, full);
            (by.random_range(0..=full - kept), kept)
        };
        let ((x, width), (y, height)) = (part(size.width), part(size.height));
        let cut = cut(frame, [x, y], Size::new(width, height));
        let mut view = scaled(&cut, self.side)?;
        let light = self.recipe.light;
        let gain = by.random_range(1.0 - light..=1.0 + light);
        let tone: [f32; 3] = std::array::from_fn(|_| by.random_range(-64.0..=64.0) * light);
        for pixel in view.data_mut().as_chunks_mut::<3>().0 {
            for (value, tone) in pixel.iter_mut().zip(tone) {
                let noise = by.random_range(-6.0..6.0f32);
                // `as` clamps.
                *value = (f32::from(*value) * gain + tone + noise) as u8;
            }
        }
        Ok(view)
    }
}

/// `count` members of `all`, or all of them, in an order of chance.
fn some<'a, T>(all: &'a [T], count: usize, by: &mut Pcg64) -> Vec<&'a T> {
    let mut order: Vec<&T> = all.iter().collect();
    for at in 0..count.min(order.len()) {
        let other = by.random_range(at..order.len());
        order.swap(at, other);
    }
    order.truncate(count);
    order
}

fn cut(frame: &RgbImage, [x, y]: [u32; 2], size: Size) -> RgbImage {
    let mut out = RgbImage::new(size);
    let (line, from) = (frame.size().w() * 3, x as usize * 3);
    let rows = frame.data().chunks_exact(line).skip(y as usize);
    for (to, row) in out.data_mut().chunks_exact_mut(size.w() * 3).zip(rows) {
        to.copy_from_slice(&row[from..from + size.w() * 3]);
    }
    out
}

/// `image` as a square of `side`, as the runtime scales what it feeds a model.
pub(super) fn scaled(image: &RgbImage, side: u32) -> Result<RgbImage, TrainError> {
    let mut out = RgbImage::new(Size::new(side, side));
    let size = image.size();
    let done = if size == out.size() {
        out.data_mut().copy_from_slice(image.data());
        Ok(())
    } else if out.size().pixels() < size.pixels() {
        resize::area(image, &mut out)
    } else {
        resize::bilinear(image, &mut out)
    };
    done.map_err(|e| TrainError::Data { uri: "a frame".to_owned(), reason: e.to_string() })?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn pairs_are_of_one_sequence_and_of_the_side() {
        let size = Size::new(40, 30);
        let flat = |v: u8| RgbImage::from_vec(size, vec![v; size.pixels() * 3]).unwrap();
        let sequences: Vec<_> =
            (0..6).map(|s| vec![flat(40 * s + 10), flat(40 * s + 12)]).collect();
        let recipe = PairsRecipe { count: 4, ..PairsRecipe::default() };
        recipe.check().unwrap();
        let recordings = vec![sequences[0].clone(), sequences[5].clone()];
        let pairs = Pairs { recipe, side: 32, sequences, recordings };
        assert!(pairs.is_enough());
        let by = &mut Pcg64::seed_from_u64(2);
        let views = pairs.draw(by).unwrap();
        assert_eq!((views.len(), views[0].size()), (8, Size::new(32, 32)));
        let few: Vec<usize> = some(&[1, 2, 3], 9, by).into_iter().copied().collect();
        assert_eq!((few.len(), few.iter().sum::<usize>()), (3, 6));
        let mean = |v: &RgbImage| {
            v.data().iter().map(|b| f32::from(*b)).sum::<f32>() / v.data().len() as f32
        };
        // Gains differ by a quarter each way at most, and the levels of two sequences by more.
        for (a, b) in views[..4].iter().zip(&views[4..]) {
            let (a, b) = (mean(a), mean(b));
            assert!((a - b).abs() < 0.7 * a.max(b) + 20.0, "{a} {b}");
        }
        assert_eq!(pairs.draw(&mut Pcg64::seed_from_u64(2)).unwrap(), views);
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        let bad = PairsRecipe { temperature: 0.0, ..PairsRecipe::default() };
        assert!(bad.check().unwrap_err().contains("temperature = 0"));
        assert!(PairsRecipe { count: 1, ..PairsRecipe::default() }.check().is_err());
    }
}
