//! Whether a frame shows something new: an index of a still scene need not grow.

use crate::frame::Size;
use crate::vision::resize::Resizer;
use crate::vision::{RgbImage, VisionError};

/// Size at which frames are compared; noise and compression average out.
const SMALL: Size = Size::new(32, 18);

/// Lets a frame pass whose small picture differs from that of the frame that passed last.
#[derive(Debug)]
pub struct ChangeGate {
    /// Mean difference in levels of 0..255 from which on a frame passes.
    threshold: f64,
    last: Option<RgbImage>,
    small: RgbImage,
    resizer: Resizer,
}

impl ChangeGate {
    /// A gate that lets frames pass from a mean difference of `threshold` levels on; 0 lets all.
    #[must_use]
    pub fn new(threshold: f64) -> Self {
        let small = RgbImage::new(SMALL);
        Self { threshold, last: None, small, resizer: Resizer::new() }
    }

    /// Whether `frame` passes; the first always does.
    ///
    /// # Errors
    /// [`VisionError`] for a frame without pixels.
    pub fn passes(&mut self, frame: &RgbImage) -> Result<bool, VisionError> {
        self.resizer.area(frame, &mut self.small)?;
        let changed = self.last.as_ref().is_none_or(|last| {
            let pairs = last.data().iter().zip(self.small.data());
            let sum: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
            sum as f64 / last.data().len() as f64 >= self.threshold
        });
        if changed {
            match &mut self.last {
                Some(last) => std::mem::swap(last, &mut self.small),
                none => *none = Some(self.small.clone()),
            }
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(level: u8) -> RgbImage {
        RgbImage::from_vec(Size::new(64, 36), vec![level; 64 * 36 * 3]).unwrap()
    }

    #[test]
    fn slow_change_passes_once_it_has_summed_up() {
        let mut gate = ChangeGate::new(3.0);
        let passed: Vec<bool> =
            [10, 11, 12, 13, 14, 9].map(|v| gate.passes(&grey(v)).unwrap()).to_vec();
        assert_eq!(passed, [true, false, false, true, false, true]);
        let mut open = ChangeGate::new(0.0);
        assert!(open.passes(&grey(1)).unwrap() && open.passes(&grey(1)).unwrap());
        assert!(open.passes(&RgbImage::default()).is_err());
    }
}
