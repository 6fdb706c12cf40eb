//! From logits to weights, and from weights and candidates to the picture.

use super::{BLOCK, CANDIDATES, Candidates};
use crate::vision::RgbImage;

#[cfg(target_arch = "x86_64")]
mod avx2;

/// The largest difference of logits, in 1/64, that leaves a weight.
const REACH: usize = 512;

/// `round(65536 * exp(-i / 64))`, by integers alone.
const EXP: [u32; REACH] = {
    // exp(-1/64) with 62 bits behind the point: the series 1 - x + x^2/2 - ... at x = 2^-6.
    let mut step: i128 = 0;
    let mut term: i128 = 1 << 62;
    let mut n = 1;
    while term != 0 {
        step += term;
        term = -term / (64 * n);
        n += 1;
    }
    let mut table = [0; REACH];
    let mut value: i128 = 1 << 62;
    let mut i = 0;
    while i < REACH {
        table[i] = ((value + (1 << 45)) >> 46) as u32;
        value = (value * step) >> 62;
        i += 1;
    }
    table
};

/// How much of each candidate goes into each block: planes of `rows` by `columns`, the five of a
/// block summing to 256.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    /// Blocks in a row.
    pub columns: usize,
    /// Rows of blocks.
    pub rows: usize,
    /// One plane a candidate.
    pub planes: [Vec<u16>; CANDIDATES],
}

impl Weights {
    /// The table softmax of logits in 1/64, one plane a candidate: a candidate `d` below the best
    /// has `round(65536 exp(-d / 64))` parts, none from 512 on; the parts are scaled to 256 and
    /// rounded down, and the first of the best takes the rest.
    pub fn from_logits(&mut self, logits: &[i32], columns: usize, rows: usize) {
        self.columns = columns;
        self.rows = rows;
        let n = columns * rows;
        for plane in &mut self.planes {
            plane.clear();
            plane.resize(n, 0);
        }
        if logits.len() < n * CANDIDATES {
            // Without an opinion the last frame is kept.
            self.planes[0].fill(256);
            return;
        }
        for block in 0..n {
            let mut own = [0; CANDIDATES];
            for (k, o) in own.iter_mut().enumerate() {
                *o = logits[k * n + block];
            }
            let (mut best, mut top) = (0, own[0]);
            for (k, &o) in own.iter().enumerate() {
                if o > top {
                    (best, top) = (k, o);
                }
            }
            let parts = own.map(|o| {
                let below = i64::from(top) - i64::from(o);
                usize::try_from(below).ok().and_then(|d| EXP.get(d)).copied().unwrap_or(0)
            });
            let total: u32 = parts.iter().sum();
            let mut left = 256;
            for (k, plane) in self.planes.iter_mut().enumerate() {
                let weight = (parts[k] * 256 / total) as u16;
                plane[block] = weight;
                left -= weight;
            }
            self.planes[best][block] += left;
        }
    }

    /// As [`Weights::from_logits`], from a network's numbers: each is multiplied by 64 and rounded
    /// half up; what is not finite counts as 0.
    pub fn from_floats(
        &mut self,
        logits: &[f32],
        columns: usize,
        rows: usize,
        scratch: &mut Vec<i32>,
    ) {
        scratch.clear();
        scratch.extend(logits.iter().map(|&v| (v * 64.0 + 0.5).floor() as i32));
        self.from_logits(scratch, columns, rows);
    }
}

/// Mixes candidates. Keeps its memory; one thread uses it.
#[derive(Clone, Debug, Default)]
pub struct Mixer {
    /// Weights of one line of blocks for each candidate, interpolated between rows, times 16.
    blocks: [Vec<u16>; CANDIDATES],
    line: Line,
}

impl Mixer {
    /// `(sum of weight * candidate + 128) >> 8` of each sample. Weights are interpolated between
    /// the centres of blocks in sixteenths, down and across, and rounded down; candidate 0 takes
    /// what the others leave of 256.
    pub fn mix(&mut self, candidates: &Candidates, weights: &Weights, out: &mut RgbImage) {
        let size = candidates.size();
        out.reshape(size);
        let stride = size.w() * 3;
        if stride == 0 || weights.columns == 0 {
            return;
        }
        for (y, target) in out.data_mut().chunks_exact_mut(stride).enumerate() {
            let (row, other, lean) = around(y, weights.rows);
            for (plane, blocks) in weights.planes.iter().zip(&mut self.blocks).skip(1) {
                let line = |r: usize| &plane[r * weights.columns..(r + 1) * weights.columns];
                blocks.clear();
                blocks.extend(
                    line(row).iter().zip(line(other)).map(|(a, b)| (16 - lean) * a + lean * b),
                );
            }
            // One that has no weight anywhere may never have been made.
            let line = y * stride..(y + 1) * stride;
            let images =
                candidates.images().each_ref().map(|i| i.get(line.clone()).unwrap_or_default());
            self.line.mix(&self.blocks, &images, target);
        }
    }
}

