//! Where the planes of a picture lie in one buffer.

use std::fmt;
use std::str::FromStr;

use super::{FrameError, PixelFormat};

/// The largest width or height of a frame in pixels.
pub const MAX_DIMENSION: u32 = 16_384;

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Size {
    /// Pixels a line.
    pub width: u32,
    /// Lines.
    pub height: u32,
}

impl Size {
    /// A size; check it with [`Size::checked`] when it comes from data.
    #[must_use]
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// The size itself when each side is 1..=[`MAX_DIMENSION`].
    ///
    /// # Errors
    /// [`FrameError::Size`] otherwise.
    pub fn checked(self) -> Result<Self, FrameError> {
        let ok = 1..=MAX_DIMENSION;
        if ok.contains(&self.width) && ok.contains(&self.height) {
            Ok(self)
        } else {
            Err(FrameError::Size { size: self })
        }
    }

    /// Width as `usize`.
    #[must_use]
    pub const fn w(self) -> usize {
        self.width as usize
    }

    /// Height as `usize`.
    #[must_use]
    pub const fn h(self) -> usize {
        self.height as usize
    }

    /// Number of pixels.
    #[must_use]
    pub const fn pixels(self) -> usize {
        self.width as usize * self.height as usize
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FromStr for Size {
    type Err = FrameError;

    fn from_str(text: &str) -> Result<Self, FrameError> {
        let bad = || FrameError::SizeText { text: text.chars().take(40).collect() };
        let (w, h) = text.split_once(['x', 'X']).ok_or_else(bad)?;
        let width = w.trim().parse().map_err(|_| bad())?;
        let height = h.trim().parse().map_err(|_| bad())?;
        Self { width, height }.checked()
    }
}

/// One plane of a buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlaneLayout {
    /// First byte of the plane in the buffer.
    pub offset: usize,
    /// Bytes from one line to the next.
    pub stride: usize,
    /// Bytes of one line that carry samples.
    pub row_bytes: usize,
    /// Lines.
    pub rows: usize,
}

/// The planes of a picture of one format and size in one buffer.
///
/// Subsampled planes of odd sizes are rounded up. A compressed format has no planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    format: PixelFormat,
    size: Size,
    planes: [PlaneLayout; 3],
    count: usize,
    len: usize,
}

impl Layout {
    /// The layout without padding between lines or planes.
    ///
    /// # Errors
    /// [`FrameError::Size`] when a side is zero or above [`MAX_DIMENSION`].
    pub fn packed(format: PixelFormat, size: Size) -> Result<Self, FrameError> {
        Self::with_strides(format, size, [0; 3])
    }

    /// The layout with the given line strides in bytes; a stride of 0 means packed. Planes follow
    /// each other without a gap.
    ///
    /// # Errors
    /// [`FrameError::Size`], or [`FrameError::Stride`] when a stride is below one line's bytes.
    pub fn with_strides(
        format: PixelFormat,
        size: Size,
        strides: [usize; 3],
    ) -> Result<Self, FrameError> {
        let size = size.checked()?;
        let (w, h) = (size.w(), size.h());
        let (half_w, half_h) = (w.div_ceil(2), h.div_ceil(2));
        let shapes: &[(usize, usize)] = match format {
            PixelFormat::Yuyv | PixelFormat::Uyvy => &[(half_w * 4, h)],
            PixelFormat::Nv12 | PixelFormat::Nv21 => &[(w, h), (half_w * 2, half_h)],
            PixelFormat::I420 | PixelFormat::Yv12 => &[(w, h), (half_w, half_h), (half_w, half_h)],
            PixelFormat::I422 => &[(w, h), (half_w, h), (half_w, h)],
            PixelFormat::I444 => &[(w, h), (w, h), (w, h)],
            PixelFormat::Grey => &[(w, h)],
            PixelFormat::Rgb24 | PixelFormat::Bgr24 => &[(w * 3, h)],
            PixelFormat::Mjpeg => &[],
        };
        let mut planes = [PlaneLayout::default(); 3];
        let mut offset = 0;
        for (plane, ((slot, &(row_bytes, rows)), &stride)) in
            planes.iter_mut().zip(shapes).zip(&strides).enumerate()
        {
            let stride = if stride == 0 { row_bytes } else { stride };
            // A stride is attacker-controlled only through drivers and files; 2^20 bytes a line is
            // more than any format at MAX_DIMENSION needs and keeps the products below far from overflow.
            if stride < row_bytes || stride > 1 << 20 {
                return Err(FrameError::Stride { format, plane, stride, needed: row_bytes });
            }
            *slot = PlaneLayout { offset, stride, row_bytes, rows };
            offset += stride * rows;
        }
        Ok(Self { format, size, planes, count: shapes.len(), len: offset })
    }

    /// Pixel format.
    #[must_use]
    pub const fn format(&self) -> PixelFormat {
        self.format
    }

    /// Size in pixels.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The planes in memory order (YV12: Y, V, U).
    #[must_use]
    pub fn planes(&self) -> &[PlaneLayout] {
        self.planes.get(..self.count).unwrap_or_default()
    }

    /// Bytes the picture needs; 0 for a compressed format.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// True for a compressed format, whose length the layout does not know.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The least buffer length that holds every sample (the last line needs no padding).
    #[must_use]
    pub fn min_len(&self) -> usize {
        self.planes()
            .iter()
            .map(|p| p.offset + p.stride * (p.rows - 1) + p.row_bytes)
            .max()
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_lengths() {
        let len = |f, w, h| Layout::packed(f, Size::new(w, h)).unwrap().len();
        assert_eq!(len(PixelFormat::Yuyv, 640, 360), 640 * 360 * 2);
        assert_eq!(len(PixelFormat::Nv12, 640, 360), 640 * 360 * 3 / 2);
        assert_eq!(len(PixelFormat::I420, 5, 3), 15 + 2 * 6);
        assert_eq!(len(PixelFormat::I422, 5, 3), 15 + 2 * 9);
        assert_eq!(len(PixelFormat::Rgb24, 5, 3), 45);
        assert_eq!(len(PixelFormat::Mjpeg, 5, 3), 0);
    }

    #[test]
    fn strides_are_checked() {
        let size = Size::new(6, 2);
        let padded = Layout::with_strides(PixelFormat::Nv12, size, [8, 8, 0]).unwrap();
        assert_eq!(padded.len(), 8 * 2 + 8);
        assert_eq!(padded.min_len(), 8 * 2 + 6);
        assert!(Layout::with_strides(PixelFormat::Nv12, size, [5, 0, 0]).is_err());
        assert!(Layout::with_strides(PixelFormat::Grey, size, [usize::MAX, 0, 0]).is_err());
    }

    #[test]
    fn sizes_are_checked() {
        assert_eq!("640x360".parse::<Size>().unwrap(), Size::new(640, 360));
        for bad in ["0x5", "5x0", "99999x2", "x", "5", "-5x5", "640*360"] {
            assert!(bad.parse::<Size>().is_err(), "{bad:?} must be refused");
        }
    }
}
