//! An RGB picture in memory.

use crate::frame::Size;

/// A packed 8-bit RGB picture: `3 * width` bytes a line, no padding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RgbImage {
    size: Size,
    data: Vec<u8>,
}

impl RgbImage {
    /// Becomes `other`, in the memory there is where it suffices.
    pub fn copy_from(&mut self, other: &Self) {
        self.size = other.size;
        self.data.clone_from(&other.data);
    }

    /// A black picture.
    #[must_use]
    pub fn new(size: Size) -> Self {
        Self { size, data: vec![0; size.pixels() * 3] }
    }

    /// A picture over `data`; `None` unless it holds exactly `width * height * 3` bytes.
    #[must_use]
    pub fn from_vec(size: Size, data: Vec<u8>) -> Option<Self> {
        (data.len() == size.pixels() * 3).then_some(Self { size, data })
    }

    /// Size in pixels.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// R G B of each pixel, line after line.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// R G B of each pixel, to be written.
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// Makes the picture `size` large, reusing its memory; the content is unspecified.
    pub fn reshape(&mut self, size: Size) {
        self.data.resize(size.pixels() * 3, 0);
        self.size = size;
    }
}
