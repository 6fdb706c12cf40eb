//! RGB to planar YUV, for Y4M output.
//!
//! Per pixel the matrix of the given colour, rounded half up from coefficients of 16 fractional
//! bits. Halved chroma is the mean of the RGB of the pixels it stands for, weighted by the siting:
//! left takes the columns 2k-1, 2k, 2k+1 with weights 1 2 1, centre the columns 2k, 2k+1 with
//! weights 1 1; both take the lines 2k, 2k+1 equally. Edges are repeated.

use crate::frame::{ChromaSiting, Colour, ColourRange, Size};

use super::{RgbImage, VisionError};

const BITS: u32 = 16;

/// Integer coefficients from RGB to YUV.
struct Forward {
    black: i32,
    y: [i32; 3],
    u: [i32; 3],
    v: [i32; 3],
}

impl Forward {
    fn new(colour: Colour) -> Self {
        let (kr, kb) = colour.matrix.kr_kb();
        let kg = 1.0 - kr - kb;
        let (black, luma, chroma) = match colour.range {
            ColourRange::Limited => (16, 219.0 / 255.0, 224.0 / 255.0),
            ColourRange::Full => (0, 1.0, 1.0),
        };
        let fixed = |x: f64| (x * f64::from(1 << BITS)).round() as i32;
        // The middle coefficient closes the sum, so that greys have exactly no chroma.
        let close = |total: f64, a: f64, b: f64| {
            let (a, b) = (fixed(a), fixed(b));
            (a, fixed(total) - a - b, b)
        };
        let (yr, yg, yb) = close(luma, kr * luma, kb * luma);
        let (us, vs) = (chroma / (2.0 * (1.0 - kb)), chroma / (2.0 * (1.0 - kr)));
        let (ur, ug, ub) = close(0.0, -kr * us, (1.0 - kb) * us);
        let (vr, vg, vb) = close(0.0, (1.0 - kr) * vs, -kb * vs);
        debug_assert!(kg > 0.0);
        Self { black, y: [yr, yg, yb], u: [ur, ug, ub], v: [vr, vg, vb] }
    }

    fn luma(&self, [r, g, b]: [u8; 3]) -> u8 {
        let [cr, cg, cb] = self.y;
        let sum = i32::from(r) * cr + i32::from(g) * cg + i32::from(b) * cb;
        (((sum + (1 << (BITS - 1))) >> BITS) + self.black).clamp(0, 255) as u8
    }

    /// Chroma of a sum of `1 << weight_bits` pixels.
    fn chroma(coefficients: [i32; 3], sum: [i32; 3], weight_bits: u32) -> u8 {
        let [cr, cg, cb] = coefficients;
        let [r, g, b] = sum;
        let total = r * cr + g * cg + b * cb;
        let shift = BITS + weight_bits;
        (((total + (1 << (shift - 1))) >> shift) + 128).clamp(0, 255) as u8
    }
}

/// Bytes of a packed I420 picture of `size`.
#[must_use]
pub(crate) const fn i420_len(size: Size) -> usize {
    size.pixels() + 2 * size.w().div_ceil(2) * size.h().div_ceil(2)
}

/// Writes `src` as planar 4:2:0 (Y, U, V without padding; odd sizes round the chroma up) to `out`.
///
/// # Errors
/// [`VisionError::Length`] unless `out` is as long as the picture needs.
pub fn rgb_to_i420(src: &RgbImage, colour: Colour, out: &mut [u8]) -> Result<(), VisionError> {
    let size = src.size();
    VisionError::check_pixels("the picture", size)?;
    VisionError::check_len("the I420 buffer", out.len(), i420_len(size))?;
    let forward = Forward::new(colour);
    let (w, h) = (size.w(), size.h());
    let pixels = src.data().as_chunks::<3>().0;
    let (luma, chroma) = out.split_at_mut(size.pixels());
    for (out, pixel) in luma.iter_mut().zip(pixels) {
        *out = forward.luma(*pixel);
    }
    let half_w = w.div_ceil(2);
    let (us, vs) = chroma.split_at_mut(chroma.len() / 2);
    let lines = us.chunks_exact_mut(half_w).zip(vs.chunks_exact_mut(half_w));
    for (k, (us, vs)) in lines.enumerate() {
        let top = &pixels[2 * k * w..][..w];
        let bottom = &pixels[(2 * k + 1).min(h - 1) * w..][..w];
        let column = |x: usize| -> [i32; 3] {
            std::array::from_fn(|c| i32::from(top[x][c]) + i32::from(bottom[x][c]))
        };
        for (x, (u, v)) in us.iter_mut().zip(vs).enumerate() {
            let here = column(2 * x);
            let right = column((2 * x + 1).min(w - 1));
            let sum: [i32; 3] = match colour.siting {
                ChromaSiting::Left => {
                    let left = column((2 * x).saturating_sub(1));
                    std::array::from_fn(|c| left[c] + 2 * here[c] + right[c])
                }
                ChromaSiting::Centre => std::array::from_fn(|c| 2 * (here[c] + right[c])),
            };
            *u = Forward::chroma(forward.u, sum, 3);
            *v = Forward::chroma(forward.v, sum, 3);
        }
    }
    Ok(())
}

