//! Moving a picture along a motion field.

use crate::frame::Size;
use crate::vision::dispatch::vectorised;

use super::field::{CELL, MotionField};

/// A factor for displacements: `numerator / denominator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Above the line.
    pub numerator: i32,
    /// Below the line, at least 1.
    pub denominator: i32,
}

impl Scale {
    /// Displacements as they are.
    pub const ONE: Self = Self { numerator: 1, denominator: 1 };
    /// Half of them.
    pub const HALF: Self = Self { numerator: 1, denominator: 2 };
}

/// Weights, in eighths, of a pixel's own cell and of the neighbour it leans to.
const LEAN: [(isize, i32); CELL] = [(-1, 3), (-1, 1), (1, 1), (1, 3)];

/// Moves pictures along motion fields. Keeps its memory; one thread uses it.
#[derive(Clone, Debug, Default)]
pub struct Compensator {
    /// Displacements of one line of cells, interpolated between rows, times 8; one cell more on
    /// either side.
    cells: [Vec<i32>; 2],
    /// Displacements of one line of pixels, in 1/64 pixel.
    pixels: [Vec<i32>; 2],
}

impl Compensator {
    /// Each pixel of `out` is that of `image` displaced by the field, which is interpolated between
    /// the centres of its cells and scaled; bilinear, rounded half up, edges repeated. `image` and
    /// `out` hold `CHANNELS` bytes a pixel without padding; `out` is resized.
    pub fn warp<const CHANNELS: usize>(
        &mut self,
        image: &[u8],
        size: Size,
        field: &MotionField,
        scale: Scale,
        out: &mut Vec<u8>,
    ) {
        let width = size.w();
        out.resize(size.pixels() * CHANNELS, 0);
        if image.len() < out.len() || out.is_empty() || field.vectors.is_empty() {
            return;
        }
        let line = field.columns * CELL;
        for plane in &mut self.pixels {
            plane.resize(line, 0);
        }
        for (y, target) in out.chunks_exact_mut(width * CHANNELS).enumerate() {
            let (neighbour, weight) = LEAN[y % CELL];
            let row = (y / CELL) as isize;
            let [cx, cy] = &mut self.cells;
            cx.clear();
            cy.clear();
            for column in -1..=field.columns as isize {
                let (a, b) = (field.at(column, row), field.at(column, row + neighbour));
                let mix = |a: i16, b: i16| (8 - weight) * i32::from(a) + weight * i32::from(b);
                cx.push(mix(a.x, b.x));
                cy.push(mix(a.y, b.y));
            }
            let [px, py] = &mut self.pixels;
            spread(cx, scale.numerator, scale.denominator, px);
            spread(cy, scale.numerator, scale.denominator, py);
            sample::<CHANNELS>(image, width, size.h(), y, px, py, target);
        }
    }
}

/// Displacements of cells, with one more on either side, to those of pixels.
#[inline]
fn spread(cells: &[i32], numerator: i32, denominator: i32, out: &mut [i32]) {
    match denominator {
        1 => spread_shifted(cells, numerator, 6, out),
        2 => spread_shifted(cells, numerator, 7, out),
        _ => {
            let divisor = denominator.max(1) * 64;
            spread_by(cells, out, |v| (v * numerator + divisor / 2).div_euclid(divisor));
        }
    }
}

#[inline(always)]
fn spread_by(cells: &[i32], out: &mut [i32], scale: impl Fn(i32) -> i32) {
    for (around, four) in cells.array_windows::<3>().zip(out.as_chunks_mut::<CELL>().0) {
        let [left, own, right] = *around;
        *four =
            [3 * left + 5 * own, left + 7 * own, 7 * own + right, 5 * own + 3 * right].map(&scale);
    }
}

vectorised! {
    fn spread_shifted(cells: &[i32], numerator: i32, shift: u32, out: &mut [i32]) {
        // The shift rounds towards minus infinity, as the division does.
        spread_by(cells, out, |v| (v * numerator + (1 << (shift - 1))) >> shift);
    }
}

