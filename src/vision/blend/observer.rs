//! What is known of a stream when the next frame is to be predicted.

use crate::frame::Size;
use crate::vision::motion::{CELL, Compensator, LumaPyramid, MotionField, MotionSearch, Scale};

use super::features::{Features, block_errors, plane, smooth, whole_blocks};
use super::mean::mean7;
use super::{BLOCK, CANDIDATES, Cadence, log16};

/// Follows the luma of one stream: motion, cadence, and how each candidate did. Allocates nothing
/// once it has seen frames of one size.
#[derive(Clone, Debug, Default)]
pub struct Observer {
    size: Size,
    seen: u32,
    search: MotionSearch,
    compensator: Compensator,
    cadence: Cadence,
    newest: LumaPyramid,
    /// The last frame that differs from the newest one, and how many frames ago it was.
    distinct: LumaPyramid,
    distance: u32,
    /// The pyramid of the frame before the newest.
    before: LumaPyramid,
    /// Where the content of the newest frame was in the distinct one.
    matched: MotionField,
    /// The same, moved on to where the content will be.
    ahead: MotionField,
    /// Luma of the candidates for the next frame.
    candidates: [Vec<u8>; CANDIDATES],
    distinct_luma: Vec<u8>,
    explained: Vec<u8>,
    /// Running means of the candidates' errors, in 1/16 of sums over blocks.
    past: [Vec<u32>; CANDIDATES],
    errors: Vec<u32>,
    smoothed: Vec<u32>,
    line: Vec<u16>,
    features: Features,
}

impl Observer {
    /// Without frames so far.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Frames seen since the beginning or the last reset.
    #[must_use]
    pub const fn seen(&self) -> u32 {
        self.seen
    }

    /// The displacement of each cell of the next frame towards the newest one.
    #[must_use]
    pub const fn field(&self) -> &MotionField {
        &self.ahead
    }

    /// What the network sees.
    #[must_use]
    pub const fn features(&self) -> &Features {
        &self.features
    }

    /// Luma of the candidates for the next frame, in the order of the contract.
    #[must_use]
    pub const fn candidates(&self) -> &[Vec<u8>; CANDIDATES] {
        &self.candidates
    }

    /// Begins anew with the next frame.
    pub fn reset(&mut self) {
        self.seen = 0;
        self.cadence.reset();
    }

    /// Takes in the newest frame's luma, `width * height` bytes. A new size is a reset.
    pub fn observe(&mut self, luma: &[u8], size: Size) {
        if size != self.size {
            self.reset();
            self.size = size;
        }
        if size.pixels() == 0 || luma.len() < size.pixels() {
            return;
        }
        let (columns, rows) = (size.w().div_ceil(BLOCK), size.h().div_ceil(BLOCK));
        self.features.reshape(columns, rows);
        self.seen = self.seen.saturating_add(1);
        self.judge(luma);
        self.follow(luma);
        self.propose(luma);
        self.describe(luma);
    }

    /// Compares the candidates for this frame with it.
    fn judge(&mut self, luma: &[u8]) {
        let (width, height) = (self.size.w(), self.size.h());
        let blocks = self.features.columns() * self.features.rows();
        for k in 0..CANDIDATES {
            if self.seen < 2 {
                self.past[k].clear();
                self.past[k].resize(blocks, 0);
                continue;
            }
            block_errors(&self.candidates[k], luma, width, height, &mut self.errors);
            for (p, &e) in self.past[k].iter_mut().zip(&self.errors) {
                // The first comparison is taken whole, later ones to a quarter.
                *p = if self.seen == 2 { 16 * e } else { (3 * *p + 16 * e + 2) >> 2 };
            }
            for (f, &e) in self.features.plane_mut(plane::ERROR + k).iter_mut().zip(&self.errors) {
                *f = log16(e);
            }
        }
    }

