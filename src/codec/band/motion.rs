//! Whole-sample motion of 16x16 blocks: the search of the encoder, and the field both sides hold.

use super::distribution::{Distribution, together};
use super::lanes::Base;
use super::range::Coder;
use crate::vision::dispatch::vectorised;

/// Side of a block in samples of the first plane.
pub(super) const BLOCK: usize = 16;

/// The largest component of a vector.
pub(super) const REACH: i32 = 255;

/// How far a block found by the search may lie outside of the picture.
const MARGIN: i32 = 16;

/// Padding of the picture that is searched: a block beyond the margin, and one sample.
const PAD: usize = 48;

/// Where a block was in the reference: across and down, in samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Vector {
    pub(super) x: i16,
    pub(super) y: i16,
}

impl Vector {
    fn twice(self) -> Self {
        Self { x: 2 * self.x, y: 2 * self.y }
    }
}

/// One vector a block, row by row.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) across: usize,
    pub(super) down: usize,
    pub(super) vectors: Vec<Vector>,
}

impl Field {
    pub(super) fn new(width: usize, rows: usize) -> Self {
        let (across, down) = (width.div_ceil(BLOCK), rows.div_ceil(BLOCK));
        Self { across, down, vectors: vec![Vector::default(); across * down] }
    }

    /// What the vector of block `bx`, `by` is expected to be: the median of three neighbours. The
    /// field of the frame before the last is expected to be twice that of the last, `base`, so
    /// neighbours tell how it differs from that.
    fn expected(&self, bx: usize, by: usize, base: Option<&Self>) -> Vector {
        let twice = |x: usize, y: usize| match base {
            Some(base) => {
                let v = base.vectors[y * self.across + x];
                Vector { x: 2 * v.x, y: 2 * v.y }
            }
            None => Vector::default(),
        };
        let at = |x: usize, y: usize| {
            let (v, b) = (self.vectors[y * self.across + x], twice(x, y));
            Vector { x: v.x - b.x, y: v.y - b.y }
        };
        let near = self.neighbours(bx, by, at);
        let b = twice(bx, by);
        let limit = REACH as i16;
        Vector { x: (near.x + b.x).clamp(-limit, limit), y: (near.y + b.y).clamp(-limit, limit) }
    }

    fn neighbours(&self, bx: usize, by: usize, at: impl Fn(usize, usize) -> Vector) -> Vector {
        let left = if bx > 0 { at(bx - 1, by) } else { Vector::default() };
        if by == 0 {
            return left;
        }
        let above = at(bx, by - 1);
        let third = if bx + 1 < self.across {
            at(bx + 1, by - 1)
        } else if bx > 0 {
            at(bx - 1, by - 1)
        } else {
            above
        };
        let median = |a: i16, b: i16, c: i16| a.max(b).min(a.min(b).max(c));
        Vector { x: median(left.x, above.x, third.x), y: median(left.y, above.y, third.y) }
    }
}

/// How vectors are coded: what they differ from what is expected.
#[derive(Clone, Debug)]
pub(super) struct VectorModel {
    parts: [Distribution; 4],
    /// Symbols seen by each, at most 255.
    seen: [u8; 4],
}

impl VectorModel {
    pub(super) fn new() -> Self {
        // Half of all differences are expected to be zero.
        let mut upper = [0; 16];
        let mut sum = 0;
        for (i, entry) in upper.iter_mut().enumerate() {
            sum += if i == 7 { 16384 } else { 1092 };
            *entry = sum.min(0x7fff);
        }
        Self { parts: [Distribution::new(upper); 4], seen: [0; 4] }
    }

