//! The search for the displacement of every patch, from the coarsest level to the finest.

use crate::vision::dispatch::vectorised;

use super::field::{CELL, MotionField, Vector};
use super::pyramid::{BORDER, Level, LumaPyramid};

/// Side of a patch.
const PATCH: usize = 2 * CELL;

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
        let size = newer.size();
        field.reset(size.w().div_ceil(CELL), size.h().div_ceil(CELL));
        if older.size() != size || newer.levels.is_empty() {
            return;
        }
        let coarsest = newer.levels.len() - 1;
        let finest = self.options.finest.min(coarsest);
        self.coarse.reset(0, 0);
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
                    let error = i64::from(patch.cells[(1 - dy) * 2 + (1 - dx)]);
                    let weight = 65_536 / (VOTE + error);
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

/// The residuals of a patch at a displacement, in 1/16 levels.
struct Residual {
    values: [i16; PATCH * PATCH],
    sum: i32,
}

#[inline(always)]
fn residual(new: &Level, old: &Level, x: isize, y: isize, v: Vector) -> Residual {
    // Sixteenths of a pixel; the patch stays within the border.
    let (sx, sy) = ((isize::from(v.x) + 2) >> 2, (isize::from(v.y) + 2) >> 2);
    let low = -(BORDER as isize) * 16;
    let px = (x * 16 + sx).clamp(low, ((old.width + BORDER - PATCH - 2) * 16) as isize);
    let py = (y * 16 + sy).clamp(low, ((old.height + BORDER - PATCH - 2) * 16) as isize);
    let (fx, fy) = ((px & 15) as u16, (py & 15) as u16);
    let weights = [(16 - fx) * (16 - fy), fx * (16 - fy), (16 - fx) * fy, fx * fy];
    let from = old.index(px >> 4, py >> 4);
    let at = new.index(x, y);
    let mut values = [0_i16; PATCH * PATCH];
    for line in 0..PATCH {
        let from = from + line * old.stride;
        let upper: &[u8; 16] = old.data[from..from + 16].try_into().unwrap_or(&[0; 16]);
        let lower: &[u8; 16] =
            old.data[from + old.stride..from + old.stride + 16].try_into().unwrap_or(&[0; 16]);
        let at = at + line * new.stride;
        let own: &[u8; PATCH] = new.data[at..at + PATCH].try_into().unwrap_or(&[0; PATCH]);
        for i in 0..PATCH {
            let sum = u16::from(upper[i]) * weights[0]
                + u16::from(upper[i + 1]) * weights[1]
                + u16::from(lower[i]) * weights[2]
                + u16::from(lower[i + 1]) * weights[3];
            // At most 255 * 16, so it fits.
            values[line * PATCH + i] = ((sum + 8) >> 4) as i16 - (i16::from(own[i]) << 4);
        }
    }
    let mut sum = 0_i32;
    for v in values {
        sum += i32::from(v);
    }
    Residual { values, sum }
}

impl Residual {
    /// Sum of squares around the mean, in 1/16 levels squared over 16.
    #[inline(always)]
    fn cost(&self) -> u32 {
        let mut squares = 0_i64;
        for line in self.values.chunks_exact(16) {
            let mut part = 0_i32;
            for &v in line {
                part += i32::from(v) * i32::from(v);
            }
            squares += i64::from(part);
        }
        let mean = i64::from(self.sum) * i64::from(self.sum) / (PATCH * PATCH) as i64;
        ((squares - mean) >> 4) as u32
    }

    /// Sum of absolute residuals of each of the four cells, in levels.
    #[inline(always)]
    fn cells(&self) -> [u32; 4] {
        let mut cells = [0; 4];
        for (at, line) in self.values.chunks_exact(PATCH).enumerate() {
            let half = at / CELL * 2;
            for (i, &v) in line.iter().enumerate() {
                cells[half + i / CELL] += u32::from(v.unsigned_abs());
            }
        }
        cells.map(|c| c >> 4)
    }
}

/// The gradients of a patch and the inverse of their structure.
struct Template {
    gx: [i16; PATCH * PATCH],
    gy: [i16; PATCH * PATCH],
    sums: [i64; 2],
    xx: i64,
    xy: i64,
    yy: i64,
    determinant: i64,
}

#[inline(always)]
fn template(new: &Level, gradient: &[Vec<i16>; 2], x: isize, y: isize) -> Template {
    let at = new.index(x, y);
    let mut gx = [0_i16; PATCH * PATCH];
    let mut gy = [0_i16; PATCH * PATCH];
    for line in 0..PATCH {
        let from = at + line * new.stride;
        gx[line * PATCH..][..PATCH].copy_from_slice(&gradient[0][from..from + PATCH]);
        gy[line * PATCH..][..PATCH].copy_from_slice(&gradient[1][from..from + PATCH]);
    }
    let (mut sx, mut sy, mut xx, mut xy, mut yy) = (0_i32, 0_i32, 0_i32, 0_i32, 0_i32);
    for i in 0..PATCH * PATCH {
        let (a, b) = (i32::from(gx[i]), i32::from(gy[i]));
        sx += a;
        sy += b;
        xx += a * a;
        xy += a * b;
        yy += b * b;
    }
    let n = (PATCH * PATCH) as i64;
    let (sx, sy) = (i64::from(sx), i64::from(sy));
    // Around the mean, times n; a little is added so that flat patches stay where they are.
    let xx = n * i64::from(xx) - sx * sx + FLAT;
    let yy = n * i64::from(yy) - sy * sy + FLAT;
    let xy = n * i64::from(xy) - sx * sy;
    Template { gx, gy, sums: [sx, sy], xx, xy, yy, determinant: (xx * yy - xy * xy) >> 3 }
}