    /// Finds the motion since the last distinct frame.
    fn follow(&mut self, luma: &[u8]) {
        std::mem::swap(&mut self.before, &mut self.newest);
        self.newest.build(luma, self.size);
        if self.seen < 2 {
            self.distance = 0;
            let (columns, rows) = (self.size.w().div_ceil(CELL), self.size.h().div_ceil(CELL));
            self.matched.reset(columns, rows);
            self.ahead.reset(columns, rows);
            return;
        }
        // Candidate 0 is the frame before.
        let sum: u64 = difference(&self.candidates[0], luma);
        let pixels = self.size.pixels() as u64;
        let repeats = self.cadence.push(((sum * 256 + pixels / 2) / pixels) as u32);
        if repeats && self.distance == 1 {
            // Once only: a second repeat is more likely a stop.
            self.distance = 2;
        } else {
            std::mem::swap(&mut self.distinct, &mut self.before);
            self.distance = 1;
        }
        self.search.search(&self.newest, &self.distinct, &mut self.matched);
        self.matched.project(&mut self.ahead);
    }

    /// Makes the candidates for the next frame, in luma.
    fn propose(&mut self, luma: &[u8]) {
        let [last, moved, half, previous, mean] = &mut self.candidates;
        if self.seen < 2 {
            previous.clear();
            previous.extend_from_slice(luma);
        } else {
            std::mem::swap(last, previous);
        }
        last.clear();
        last.extend_from_slice(luma);
        mean7::<1>(luma, self.size, &mut self.line, mean);
        self.compensator.warp::<1>(luma, self.size, &self.ahead, Scale::ONE, moved);
        self.compensator.warp::<1>(luma, self.size, &self.ahead, Scale::HALF, half);
    }

    /// Fills the feature planes that say more than the last errors.
    fn describe(&mut self, luma: &[u8]) {
        let (width, height) = (self.size.w(), self.size.h());
        let (columns, rows) = (self.features.columns(), self.features.rows());
        let blocks = (columns * rows) as u64;
        for k in 0..CANDIDATES {
            smooth(&self.past[k], columns, rows, &mut self.smoothed);
            for (f, &p) in self.features.plane_mut(plane::PAST + k).iter_mut().zip(&self.smoothed) {
                *f = log16((p + 8) >> 4);
            }
            let sum: u64 = self.past[k].iter().map(|&p| u64::from(p)).sum();
            let mean = u32::try_from((sum / blocks + 8) >> 4).unwrap_or(u32::MAX);
            self.features.plane_mut(plane::GLOBAL + k).fill(log16(mean));
        }
        for k in 1..CANDIDATES {
            block_errors(&self.candidates[k], luma, width, height, &mut self.errors);
            logs(&self.errors, self.features.plane_mut(plane::DIFFERENCE + k - 1));
        }
        self.texture(luma);
        self.motion(luma);
        for (at, &d) in self.cadence.differences().iter().enumerate() {
            self.features.plane_mut(plane::CADENCE + at).fill(log16(d));
        }
        let distance = u8::try_from(self.distance.saturating_mul(32)).unwrap_or(u8::MAX);
        self.features.plane_mut(plane::DISTINCT).fill(distance);
    }