/// Mixes single lines.
#[derive(Clone, Debug, Default)]
struct Line {
    /// Weights of the pixels for one candidate.
    weights: Vec<u16>,
    /// The mixture times 256.
    sums: Vec<u16>,
}

impl Line {
    /// Mixes `images` by the weights of blocks times 16; the first image takes what is left.
    fn mix(
        &mut self,
        blocks: &[Vec<u16>; CANDIDATES],
        images: &[&[u8]; CANDIDATES],
        target: &mut [u8],
    ) {
        #[cfg(target_arch = "x86_64")]
        if crate::vision::simd::avx2() {
            #[expect(unsafe_code, reason = "a call with more instructions than assumed")]
            // SAFETY: the processor was just found to have AVX2.
            let done = unsafe { avx2::mix(blocks, images, target) };
            return self.blocks(done, blocks, images, target);
        }
        self.blocks(0, blocks, images, target);
    }

    /// As [`Line::mix`], from block `from` on, for the base instruction set.
    fn blocks(
        &mut self,
        from: usize,
        blocks: &[Vec<u16>; CANDIDATES],
        images: &[&[u8]; CANDIDATES],
        target: &mut [u8],
    ) {
        let start = (from * BLOCK * 3).min(target.len());
        let target = &mut target[start..];
        let last = &images[0][start..];
        // From the last frame: out = last + sum w_k (c_k - last), rounded once.
        self.sums.clear();
        self.sums.extend(last.iter().map(|&v| u16::from(v) * 256));
        for (blocks, image) in blocks.iter().zip(images).skip(1) {
            // A candidate that is used nowhere costs nothing.
            if blocks.iter().any(|&w| w != 0) {
                across(blocks, from, target.len() / 3, &mut self.weights);
                accumulate(&self.weights, last, &image[start..], &mut self.sums);
            }
        }
        for (t, &s) in target.iter_mut().zip(&self.sums) {
            *t = ((u32::from(s) + 128) >> 8) as u8;
        }
    }
}

/// The block of a pixel, the neighbour it leans to, and how much in sixteenths.
fn around(at: usize, blocks: usize) -> (usize, usize, u16) {
    let (block, inside) = (at / BLOCK, at % BLOCK);
    // Pixel i lies (2 i - 7) / 16 of a block from the centre.
    if inside < BLOCK / 2 {
        (block, block.saturating_sub(1), 7 - 2 * inside as u16)
    } else {
        (block, (block + 1).min(blocks - 1), 2 * inside as u16 - 7)
    }
}

/// Weights of blocks times 16 to those of `width` pixels from block `from` on.
fn across(blocks: &[u16], from: usize, width: usize, out: &mut Vec<u16>) {
    out.clear();
    for (column, &own) in blocks.iter().enumerate().skip(from) {
        let left = blocks[column.saturating_sub(1)];
        let right = blocks[(column + 1).min(blocks.len() - 1)];
        let mix = |other: u16, lean: u32| {
            let sum = (16 - lean) * u32::from(own) + lean * u32::from(other);
            // Rounded down, so that the candidates after the first never exceed 256 together.
            (sum >> 8) as u16
        };
        let eight = [
            mix(left, 7),
            mix(left, 5),
            mix(left, 3),
            mix(left, 1),
            mix(right, 1),
            mix(right, 3),
            mix(right, 5),
            mix(right, 7),
        ];
        out.extend_from_slice(&eight);
    }
    out.truncate(width);
}

