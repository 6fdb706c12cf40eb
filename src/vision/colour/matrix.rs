//! The matrix from YUV to RGB, in integers.
//!
//! With `y`, `u`, `v` the samples less their offsets, times 128,
//! `R = (y cy + v rv + half) >> 20`, clamped to 0..=255, and likewise G and B. The coefficients
//! carry 13 fractional bits, so the result lies within 0.03 levels of the real formula before it
//! is rounded, and both factors fit the 16-bit multiply-add of every SIMD set.

use crate::frame::{Colour, ColourRange};
use crate::vision::dispatch::vectorised;

/// Fractional bits of the samples.
pub(super) const SAMPLE_BITS: u32 = 7;
/// Fractional bits of the coefficients.
const COEFFICIENT_BITS: u32 = 13;
const SHIFT: u32 = SAMPLE_BITS + COEFFICIENT_BITS;
const HALF: i32 = 1 << (SHIFT - 1);

/// Integer coefficients of one matrix and range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Matrix {
    /// Luma value of black.
    pub(super) black: i16,
    /// Weight of luma.
    pub(super) luma: i16,
    /// Weight of V in red.
    pub(super) v_red: i16,
    /// Weight of U in green (negative).
    pub(super) u_green: i16,
    /// Weight of V in green (negative).
    pub(super) v_green: i16,
    /// Weight of U in blue.
    pub(super) u_blue: i16,
}

impl Matrix {
    /// The coefficients for `colour`.
    pub(super) fn new(colour: Colour) -> Self {
        let (kr, kb) = colour.matrix.kr_kb();
        let kg = 1.0 - kr - kb;
        let (black, luma, chroma) = match colour.range {
            ColourRange::Limited => (16, 255.0 / 219.0, 255.0 / 224.0),
            ColourRange::Full => (0, 1.0, 1.0),
        };
        let fixed = |x: f64| (x * f64::from(1 << COEFFICIENT_BITS)).round() as i16;
        Self {
            black,
            luma: fixed(luma),
            v_red: fixed(2.0 * (1.0 - kr) * chroma),
            u_green: fixed(-2.0 * (1.0 - kb) * kb / kg * chroma),
            v_green: fixed(-2.0 * (1.0 - kr) * kr / kg * chroma),
            u_blue: fixed(2.0 * (1.0 - kb) * chroma),
        }
    }

    /// RGB of one pixel; `u` and `v` are less their offset of 128 and times 128.
    #[inline(always)]
    pub(super) fn pixel(&self, y: u8, u: i16, v: i16) -> [u8; 3] {
        let y = (i32::from(y) - i32::from(self.black)) << SAMPLE_BITS;
        let (u, v) = (i32::from(u), i32::from(v));
        let y = y * i32::from(self.luma) + HALF;
        let red = y + v * i32::from(self.v_red);
        let green = y + u * i32::from(self.u_green) + v * i32::from(self.v_green);
        let blue = y + u * i32::from(self.u_blue);
        [red, green, blue].map(|c| (c >> SHIFT).clamp(0, 255) as u8)
    }
}

vectorised! {
    /// RGB of one line. `u` and `v` have a value for each luma sample.
    pub(super) fn line(matrix: Matrix, y: &[u8], u: &[i16], v: &[i16], out: &mut [u8]) {
        for (((pixel, &y), &u), &v) in out.as_chunks_mut().0.iter_mut().zip(y).zip(u).zip(v) {
            *pixel = matrix.pixel(y, u, v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{ChromaSiting, ColourMatrix};

    fn real(colour: Colour, y: u8, u: u8, v: u8) -> [f64; 3] {
        let (kr, kb) = colour.matrix.kr_kb();
        let (y, c) = match colour.range {
            ColourRange::Limited => ((f64::from(y) - 16.0) / 219.0, 1.0 / 224.0),
            ColourRange::Full => (f64::from(y) / 255.0, 1.0 / 255.0),
        };
        let (u, v) = ((f64::from(u) - 128.0) * c, (f64::from(v) - 128.0) * c);
        let red = y + 2.0 * (1.0 - kr) * v;
        let blue = y + 2.0 * (1.0 - kb) * u;
        let green = (y - kr * red - kb * blue) / (1.0 - kr - kb);
        [red, green, blue].map(|x| (x * 255.0).clamp(0.0, 255.0))
    }

    #[test]
    fn integers_follow_the_real_formula() {
        for matrix in [ColourMatrix::Bt601, ColourMatrix::Bt709, ColourMatrix::Bt2020] {
            for range in [ColourRange::Limited, ColourRange::Full] {
                let colour = Colour { matrix, range, siting: ChromaSiting::Left };
                let m = Matrix::new(colour);
                let mut worst = 0f64;
                for y in (0..=255u8).step_by(3) {
                    for u in (0..=255u8).step_by(5) {
                        for v in (0..=255u8).step_by(5) {
                            let scaled = |c: u8| (i16::from(c) - 128) << SAMPLE_BITS;
                            let got = m.pixel(y, scaled(u), scaled(v));
                            for (g, r) in got.iter().zip(real(colour, y, u, v)) {
                                worst = worst.max((f64::from(*g) - r).abs());
                            }
                        }
                    }
                }
                assert!(worst < 0.54, "{colour}: off by {worst}");
            }
        }
    }

    #[test]
    fn black_and_white_are_exact() {
        let limited = Matrix::new(Colour::default());
        assert_eq!(limited.pixel(16, 0, 0), [0; 3]);
        assert_eq!(limited.pixel(235, 0, 0), [255; 3]);
        let full = Matrix::new(Colour::JPEG);
        for grey in 0..=255 {
            assert_eq!(full.pixel(grey, 0, 0), [grey; 3]);
        }
    }
}
