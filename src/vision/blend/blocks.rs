//! Sums over the 8x8 blocks of a luma plane.
//!
//! Portable code, with AVX2 beside it for whole blocks: sums of absolute differences of eight bytes
//! are one instruction there. Both give the same numbers.

use super::BLOCK;
use crate::vision::dispatch::vectorised;
use crate::vision::motion::CELL;
#[cfg(target_arch = "x86_64")]
use crate::vision::simd;

#[cfg(target_arch = "x86_64")]
mod avx2;

/// A plane of `width * height` bytes without padding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plane<'a> {
    pub(super) data: &'a [u8],
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Plane<'_> {
    /// Blocks in a row, and rows of them.
    const fn blocks(&self) -> (usize, usize) {
        (self.width.div_ceil(BLOCK), self.height.div_ceil(BLOCK))
    }

    /// Whether AVX2 may read the plane: it is whole, and [`simd`] allows it.
    #[cfg(target_arch = "x86_64")]
    fn vectorised(&self) -> bool {
        self.data.len() >= self.width * self.height && simd::avx2()
    }
}

/// The sum of absolute differences of each block, scaled to 64 pixels where a block is cut off.
pub(super) fn block_errors(a: &[u8], b: &[u8], width: usize, height: usize, out: &mut Vec<u32>) {
    let plane = Plane { data: a, width, height };
    let (columns, rows) = plane.blocks();
    out.clear();
    out.resize(columns * rows, 0);
    #[cfg(target_arch = "x86_64")]
    let done = if plane.vectorised() && b.len() >= width * height {
        #[expect(unsafe_code, reason = "a call with more instructions than assumed")]
        // SAFETY: the processor was just found to have AVX2.
        unsafe {
            avx2::errors(plane, b, out)
        }
    } else {
        0
    };
    #[cfg(not(target_arch = "x86_64"))]
    let done = 0;
    errors_from(done, plane, b, out);
    whole_blocks(width, height, out);
}

/// The columns of blocks from `done` on, for the base instruction set.
fn errors_from(done: usize, a: Plane<'_>, b: &[u8], out: &mut [u32]) {
    let (columns, _) = a.blocks();
    let (width, from) = (a.width, done * BLOCK);
    if from >= width {
        return;
    }
    let lines = a.data.chunks_exact(width).zip(b.chunks_exact(width)).take(a.height);
    for (y, (a, b)) in lines.enumerate() {
        let sums = &mut out[y / BLOCK * columns + done..(y / BLOCK + 1) * columns];
        let blocks = a[from..].chunks(BLOCK).zip(b[from..].chunks(BLOCK));
        for (s, (a, b)) in sums.iter_mut().zip(blocks) {
            let line: u16 = a.iter().zip(b).map(|(&a, &b)| u16::from(a.abs_diff(b))).sum();
            *s += u32::from(line);
        }
    }
}

/// The sum of absolute differences to the right and lower neighbours of each block, scaled to 64
/// pixels where a block is cut off.
pub(super) fn block_gradients(plane: Plane<'_>, out: &mut Vec<u32>) {
    let (columns, rows) = plane.blocks();
    out.clear();
    out.resize(columns * rows, 0);
    #[cfg(target_arch = "x86_64")]
    let done = if plane.vectorised() {
        #[expect(unsafe_code, reason = "a call with more instructions than assumed")]
        // SAFETY: the processor was just found to have AVX2.
        unsafe {
            avx2::gradients(plane, out)
        }
    } else {
        0
    };
    #[cfg(not(target_arch = "x86_64"))]
    let done = 0;
    gradients_from(done, plane, out);
    whole_blocks(plane.width, plane.height, out);
}

fn gradients_from(done: usize, plane: Plane<'_>, out: &mut [u32]) {
    let Plane { data, width, height } = plane;
    let (columns, _) = plane.blocks();
    for (y, line) in data.chunks_exact(width).take(height).enumerate() {
        let below = if y + 1 < height { &data[(y + 1) * width..(y + 2) * width] } else { line };
        let sums = &mut out[y / BLOCK * columns..(y / BLOCK + 1) * columns];
        let pixels = line.iter().zip(below).enumerate().skip(done * BLOCK);
        for (x, (&own, &below)) in pixels {
            let right = line.get(x + 1).copied().unwrap_or(own);
            sums[x / BLOCK] += u32::from(own.abs_diff(right)) + u32::from(own.abs_diff(below));
        }
    }
}

