//! Memory for the samples and coefficients of one component, kept between pictures.
#![warn(clippy::indexing_slicing)]

use super::header::Component;

/// The samples of a component, whole blocks.
#[derive(Debug, Default)]
pub(super) struct SamplePlane {
    samples: Vec<u8>,
    stride: usize,
    width: usize,
    height: usize,
}

impl SamplePlane {
    /// Makes room for the blocks of `component`; the content is unspecified.
    pub(super) fn prepare(&mut self, component: &Component) {
        self.stride = component.blocks_across * 8;
        self.width = component.width;
        self.height = component.height;
        self.samples.resize(self.stride * component.blocks_down * 8, 0);
    }

    /// The samples from block (`x`, `y`) on, and the stride of lines; `None` outside.
    #[inline(always)]
    pub(super) fn block(&mut self, x: usize, y: usize) -> Option<(&mut [u8], usize)> {
        let first = y * 8 * self.stride + x * 8;
        let length = 7 * self.stride + 8;
        Some((self.samples.get_mut(first..first + length)?, self.stride))
    }

    /// The samples of line `y` that belong to the picture; beyond the last line, the last.
    pub(super) fn line(&self, y: usize) -> &[u8] {
        let first = y.min(self.height.saturating_sub(1)) * self.stride;
        self.samples.get(first..first + self.width).unwrap_or_default()
    }

    /// Lines that belong to the picture.
    pub(super) const fn height(&self) -> usize {
        self.height
    }
}

/// The coefficients of a component of a progressive picture, in natural order.
#[derive(Debug, Default)]
pub(super) struct CoefficientPlane {
    blocks: Vec<[i16; 64]>,
    across: usize,
}

impl CoefficientPlane {
    /// Makes room for the blocks of `component`, all zero.
    pub(super) fn prepare(&mut self, component: &Component) {
        self.across = component.blocks_across;
        self.blocks.clear();
        self.blocks.resize(component.blocks_across * component.blocks_down, [0; 64]);
    }

    /// Block (`x`, `y`); `None` outside.
    #[inline(always)]
    pub(super) fn block(&mut self, x: usize, y: usize) -> Option<&mut [i16; 64]> {
        self.blocks.get_mut(y * self.across + x)
    }

    /// All blocks with their column and line.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (usize, usize, &[i16; 64])> {
        let across = self.across.max(1);
        self.blocks.iter().enumerate().map(move |(i, b)| (i % across, i / across, b))
    }
}
