//! One 8x8 patch: how it differs from where it may come from, and the slope it descends along.
//!
//! Each function has a portable version, which the compiler turns into vector code of the base
//! instruction set, and one for AVX2. Both give the same numbers.

use super::field::{CELL, Vector};
use super::pyramid::{BORDER, Level};

#[cfg(target_arch = "x86_64")]
mod avx2;

#[cfg(target_arch = "x86_64")]
pub(super) use avx2::Avx2;

/// Side of a patch.
pub(super) const PATCH: usize = 2 * CELL;

/// Samples of a patch.
const SAMPLES: usize = PATCH * PATCH;

/// Bytes read of each line: the patch, one sample beyond it, and what makes a whole load.
const SPAN: usize = 16;

/// Added to the structure of a patch, in squares of gradients, so that flat patches stay where they
/// are.
const FLAT: i64 = 64 * 64 * 16;

/// The residuals of a patch at a displacement, in 1/16 levels, line after line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Residual {
    values: [i16; SAMPLES],
    sum: i32,
    /// At most `64 * 4080^2`, so it fits.
    squares: i32,
}

impl Residual {
    /// Sum of squares around the mean, in 1/16 levels squared over 16.
    #[inline(always)]
    pub(super) fn cost(&self) -> u32 {
        let mean = i64::from(self.sum) * i64::from(self.sum) / SAMPLES as i64;
        ((i64::from(self.squares) - mean) >> 4) as u32
    }
}

/// The gradients of a patch and the inverse of their structure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Template {
    gx: [i16; SAMPLES],
    gy: [i16; SAMPLES],
    sums: [i64; 2],
    xx: i64,
    xy: i64,
    yy: i64,
    determinant: i64,
}

/// Sums over the gradients of a patch.
struct Sums {
    x: i32,
    y: i32,
    xx: i32,
    xy: i32,
    yy: i32,
}

impl Template {
    #[inline(always)]
    fn new(gx: [i16; SAMPLES], gy: [i16; SAMPLES], sums: &Sums) -> Self {
        let n = SAMPLES as i64;
        let (x, y) = (i64::from(sums.x), i64::from(sums.y));
        // Around the mean, times n.
        let xx = n * i64::from(sums.xx) - x * x + FLAT;
        let yy = n * i64::from(sums.yy) - y * y + FLAT;
        let xy = n * i64::from(sums.xy) - x * y;
        Self { gx, gy, sums: [x, y], xx, xy, yy, determinant: (xx * yy - xy * xy) >> 3 }
    }

