//! The search for the displacement of every patch, from the coarsest level to the finest.

use crate::vision::dispatch::vectorised;

use super::field::{CELL, MotionField, Vector};
use super::homography::Homography;
#[cfg(target_arch = "x86_64")]
use super::patch::Avx2;
use super::patch::{Kernel, Portable, Residual};
use super::pyramid::{BORDER, Level, LumaPyramid};

/// How hard to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchOptions {
    /// The finest level searched: 0 is full size, 1 half of it.
    pub finest: usize,
    /// Gradient steps a patch at each level.
    pub steps: usize,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self { finest: 0, steps: 4 }
    }
}

/// What a patch knows of itself: its displacement, and how badly it fits.
#[derive(Clone, Copy, Debug, Default)]
struct Patch {
    vector: Vector,
    cost: u32,
    /// Sum of absolute residuals in each of its four cells, in levels.
    cells: [u32; 4],
}

/// Searches motion. Keeps its memory; one thread uses it.
#[derive(Clone, Debug, Default)]
pub struct MotionSearch {
    options: SearchOptions,
    /// Gradients of the newer picture, horizontal and vertical, in the layout of the level.
    gradient: [Vec<i16>; 2],
    patches: Vec<Patch>,
    coarse: MotionField,
}

impl MotionSearch {
    /// With options.
    #[must_use]
    pub fn new(options: SearchOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Finds where the content of each cell of `newer` was in `older`. Pictures of different sizes
    /// have no motion.
    pub fn search(&mut self, newer: &LumaPyramid, older: &LumaPyramid, field: &mut MotionField) {
        self.search_from(newer, older, None, field);
    }

    /// As [`MotionSearch::search`], beginning at the coarsest level with what `prior` says of the
    /// camera's own motion. It is a beginning only: what fits better is still taken.
    pub fn search_from(
        &mut self,
        newer: &LumaPyramid,
        older: &LumaPyramid,
        prior: Option<&Homography>,
        field: &mut MotionField,
    ) {
        let size = newer.size();
        field.reset(size.w().div_ceil(CELL), size.h().div_ceil(CELL));
        if older.size() != size || newer.levels.is_empty() {
            return;
        }
        let coarsest = newer.levels.len() - 1;
        let finest = self.options.finest.min(coarsest);
        self.coarse.reset(0, 0);
        if let Some(prior) = prior {
            let level = &newer.levels[coarsest];
            begin(prior, level.width, level.height, coarsest, &mut self.coarse);
        }
        for at in (finest..=coarsest).rev() {
            let (new, old) = (&newer.levels[at], &older.levels[at]);
            gradients(new, &mut self.gradient);
            let columns = new.width.div_ceil(CELL) + 1;
            let rows = new.height.div_ceil(CELL) + 1;
            self.patches.clear();
            self.patches.resize(columns * rows, Patch::default());
            level(
                new,
                old,
                &self.gradient,
                &self.coarse,
                columns,
                self.options.steps,
                &mut self.patches,
            );
            self.vote(new.width.div_ceil(CELL), new.height.div_ceil(CELL));
        }
        // Cells of the finest level searched, spread to those of the full size.
        for row in 0..field.rows {
            for column in 0..field.columns {
                let v = self.coarse.at((column >> finest) as isize, (row >> finest) as isize);
                let grow = |v: i16| v.saturating_mul(1 << finest);
                field.vectors[row * field.columns + column] = Vector { x: grow(v.x), y: grow(v.y) };
            }
        }
    }

    /// The displacement of each cell: the mean of the four patches over it, weighted by how well
    /// each fits there.
    fn vote(&mut self, columns: usize, rows: usize) {
        self.coarse.reset(columns, rows);
        let stride = columns + 1;
        for row in 0..rows {
            for column in 0..columns {
                let mut sum = [0_i64; 2];
                let mut total = 0_i64;
                for (dy, dx) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    let patch = &self.patches[(row + dy) * stride + column + dx];
                    // The patch at (dx, dy) has this cell at its opposite corner.
                    let error = patch.cells[(1 - dy) * 2 + (1 - dx)] as usize;
                    let weight = i64::from(VOTES.get(error).copied().unwrap_or(0));
                    let weight = weight * weight;
                    sum[0] += weight * i64::from(patch.vector.x);
                    sum[1] += weight * i64::from(patch.vector.y);
                    total += weight;
                }
                let total = total.max(1);
                let mean = |s: i64| ((2 * s + total).div_euclid(2 * total)) as i16;
                self.coarse.vectors[row * columns + column] =
                    Vector { x: mean(sum[0]), y: mean(sum[1]) };
            }
        }
    }
}