/// Writes `src` as planar 4:4:4 (Y, U, V without padding) to `out`.
///
/// # Errors
/// [`VisionError::Length`] unless `out` is as long as the picture needs.
pub fn rgb_to_i444(src: &RgbImage, colour: Colour, out: &mut [u8]) -> Result<(), VisionError> {
    let size = src.size();
    VisionError::check_pixels("the picture", size)?;
    VisionError::check_len("the I444 buffer", out.len(), size.pixels() * 3)?;
    let forward = Forward::new(colour);
    let (luma, chroma) = out.split_at_mut(size.pixels());
    let (us, vs) = chroma.split_at_mut(size.pixels());
    let pixels = src.data().as_chunks::<3>().0;
    for (((y, u), v), &pixel) in luma.iter_mut().zip(us).zip(vs).zip(pixels) {
        *y = forward.luma(pixel);
        let sum = pixel.map(i32::from);
        *u = Forward::chroma(forward.u, sum, 0);
        *v = Forward::chroma(forward.v, sum, 0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Frame, FrameMeta, Layout, PixelFormat, PooledBuf};
    use crate::vision::FrameConverter;

    fn back(format: PixelFormat, size: Size, colour: Colour, bytes: Vec<u8>) -> RgbImage {
        let meta = FrameMeta { colour, ..FrameMeta::default() };
        let layout = Layout::packed(format, size).unwrap();
        let frame = Frame::new(PooledBuf::unpooled(bytes), layout, meta).unwrap();
        let mut out = RgbImage::default();
        FrameConverter::new().to_rgb(&frame, &mut out).unwrap();
        out
    }

    fn worst(a: &RgbImage, b: &RgbImage) -> u8 {
        a.data().iter().zip(b.data()).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
    }

    const COLOURS: [&str; 5] =
        ["bt601-limited", "bt709-limited", "bt2020-limited", "bt601-full", "jpeg"];

    #[test]
    fn full_chroma_survives_the_round_trip() {
        let size = Size::new(16, 16);
        let data = (0..256u32)
            .flat_map(|i| [i as u8, (i * 7 % 256) as u8, (i * 31 % 256) as u8])
            .collect();
        let rgb = RgbImage::from_vec(size, data).unwrap();
        for colour in COLOURS.map(|c| c.parse::<Colour>().unwrap()) {
            let mut yuv = vec![0; size.pixels() * 3];
            rgb_to_i444(&rgb, colour, &mut yuv).unwrap();
            let back = back(PixelFormat::I444, size, colour, yuv);
            assert!(worst(&rgb, &back) <= 3, "{colour}: {}", worst(&rgb, &back));
        }
    }

    #[test]
    fn smooth_pictures_survive_halved_chroma() {
        let size = Size::new(31, 17);
        let data = (0..size.height)
            .flat_map(|y| (0..size.width).map(move |x| (x, y)))
            .flat_map(|(x, y)| [60 + 2 * x, 200 - 3 * y, 40 + x + y].map(|v| v as u8))
            .collect();
        let rgb = RgbImage::from_vec(size, data).unwrap();
        for colour in COLOURS.map(|c| c.parse::<Colour>().unwrap()) {
            let mut yuv = vec![0; i420_len(size)];
            rgb_to_i420(&rgb, colour, &mut yuv).unwrap();
            let back = back(PixelFormat::I420, size, colour, yuv);
            assert!(worst(&rgb, &back) <= 6, "{colour}: {}", worst(&rgb, &back));
        }
    }

    #[test]
    fn greys_have_no_chroma() {
        let data = (0..=255).flat_map(|v| [v; 3]).collect();
        let rgb = RgbImage::from_vec(Size::new(16, 16), data).unwrap();
        for colour in COLOURS.map(|c| c.parse::<Colour>().unwrap()) {
            let mut yuv = vec![0; 768];
            rgb_to_i444(&rgb, colour, &mut yuv).unwrap();
            assert!(yuv[256..].iter().all(|&c| c == 128));
            let black = if colour.range == ColourRange::Limited { (16, 235) } else { (0, 255) };
            assert_eq!((yuv[0], yuv[255]), black);
        }
    }
}