/// Adds `weight * (other - last)`. The weights of all others sum to 256 at most, so the end is
/// within 0..=65280; on the way there it may wrap.
fn accumulate(weights: &[u16], last: &[u8], other: &[u8], sums: &mut [u16]) {
    let pixels = sums.as_chunks_mut::<3>().0.iter_mut().zip(last.as_chunks::<3>().0);
    for (((sums, last), other), &w) in pixels.zip(other.as_chunks::<3>().0).zip(weights) {
        for c in 0..3 {
            let step = w
                .wrapping_mul(u16::from(other[c]))
                .wrapping_sub(w.wrapping_mul(u16::from(last[c])));
            sums[c] = sums[c].wrapping_add(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;
    use crate::vision::blend::Observer;

    #[test]
    fn the_table_is_the_exponential() {
        for (i, &v) in EXP.iter().enumerate() {
            let exact = (65_536.0 * (-(i as f64) / 64.0).exp()).round();
            assert_eq!(f64::from(v), exact, "{i}");
        }
    }

    #[test]
    fn weights_sum_to_256_and_follow_the_logits() {
        let mut weights = Weights::default();
        // Two blocks: planes of candidates one after the other.
        let logits = [0, 64, 0, -64, 0, 0, -5000, 64, i32::MIN, 64];
        weights.from_logits(&logits, 2, 1);
        let block = |b: usize| weights.planes.each_ref().map(|p| p[b]);
        assert_eq!(block(0), [86, 85, 85, 0, 0], "the first of the best takes the rest");
        // exp(-2) and exp(-1) of the best three: 256 / (3 + 0.1353 + 0.3679) = 73.08.
        assert_eq!(block(1), [75, 9, 26, 73, 73]);
    }

    #[test]
    fn missing_logits_keep_the_last_frame() {
        let mut weights = Weights::default();
        weights.from_logits(&[], 3, 2);
        assert_eq!(weights.planes[0], [256; 6]);
        let mut scratch = Vec::new();
        weights.from_floats(&[f32::NAN; 5], 1, 1, &mut scratch);
        assert_eq!(weights.planes.map(|p| p[0]), [52, 51, 51, 51, 51]);
    }

    fn picture(size: Size, f: impl Fn(u32, u32) -> u8) -> RgbImage {
        let pixel = |i: u32| [f(i % size.width, i / size.width); 3];
        let pixels = (0..size.width * size.height).flat_map(pixel).collect();
        RgbImage::from_vec(size, pixels).unwrap()
    }

    #[test]
    fn a_block_of_weight_256_is_that_candidate() {
        let size = Size::new(21, 18);
        let mut observer = Observer::new();
        let mut candidates = Candidates::default();
        for t in 0..2 {
            let frame = picture(size, |x, y| (x * 11 + y * 7 + t * 90) as u8);
            let luma: Vec<u8> = frame.data().iter().step_by(3).copied().collect();
            observer.observe(&luma, size);
            candidates.build(&frame, &observer, 1);
        }
        let (columns, rows) = (3, 3);
        let mut out = RgbImage::default();
        let mut mixer = Mixer::default();
        for k in 0..CANDIDATES {
            let mut logits = vec![0; columns * rows * CANDIDATES];
            logits[k * columns * rows..(k + 1) * columns * rows].fill(9999);
            let mut weights = Weights::default();
            weights.from_logits(&logits, columns, rows);
            mixer.mix(&candidates, &weights, &mut out);
            assert_eq!(out.data(), candidates.images()[k], "candidate {k}");
        }
        // Half of the last frame and half of the one before, rounded half up.
        let mut weights = Weights::default();
        let mut logits = vec![-9999; columns * rows * CANDIDATES];
        for k in [0, 3] {
            logits[k * columns * rows..(k + 1) * columns * rows].fill(0);
        }
        weights.from_logits(&logits, columns, rows);
        mixer.mix(&candidates, &weights, &mut out);
        let [last, _, _, previous, _] = candidates.images();
        for ((&o, &a), &b) in out.data().iter().zip(last).zip(previous) {
            assert_eq!(u16::from(o), (u16::from(a) + u16::from(b)).div_ceil(2));
        }
    }

    #[test]
    fn extreme_weights_stay_in_range() {
        let size = Size::new(40, 40);
        let mut candidates = Candidates::default();
        let mut observer = Observer::new();
        for t in 0..2 {
            let frame = picture(size, |x, y| if (x / 3 + y / 5 + t) % 2 == 0 { 255 } else { 0 });
            let luma: Vec<u8> = frame.data().iter().step_by(3).copied().collect();
            observer.observe(&luma, size);
            candidates.build(&frame, &observer, 1);
        }
        let mut state = 7_u32;
        let logits: Vec<i32> = (0..25 * CANDIDATES)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as i32 * 2
            })
            .collect();
        let mut weights = Weights::default();
        weights.from_logits(&logits, 5, 5);
        let mut out = RgbImage::default();
        Mixer::default().mix(&candidates, &weights, &mut out);
        let images = candidates.images();
        for (i, &o) in out.data().iter().enumerate() {
            let (low, high) =
                images.iter().map(|c| c[i]).fold((255, 0), |(l, h), v| (v.min(l), v.max(h)));
            assert!((low..=high).contains(&o), "{o} outside of {low}..={high} at {i}");
        }
    }

    #[test]
    fn every_instruction_set_gives_the_same_line() {
        for width in [1, 7, 8, 29, 160] {
            let columns = usize::div_ceil(width, BLOCK);
            let mut state = 9_u32;
            let mut next = |most: u32| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 16) % (most + 1)
            };
            let images: Vec<Vec<u8>> = (0..CANDIDATES)
                .map(|_| (0..width * 3).map(|_| next(255) as u8).collect())
                .collect();
            let mut blocks: [Vec<u16>; CANDIDATES] = Default::default();
            for _ in 0..columns {
                let mut left = 4096;
                for plane in &mut blocks[1..] {
                    // All of it, nothing, or some.
                    let part = [0, left, next(left)][next(2) as usize];
                    left -= part;
                    plane.push(part as u16);
                }
            }
            let images: [&[u8]; CANDIDATES] = std::array::from_fn(|k| images[k].as_slice());
            let (mut fast, mut plain) = (vec![0; width * 3], vec![0; width * 3]);
            let mut line = Line::default();
            line.mix(&blocks, &images, &mut fast);
            line.blocks(0, &blocks, &images, &mut plain);
            assert_eq!(fast, plain, "{width} pixels");
        }
    }
}