/// The field of a level above the coarsest, of `width` by `height` samples, as `prior` has it.
fn begin(
    prior: &Homography,
    width: usize,
    height: usize,
    coarsest: usize,
    field: &mut MotionField,
) {
    let cells = |side: usize| (side.div_ceil(CELL) + 1).div_ceil(2);
    field.reset(cells(width), cells(height));
    let columns = field.columns;
    for (at, vector) in field.vectors.iter_mut().enumerate() {
        // The middle between the two patches that a cell of this field is for.
        let middle = |at: usize| ((8 * at + 2) << coarsest) as i64;
        let shift = coarsest as u32 + 1;
        let (x, y) =
            prior.displacement(middle(at % columns), middle(at / columns), shift, MOST_BEGUN);
        *vector = Vector { x: x as i16, y: y as i16 };
    }
}

/// The largest vector begun with, in 1/64 sample; the search doubles it.
const MOST_BEGUN: i64 = 8_192;

/// Twice the central differences of a level, in its layout; the outermost border is zero.
fn gradients(level: &Level, out: &mut [Vec<i16>; 2]) {
    let (stride, data) = (level.stride, &level.data);
    for plane in out.iter_mut() {
        plane.clear();
        plane.resize(data.len(), 0);
    }
    let lines = level.height + 2 * BORDER;
    let [gx, gy] = out;
    for y in 1..lines - 1 {
        let at = y * stride;
        slope(
            &data[at..at + stride - 2],
            &data[at + 2..at + stride],
            &mut gx[at + 1..at + stride - 1],
        );
        slope(
            &data[at - stride..at],
            &data[at + stride..at + 2 * stride],
            &mut gy[at..at + stride],
        );
    }
}

vectorised! {
    fn slope(before: &[u8], after: &[u8], out: &mut [i16]) {
        for ((o, &b), &a) in out.iter_mut().zip(before).zip(after) {
            *o = i16::from(a) - i16::from(b);
        }
    }
}

/// How much worse than no motion, in 1/16 levels squared over 16, another displacement may be and
/// still not be taken: flat and noisy patches stand still.
const STILL: u32 = 16 * 4 * 4;

/// Added to the residual of a cell, in levels, before it becomes a weight.
const VOTE: u32 = 32;

/// `65536 / (32 + e)` for each sum of absolute residuals a cell can have.
const VOTES: [u16; CELL * CELL * 255 + 1] = {
    let mut table = [0; CELL * CELL * 255 + 1];
    let mut error = 0;
    while error < table.len() {
        table[error] = (65_536 / (VOTE + error as u32)) as u16;
        error += 1;
    }
    table
};

/// Finds the vector of every patch of a level.
fn level(
    new: &Level,
    old: &Level,
    gradient: &[Vec<i16>; 2],
    coarse: &MotionField,
    columns: usize,
    steps: usize,
    patches: &mut [Patch],
) {
    let job = Job { new, old, gradient, coarse, columns, steps };
    #[cfg(target_arch = "x86_64")]
    if let Some(kernel) = Avx2::detect() {
        #[expect(unsafe_code, reason = "a call with more instructions than assumed")]
        // SAFETY: the processor was just found to have AVX2.
        return unsafe { level_avx2(kernel, &job, patches) };
    }
    job.run(Portable, patches);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn level_avx2(kernel: Avx2, job: &Job<'_>, patches: &mut [Patch]) {
    job.run(kernel, patches);
}

/// The search over one level.
#[derive(Clone, Copy)]
struct Job<'a> {
    new: &'a Level,
    old: &'a Level,
    gradient: &'a [Vec<i16>; 2],
    coarse: &'a MotionField,
    columns: usize,
    steps: usize,
}

