//! A picture as the codec sees it: planes of 8-bit samples without padding.

use crate::frame::Size;

/// The planes of a picture and how they are sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SampleLayout {
    /// Luma alone.
    Grey,
    /// Y, U, V; chroma halved in both directions, rounded up.
    Yuv420,
    /// Y, U, V; chroma halved in width, rounded up.
    Yuv422,
    /// Y, U, V at one size.
    Yuv444,
    /// G, B, R at one size, in this order.
    Gbr,
}

impl SampleLayout {
    /// Number of planes: 1 or 3.
    #[must_use]
    pub const fn planes(self) -> usize {
        if matches!(self, Self::Grey) { 1 } else { 3 }
    }

    /// How often plane `index` is halved across and down: 0 or 1 each.
    #[must_use]
    pub const fn shift(self, index: usize) -> (u32, u32) {
        match self {
            Self::Yuv420 if index > 0 => (1, 1),
            Self::Yuv422 if index > 0 => (1, 0),
            _ => (0, 0),
        }
    }

    /// Width and height of plane `index` in a picture of `width` x `height`.
    #[must_use]
    pub const fn plane_size(self, index: usize, width: usize, height: usize) -> (usize, usize) {
        let (across, down) = self.shift(index);
        (width.div_ceil(1 << across), height.div_ceil(1 << down))
    }
}

/// One plane, row after row without padding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlaneBuf {
    /// Samples a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` samples.
    pub data: Vec<u8>,
}

/// A picture of one layout and size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    layout: SampleLayout,
    width: usize,
    height: usize,
    planes: Vec<PlaneBuf>,
}

impl Picture {
    /// A picture of zeros.
    #[must_use]
    pub fn new(layout: SampleLayout, width: usize, height: usize) -> Self {
        let planes = (0..layout.planes())
            .map(|index| {
                let (width, height) = layout.plane_size(index, width, height);
                PlaneBuf { width, height, data: vec![0; width * height] }
            })
            .collect();
        Self { layout, width, height, planes }
    }

    /// How the samples lie.
    #[must_use]
    pub const fn layout(&self) -> SampleLayout {
        self.layout
    }

    /// Width in pixels.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub const fn height(&self) -> usize {
        self.height
    }

    /// Width and height in pixels.
    #[must_use]
    pub const fn size(&self) -> Size {
        // A picture is made from a checked size, at most 2^14 a side.
        Size::new(self.width as u32, self.height as u32)
    }

    /// The planes, in coding order.
    #[must_use]
    pub fn planes(&self) -> &[PlaneBuf] {
        &self.planes
    }

    /// The planes, to be written.
    pub fn planes_mut(&mut self) -> &mut [PlaneBuf] {
        &mut self.planes
    }
}