    /// From the products of gradients and residuals to the vector a step further.
    #[inline(always)]
    fn solve(&self, products: [i32; 2], sum: i32, v: Vector) -> Vector {
        let n = SAMPLES as i64;
        let [bx, by] = products.map(i64::from);
        let sum = i64::from(sum);
        let bx = n * bx - self.sums[0] * sum;
        let by = n * by - self.sums[1] * sum;
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

/// Where the patch at (x, y) displaced by `v` begins in `old`, and the fractions in sixteenths. The
/// patch stays within the border.
#[inline(always)]
fn source(old: &Level, x: isize, y: isize, v: Vector) -> (usize, u16, u16) {
    let (sx, sy) = ((isize::from(v.x) + 2) >> 2, (isize::from(v.y) + 2) >> 2);
    let low = -(BORDER as isize) * 16;
    let px = (x * 16 + sx).clamp(low, ((old.width + BORDER - PATCH - 2) * 16) as isize);
    let py = (y * 16 + sy).clamp(low, ((old.height + BORDER - PATCH - 2) * 16) as isize);
    (old.index(px >> 4, py >> 4), (px & 15) as u16, (py & 15) as u16)
}

/// What is computed over the samples of a patch, once for each instruction set.
pub(super) trait Kernel: Copy {
    /// The residuals of the patch of `new` at (x, y) from `old` displaced by `v`.
    fn residual(self, new: &Level, old: &Level, x: isize, y: isize, v: Vector) -> Residual;

    /// Sum of absolute residuals of each of the four cells, in levels.
    fn cells(self, residual: &Residual) -> [u32; 4];

    /// The template of the patch of `new` at (x, y).
    fn template(self, new: &Level, gradient: &[Vec<i16>; 2], x: isize, y: isize) -> Template;

    /// One step down the residual.
    fn step(self, template: &Template, residual: &Residual, v: Vector) -> Vector;
}

/// The version for the base instruction set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portable;

impl Kernel for Portable {
    #[inline(always)]
    fn residual(self, new: &Level, old: &Level, x: isize, y: isize, v: Vector) -> Residual {
        let (from, fx, fy) = source(old, x, y, v);
        let at = new.index(x, y);
        // Across, then down: the same sum as over the four neighbours at once.
        let mut across = [[0_u16; PATCH]; PATCH + 1];
        for (line, out) in across.iter_mut().enumerate() {
            let from = from + line * old.stride;
            let row: &[u8; SPAN] = old.data[from..from + SPAN].try_into().unwrap_or(&[0; SPAN]);
            for i in 0..PATCH {
                out[i] = u16::from(row[i]) * (16 - fx) + u16::from(row[i + 1]) * fx;
            }
        }
        let mut values = [0_i16; SAMPLES];
        for line in 0..PATCH {
            let at = at + line * new.stride;
            let own: &[u8; PATCH] = new.data[at..at + PATCH].try_into().unwrap_or(&[0; PATCH]);
            for i in 0..PATCH {
                let sum = across[line][i] * (16 - fy) + across[line + 1][i] * fy;
                // At most 255 * 16, so it fits.
                values[line * PATCH + i] = ((sum + 8) >> 4) as i16 - (i16::from(own[i]) << 4);
            }
        }
        let (mut sum, mut squares) = (0, 0);
        for v in values.map(i32::from) {
            sum += v;
            squares += v * v;
        }
        Residual { values, sum, squares }
    }

    #[inline(always)]
    fn cells(self, residual: &Residual) -> [u32; 4] {
        let mut cells = [0; 4];
        for (at, line) in residual.values.chunks_exact(PATCH).enumerate() {
            let half = at / CELL * 2;
            for (i, &v) in line.iter().enumerate() {
                cells[half + i / CELL] += u32::from(v.unsigned_abs());
            }
        }
        cells.map(|c| c >> 4)
    }

    #[inline(always)]
    fn template(self, new: &Level, gradient: &[Vec<i16>; 2], x: isize, y: isize) -> Template {
        let at = new.index(x, y);
        let mut gx = [0_i16; SAMPLES];
        let mut gy = [0_i16; SAMPLES];
        for line in 0..PATCH {
            let from = at + line * new.stride;
            gx[line * PATCH..][..PATCH].copy_from_slice(&gradient[0][from..from + PATCH]);
            gy[line * PATCH..][..PATCH].copy_from_slice(&gradient[1][from..from + PATCH]);
        }
        let mut sums = Sums { x: 0, y: 0, xx: 0, xy: 0, yy: 0 };
        for (&a, &b) in gx.iter().zip(&gy) {
            let (a, b) = (i32::from(a), i32::from(b));
            sums.x += a;
            sums.y += b;
            sums.xx += a * a;
            sums.xy += a * b;
            sums.yy += b * b;
        }
        Template::new(gx, gy, &sums)
    }

    #[inline(always)]
    fn step(self, template: &Template, residual: &Residual, v: Vector) -> Vector {
        let (mut bx, mut by) = (0_i32, 0_i32);
        for i in 0..SAMPLES {
            let r = i32::from(residual.values[i]);
            bx += i32::from(template.gx[i]) * r;
            by += i32::from(template.gy[i]) * r;
        }
        template.solve([bx, by], residual.sum, v)
    }
}