    /// Gradients, mean and spread of each block.
    fn texture(&mut self, luma: &[u8]) {
        let (width, height) = (self.size.w(), self.size.h());
        let (columns, rows) = (self.features.columns(), self.features.rows());
        let sums = &mut self.errors;
        sums.clear();
        sums.resize(columns * rows, 0);
        for (y, line) in luma.chunks_exact(width).take(height).enumerate() {
            let below = if y + 1 < height { &luma[(y + 1) * width..(y + 2) * width] } else { line };
            let sums = &mut sums[y / BLOCK * columns..(y / BLOCK + 1) * columns];
            for (x, (&own, &below)) in line.iter().zip(below).enumerate() {
                let right = line.get(x + 1).copied().unwrap_or(own);
                sums[x / BLOCK] += u32::from(own.abs_diff(right)) + u32::from(own.abs_diff(below));
            }
        }
        whole_blocks(width, height, sums);
        logs(sums, self.features.plane_mut(plane::ACTIVITY));

        for row in 0..rows {
            for column in 0..columns {
                let (x, y) = (column * BLOCK, row * BLOCK);
                let (right, below) = ((x + BLOCK).min(width), (y + BLOCK).min(height));
                let pixels = ((right - x) * (below - y)) as u32;
                let lines = || (y..below).map(|y| &luma[y * width + x..y * width + right]);
                let sum: u32 = lines().flatten().map(|&v| u32::from(v)).sum();
                let mean = (sum + pixels / 2) / pixels;
                let spread: u32 = lines().flatten().map(|&v| u32::from(v).abs_diff(mean)).sum();
                let at = row * columns + column;
                self.features.plane_mut(plane::MEAN)[at] = mean as u8;
                self.features.plane_mut(plane::SPREAD)[at] = log16(spread * 64 / pixels);
            }
        }
    }

    /// Displacements, how they bend, and how well they explain the newest frame.
    fn motion(&mut self, luma: &[u8]) {
        let (width, height) = (self.size.w(), self.size.h());
        let (columns, rows) = (self.features.columns(), self.features.rows());
        if self.distance > 0 {
            // The distinct frame, brought to where its content is now.
            self.distinct.full(&mut self.distinct_luma);
            self.compensator.warp::<1>(
                &self.distinct_luma,
                self.size,
                &self.matched,
                Scale::ONE,
                &mut self.explained,
            );
            block_errors(&self.explained, luma, width, height, &mut self.errors);
            logs(&self.errors, self.features.plane_mut(plane::MATCH));
        }
        let quarter = |a: i32, b: i32| (a - b).unsigned_abs();
        for row in 0..rows {
            for column in 0..columns {
                let at = row * columns + column;
                // The four cells of the block.
                let (c, r) = (2 * column as isize, 2 * row as isize);
                let cells =
                    [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| self.ahead.at(c + dx, r + dy));
                let sum = |f: fn(i16, i16) -> i16| -> i32 {
                    cells.iter().map(|v| i32::from(f(v.x, v.y))).sum()
                };
                let (x, y) = (sum(|x, _| x), sum(|_, y| y));
                // Sums of four in 1/64 pixel to 1/8 pixel.
                let code = |v: i32| ((v >> 5) + 128).clamp(0, 255) as u8;
                self.features.plane_mut(plane::VECTOR)[at] = code(x);
                self.features.plane_mut(plane::VECTOR + 1)[at] = code(y);
                let around = [(-1, 0), (2, 1), (0, -1), (1, 2)]
                    .map(|(dx, dy)| self.ahead.at(c + dx, r + dy));
                let bend: u32 = around
                    .iter()
                    .map(|v| quarter(4 * i32::from(v.x), x) + quarter(4 * i32::from(v.y), y))
                    .sum();
                self.features.plane_mut(plane::BEND)[at] = log16(bend >> 2);
                // Where the middle of the block comes from.
                let px = (column * BLOCK + BLOCK / 2) as i32 + (x >> 8);
                let py = (row * BLOCK + BLOCK / 2) as i32 + (y >> 8);
                let outside = px < 0 || py < 0 || px >= width as i32 || py >= height as i32;
                self.features.plane_mut(plane::OUTSIDE)[at] = if outside { 255 } else { 0 };
            }
        }
        self.quarters(luma);
    }

