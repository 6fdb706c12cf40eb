//! The last N frames as one tensor, oldest first.
//!
//! Both window layouts of the contract (`channels` and `time`) lie alike in memory as long as the
//! channels are planes, so a window is N equal parts. A new frame moves the others down by one
//! part; until N frames have come the oldest is repeated. Nothing is allocated after construction,
//! but for the first look ahead.

use crate::model::{DType, TensorBuf};

/// The most elements a window may have.
const MAX_ELEMENTS: usize = 1 << 28;

/// N frames in one `f32` tensor.
#[derive(Debug)]
pub(super) struct FrameWindow {
    tensor: TensorBuf,
    frames: usize,
    part: usize,
    empty: bool,
    saved: Vec<f32>,
}

impl FrameWindow {
    /// A window of `frames` frames of `part` elements in a tensor of `shape`; `None` when the
    /// shape has another number of elements or is too large.
    pub(super) fn new(frames: usize, part: usize, shape: &[usize]) -> Option<Self> {
        let elements = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))?;
        if elements == 0 || elements > MAX_ELEMENTS || frames.checked_mul(part)? != elements {
            return None;
        }
        let tensor = TensorBuf::zeros(DType::F32, shape);
        Some(Self { tensor, frames, part, empty: true, saved: Vec::new() })
    }

    /// The number of frames.
    pub(super) const fn frames(&self) -> usize {
        self.frames
    }

    /// The tensor.
    pub(super) const fn tensor(&self) -> &TensorBuf {
        &self.tensor
    }

    /// All elements.
    pub(super) fn samples(&self) -> &[f32] {
        self.tensor.as_f32().unwrap_or_default()
    }

    fn samples_mut(&mut self) -> &mut [f32] {
        self.tensor.as_f32_mut().unwrap_or_default()
    }

    /// Forgets the oldest frame and gives the place of the newest, to be written.
    pub(super) fn advance(&mut self) -> &mut [f32] {
        let (part, keep) = (self.part, (self.frames - 1) * self.part);
        let samples = self.samples_mut();
        samples.copy_within(part.., 0);
        samples.get_mut(keep..).unwrap_or_default()
    }

    /// After the first frame was written: repeats it in the places of the older ones.
    pub(super) fn fill(&mut self) {
        if !std::mem::take(&mut self.empty) {
            return;
        }
        let (part, frames) = (self.part, self.frames);
        let newest = (frames - 1) * part;
        for at in 0..frames - 1 {
            self.samples_mut().copy_within(newest..newest + part, at * part);
        }
    }

    /// Forgets all frames.
    pub(super) const fn clear(&mut self) {
        self.empty = true;
    }

    /// Keeps the frames as they are until [`FrameWindow::end_scratch`].
    pub(super) fn begin_scratch(&mut self) {
        let mut saved = std::mem::take(&mut self.saved);
        saved.clear();
        saved.extend_from_slice(self.samples());
        self.saved = saved;
    }

    /// Puts the frames back.
    pub(super) fn end_scratch(&mut self) {
        let saved = std::mem::take(&mut self.saved);
        if saved.len() == self.samples().len() {
            self.samples_mut().copy_from_slice(&saved);
        }
        self.saved = saved;
    }

    /// The frames as bytes; a window of one frame has nothing to remember.
    pub(super) fn export(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.empty)];
        if self.frames > 1 && !self.empty {
            bytes.extend(self.samples().iter().flat_map(|v| v.to_le_bytes()));
        }
        bytes
    }

    /// Reads what [`FrameWindow::export`] wrote and returns the bytes after it.
    pub(super) fn import<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (&flag, rest) = bytes.split_first()?;
        let empty = match flag {
            0 => false,
            1 => true,
            _ => return None,
        };
        if self.frames == 1 || empty {
            self.empty = empty;
            return Some(rest);
        }
        let (samples, rest) = rest.split_at_checked(self.samples().len() * 4)?;
        for (out, bytes) in self.samples_mut().iter_mut().zip(samples.as_chunks().0) {
            *out = f32::from_le_bytes(*bytes);
        }
        self.empty = false;
        Some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(window: &mut FrameWindow, value: f32) {
        window.advance().fill(value);
        window.fill();
    }

    #[test]
    fn the_oldest_is_repeated_until_full() {
        let mut window = FrameWindow::new(3, 1, &[1, 3, 1, 1]).unwrap();
        feed(&mut window, 1.0);
        assert_eq!(window.samples(), [1.0, 1.0, 1.0]);
        feed(&mut window, 2.0);
        assert_eq!(window.samples(), [1.0, 1.0, 2.0]);
        feed(&mut window, 3.0);
        feed(&mut window, 4.0);
        assert_eq!(window.samples(), [2.0, 3.0, 4.0]);
        window.clear();
        feed(&mut window, 9.0);
        assert_eq!(window.samples(), [9.0; 3]);
    }

    #[test]
    fn scratch_leaves_no_trace() {
        let mut window = FrameWindow::new(2, 2, &[1, 2, 2]).unwrap();
        feed(&mut window, 1.0);
        window.begin_scratch();
        window.advance().fill(5.0);
        window.end_scratch();
        assert_eq!(window.samples(), [1.0; 4]);
    }

    #[test]
    fn saved_and_restored() {
        let mut window = FrameWindow::new(2, 1, &[2]).unwrap();
        feed(&mut window, 1.0);
        feed(&mut window, 2.0);
        let mut bytes = window.export();
        bytes.extend([7, 8]);
        let mut other = FrameWindow::new(2, 1, &[2]).unwrap();
        assert_eq!(other.import(&bytes), Some(&[7u8, 8][..]));
        feed(&mut other, 3.0);
        assert_eq!(other.samples(), [2.0, 3.0]);
        assert_eq!(other.import(&bytes[..5]), None);
        assert_eq!(other.import(&[2]), None);
    }

    #[test]
    fn impossible_windows_are_refused() {
        assert!(FrameWindow::new(2, 3, &[7]).is_none());
        assert!(FrameWindow::new(1, 0, &[0]).is_none());
        assert!(FrameWindow::new(1, usize::MAX, &[usize::MAX, 2]).is_none());
    }
}
