//! Which scenes are for training, for choosing, and for judging.

use framecast::frame::Size;
use framecast::vision::RgbImage;
use serde::{Deserialize, Serialize};

use super::{LABELS, LabelledScene, SIDE};

/// Scenes in a row of seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Seed of the first.
    pub first: u64,
    /// Number of scenes.
    pub count: u64,
}

/// The `[scenes]` table: three spans that share no seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScenesRecipe {
    /// Scenes that are learned from.
    pub train: Span,
    /// Scenes by which the best checkpoint is chosen.
    pub validate: Span,
    /// Scenes that only the last word is said about.
    pub test: Span,
}

impl Default for ScenesRecipe {
    fn default() -> Self {
        let span = |first, count| Span { first, count };
        Self {
            train: span(1_000_000, 1_000_000),
            validate: span(8_000_000, 500),
            test: span(9_000_000, 2000),
        }
    }
}

impl ScenesRecipe {
    /// A sentence when spans overlap, are empty or too long.
    pub fn check(&self) -> Result<(), String> {
        let spans = [("train", self.train), ("validate", self.validate), ("test", self.test)];
        for (name, span) in spans {
            if span.count == 0 || span.first.checked_add(span.count).is_none() {
                return Err(format!(
                    "scenes.{name} begins at {} and has {} seeds; give at least one",
                    span.first, span.count
                ));
            }
        }
        for (name, span) in [spans[1], spans[2]] {
            if span.count > 100_000 {
                return Err(format!("scenes.{name} has {} seeds; at most 100000", span.count));
            }
        }
        for (i, (a, x)) in spans.iter().enumerate() {
            for (b, y) in spans.iter().skip(i + 1) {
                if x.first < y.first + y.count && y.first < x.first + x.count {
                    return Err(format!("scenes.{a} and scenes.{b} share seeds"));
                }
            }
        }
        Ok(())
    }

    /// What the data are, in words.
    #[must_use]
    pub fn describe(&self) -> String {
        let Span { first, count } = self.train;
        format!("made-up labelled scenes, {count} seeds from {first}")
    }
}

/// A frame of the scene of `seed`, and what is true of it.
#[must_use]
pub fn example(seed: u64, frame: u64) -> (RgbImage, [bool; LABELS]) {
    let scene = LabelledScene::new(seed);
    let mut picture = RgbImage::new(Size::new(SIDE as u32, SIDE as u32));
    scene.render(frame, picture.data_mut());
    (picture, scene.truth())
}

impl Span {
    /// Its examples, one a scene, a frame of each that hangs on the seed.
    pub fn examples(self) -> impl Iterator<Item = (RgbImage, [bool; LABELS])> {
        (0..self.count).map(move |n| example(self.first + n, (self.first + n) % 30))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_must_not_share_seeds() {
        let good = ScenesRecipe::default();
        good.check().unwrap();
        let mut bad = good;
        bad.test.first = 1_500_000;
        assert!(bad.check().unwrap_err().contains("train and scenes.test share"));
        bad = good;
        bad.validate.count = 0;
        assert!(bad.check().unwrap_err().contains("scenes.validate"));
        bad.validate = Span { first: u64::MAX, count: 2 };
        assert!(bad.check().is_err());
        assert_eq!(good.test.examples().take(2).count(), 2);
    }
}