impl Job<'_> {
    #[inline(always)]
    fn run(&self, kernel: impl Kernel, patches: &mut [Patch]) {
        self.forwards(kernel, patches);
        self.backwards(kernel, patches);
    }

    #[inline(always)]
    fn forwards(&self, kernel: impl Kernel, patches: &mut [Patch]) {
        let columns = self.columns;
        let double = |v: i16| v.saturating_mul(2);
        for row in 0..patches.len() / columns {
            for column in 0..columns {
                let (x, y) = (place(column), place(row));
                let seed = self.coarse.at(column as isize / 2, row as isize / 2);
                let seed = Vector { x: double(seed.x), y: double(seed.y) };
                let mut best = kernel.residual(self.new, self.old, x, y, seed);
                let mut patch = Patch { vector: seed, cost: best.cost(), cells: [0; 4] };
                let still = Vector::default();
                let left = (column > 0).then(|| patches[row * columns + column - 1].vector);
                let above = (row > 0).then(|| patches[(row - 1) * columns + column].vector);
                // A vector that lost once would lose again; only a seed that stands still was
                // not yet tried at the lower cost of standing still.
                let above = above.filter(|&v| Some(v) != left && (v != seed || seed == still));
                let tried = above == Some(still) || (left == Some(still) && seed != still);
                let zero = (!tried).then_some(still);
                for v in [left, above, zero].into_iter().flatten() {
                    if v != patch.vector {
                        self.consider(kernel, x, y, v, &mut patch, &mut best);
                    }
                }
                self.descend(kernel, x, y, self.steps, &mut patch, &mut best);
                patch.cells = kernel.cells(&best);
                patches[row * columns + column] = patch;
            }
        }
    }

    #[inline(always)]
    fn backwards(&self, kernel: impl Kernel, patches: &mut [Patch]) {
        let columns = self.columns;
        let rows = patches.len() / columns;
        for row in (0..rows).rev() {
            for column in (0..columns).rev() {
                let (x, y) = (place(column), place(row));
                let mut patch = patches[row * columns + column];
                let right =
                    (column + 1 < columns).then(|| patches[row * columns + column + 1].vector);
                let below = (row + 1 < rows).then(|| patches[(row + 1) * columns + column].vector);
                let below = below.filter(|&v| Some(v) != right);
                let mut taken = None;
                for v in [right, below].into_iter().flatten() {
                    if v != patch.vector {
                        let other = kernel.residual(self.new, self.old, x, y, v);
                        if patch.takes(v, &other) {
                            taken = Some(other);
                        }
                    }
                }
                if let Some(mut best) = taken {
                    self.descend(kernel, x, y, self.steps.div_ceil(2), &mut patch, &mut best);
                    patch.cells = kernel.cells(&best);
                    patches[row * columns + column] = patch;
                }
            }
        }
    }

    #[inline(always)]
    fn consider(
        &self,
        kernel: impl Kernel,
        x: isize,
        y: isize,
        v: Vector,
        patch: &mut Patch,
        best: &mut Residual,
    ) {
        let other = kernel.residual(self.new, self.old, x, y, v);
        if patch.takes(v, &other) {
            *best = other;
        }
    }

    #[inline(always)]
    fn descend(
        &self,
        kernel: impl Kernel,
        x: isize,
        y: isize,
        steps: usize,
        patch: &mut Patch,
        best: &mut Residual,
    ) {
        let template = kernel.template(self.new, self.gradient, x, y);
        for _ in 0..steps {
            let v = kernel.step(&template, best, patch.vector);
            if v == patch.vector {
                break;
            }
            let before = patch.cost;
            self.consider(kernel, x, y, v, patch, best);
            if patch.cost >= before {
                break;
            }
        }
    }
}

impl Patch {
    /// Takes `v` over where its residual costs less.
    #[inline(always)]
    fn takes(&mut self, v: Vector, residual: &Residual) -> bool {
        let mut cost = residual.cost();
        if v == Vector::default() {
            cost = cost.saturating_sub(STILL);
        }
        let better = cost < self.cost;
        if better {
            self.vector = v;
            self.cost = cost;
        }
        better
    }
}

/// Where the patch of this column or row begins.
#[inline(always)]
fn place(at: usize) -> isize {
    at as isize * CELL as isize - CELL as isize
}

#[cfg(test)]
mod tests;
