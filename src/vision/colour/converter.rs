//! Converts whole frames, line by line.

use crate::frame::{Colour, Frame, PixelFormat, Plane, Size};
use crate::vision::jpeg::JpegDecoder;
use crate::vision::{RgbImage, VisionError};

use super::chroma;
use super::matrix::Matrix;

/// Converts frames of any pixel format to RGB.
///
/// Keeps its line buffers and the JPEG decoder's memory between frames; one thread owns it.
#[derive(Debug, Default)]
pub struct FrameConverter {
    jpeg: JpegDecoder,
    lines: Lines,
}

/// Scratch of one line.
#[derive(Debug, Default)]
struct Lines {
    luma: Vec<u8>,
    narrow: Vec<i16>,
    u: Vec<i16>,
    v: Vec<i16>,
}

/// Where the samples of one channel lie: a plane, the first byte in a line, and the step.
#[derive(Clone, Copy)]
struct Channel<'a> {
    plane: Plane<'a>,
    first: usize,
    step: usize,
}

/// A YUV picture in any of the memory layouts.
struct Yuv<'a> {
    size: Size,
    luma: Channel<'a>,
    /// U and V; `None` for grey.
    chroma: Option<[Channel<'a>; 2]>,
    halved_width: bool,
    halved_height: bool,
}

impl FrameConverter {
    /// A converter without memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes `frame` as RGB to `out`, which takes the frame's size.
    ///
    /// # Errors
    /// [`VisionError::Decode`] for a JPEG picture that is broken, or not as large as the frame.
    pub fn to_rgb(&mut self, frame: &Frame, out: &mut RgbImage) -> Result<(), VisionError> {
        let size = frame.size();
        match frame.format() {
            PixelFormat::Mjpeg => self.jpeg.decode(frame.bytes(), Some(size), out),
            PixelFormat::Rgb24 | PixelFormat::Bgr24 => {
                out.reshape(size);
                copy_rgb(frame, out)
            }
            _ => {
                out.reshape(size);
                self.lines.convert(&Yuv::of(frame)?, frame.meta().colour, out);
                Ok(())
            }
        }
    }
}

fn copy_rgb(frame: &Frame, out: &mut RgbImage) -> Result<(), VisionError> {
    let plane = plane(frame, 0)?;
    let line = frame.size().w() * 3;
    for (y, out) in out.data_mut().chunks_exact_mut(line).enumerate() {
        let src = plane.row(y);
        if frame.format() == PixelFormat::Rgb24 {
            out.copy_from_slice(src.get(..line).ok_or_else(|| lacking(frame))?);
        } else {
            for (out, src) in out.as_chunks_mut().0.iter_mut().zip(src.as_chunks().0) {
                let [b, g, r]: [u8; 3] = *src;
                *out = [r, g, b];
            }
        }
    }
    Ok(())
}

fn lacking(frame: &Frame) -> VisionError {
    VisionError::Planes { format: frame.format(), size: frame.size() }
}

fn plane(frame: &Frame, index: usize) -> Result<Plane<'_>, VisionError> {
    frame.plane(index).ok_or_else(|| lacking(frame))
}

impl<'a> Yuv<'a> {
    fn of(frame: &'a Frame) -> Result<Self, VisionError> {
        let format = frame.format();
        let size = frame.size();
        let at =
            |index, first, step| plane(frame, index).map(|plane| Channel { plane, first, step });
        let (luma, chroma, halved_width, halved_height) = match format {
            PixelFormat::Yuyv => (at(0, 0, 2)?, Some([at(0, 1, 4)?, at(0, 3, 4)?]), true, false),
            PixelFormat::Uyvy => (at(0, 1, 2)?, Some([at(0, 0, 4)?, at(0, 2, 4)?]), true, false),
            PixelFormat::Nv12 => (at(0, 0, 1)?, Some([at(1, 0, 2)?, at(1, 1, 2)?]), true, true),
            PixelFormat::Nv21 => (at(0, 0, 1)?, Some([at(1, 1, 2)?, at(1, 0, 2)?]), true, true),
            PixelFormat::I420 => (at(0, 0, 1)?, Some([at(1, 0, 1)?, at(2, 0, 1)?]), true, true),
            PixelFormat::Yv12 => (at(0, 0, 1)?, Some([at(2, 0, 1)?, at(1, 0, 1)?]), true, true),
            PixelFormat::I422 => (at(0, 0, 1)?, Some([at(1, 0, 1)?, at(2, 0, 1)?]), true, false),
            PixelFormat::I444 => (at(0, 0, 1)?, Some([at(1, 0, 1)?, at(2, 0, 1)?]), false, false),
            PixelFormat::Grey => (at(0, 0, 1)?, None, false, false),
            _ => return Err(lacking(frame)),
        };
        Ok(Self { size, luma, chroma, halved_width, halved_height })
    }
}

