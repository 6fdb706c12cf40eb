//! One picture with its time and number.

use super::{Colour, FrameError, FrameSeq, Layout, MonoTime, PixelFormat, PooledBuf, Size};

/// What is known of a frame besides its samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameMeta {
    /// Meaning of YUV samples.
    pub colour: Colour,
    /// The source's number of this frame.
    pub seq: FrameSeq,
    /// When the frame was captured, on the monotonic clock. Files and the synthetic camera give
    /// the time of delivery.
    pub captured: MonoTime,
    /// The source's own time line: time since the first frame of a recording, if it has one.
    pub position: Option<MonoTime>,
}

/// A captured picture: samples in a pooled buffer, and what they mean.
#[derive(Debug)]
pub struct Frame {
    buf: PooledBuf,
    layout: Layout,
    meta: FrameMeta,
}

/// One plane of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    /// Samples, line after line; the last line may end without padding.
    pub data: &'a [u8],
    /// Bytes from one line to the next.
    pub stride: usize,
    /// Bytes of one line that carry samples.
    pub row_bytes: usize,
    /// Lines.
    pub rows: usize,
}

impl<'a> Plane<'a> {
    /// Line `y`, without padding; empty when out of range.
    #[must_use]
    pub fn row(&self, y: usize) -> &'a [u8] {
        let start = y.saturating_mul(self.stride);
        self.data.get(start..start.saturating_add(self.row_bytes)).unwrap_or_default()
    }
}

impl Frame {
    /// A frame over `buf`.
    ///
    /// # Errors
    /// [`FrameError::Short`] when the buffer does not hold every sample of the layout (or is
    /// empty, for a compressed format).
    pub fn new(buf: PooledBuf, layout: Layout, meta: FrameMeta) -> Result<Self, FrameError> {
        let needed = layout.min_len().max(1);
        if buf.len() < needed {
            return Err(FrameError::Short {
                format: layout.format(),
                size: layout.size(),
                needed,
                got: buf.len(),
            });
        }
        Ok(Self { buf, layout, meta })
    }

    /// Pixel format.
    #[must_use]
    pub const fn format(&self) -> PixelFormat {
        self.layout.format()
    }

    /// Size in pixels.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.layout.size()
    }

    /// Where the planes lie.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Colour, number and times.
    #[must_use]
    pub const fn meta(&self) -> &FrameMeta {
        &self.meta
    }

    /// Colour, number and times, to be changed (a supervisor renumbers frames after a reopen).
    pub const fn meta_mut(&mut self) -> &mut FrameMeta {
        &mut self.meta
    }

    /// The source's number.
    #[must_use]
    pub const fn seq(&self) -> FrameSeq {
        self.meta.seq
    }

    /// When the frame was captured.
    #[must_use]
    pub const fn captured(&self) -> MonoTime {
        self.meta.captured
    }

    /// All bytes: the planes, or the compressed picture.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.buf
    }

    /// Plane `index` in memory order (YV12: Y, V, U); `None` when the format has fewer.
    #[must_use]
    pub fn plane(&self, index: usize) -> Option<Plane<'_>> {
        let p = self.layout.planes().get(index)?;
        let end = (p.offset + p.stride * p.rows).min(self.buf.len());
        let data = self.buf.get(p.offset..end)?;
        Some(Plane { data, stride: p.stride, row_bytes: p.row_bytes, rows: p.rows })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_and_short_buffers() {
        let layout = Layout::packed(PixelFormat::I420, Size::new(4, 2)).unwrap();
        let buf = PooledBuf::unpooled((0..12).collect());
        let frame = Frame::new(buf, layout, FrameMeta::default()).unwrap();
        assert_eq!(frame.plane(0).unwrap().row(1), [4, 5, 6, 7]);
        assert_eq!(frame.plane(2).unwrap().row(0), [10, 11]);
        assert_eq!(frame.plane(2).unwrap().row(1), [0u8; 0]);
        assert!(frame.plane(3).is_none());
        let short = PooledBuf::unpooled(vec![0; 11]);
        let error = Frame::new(short, layout, FrameMeta::default()).unwrap_err().to_string();
        assert!(error.contains("12 bytes") && error.contains("11"), "{error}");
    }

    #[test]
    fn empty_jpeg_is_refused() {
        let layout = Layout::packed(PixelFormat::Mjpeg, Size::new(4, 2)).unwrap();
        assert!(Frame::new(PooledBuf::unpooled(Vec::new()), layout, FrameMeta::default()).is_err());
    }
}