/// The rounded mean of each block, and the sum of absolute differences from it, scaled to 64 pixels.
pub(super) fn block_spreads(plane: Plane<'_>, mut put: impl FnMut(usize, u8, u32)) {
    let Plane { data, width, height } = plane;
    let (columns, rows) = plane.blocks();
    for row in 0..rows {
        for column in 0..columns {
            let (x, y) = (column * BLOCK, row * BLOCK);
            let (right, below) = ((x + BLOCK).min(width), (y + BLOCK).min(height));
            let at = row * columns + column;
            #[cfg(target_arch = "x86_64")]
            if right - x == BLOCK && below - y == BLOCK && plane.vectorised() {
                #[expect(unsafe_code, reason = "a call with more instructions than assumed")]
                // SAFETY: the processor was just found to have AVX2.
                let (mean, spread) = unsafe { avx2::spread(plane, x, y) };
                put(at, mean, spread);
                continue;
            }
            let pixels = ((right - x) * (below - y)) as u32;
            let lines = || (y..below).map(|y| &data[y * width + x..y * width + right]);
            let sum: u32 = lines().flatten().map(|&v| u32::from(v)).sum();
            let mean = (sum + pixels / 2) / pixels;
            let spread: u32 = lines().flatten().map(|&v| u32::from(v).abs_diff(mean)).sum();
            put(at, mean as u8, spread * 64 / pixels);
        }
    }
}

/// The sums of `a - b` over each 4x4 cell.
pub(super) fn cell_differences(
    a: &[u8],
    b: &[u8],
    width: usize,
    height: usize,
    out: &mut Vec<i32>,
) {
    let columns = width.div_ceil(CELL);
    out.clear();
    out.resize(columns * height.div_ceil(CELL), 0);
    let lines = a.chunks_exact(width).zip(b.chunks_exact(width)).take(height);
    for (y, (a, b)) in lines.enumerate() {
        let sums = &mut out[y / CELL * columns..(y / CELL + 1) * columns];
        add_cells(a, b, sums);
    }
}

vectorised! {
    fn add_cells(a: &[u8], b: &[u8], sums: &mut [i32]) {
        let ((fours, a_end), (other, b_end)) = (a.as_chunks::<CELL>(), b.as_chunks::<CELL>());
        let total = |v: &[u8]| v.iter().map(|&v| i32::from(v)).sum::<i32>();
        for ((s, a), b) in sums.iter_mut().zip(fours).zip(other) {
            *s += total(a) - total(b);
        }
        if let (false, Some(last)) = (a_end.is_empty(), sums.last_mut()) {
            *last += total(a_end) - total(b_end);
        }
    }
}

/// Scales sums over blocks that are cut off by the edge to 64 pixels.
pub(super) fn whole_blocks(width: usize, height: usize, sums: &mut [u32]) {
    let columns = width.div_ceil(BLOCK);
    let rows = height.div_ceil(BLOCK);
    let side = |at: usize, total: usize| (total - at * BLOCK).min(BLOCK) as u32;
    for row in 0..rows {
        for column in 0..columns {
            let pixels = side(column, width) * side(row, height);
            if pixels < 64 {
                let s = &mut sums[row * columns + column];
                *s = *s * 64 / pixels;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_off_blocks_count_as_whole_ones() {
        let (a, b) = ([7; 9 * 10], [4; 9 * 10]);
        let mut sums = Vec::new();
        block_errors(&a, &b, 9, 10, &mut sums);
        assert_eq!(sums, [3 * 64; 4]);
    }

    #[test]
    fn every_instruction_set_gives_the_same_sums() {
        for (width, height) in [(1, 1), (8, 8), (31, 9), (40, 24), (64, 17), (77, 16), (160, 8)] {
            let noise = |seed: u32| -> Vec<u8> {
                let mut state = seed;
                let mut next = || {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                };
                (0..width * height).map(|_| next()).collect()
            };
            let (a, b) = (noise(3), noise(8));
            let plane = Plane { data: &a, width, height };
            let (columns, rows) = plane.blocks();
            let mut fast = Vec::new();
            block_errors(&a, &b, width, height, &mut fast);
            let mut plain = vec![0; columns * rows];
            errors_from(0, plane, &b, &mut plain);
            whole_blocks(width, height, &mut plain);
            assert_eq!(fast, plain, "differences of {width}x{height}");
            block_gradients(plane, &mut fast);
            plain.fill(0);
            gradients_from(0, plane, &mut plain);
            whole_blocks(width, height, &mut plain);
            assert_eq!(fast, plain, "gradients of {width}x{height}");
            block_spreads(plane, |at, mean, spread| {
                let (x, y) = (at % columns * BLOCK, at / columns * BLOCK);
                let mut values = Vec::new();
                for y in y..(y + BLOCK).min(height) {
                    values.extend_from_slice(&a[y * width + x..][..BLOCK.min(width - x)]);
                }
                let n = values.len() as u32;
                let sum: u32 = values.iter().map(|&v| u32::from(v)).sum();
                assert_eq!(u32::from(mean), (2 * sum + n) / (2 * n));
                let off: u32 = values.iter().map(|v| u32::from(v.abs_diff(mean))).sum();
                assert_eq!(spread, off * 64 / n);
            });
        }
    }
}
