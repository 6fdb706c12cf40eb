//! Moving a picture along a motion field.

use std::ops::Range;

use crate::frame::Size;
use crate::vision::dispatch::vectorised;

use super::field::{CELL, MotionField, Vector};

#[cfg(target_arch = "x86_64")]
mod avx2;

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

/// Pixels of a group in [`Wanted`], across and down.
pub const GROUP: usize = 8;

/// Which groups of 8x8 pixels of a picture are to be made.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// All of them.
    Whole,
    /// One flag a group, row after row of `ceil(width / 8)`; those beyond the end are not made.
    Groups(&'a [bool]),
}

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
        self.warp_groups::<CHANNELS>(image, size, field, scale, Wanted::Whole, out);
    }

    /// As [`Compensator::warp`], of some groups of pixels; what `out` holds of the others is
    /// unspecified.
    pub fn warp_groups<const CHANNELS: usize>(
        &mut self,
        image: &[u8],
        size: Size,
        field: &MotionField,
        scale: Scale,
        wanted: Wanted<'_>,
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
        for plane in &mut self.cells {
            plane.resize(field.columns + 2, 0);
        }
        let image = Image::<CHANNELS> { data: image, width, height: size.h() };
        let groups = width.div_ceil(GROUP);
        for (y, target) in out.chunks_exact_mut(width * CHANNELS).enumerate() {
            let flags = match wanted {
                Wanted::Whole => None,
                Wanted::Groups(flags) => {
                    let from = y / GROUP * groups;
                    Some(flags.get(from..from + groups).unwrap_or_default())
                }
            };
            if flags.is_some_and(|f| !f.contains(&true)) {
                continue;
            }
            let (neighbour, weight) = LEAN[y % CELL];
            let row = (y / CELL).min(field.rows.saturating_sub(1));
            let other = row.saturating_add_signed(neighbour).min(field.rows.saturating_sub(1));
            let cells = |r: usize| field.vectors.get(r * field.columns..(r + 1) * field.columns);
            let (Some(own), Some(other)) = (cells(row), cells(other)) else { continue };
            let [cx, cy] = &mut self.cells;
            lean(own, other, weight, cx, cy);
            let [px, py] = &mut self.pixels;
            spread(cx, scale.numerator, scale.denominator, px);
            spread(cy, scale.numerator, scale.denominator, py);
            match flags {
                None => image.line(y, 0..width, px, py, target),
                Some(flags) => {
                    let mut from = 0;
                    for run in flags.chunk_by(|a, b| a == b) {
                        let end = (from + run.len() * GROUP).min(width);
                        if run.first() == Some(&true) {
                            image.line(y, from..end, px, py, target);
                        }
                        from = end;
                    }
                }
            }
        }
    }
}

