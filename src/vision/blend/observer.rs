//! What is known of a stream when the next frame is to be predicted.

use crate::frame::Size;
use crate::vision::motion::{
    CELL, Compensator, Homography, LumaPyramid, MotionField, MotionSearch, Scale,
};

use super::blocks::{Plane, block_errors, block_gradients, block_spreads, cell_differences};
use super::features::{Features, plane, smooth};
use super::mean::mean7;
use super::{BLOCK, CANDIDATES, Cadence, log16};

/// Follows the luma of one stream: motion, cadence, and how each candidate did. Allocates nothing
/// once it has seen frames of one size.
#[derive(Clone, Debug, Default)]
pub struct Observer {
    size: Size,
    seen: u32,
    search: MotionSearch,
    /// Camera motion from the distinct frame to the newest.
    prior: Option<Homography>,
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
    cells: Vec<i32>,
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

    /// Where the content of the newest frame was in the last one that differs from it.
    #[must_use]
    pub const fn matched(&self) -> &MotionField {
        &self.matched
    }

    /// Frames from the newest one back to the last that differs from it; 0 without any.
    #[must_use]
    pub const fn distance(&self) -> u32 {
        self.distance
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
        self.observe_with(luma, size, None);
    }

    /// As [`Observer::observe`]; `prior` maps the pixels of this frame to the one before, as far as
    /// the camera's own motion is known.
    pub fn observe_with(&mut self, luma: &[u8], size: Size, prior: Option<&Homography>) {
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
        self.follow(luma, prior);
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
    fn follow(&mut self, luma: &[u8], prior: Option<&Homography>) {
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
            // A repeat shows what the frame before did, so that one's holds for it too.
            self.prior = prior.copied();
        }
        let prior = self.prior.as_ref();
        self.search.search_from(&self.newest, &self.distinct, prior, &mut self.matched);
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
        let whole = Plane { data: luma, width: self.size.w(), height: self.size.h() };
        block_gradients(whole, &mut self.errors);
        logs(&self.errors, self.features.plane_mut(plane::ACTIVITY));
        block_spreads(whole, |at, mean, spread| {
            self.features.plane_mut(plane::MEAN)[at] = mean;
            self.features.plane_mut(plane::SPREAD)[at] = log16(spread);
        });
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
        cell_differences(&self.candidates[1], luma, width, height, &mut self.cells);
        let across = width.div_ceil(CELL);
        for quarter in 0..4 {
            let plane = self.features.plane_mut(plane::QUARTER + quarter);
            for (at, value) in plane.iter_mut().enumerate().take(columns * rows) {
                let x = 2 * (at % columns) + quarter % 2;
                let y = 2 * (at / columns) + quarter / 2;
                let side = |at: usize, total: usize| total.saturating_sub(at * CELL).min(CELL);
                let pixels = (side(x, width) * side(y, height)) as i32;
                let mean = if pixels == 0 {
                    0
                } else {
                    (2 * self.cells[y * across + x] + pixels).div_euclid(2 * pixels)
                };
                *value = (128 + mean).clamp(0, 255) as u8;
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
