//! Converts whole frames, line by line.

use crate::frame::{ChromaSiting, Colour, Frame, PixelFormat, Plane, Size};
use crate::vision::jpeg::JpegDecoder;
use crate::vision::{RgbImage, VisionError};

use super::chroma;
use super::matrix::{self, Matrix};

/// Converts frames of any pixel format to RGB.
///
/// Keeps its line buffers and the JPEG decoder's memory between frames; one thread owns it.
#[derive(Debug, Default)]
pub struct FrameConverter {
    jpeg: JpegDecoder,
    lines: Lines,
}

/// Scratch of one line, rounded up to pairs of pixels.
#[derive(Debug, Default)]
struct Lines {
    luma: Vec<u8>,
    /// Chroma at its own width, times 4, with room for one more value at each end.
    narrow: [Vec<i16>; 2],
    /// Chroma at the luma's width, times 128.
    wide: [Vec<i16>; 2],
}

/// A YUV picture in any of the memory layouts.
struct Yuv<'a> {
    size: Size,
    luma: Plane<'a>,
    chroma: Chroma<'a>,
}

/// Where the chroma lies.
enum Chroma<'a> {
    /// Nowhere: grey.
    None,
    /// In planes U and V as large as the luma.
    Full { planes: [Plane<'a>; 2] },
    /// In planes U and V of half the width, and half the height for 4:2:0.
    Halved { planes: [Plane<'a>; 2], both_ways: bool },
    /// In one plane of pairs, halved both ways; U first, or V first.
    Pairs { plane: Plane<'a>, u_first: bool },
    /// Between the luma samples, which come first or second in each pair of bytes.
    Packed { luma_first: bool },
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
        let planes = |u, v| Ok::<_, VisionError>([plane(frame, u)?, plane(frame, v)?]);
        let chroma = match format {
            PixelFormat::Yuyv => Chroma::Packed { luma_first: true },
            PixelFormat::Uyvy => Chroma::Packed { luma_first: false },
            PixelFormat::Nv12 => Chroma::Pairs { plane: plane(frame, 1)?, u_first: true },
            PixelFormat::Nv21 => Chroma::Pairs { plane: plane(frame, 1)?, u_first: false },
            PixelFormat::I420 => Chroma::Halved { planes: planes(1, 2)?, both_ways: true },
            PixelFormat::Yv12 => Chroma::Halved { planes: planes(2, 1)?, both_ways: true },
            PixelFormat::I422 => Chroma::Halved { planes: planes(1, 2)?, both_ways: false },
            PixelFormat::I444 => Chroma::Full { planes: planes(1, 2)? },
            PixelFormat::Grey => Chroma::None,
            _ => return Err(lacking(frame)),
        };
        Ok(Self { size, luma: plane(frame, 0)?, chroma })
    }
}

impl Lines {
    fn convert(&mut self, yuv: &Yuv<'_>, colour: Colour, out: &mut RgbImage) {
        let coefficients = Matrix::new(colour);
        let centre = colour.siting == ChromaSiting::Centre;
        let w = yuv.size.w();
        let half = w.div_ceil(2);
        self.luma.resize(2 * half, 0);
        for (narrow, wide) in self.narrow.iter_mut().zip(&mut self.wide) {
            narrow.resize(half + 2, 0);
            wide.resize(2 * half, 0);
        }
        let [narrow_u, narrow_v] = &mut self.narrow;
        let [wide_u, wide_v] = &mut self.wide;
        if let Chroma::None = yuv.chroma {
            wide_u.fill(0);
            wide_v.fill(0);
        }
        for (y, out) in out.data_mut().chunks_exact_mut(w * 3).enumerate() {
            let mut luma = yuv.luma.row(y);
            let (u, v) = (&mut narrow_u[1..=half], &mut narrow_v[1..=half]);
            let narrow = match &yuv.chroma {
                Chroma::None => false,
                Chroma::Full { planes: [src_u, src_v] } => {
                    chroma::centre_and_scale(src_u.row(y), wide_u);
                    chroma::centre_and_scale(src_v.row(y), wide_v);
                    false
                }
                Chroma::Halved { planes: [src_u, src_v], both_ways } => {
                    let (near, far) = chroma::lines_around(y, *both_ways, src_u.rows);
                    chroma::blend(src_u.row(near), src_u.row(far), u);
                    chroma::blend(src_v.row(near), src_v.row(far), v);
                    true
                }
                Chroma::Pairs { plane, u_first } => {
                    let (near, far) = chroma::lines_around(y, true, plane.rows);
                    let (first, second) = if *u_first { (u, v) } else { (v, u) };
                    chroma::blend_pairs(plane.row(near), plane.row(far), first, second);
                    true
                }
                Chroma::Packed { luma_first } => {
                    chroma::unpack(luma, *luma_first, &mut self.luma, u, v);
                    luma = &self.luma;
                    true
                }
            };
            if narrow {
                chroma::widen(narrow_u, centre, wide_u);
                chroma::widen(narrow_v, centre, wide_v);
            }
            matrix::line(coefficients, luma, wide_u, wide_v, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameMeta, Layout, PooledBuf};

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