impl Lines {
    fn convert(&mut self, yuv: &Yuv<'_>, colour: Colour, out: &mut RgbImage) {
        let matrix = Matrix::new(colour);
        let w = yuv.size.w();
        let narrow_w = if yuv.halved_width { w.div_ceil(2) } else { w };
        self.luma.resize(w, 0);
        self.narrow.resize(narrow_w, 0);
        self.u.resize(w, 0);
        self.v.resize(w, 0);
        if yuv.chroma.is_none() {
            self.u.fill(0);
            self.v.fill(0);
        }
        for (y, out) in out.data_mut().chunks_exact_mut(w * 3).enumerate() {
            if let Some([u, v]) = &yuv.chroma {
                for (channel, wide) in [(u, &mut self.u), (v, &mut self.v)] {
                    let (near, far) =
                        chroma::lines_around(y, yuv.halved_height, channel.plane.rows);
                    let (near, far) = (channel.plane.row(near), channel.plane.row(far));
                    chroma::blend(near, far, channel.first, channel.step, &mut self.narrow);
                    if yuv.halved_width {
                        chroma::widen(&self.narrow, colour.siting, wide);
                    } else {
                        chroma::scale(&self.narrow, wide);
                    }
                }
            }
            let luma = yuv.luma.plane.row(y);
            if yuv.luma.step == 1 {
                matrix.line(luma, &self.u, &self.v, out);
            } else {
                let samples = luma.iter().skip(yuv.luma.first).step_by(yuv.luma.step);
                for (out, &sample) in self.luma.iter_mut().zip(samples) {
                    *out = sample;
                }
                matrix.line(&self.luma, &self.u, &self.v, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{ChromaSiting, FrameMeta, Layout, PooledBuf};

    fn frame(format: PixelFormat, size: Size, strides: [usize; 3], fill: &[u8]) -> Frame {
        let layout = Layout::with_strides(format, size, strides).unwrap();
        let bytes = (0..layout.min_len()).map(|i| fill[i % fill.len()]).collect();
        Frame::new(PooledBuf::unpooled(bytes), layout, FrameMeta::default()).unwrap()
    }

    fn rgb(frame: &Frame) -> RgbImage {
        let mut out = RgbImage::default();
        FrameConverter::new().to_rgb(frame, &mut out).unwrap();
        out
    }

    /// The same picture in every layout that can hold it must give the same bytes.
    #[test]
    fn layouts_agree() {
        for (w, h) in [(1, 1), (2, 2), (5, 3), (16, 9), (37, 6), (64, 4)] {
            let size = Size::new(w, h);
            let mut state = 7u32;
            let mut noise = |n: usize| -> Vec<u8> {
                let mut next = || {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                };
                (0..n).map(|_| next()).collect()
            };
            let (w, h) = (size.w(), size.h());
            let (hw, hh) = (w.div_ceil(2), h.div_ceil(2));
            let y = noise(w * h);
            let make = |format, bytes: Vec<u8>| {
                let layout = Layout::packed(format, size).unwrap();
                let buf = PooledBuf::unpooled(bytes);
                rgb(&Frame::new(buf, layout, FrameMeta::default()).unwrap())
            };
            let weave = |a: &[u8], b: &[u8]| -> Vec<u8> {
                a.iter().zip(b).flat_map(|(&a, &b)| [a, b]).collect()
            };
            let (u, v) = (noise(hw * hh), noise(hw * hh));
            let want = make(PixelFormat::I420, [&y[..], &u, &v].concat());
            assert_eq!(make(PixelFormat::Yv12, [&y[..], &v, &u].concat()), want);
            assert_eq!(make(PixelFormat::Nv12, [&y[..], &weave(&u, &v)].concat()), want);
            assert_eq!(make(PixelFormat::Nv21, [&y[..], &weave(&v, &u)].concat()), want);
            let (u, v) = (noise(hw * h), noise(hw * h));
            let want = make(PixelFormat::I422, [&y[..], &u, &v].concat());
            let even: Vec<u8> = y
                .chunks(w)
                .flat_map(|l| {
                    let mut l = l.to_vec();
                    l.resize(hw * 2, 99);
                    l
                })
                .collect();
            let uv = weave(&u, &v);
            assert_eq!(make(PixelFormat::Yuyv, weave(&even, &uv)), want);
            assert_eq!(make(PixelFormat::Uyvy, weave(&uv, &even)), want);
        }
    }

    #[test]
    fn strides_do_not_change_the_picture() {
        let size = Size::new(7, 5);
        for format in PixelFormat::ALL.into_iter().filter(|f| !f.is_compressed()) {
            let packed = frame(format, size, [0; 3], &[90]);
            let padded = frame(format, size, [40, 35, 33], &[90]);
            assert_eq!(rgb(&packed), rgb(&padded), "{format}");
        }
    }

    #[test]
    fn rgb_passes_through() {
        let size = Size::new(2, 1);
        let direct = rgb(&frame(PixelFormat::Rgb24, size, [8, 0, 0], &[1, 2, 3, 4, 5, 6, 0, 0]));
        assert_eq!(direct.data(), [1, 2, 3, 4, 5, 6]);
        let swapped = rgb(&frame(PixelFormat::Bgr24, size, [0; 3], &[1, 2, 3, 4, 5, 6]));
        assert_eq!(swapped.data(), [3, 2, 1, 6, 5, 4]);
    }

    #[test]
    fn grey_uses_the_range() {
        let mut f = frame(PixelFormat::Grey, Size::new(3, 1), [0; 3], &[16, 126, 235]);
        assert_eq!(rgb(&f).data(), [0, 0, 0, 128, 128, 128, 255, 255, 255]);
        f.meta_mut().colour = Colour::JPEG;
        assert_eq!(rgb(&f).data(), [16, 16, 16, 126, 126, 126, 235, 235, 235]);
    }

    #[test]
    fn siting_matters() {
        let layout = Layout::packed(PixelFormat::I422, Size::new(4, 1)).unwrap();
        let make = |siting| {
            let bytes = vec![128, 128, 128, 128, 128, 128, 100, 180];
            let colour = Colour { siting, ..Colour::default() };
            let meta = FrameMeta { colour, ..FrameMeta::default() };
            rgb(&Frame::new(PooledBuf::unpooled(bytes), layout, meta).unwrap())
        };
        assert_ne!(make(ChromaSiting::Left), make(ChromaSiting::Centre));
    }
}
