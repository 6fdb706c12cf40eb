//! Luma at full size and at halves of it, with a border all around.

use crate::frame::Size;
use crate::vision::RgbImage;
use crate::vision::dispatch::vectorised;

/// Pixels repeated around each level, so that patches may reach out of the picture.
pub(super) const BORDER: usize = 24;

/// The smallest side of a level.
const SMALLEST: usize = 12;

/// The most levels.
const MOST_LEVELS: usize = 6;

/// One size of a picture's luma.
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) stride: usize,
    /// `(height + 2 * BORDER)` lines of `stride` bytes.
    pub(super) data: Vec<u8>,
}

impl Level {
    fn reshape(&mut self, width: usize, height: usize) {
        self.width = width;
        self.height = height;
        self.stride = width + 2 * BORDER;
        self.data.resize(self.stride * (height + 2 * BORDER), 0);
    }

    /// Index of the sample at (x, y), which must lie within the border.
    #[inline(always)]
    pub(super) fn index(&self, x: isize, y: isize) -> usize {
        (y + BORDER as isize) as usize * self.stride + (x + BORDER as isize) as usize
    }

    fn line(&self, y: usize) -> &[u8] {
        let at = self.index(0, y as isize);
        &self.data[at..at + self.width]
    }

    fn line_mut(&mut self, y: usize) -> &mut [u8] {
        let at = self.index(0, y as isize);
        let width = self.width;
        &mut self.data[at..at + width]
    }

    /// Repeats the outermost samples into the border.
    fn extend(&mut self) {
        let (stride, width) = (self.stride, self.width);
        for y in 0..self.height {
            let at = (y + BORDER) * stride;
            let line = &mut self.data[at..at + stride];
            let (first, last) = (line[BORDER], line[BORDER + width - 1]);
            line[..BORDER].fill(first);
            line[BORDER + width..].fill(last);
        }
        let top = BORDER * stride;
        for y in 0..BORDER {
            self.data.copy_within(top..top + stride, y * stride);
        }
        let bottom = (BORDER + self.height - 1) * stride;
        for y in BORDER + self.height..2 * BORDER + self.height {
            self.data.copy_within(bottom..bottom + stride, y * stride);
        }
    }
}

/// The luma of a picture: `(77 R + 150 G + 29 B + 128) >> 8` of each pixel.
pub fn luma(image: &RgbImage, out: &mut Vec<u8>) {
    out.resize(image.size().pixels(), 0);
    weigh(image.data(), out);
}

vectorised! {
    fn weigh(pixels: &[u8], out: &mut [u8]) {
        for (y, p) in out.iter_mut().zip(pixels.as_chunks::<3>().0) {
            let [r, g, b] = p.map(u32::from);
            *y = ((77 * r + 150 * g + 29 * b + 128) >> 8) as u8;
        }
    }
}

/// Luma at full size and at halves of it, down to about 12 pixels. Memory is reused.
#[derive(Clone, Debug, Default)]
pub struct LumaPyramid {
    pub(super) levels: Vec<Level>,
}

impl LumaPyramid {
    /// Builds the pyramid of a luma plane of `size`, without padding between its lines.
    pub fn build(&mut self, plane: &[u8], size: Size) {
        self.shape(size);
        if let Some(level) = self.levels.first_mut() {
            let width = level.width;
            for (y, line) in plane.chunks_exact(width).take(level.height).enumerate() {
                level.line_mut(y).copy_from_slice(line);
            }
        }
        self.reduce();
    }

    /// Size at full resolution; zero before the first picture.
    #[must_use]
    pub fn size(&self) -> Size {
        self.levels.first().map_or(Size::default(), |l| Size::new(l.width as u32, l.height as u32))
    }

    /// The plane the pyramid was built from.
    pub fn full(&self, out: &mut Vec<u8>) {
        out.clear();
        if let Some(level) = self.levels.first() {
            for y in 0..level.height {
                out.extend_from_slice(level.line(y));
            }
        }
    }

    fn shape(&mut self, size: Size) {
        let (mut width, mut height) = (size.w(), size.h());
        let mut count = 0;
        while width > 0 && height > 0 && count < MOST_LEVELS {
            if count > 0 && width.min(height) < SMALLEST {
                break;
            }
            if self.levels.len() <= count {
                self.levels.push(Level::default());
            }
            if let Some(level) = self.levels.get_mut(count) {
                level.reshape(width, height);
            }
            (width, height) = (width.div_ceil(2), height.div_ceil(2));
            count += 1;
        }
        self.levels.truncate(count);
    }

    /// Fills the borders, and each level from the one above it.
    fn reduce(&mut self) {
        if let Some(first) = self.levels.first_mut() {
            first.extend();
        }
        for at in 1..self.levels.len() {
            let (finer, coarser) = self.levels.split_at_mut(at);
            let (Some(finer), Some(coarser)) = (finer.last(), coarser.first_mut()) else {
                continue;
            };
            for y in 0..coarser.height {
                // One sample beyond an odd side is in the border.
                let at = finer.index(0, 2 * y as isize);
                let upper = &finer.data[at..at + 2 * coarser.width];
                let lower = &finer.data[at + finer.stride..at + finer.stride + 2 * coarser.width];
                let line = coarser.line_mut(y);
                for ((out, a), b) in
                    line.iter_mut().zip(upper.as_chunks::<2>().0).zip(lower.as_chunks::<2>().0)
                {
                    let sum = u16::from(a[0]) + u16::from(a[1]) + u16::from(b[0]) + u16::from(b[1]);
                    *out = ((sum + 2) >> 2) as u8;
                }
            }
            coarser.extend();
        }
    }
}