    /// Codes `field`; the encoder's holds the vectors, the decoder's is filled. A vector that is out
    /// of reach cannot have been written and becomes zero.
    pub(super) fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        field: &mut Field,
        base: Option<&Field>,
    ) {
        for by in 0..field.down {
            for bx in 0..field.across {
                let expected = field.expected(bx, by, base);
                let known = field.vectors[by * field.across + bx];
                let x = self.part(coder, 0, i32::from(known.x) - i32::from(expected.x));
                let moved = usize::from(x != 0);
                let y = self.part(coder, 2 + moved, i32::from(known.y) - i32::from(expected.y));
                let sum = |a: i16, d: i32| {
                    let sum = i32::from(a) + d;
                    if sum.abs() <= REACH { sum as i16 } else { 0 }
                };
                field.vectors[by * field.across + bx] =
                    Vector { x: sum(expected.x, x), y: sum(expected.y, y) };
            }
        }
    }

    /// Roughly the bits of each symbol, for the search.
    fn costs(&self) -> [[f32; 16]; 4] {
        std::array::from_fn(|part| {
            let both = together::<Base>(&self.parts[part], &self.parts[part]);
            std::array::from_fn(|i| {
                let (lower, upper) = both.of(i);
                let share = (upper - lower) as f32 / 65536.0;
                let escape = if i == 0 || i >= 14 { 10.0 } else { 0.0 };
                escape - share.log2()
            })
        })
    }

    /// Symbols 0..=14 are differences of -7..=7, of which the outer ones are followed by the rest.
    fn part<C: Coder>(&mut self, coder: &mut C, index: usize, known: i32) -> i32 {
        let model = &mut self.parts[index];
        let both = together::<Base>(model, model);
        let symbol = coder.symbol::<Base>(&both, (known.clamp(-7, 7) + 7) as usize);
        model.update::<Base>(symbol, &mut self.seen[index]);
        let value = symbol as i32 - 7;
        if value.abs() < 7 {
            return value;
        }
        let rest = coder.plain(10, (known.abs() - 7).clamp(0, 1023) as u32) as i32;
        value.signum() * (7 + rest)
    }
}

vectorised! {
    /// Sum of absolute differences of two blocks of `width` x `height`, at most 16 wide.
    fn distance(a: &[u8], a_stride: usize, b: &[u8], b_stride: usize, width: usize, height: usize) -> u32 {
        let mut sum = 0_u32;
        if width == BLOCK {
            for (a, b) in a.chunks(a_stride).zip(b.chunks(b_stride)).take(height) {
                let (Some(a), Some(b)) = (a.first_chunk::<BLOCK>(), b.first_chunk::<BLOCK>()) else { break };
                let mut row = 0_u32;
                for i in 0..BLOCK {
                    row += u32::from(a[i].abs_diff(b[i]));
                }
                sum += row;
            }
        } else {
            for (a, b) in a.chunks(a_stride).zip(b.chunks(b_stride)).take(height) {
                for (a, b) in a[..width].iter().zip(&b[..width]) {
                    sum += u32::from(a.abs_diff(*b));
                }
            }
        }
        sum
    }
}

/// Finds vectors; used by the encoder alone, so its choices are its own.
#[derive(Clone, Debug)]
pub(super) struct Search {
    width: usize,
    rows: usize,
    stride: usize,
    padded: Vec<u8>,
    /// The best vectors of the frame before, their bits apart.
    free: [Vec<Vector>; 2],
    /// First row of the reference that the padding begins from, relative to the band's first.
    top: i32,
    height: i32,
}

/// Rows of a plane that may be referred to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visible<'a> {
    /// Samples, `width` a row.
    pub(super) data: &'a [u8],
    pub(super) width: usize,
    /// The first row that may be read.
    pub(super) first: usize,
    /// One past the last row that may be read.
    pub(super) end: usize,
}

impl<'a> Visible<'a> {
    /// Row `y` of the plane, or the nearest that may be read.
    #[inline]
    pub(super) fn row(&self, y: isize) -> &'a [u8] {
        let y = y.clamp(self.first as isize, self.end as isize - 1) as usize;
        &self.data[y * self.width..(y + 1) * self.width]
    }
}

impl Search {
    pub(super) fn new(width: usize, rows: usize) -> Self {
        Self {
            width,
            rows,
            stride: 0,
            padded: Vec::new(),
            free: [Vec::new(), Vec::new()],
            top: 0,
            height: 0,
        }
    }

