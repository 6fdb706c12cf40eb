//! Weights of the regressors by least squares, eight strips at a time.
//!
//! Single precision with + - * / in a written order, one strip a lane: no lane knows of another, so
//! any width of vector gives the same bits.

use crate::vision::dispatch::vectorised;

/// Strips solved together.
pub(super) const LANES: usize = 8;

/// The most regressors of a plane.
pub(super) const MOST: usize = 32;

/// One value of each strip.
pub(super) type Lanes = [f32; LANES];

/// Entries of the upper triangle with the target as last column: row `i` begins at `row(i, n)`, its
/// first entry is the diagonal, its last the target.
#[inline(always)]
pub(super) const fn row(i: usize, n: usize) -> usize {
    i * (n + 1) - i * i.saturating_sub(1) / 2
}

/// Entries of `n` regressors.
pub(super) const fn entries(n: usize) -> usize {
    row(n, n)
}

/// A pivot of less than this share of its diagonal carries no information.
const LEAST_PIVOT: f32 = 1.0 / 4096.0;

vectorised! {
    /// Brings the system of `n` regressors to L D L^T form, in place.
    pub(super) fn factor(system: &mut [Lanes], n: usize) {
        let mut diagonal = [[0.0_f32; LANES]; MOST];
        for i in 0..n {
            diagonal[i] = system[row(i, n)];
        }
        // L D L^T by rows: after step i row i holds D_i and, scaled, L's column i.
        for i in 0..n {
            let start = row(i, n);
            let (above, below) = system.split_at_mut(row(i + 1, n));
            let this = &mut above[start..];
            let mut inverse = [0.0_f32; LANES];
            for l in 0..LANES {
                let pivot = this[0][l];
                let usable = pivot > diagonal[i][l] * LEAST_PIVOT && pivot > 0.0;
                inverse[l] = if usable { 1.0 / pivot } else { 0.0 };
            }
            let mut next = 0;
            for j in i + 1..n {
                let mut factor = [0.0_f32; LANES];
                for l in 0..LANES {
                    factor[l] = this[j - i][l] * inverse[l];
                }
                let length = n + 1 - j;
                let target = &mut below[next..next + length];
                for (to, from) in target.iter_mut().zip(&this[j - i..]) {
                    for l in 0..LANES {
                        to[l] -= factor[l] * from[l];
                    }
                }
                next += length;
            }
            for entry in &mut this[1..] {
                for l in 0..LANES {
                    entry[l] *= inverse[l];
                }
            }
        }
    }
}

vectorised! {
    /// Weights of the first `count` of the `n` regressors of a factored system, as if there were no others.
    pub(super) fn substitute(system: &[Lanes], n: usize, count: usize, weights: &mut [Lanes]) {
        for i in (0..count).rev() {
            let this = &system[row(i, n)..row(i + 1, n)];
            let mut value = this[n - i];
            for j in i + 1..count {
                for l in 0..LANES {
                    value[l] -= this[j - i][l] * weights[j][l];
                }
            }
            weights[i] = value;
        }
    }
}