/// One line of pixels, each at its displacement.
fn sample<const CHANNELS: usize>(
    image: &[u8],
    width: usize,
    height: usize,
    y: usize,
    dx: &[i32],
    dy: &[i32],
    target: &mut [u8],
) {
    let (most_x, most_y) = ((width as i32 - 1) * 64, (height as i32 - 1) * 64);
    let stride = width * CHANNELS;
    let pixels = target.as_chunks_mut::<CHANNELS>().0.iter_mut();
    for (x, ((pixel, &dx), &dy)) in pixels.zip(dx).zip(dy).enumerate() {
        let px = (x as i32 * 64 + dx).clamp(0, most_x);
        let py = (y as i32 * 64 + dy).clamp(0, most_y);
        let (fx, fy) = ((px & 63) as u32, (py & 63) as u32);
        // At the last column and line the fraction is 0, so the neighbour has no weight.
        let right = if px < most_x { CHANNELS } else { 0 };
        let below = if py < most_y { stride } else { 0 };
        let at = (py >> 6) as usize * stride + (px >> 6) as usize * CHANNELS;
        let weights = [(64 - fx) * (64 - fy), fx * (64 - fy), (64 - fx) * fy, fx * fy];
        let (Some(upper), Some(lower)) = (
            image.get(at..at + right + CHANNELS),
            image.get(at + below..at + below + right + CHANNELS),
        ) else {
            continue;
        };
        for c in 0..CHANNELS {
            let sum = u32::from(upper[c]) * weights[0]
                + u32::from(upper[c + right]) * weights[1]
                + u32::from(lower[c]) * weights[2]
                + u32::from(lower[c + right]) * weights[3];
            pixel[c] = ((sum + 2048) >> 12) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::motion::Vector;

    fn field(v: Vector) -> MotionField {
        let mut field = MotionField::default();
        field.reset(4, 4);
        field.vectors.fill(v);
        field
    }

    #[test]
    fn whole_pixels_move_and_edges_repeat() {
        let size = Size::new(16, 16);
        let image: Vec<u8> = (0..=255).collect();
        let mut out = Vec::new();
        let v = Vector { x: 128, y: -64 };
        Compensator::default().warp::<1>(&image, size, &field(v), Scale::ONE, &mut out);
        assert_eq!(out[5 * 16 + 3], image[4 * 16 + 5]);
        assert_eq!(out[0], image[2], "above the first line is the first line");
        assert_eq!(out[255], image[14 * 16 + 15], "beyond the last column is the last column");
    }

    #[test]
    fn fractions_are_bilinear_and_rounded_half_up() {
        let size = Size::new(16, 16);
        let image: Vec<u8> = (0..256).map(|i| (i % 16 * 3) as u8).collect();
        let mut out = Vec::new();
        let v = Vector { x: 32, y: 0 };
        Compensator::default().warp::<1>(&image, size, &field(v), Scale::ONE, &mut out);
        assert_eq!(out[..3], [2, 5, 8], "1.5, 4.5 and 7.5 round up");
        Compensator::default().warp::<1>(&image, size, &field(v), Scale::HALF, &mut out);
        assert_eq!(out[..3], [1, 4, 7], "0.75, 3.75 and 6.75");
        let third = Scale { numerator: 1, denominator: 4 };
        Compensator::default().warp::<1>(&image, size, &field(v), third, &mut out);
        assert_eq!(out[..3], [0, 3, 6], "0.375, 3.375 and 6.375");
    }

    #[test]
    fn channels_move_together() {
        let size = Size::new(16, 16);
        let grey: Vec<u8> = (0..=255).map(|v: u8| v.wrapping_mul(37)).collect();
        let colour: Vec<u8> = grey.iter().flat_map(|&v| [v, 255 - v, v]).collect();
        let v = Vector { x: -23, y: 41 };
        let (mut one, mut three) = (Vec::new(), Vec::new());
        Compensator::default().warp::<1>(&grey, size, &field(v), Scale::ONE, &mut one);
        Compensator::default().warp::<3>(&colour, size, &field(v), Scale::ONE, &mut three);
        assert!(one.iter().zip(three.as_chunks::<3>().0).all(|(&a, b)| a == b[0] && a == b[2]));
    }
}