vectorised! {
    /// Displacements between two rows of cells, times 8, with the outermost repeated.
    fn lean(own: &[Vector], other: &[Vector], weight: i32, cx: &mut [i32], cy: &mut [i32]) {
        let mix = |a: i16, b: i16| (8 - weight) * i32::from(a) + weight * i32::from(b);
        let n = own.len();
        let inner = cx[1..].iter_mut().zip(&mut cy[1..]);
        for (((cx, cy), a), b) in inner.zip(own).zip(other) {
            *cx = mix(a.x, b.x);
            *cy = mix(a.y, b.y);
        }
        for c in [cx, cy] {
            c[0] = c[1];
            c[n + 1] = c[n];
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

/// The picture that is moved, `CHANNELS` bytes a pixel.
#[derive(Clone, Copy)]
struct Image<'a, const CHANNELS: usize> {
    data: &'a [u8],
    width: usize,
    height: usize,
}

impl<const CHANNELS: usize> Image<'_, CHANNELS> {
    /// The pixels `range` of line `y`, each at its displacement.
    fn line(&self, y: usize, range: Range<usize>, dx: &[i32], dy: &[i32], target: &mut [u8]) {
        #[cfg(target_arch = "x86_64")]
        if crate::vision::simd::avx2() {
            #[expect(unsafe_code, reason = "a call with more instructions than assumed")]
            // SAFETY: the processor was just found to have AVX2.
            return unsafe { avx2::line(self, y, range, dx, dy, target) };
        }
        self.pixels(y, range, dx, dy, target);
    }

    /// As [`Image::line`], for the base instruction set.
    #[inline]
    fn pixels(&self, y: usize, range: Range<usize>, dx: &[i32], dy: &[i32], target: &mut [u8]) {
        let (most_x, most_y) = ((self.width as i32 - 1) * 64, (self.height as i32 - 1) * 64);
        let stride = self.width * CHANNELS;
        let from = range.start;
        let (Some(dx), Some(dy)) = (dx.get(range.clone()), dy.get(range)) else { return };
        let pixels = target.as_chunks_mut::<CHANNELS>().0.iter_mut().skip(from);
        for (x, ((pixel, &dx), &dy)) in (from..).zip(pixels.zip(dx).zip(dy)) {
            let px = (x as i32 * 64 + dx).clamp(0, most_x);
            let py = (y as i32 * 64 + dy).clamp(0, most_y);
            let (fx, fy) = ((px & 63) as u32, (py & 63) as u32);
            // At the last column and line the fraction is 0, so the neighbour has no weight.
            let right = if px < most_x { CHANNELS } else { 0 };
            let below = if py < most_y { stride } else { 0 };
            let at = (py >> 6) as usize * stride + (px >> 6) as usize * CHANNELS;
            let weights = [(64 - fx) * (64 - fy), fx * (64 - fy), (64 - fx) * fy, fx * fy];
            let (Some(upper), Some(lower)) = (
                self.data.get(at..at + right + CHANNELS),
                self.data.get(at + below..at + below + right + CHANNELS),
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

    /// A seeded field that bends gently, with some cells that jump far.
    fn bent(size: Size, seed: u32) -> MotionField {
        let mut state = seed;
        let mut field = MotionField::default();
        field.reset(size.w().div_ceil(CELL), size.h().div_ceil(CELL));
        for (i, v) in field.vectors.iter_mut().enumerate() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *v = Vector { x: (i % 37) as i16 * 3 - 40, y: (state >> 29) as i16 - 300 };
            if state >> 27 == 5 {
                *v = Vector { x: (state >> 13) as i16 / 8, y: (state >> 9) as i16 / 8 };
            }
        }
        field
    }

    #[test]
    fn every_instruction_set_gives_the_same_picture() {
        for (width, height) in [(1, 1), (7, 9), (64, 40), (67, 41), (8, 3), (200, 16)] {
            let size = Size::new(width, height);
            let data: Vec<u8> =
                (0..size.pixels() * 3).map(|i| (i * i / 7 + i * 31) as u8).collect();
            let field = bent(size, width);
            let mut compensator = Compensator::default();
            let mut out = Vec::new();
            compensator.warp::<3>(&data, size, &field, Scale::ONE, &mut out);
            let plain = plain::<3>(&data, size, &field);
            assert!(out == plain, "{size} in colour");
            compensator.warp::<1>(&data, size, &field, Scale::ONE, &mut out);
            assert!(out == self::plain::<1>(&data, size, &field), "{size} in grey");
        }
    }

    /// Pixel by pixel, as the contract has it.
    fn plain<const CHANNELS: usize>(data: &[u8], size: Size, field: &MotionField) -> Vec<u8> {
        let image = Image::<CHANNELS> { data, width: size.w(), height: size.h() };
        let mut out = vec![0; size.pixels() * CHANNELS];
        for (y, target) in out.chunks_exact_mut(size.w() * CHANNELS).enumerate() {
            let (neighbour, weight) = LEAN[y % CELL];
            let row = (y / CELL) as isize;
            let along = |x: usize, part: fn(Vector) -> i16| {
                let (side, across) = LEAN[x % CELL];
                let column = (x / CELL) as isize;
                let cell = |c: isize| {
                    (8 - weight) * i32::from(part(field.at(c, row)))
                        + weight * i32::from(part(field.at(c, row + neighbour)))
                };
                ((8 - across) * cell(column) + across * cell(column + side) + 32) >> 6
            };
            let dx: Vec<i32> = (0..size.w()).map(|x| along(x, |v| v.x)).collect();
            let dy: Vec<i32> = (0..size.w()).map(|x| along(x, |v| v.y)).collect();
            image.pixels(y, 0..size.w(), &dx, &dy, target);
        }
        out
    }

    #[test]
    fn groups_are_made_where_they_are_wanted() {
        let size = Size::new(45, 20);
        let data: Vec<u8> = (0..size.pixels() * 3).map(|i| (i * 37) as u8).collect();
        let field = bent(size, 3);
        let mut compensator = Compensator::default();
        let mut whole = Vec::new();
        compensator.warp::<3>(&data, size, &field, Scale::HALF, &mut whole);
        let flags: Vec<bool> = (0..6 * 3).map(|i| i % 5 == 2 || i % 7 == 0).collect();
        let mut some = vec![0xaa; data.len()];
        let wanted = Wanted::Groups(&flags);
        compensator.warp_groups::<3>(&data, size, &field, Scale::HALF, wanted, &mut some);
        for (i, (&a, &b)) in whole.iter().zip(&some).enumerate() {
            let (x, y) = (i / 3 % 45, i / 3 / 45);
            assert_eq!(b, if flags[y / GROUP * 6 + x / GROUP] { a } else { 0xaa }, "({x}, {y})");
        }
    }
}
