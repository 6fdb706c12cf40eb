//! Sequences from clips and frame folders, read by the runtime's own sources.

use std::time::Duration;

use framecast::frame::{Clock as _, FramePool, Size, SystemClock};
use framecast::source::{self, Read, SourceOptions};
use framecast::vision::{FrameConverter, RgbImage, resize};
use rand::RngExt as _;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::{Footage, place};
use crate::TrainError;

/// A recording in a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordingRecipe {
    /// A file, folder or any other source; `data:NAME` is NAME in the folder of test data.
    pub uri: String,
    /// Share of the sequences, relative to the other footage.
    #[serde(default = "one")]
    pub weight: f32,
    /// Pixels a line after scaling down; the recording's own without it.
    #[serde(default)]
    pub width: Option<u32>,
    /// Frames read at most; they are kept in memory.
    #[serde(default = "most_frames")]
    pub frames: usize,
}

const fn one() -> f32 {
    1.0
}

const fn most_frames() -> usize {
    300
}

/// A recording in memory.
pub struct RecordingFootage {
    uri: String,
    frames: Vec<RgbImage>,
}

impl RecordingFootage {
    /// Reads the recording.
    ///
    /// # Errors
    /// [`TrainError::Data`] when it cannot be opened or decoded, or is smaller or shorter than a
    /// sequence.
    pub fn read(recipe: &RecordingRecipe, side: u32, frames: usize) -> Result<Self, TrainError> {
        let fail = |reason: String| TrainError::Data { uri: recipe.uri.clone(), reason };
        let clock = SystemClock;
        let pool = FramePool::new(4);
        let mut source = source::open(&place(&recipe.uri), &SourceOptions::default(), &pool)
            .map_err(|e| fail(e.to_string()))?;
        let native = source.info().size;
        let size = recipe.width.map_or(native, |w| resize::to_width(native, w.min(native.width)));
        if size.width < side || size.height < side {
            return Err(fail(format!("it is {size} but sequences are {side}x{side}")));
        }
        let mut converter = FrameConverter::new();
        let mut kept = Vec::new();
        let mut full = RgbImage::default();
        while kept.len() < recipe.frames {
            let deadline = clock.now().after(Duration::from_secs(10));
            match source.read(deadline).map_err(|e| fail(e.to_string()))? {
                Read::Frame(frame) => {
                    converter.to_rgb(&frame, &mut full).map_err(|e| fail(e.to_string()))?;
                    kept.push(scaled(&full, size).map_err(fail)?);
                }
                Read::End => break,
                Read::Timeout => return Err(fail("no frame came within 10 s".to_owned())),
                _ => {}
            }
        }
        if kept.len() < frames {
            let n = kept.len();
            return Err(fail(format!("it has {n} frames but a sequence takes {frames}")));
        }
        Ok(Self { uri: recipe.uri.clone(), frames: kept })
    }
}

impl RecordingFootage {
    /// The frames it has in memory.
    #[must_use]
    pub fn into_frames(self) -> Vec<RgbImage> {
        self.frames
    }
}

fn scaled(full: &RgbImage, size: Size) -> Result<RgbImage, String> {
    let mut small = RgbImage::new(size);
    if full.size() == size {
        small.data_mut().copy_from_slice(full.data());
    } else {
        resize::area(full, &mut small).map_err(|e| e.to_string())?;
    }
    Ok(small)
}

impl Footage for RecordingFootage {
    fn draw(
        &mut self,
        _turn: u64,
        frames: usize,
        side: u32,
        random: &mut Pcg64,
    ) -> Result<Vec<RgbImage>, TrainError> {
        let start = random.random_range(0..=self.frames.len() - frames);
        let size = self.frames[start].size();
        let x = random.random_range(0..=size.width - side);
        let y = random.random_range(0..=size.height - side);
        Ok(self.frames[start..start + frames].iter().map(|f| cut(f, x, y, side)).collect())
    }

    fn largest_stride(&self, frames: usize) -> usize {
        (self.frames.len() - 1) / frames.saturating_sub(1).max(1)
    }

    fn describe(&self) -> String {
        let name = self.uri.rsplit(['/', '\\']).next().unwrap_or_default();
        format!("{name}, {} frames", self.frames.len())
    }
}

pub(super) fn cut(picture: &RgbImage, x: u32, y: u32, side: u32) -> RgbImage {
    let mut out = RgbImage::new(Size::new(side, side));
    let (line, side) = (picture.size().w() * 3, side as usize * 3);
    let rows = picture.data().chunks_exact(line).skip(y as usize);
    for (to, from) in out.data_mut().chunks_exact_mut(side).zip(rows) {
        to.copy_from_slice(&from[x as usize * 3..x as usize * 3 + side]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_the_part_at_its_place() {
        let picture = RgbImage::from_vec(Size::new(5, 4), (0..60).collect()).unwrap();
        let part = cut(&picture, 2, 1, 2);
        assert_eq!(part.data(), [21, 22, 23, 24, 25, 26, 36, 37, 38, 39, 40, 41]);
    }
}