    /// Looks for each block of `source` (the band's rows) in `reference`; `first` is the band's first
    /// row. `hint` is a field to begin from, scaled by `times`.
    pub(super) fn run(
        &mut self,
        source: &[u8],
        reference: Visible<'_>,
        first: usize,
        model: &VectorModel,
        base: Option<&Field>,
        field: &mut Field,
    ) {
        let costs = model.costs();
        self.pad(reference, first);
        let slot = usize::from(base.is_some());
        let mut free = std::mem::take(&mut self.free[slot]);
        free.resize(field.vectors.len(), Vector::default());
        let (across, down) = (field.across, field.down);
        // Where each block is found when vectors cost next to nothing.
        for by in 0..down {
            for bx in 0..across {
                let at = by * across + bx;
                let mut best = Best::new(|v| self.distance(source, bx, by, v) + length(v) / 2);
                best.consider(Vector::default());
                best.consider(free[at]);
                for near in [at + 1, at + across] {
                    best.consider(free[near.min(free.len() - 1)]);
                }
                if bx > 0 {
                    best.consider(free[at - 1]);
                }
                if by > 0 {
                    best.consider(free[at - across]);
                }
                if let Some(base) = base {
                    best.consider(base.vectors[at].twice());
                }
                for step in [8, 4, 2, 1] {
                    best.descend(step);
                }
                free[at] = best.vector;
            }
        }
        // What of that is worth its bits.
        for by in 0..down {
            for bx in 0..across {
                let at = by * across + bx;
                let expected = field.expected(bx, by, base);
                let mut best = Best::new(|v| {
                    let (dx, dy) = (v.x - expected.x, v.y - expected.y);
                    let symbol = |d: i16| (d.clamp(-7, 7) + 7) as usize;
                    let bits = costs[0][symbol(dx)] + costs[2 + usize::from(dx != 0)][symbol(dy)];
                    let miss = self.distance(source, bx, by, v);
                    let extra = if v == expected { 0 } else { miss / 8 };
                    miss.saturating_add(extra).saturating_add((bits * LAMBDA[slot]) as u32)
                });
                best.consider(expected);
                best.consider(Vector::default());
                best.consider(field.vectors[at]);
                for y in by.saturating_sub(1)..(by + 2).min(down) {
                    for x in bx.saturating_sub(1)..(bx + 2).min(across) {
                        best.consider(free[y * across + x]);
                    }
                }
                if let Some(base) = base {
                    best.consider(base.vectors[at].twice());
                }
                best.descend(1);
                field.vectors[at] = best.vector;
            }
        }
        self.free[slot] = free;
    }

    /// How block `bx`, `by` of the band differs from the reference moved by `v`.
    fn distance(&self, source: &[u8], bx: usize, by: usize, v: Vector) -> u32 {
        let (x, y) = (bx * BLOCK, by * BLOCK);
        let (w, h) = (BLOCK.min(self.width - x), BLOCK.min(self.rows - y));
        let (vx, vy) = (i32::from(v.x), i32::from(v.y));
        let (px, py) = (x as i32 + vx, y as i32 + vy - self.top);
        let inside = px >= -MARGIN
            && px + w as i32 <= self.width as i32 + MARGIN
            && py >= -MARGIN
            && py + h as i32 <= self.height + MARGIN
            && vx.abs() <= REACH
            && vy.abs() <= REACH;
        if !inside {
            return u32::MAX / 2;
        }
        let at = (py + PAD as i32) as usize * self.stride + (px + PAD as i32) as usize;
        distance(&source[y * self.width + x..], self.width, &self.padded[at..], self.stride, w, h)
    }

    fn pad(&mut self, reference: Visible<'_>, first: usize) {
        // Rows beyond the reach of any vector need not be copied.
        let reach = REACH as usize + PAD;
        let from = reference.first.max(first.saturating_sub(reach));
        let to = reference.end.min(first + self.rows + reach);
        self.top = from as i32 - first as i32;
        self.height = (to - from) as i32;
        self.stride = self.width + 2 * PAD;
        self.padded.clear();
        for y in from as isize - PAD as isize..(to + PAD) as isize {
            let row = reference.row(y.clamp(from as isize, to as isize - 1));
            self.padded.extend(std::iter::repeat_n(row[0], PAD));
            self.padded.extend_from_slice(row);
            self.padded.extend(std::iter::repeat_n(row[self.width - 1], PAD));
        }
    }
}

/// What a bit of a vector is worth in absolute differences, for the last frame and the one before.
/// Least squares makes up for much of what a vector misses, so this is far more than the plain
/// trade of rate and distortion would have it.
const LAMBDA: [f32; 2] = [15.0, 45.0];

/// The best vector so far.
struct Best<F> {
    cost: F,
    least: u32,
    vector: Vector,
}

impl<F: Fn(Vector) -> u32> Best<F> {
    fn new(cost: F) -> Self {
        Self { cost, least: u32::MAX, vector: Vector::default() }
    }

    fn consider(&mut self, vector: Vector) -> bool {
        let cost = (self.cost)(vector);
        let better = cost < self.least;
        if better {
            (self.least, self.vector) = (cost, vector);
        }
        better
    }

    /// Goes on by `step` as long as that is better.
    fn descend(&mut self, step: i16) {
        for _ in 0..24 {
            let Vector { x, y } = self.vector;
            let mut better = false;
            for (dx, dy) in [(-step, 0), (step, 0), (0, -step), (0, step)] {
                better |= self.consider(Vector { x: x + dx, y: y + dy });
            }
            if !better {
                break;
            }
        }
    }
}

/// Roughly the bits of a vector by itself.
fn length(v: Vector) -> u32 {
    let bits = |part: i16| 32 - u32::from(part.unsigned_abs()).leading_zeros();
    2 * (bits(v.x) + bits(v.y))
}
