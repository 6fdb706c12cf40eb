//! From component planes to RGB lines: triangle upsampling and the colour matrix.
//!
//! A halved component is interpolated with weights 3 and 1, rounded as libjpeg's "fancy"
//! upsampling does: alternating up and down, so that no bias adds up. Components at most two
//! samples wide, and other whole ratios, are repeated.

use super::super::dispatch::vectorised;
use super::header::{Component, FrameHeader};
use super::planes::SamplePlane;

/// What the three components of a picture mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColourModel {
    /// Full-range BT.601.
    YCbCr,
    /// Red, green, blue (Adobe marker, or component names R, G, B).
    Rgb,
}

/// Line buffers, kept between pictures.
#[derive(Debug, Default)]
pub(super) struct Upsampler {
    sums: Vec<u16>,
    wide: [Vec<u8>; 3],
}

impl Upsampler {
    /// Writes line `y` of the picture as RGB.
    pub(super) fn line(
        &mut self,
        frame: &FrameHeader,
        model: ColourModel,
        planes: &[SamplePlane; 3],
        y: usize,
        out: &mut [u8],
    ) {
        for ((component, plane), wide) in frame.components().iter().zip(planes).zip(&mut self.wide)
        {
            wide.resize(frame.size.w() + 1, 0);
            widen(frame, component, plane, y, &mut self.sums, wide);
        }
        let w = frame.size.w();
        let [first, second, third] = &self.wide;
        if let [_] = frame.components() {
            for (out, &grey) in out.as_chunks_mut().0.iter_mut().zip(first) {
                *out = [grey; 3];
            }
            return;
        }
        let (first, second, third) = (&first[..w], &second[..w], &third[..w]);
        match model {
            ColourModel::YCbCr => to_rgb(first, second, third, out),
            ColourModel::Rgb => {
                let pixels = out.as_chunks_mut().0.iter_mut();
                for (((out, &r), &g), &b) in pixels.zip(first).zip(second).zip(third) {
                    *out = [r, g, b];
                }
            }
        }
    }
}

/// Brings line `y` of a component to the picture's width; `out` has one place to spare.
fn widen(
    frame: &FrameHeader,
    component: &Component,
    plane: &SamplePlane,
    y: usize,
    sums: &mut Vec<u16>,
    out: &mut [u8],
) {
    let across = frame.across / component.across;
    let down = frame.down / component.down;
    let near = y / down;
    let far = if y.is_multiple_of(2) { near.saturating_sub(1) } else { near + 1 };
    let (near, far) = (plane.line(near), plane.line(far.min(plane.height().saturating_sub(1))));
    match (across, down) {
        (1, 2) => {
            let bias = if y.is_multiple_of(2) { 1 } else { 2 };
            for ((out, &n), &f) in out.iter_mut().zip(near).zip(far) {
                *out = ((3 * u16::from(n) + u16::from(f) + bias) >> 2) as u8;
            }
        }
        (2, 1 | 2) if component.width > 2 => {
            // One more at each end, so that the edges need no case of their own.
            sums.resize(near.len() + 2, 0);
            if down == 1 {
                for (sum, &n) in sums[1..].iter_mut().zip(near) {
                    *sum = u16::from(n);
                }
            } else {
                for ((sum, &n), &f) in sums[1..].iter_mut().zip(near).zip(far) {
                    *sum = 3 * u16::from(n) + u16::from(f);
                }
            }
            sums[0] = sums[1];
            sums[near.len() + 1] = sums[near.len()];
            if down == 1 {
                triangle::<2, 1, 2>(sums, out);
            } else {
                triangle::<4, 8, 7>(sums, out);
            }
        }
        (1, _) => out.iter_mut().zip(near).for_each(|(out, &n)| *out = n),
        _ => {
            for (out, &n) in out.chunks_mut(across).zip(near) {
                out.fill(n);
            }
        }
    }
}

/// Doubles a line: `(3 near + far + bias) >> SHIFT`, with a bias for each of the two results.
#[inline(always)]
fn triangle<const SHIFT: u32, const EVEN: u16, const ODD: u16>(sums: &[u16], out: &mut [u8]) {
    for (out, s) in out.as_chunks_mut::<2>().0.iter_mut().zip(sums.array_windows::<3>()) {
        let here = 3 * s[1];
        *out = [((here + s[0] + EVEN) >> SHIFT) as u8, ((here + s[2] + ODD) >> SHIFT) as u8];
    }
}

vectorised! {
    /// Full-range BT.601, the coefficients with 16 fractional bits, each chroma term of red and
    /// blue rounded by itself.
    fn to_rgb(y: &[u8], u: &[u8], v: &[u8], out: &mut [u8]) {
        for (((out, &y), &u), &v) in out.as_chunks_mut().0.iter_mut().zip(y).zip(u).zip(v) {
            let (y, u, v) = (i32::from(y), i32::from(u) - 128, i32::from(v) - 128);
            let red = y + ((91_881 * v + 32_768) >> 16);
            let green = y + ((-22_554 * u - 46_802 * v + 32_768) >> 16);
            let blue = y + ((116_130 * u + 32_768) >> 16);
            *out = [red, green, blue].map(|c| c.clamp(0, 255) as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triangle_weights_alternate_their_rounding() {
        let mut out = [0; 6];
        triangle::<2, 1, 2>(&[10, 10, 13, 20, 20], &mut out);
        // (40 + 1) / 4, (43 + 2) / 4, (49 + 1) / 4, (59 + 2) / 4, (73 + 1) / 4, (80 + 2) / 4
        assert_eq!(out, [10, 11, 12, 15, 18, 20]);
    }

    #[test]
    fn every_instruction_set_gives_the_same() {
        let ramp: Vec<u8> = (0..=255).collect();
        let (u, v) = (ramp.iter().map(|v| v ^ 0x5A).collect::<Vec<_>>(), ramp.clone());
        let (mut a, mut b) = (vec![0; 768], vec![0; 768]);
        to_rgb(&ramp, &u, &v, &mut a);
        to_rgb::scalar(&ramp, &u, &v, &mut b);
        assert_eq!(a, b);
        assert_eq!(a[..3], [0, 104, 0]);
    }
}