    /// Signed mean differences of candidate 1 from the frame in the quarters of each block.
    fn quarters(&mut self, luma: &[u8]) {
        let (width, height) = (self.size.w(), self.size.h());
        let (columns, rows) = (self.features.columns(), self.features.rows());
        for row in 0..rows {
            for column in 0..columns {
                for quarter in 0..4 {
                    let x = column * BLOCK + quarter % 2 * CELL;
                    let y = row * BLOCK + quarter / 2 * CELL;
                    let (right, below) = ((x + CELL).min(width), (y + CELL).min(height));
                    let mut sum = 0_i32;
                    let mut pixels = 0;
                    for y in y..below {
                        for x in x..right {
                            let at = y * width + x;
                            sum += i32::from(self.candidates[1][at]) - i32::from(luma[at]);
                            pixels += 1;
                        }
                    }
                    let mean =
                        if pixels == 0 { 0 } else { (2 * sum + pixels).div_euclid(2 * pixels) };
                    self.features.plane_mut(plane::QUARTER + quarter)[row * columns + column] =
                        (128 + mean).clamp(0, 255) as u8;
                }
            }
        }
    }
}

fn logs(values: &[u32], out: &mut [u8]) {
    for (o, &v) in out.iter_mut().zip(values) {
        *o = log16(v);
    }
}

/// The sum of absolute differences.
fn difference(a: &[u8], b: &[u8]) -> u64 {
    let parts = a.chunks(4096).zip(b.chunks(4096));
    parts
        .map(|(a, b)| {
            let sum: u32 = a.iter().zip(b).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum();
            u64::from(sum)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::blend::FEATURES;

    const SIZE: Size = Size::new(45, 38);

    /// A texture that moves by (2, 1) pixels a frame.
    fn plane(t: usize) -> Vec<u8> {
        let at = |i: usize| {
            let (x, y) = (i % 45 + 2 * t, i / 45 + t);
            ((x * x / 3 + y * 5 + (x * y) / 7) % 200 + 20) as u8
        };
        (0..SIZE.pixels()).map(at).collect()
    }

    fn checksum(bytes: &[u8]) -> u32 {
        // FNV-1a.
        bytes.iter().fold(0x811c_9dc5, |h, &b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193))
    }

    #[test]
    fn golden_bytes() {
        let mut observer = Observer::new();
        let mut sums = Vec::new();
        for t in 0..6 {
            observer.observe(&plane(t), SIZE);
            sums.push(checksum(observer.features().data()));
        }
        assert_eq!(observer.features().data().len(), FEATURES * 6 * 5);
        assert_eq!(sums, GOLDEN);
    }

    /// As `docs/contract-blend-1.md` lists them.
    const GOLDEN: [u32; 6] =
        [3252784298, 1284837823, 2240900017, 2069379340, 1518886133, 3902800305];

    #[test]
    fn a_repeat_keeps_the_velocity_of_the_last_distinct_frame_once() {
        let mut observer = Observer::new();
        observer.observe(&plane(0), SIZE);
        observer.observe(&plane(1), SIZE);
        let moving = observer.field().clone();
        observer.observe(&plane(1), SIZE);
        assert_eq!(*observer.field(), moving, "the same two pictures are compared");
        observer.observe(&plane(1), SIZE);
        assert!(observer.field().vectors.iter().all(|v| v.x == 0 && v.y == 0), "it stopped");
    }

    #[test]
    fn after_a_reset_nothing_is_left() {
        let (mut used, mut fresh) = (Observer::new(), Observer::new());
        for t in 0..4 {
            used.observe(&plane(t), SIZE);
        }
        used.reset();
        for t in 9..12 {
            used.observe(&plane(t), SIZE);
            fresh.observe(&plane(t), SIZE);
            assert_eq!(used.features(), fresh.features(), "frame {t}");
            assert_eq!(used.field(), fresh.field());
        }
    }

    #[test]
    fn a_new_size_is_a_reset() {
        let mut observer = Observer::new();
        observer.observe(&plane(0), SIZE);
        observer.observe(&[9; 12], Size::new(4, 3));
        assert_eq!(observer.seen(), 1);
        assert_eq!((observer.features().columns(), observer.features().rows()), (1, 1));
    }
}