/// Added to the structure of a patch, in squares of gradients.
const FLAT: i64 = 64 * 64 * 16;

/// How much worse than no motion, in 1/16 levels squared over 16, another displacement may be and
/// still not be taken: flat and noisy patches stand still.
const STILL: u32 = 16 * 4 * 4;

/// Added to the residual of a cell, in levels, before it becomes a weight.
const VOTE: i64 = 32;

impl Template {
    /// One step down the residual.
    #[inline(always)]
    fn step(&self, residual: &Residual, v: Vector) -> Vector {
        let (mut bx, mut by) = (0_i32, 0_i32);
        for i in 0..PATCH * PATCH {
            let r = i32::from(residual.values[i]);
            bx += i32::from(self.gx[i]) * r;
            by += i32::from(self.gy[i]) * r;
        }
        let n = (PATCH * PATCH) as i64;
        let sum = i64::from(residual.sum);
        let bx = n * i64::from(bx) - self.sums[0] * sum;
        let by = n * i64::from(by) - self.sums[1] * sum;
        if self.determinant <= 0 {
            return v;
        }
        let most = 2 * 64;
        let dx = ((self.yy * bx - self.xy * by) / self.determinant).clamp(-most, most);
        let dy = ((self.xx * by - self.xy * bx) / self.determinant).clamp(-most, most);
        let go = |v: i16, d: i64| (i64::from(v) - d).clamp(-16_384, 16_384) as i16;
        Vector { x: go(v.x, dx), y: go(v.y, dy) }
    }
}

vectorised! {
    fn level(
        new: &Level,
        old: &Level,
        gradient: &[Vec<i16>; 2],
        coarse: &MotionField,
        columns: usize,
        steps: usize,
        patches: &mut [Patch],
    ) {
        let rows = patches.len() / columns;
        let double = |v: i16| v.saturating_mul(2);
        for row in 0..rows {
            for column in 0..columns {
                let (x, y) = (place(column), place(row));
                let seed = coarse.at(column as isize / 2, row as isize / 2);
                let seed = Vector { x: double(seed.x), y: double(seed.y) };
                let mut best = residual(new, old, x, y, seed);
                let mut patch = Patch { vector: seed, cost: best.cost(), cells: [0; 4] };
                let neighbours = [
                    (column > 0).then(|| patches[row * columns + column - 1].vector),
                    (row > 0).then(|| patches[(row - 1) * columns + column].vector),
                    Some(Vector::default()),
                ];
                for v in neighbours.into_iter().flatten() {
                    if v != patch.vector {
                        consider(new, old, x, y, v, &mut patch, &mut best);
                    }
                }
                descend(new, old, gradient, x, y, steps, &mut patch, &mut best);
                patches[row * columns + column] = patch;
            }
        }
        for row in (0..rows).rev() {
            for column in (0..columns).rev() {
                let (x, y) = (place(column), place(row));
                let mut patch = patches[row * columns + column];
                let before = patch.vector;
                let mut best = residual(new, old, x, y, before);
                let neighbours = [
                    (column + 1 < columns).then(|| patches[row * columns + column + 1].vector),
                    (row + 1 < rows).then(|| patches[(row + 1) * columns + column].vector),
                ];
                for v in neighbours.into_iter().flatten() {
                    if v != patch.vector {
                        consider(new, old, x, y, v, &mut patch, &mut best);
                    }
                }
                if patch.vector != before {
                    descend(new, old, gradient, x, y, steps.div_ceil(2), &mut patch, &mut best);
                }
                patch.cells = best.cells();
                patches[row * columns + column] = patch;
            }
        }
    }
}

/// Where the patch of this column or row begins.
#[inline(always)]
fn place(at: usize) -> isize {
    at as isize * CELL as isize - CELL as isize
}

#[inline(always)]
fn consider(
    new: &Level,
    old: &Level,
    x: isize,
    y: isize,
    v: Vector,
    patch: &mut Patch,
    best: &mut Residual,
) {
    let other = residual(new, old, x, y, v);
    let mut cost = other.cost();
    if v == Vector::default() {
        cost = cost.saturating_sub(STILL);
    }
    if cost < patch.cost {
        patch.vector = v;
        patch.cost = cost;
        *best = other;
    }
}

#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "inlined into one loop")]
fn descend(
    new: &Level,
    old: &Level,
    gradient: &[Vec<i16>; 2],
    x: isize,
    y: isize,
    steps: usize,
    patch: &mut Patch,
    best: &mut Residual,
) {
    let template = template(new, gradient, x, y);
    for _ in 0..steps {
        let v = template.step(best, patch.vector);
        if v == patch.vector {
            break;
        }
        let before = patch.cost;
        consider(new, old, x, y, v, patch, best);
        if patch.cost >= before {
            break;
        }
    }
}

#[cfg(test)]
mod tests;
