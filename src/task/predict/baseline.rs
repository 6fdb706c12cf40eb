//! Predictors without a model: the zero of every scale, and the simplest motion.

use crate::model::ResetReason;
use crate::task::TaskError;
use crate::vision::{FloatImage, RgbImage};

use super::Forecaster;

/// The next frame is the last one.
#[derive(Clone, Copy, Debug, Default)]
pub struct CopyLast;

impl CopyLast {
    /// The name on the command line and in reports.
    pub const NAME: &'static str = "copy-last";
}

impl Forecaster for CopyLast {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn identity(&self) -> &str {
        Self::NAME
    }

    fn observe(&mut self, frame: &RgbImage, next: &mut FloatImage) -> Result<bool, TaskError> {
        next.copy_from_rgb(frame);
        Ok(true)
    }

    fn extend(&mut self, _ahead: &mut FloatImage) -> Result<bool, TaskError> {
        Ok(true)
    }

    fn settle(&mut self) {}

    fn reset(&mut self, _reason: ResetReason) -> bool {
        true
    }

    fn export_state(&self) -> Result<Vec<u8>, TaskError> {
        Ok(Vec::new())
    }

    fn import_state(&mut self, bytes: &[u8]) -> Result<(), TaskError> {
        expect_length(Self::NAME, bytes, 0)
    }
}

/// Each sample goes on as it went from the last frame but one to the last: `2 * last - previous`,
/// clamped.
#[derive(Clone, Debug, Default)]
pub struct Linear {
    previous: FloatImage,
    last: FloatImage,
    /// The picture before the furthest prediction, while looking ahead.
    behind: FloatImage,
    seen: u8,
    looking: bool,
}

impl Linear {
    /// The name on the command line and in reports.
    pub const NAME: &'static str = "linear";

    /// Without frames so far.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// `out = 2 * last - previous`, clamped to 0..=255.
fn extrapolate(previous: &[f32], last: &[f32], out: &mut [f32]) {
    for ((o, &l), &p) in out.iter_mut().zip(last).zip(previous) {
        *o = (2.0 * l - p).clamp(0.0, 255.0);
    }
}

impl Forecaster for Linear {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn identity(&self) -> &str {
        Self::NAME
    }

    fn observe(&mut self, frame: &RgbImage, next: &mut FloatImage) -> Result<bool, TaskError> {
        std::mem::swap(&mut self.previous, &mut self.last);
        self.last.copy_from_rgb(frame);
        self.seen = self.seen.saturating_add(1);
        next.reshape(frame.size());
        if self.seen < 2 {
            next.data.copy_from_slice(&self.last.data);
        } else {
            extrapolate(&self.previous.data, &self.last.data, &mut next.data);
        }
        Ok(true)
    }

    fn extend(&mut self, ahead: &mut FloatImage) -> Result<bool, TaskError> {
        if !self.looking {
            self.behind.reshape(self.last.size);
            self.behind.data.copy_from_slice(&self.last.data);
            self.looking = true;
        }
        // behind <- ahead, ahead <- 2 * ahead - behind.
        for (a, b) in ahead.data.iter_mut().zip(&mut self.behind.data) {
            let further = (2.0 * *a - *b).clamp(0.0, 255.0);
            *b = *a;
            *a = further;
        }
        Ok(true)
    }

    fn settle(&mut self) {
        self.looking = false;
    }

    fn reset(&mut self, _reason: ResetReason) -> bool {
        self.seen = 0;
        self.looking = false;
        true
    }

    fn export_state(&self) -> Result<Vec<u8>, TaskError> {
        let mut image = RgbImage::default();
        self.last.round_to_rgb(&mut image);
        let mut bytes = Vec::with_capacity(8 + image.data().len());
        bytes.extend_from_slice(&image.size().width.to_le_bytes());
        bytes.extend_from_slice(&image.size().height.to_le_bytes());
        bytes.extend_from_slice(image.data());
        Ok(bytes)
    }

    fn import_state(&mut self, bytes: &[u8]) -> Result<(), TaskError> {
        let Some((head, samples)) = bytes.split_first_chunk::<8>() else {
            return expect_length(Self::NAME, bytes, 8);
        };
        let [a, b, c, d, e, f, g, h] = *head;
        let size = crate::frame::Size::new(
            u32::from_le_bytes([a, b, c, d]),
            u32::from_le_bytes([e, f, g, h]),
        );
        expect_length(Self::NAME, samples, size.pixels().saturating_mul(3))?;
        if let Some(image) = RgbImage::from_vec(size, samples.to_vec()) {
            self.last.copy_from_rgb(&image);
            self.seen = u8::from(size.pixels() > 0);
        }
        Ok(())
    }
}

/// Refuses a saved state of another length.
pub(super) fn expect_length(name: &str, bytes: &[u8], expected: usize) -> Result<(), TaskError> {
    if bytes.len() == expected {
        return Ok(());
    }
    Err(TaskError::Contract {
        model: name.to_owned(),
        reason: format!("the saved state has {} bytes instead of {expected}", bytes.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;

    fn grey(value: u8) -> RgbImage {
        RgbImage::from_vec(Size::new(1, 1), vec![value; 3]).unwrap()
    }

    #[test]
    fn copy_last_is_the_frame() {
        let mut next = FloatImage::default();
        CopyLast.observe(&grey(7), &mut next).unwrap();
        CopyLast.extend(&mut next).unwrap();
        assert_eq!(next.data, [7.0; 3]);
    }

    #[test]
    fn linear_goes_on_and_is_clamped() {
        let mut linear = Linear::new();
        let mut next = FloatImage::default();
        linear.observe(&grey(100), &mut next).unwrap();
        assert_eq!(next.data, [100.0; 3], "one frame shows no motion");
        linear.observe(&grey(160), &mut next).unwrap();
        assert_eq!(next.data, [220.0; 3]);
        linear.extend(&mut next).unwrap();
        assert_eq!(next.data, [255.0; 3], "280 is clamped");
        linear.settle();
        linear.observe(&grey(150), &mut next).unwrap();
        assert_eq!(next.data, [140.0; 3], "looking ahead left no trace");
        linear.extend(&mut next).unwrap();
        assert_eq!(next.data, [130.0; 3]);
        linear.extend(&mut next).unwrap();
        assert_eq!(next.data, [120.0; 3]);
    }

    #[test]
    fn linear_state_is_the_last_frame() {
        let mut linear = Linear::new();
        let mut next = FloatImage::default();
        linear.observe(&grey(100), &mut next).unwrap();
        let state = linear.export_state().unwrap();
        let mut other = Linear::new();
        other.import_state(&state).unwrap();
        other.observe(&grey(90), &mut next).unwrap();
        assert_eq!(next.data, [80.0; 3]);
        assert!(other.import_state(&state[..9]).is_err());
    }
}
