//! Prediction of a row: regressors, their weights by local least squares, and what is learnt.

use super::contexts::measure;
use super::covariance;
use super::plane::PlaneCoder;
use super::solve::{LANES, Lanes, MOST, entries, factor, row, substitute};
use super::spread::{self, SIGNS};
use super::surface::{PAD, Surface};
use super::taps::Tap;
use crate::vision::dispatch::vectorised;

/// Bits behind the point of a weight.
pub(super) const WEIGHT_BITS: u32 = 12;

/// How firmly weights stay at zero: a share of a regressor's energy, and a little more.
const RIDGE: Ridge = Ridge { share: 0.0002, least: 64.0 };

/// The same where samples are not exact: their errors would be fitted.
const RIDGE_BOUNDED: Ridge = Ridge { share: 0.002, least: 2000.0 };

struct Ridge {
    share: f32,
    least: f32,
}

/// What statistics keep from row to row.
const FORGET: f32 = 0.82;

/// What the strips beside count.
const BESIDE: f32 = 0.3;

/// What the same place of the frame before counts.
const BEFORE: f32 = 0.3;

impl PlaneCoder {
    /// Fills the regressors of row `y` but for those of the row itself.
    pub(super) fn collect(&mut self, y: usize, guides: &[&Surface<i16>]) {
        let span = self.strips.span();
        let y = y as isize;
        let references = self.kind.map_or(0, |k| k.references);
        let base_row = if references > 0 { self.moved[0].row(y) } else { self.own.row(y - 1) };
        widen(&base_row[PAD..PAD + span], &mut self.base);
        for (tap, out) in self.taps.iter().zip(self.regressors.chunks_exact_mut(span)) {
            let at = |x: isize| (PAD as isize + x) as usize;
            match *tap {
                Tap::Own(0, _) => {}
                Tap::Own(dy, dx) => less(&self.own.row(y + dy)[at(dx)..][..span], &self.base, out),
                Tap::Moved(slot, dy, dx) => {
                    less(&self.moved[slot].row(y + dy)[at(dx)..][..span], &self.base, out);
                }
                Tap::Steps => times_16(&self.moved_steps.row(y)[PAD..][..span], out),
                Tap::Guide(guide, dy, dx) => {
                    let here = &guides[guide].row(y + dy)[at(dx)..][..span];
                    if references > 0 {
                        out.copy_from_slice(here);
                    } else {
                        differ(here, &guides[guide].row(y - 1)[PAD..][..span], out);
                    }
                }
            }
        }
    }

    /// Finds the weights of row `y` from what is known above it and from the frame before.
    pub(super) fn weigh(&mut self, y: usize) {
        let n = self.taps.len();
        let stride = self.strips.count() + 2 * LANES;
        let count = entries(n);
        let cell = ((y + 2) / self.cell).min(self.rows.div_ceil(self.cell) - 1);
        let before = if self.before_known {
            &self.before[cell * count * stride..][..count * stride]
        } else {
            &[]
        };
        let ridge = if self.max_error > 0 { RIDGE_BOUNDED } else { RIDGE };
        for group in 0..self.strips.groups {
            let at = LANES + group * LANES;
            combine(&self.statistics[..count * stride], before, stride, at, &mut self.system);
            for i in 0..n {
                let entry = &mut self.system[row(i, n)];
                for value in entry.iter_mut() {
                    *value += *value * ridge.share + ridge.least;
                }
            }
            factor(&mut self.system[..count], n);
            substitute(&self.system[..count], n, n, &mut self.solution[..n]);
            for lane in 0..LANES {
                let weights = &mut self.weights[group * LANES + lane];
                for (to, from) in weights.iter_mut().zip(&self.solution[..n]) {
                    *to = fixed(from[lane]);
                }
            }
        }
    }

    /// The part of the predictions that does not depend on the row itself.
    pub(super) fn forecast(&mut self) {
        let strips = self.width.div_ceil(self.strips.width).min(self.weights.len());
        forecast_strips(
            &self.regressors,
            self.strips.span(),
            self.taps.len(),
            &self.weights[..strips],
            self.strips.width,
            &self.base,
            &mut self.partial,
        );
    }

    /// Takes row `y` into the statistics.
    pub(super) fn learn(&mut self, y: usize) {
        let n = self.taps.len();
        let span = self.strips.span();
        let yy = y as isize;
        let own = self.own.row(yy);
        let (one, rest) = self.regressors.split_at_mut(span);
        less(&own[PAD - 1..][..span], &self.base, one);
        less(&own[PAD - 2..][..span], &self.base, &mut rest[..span]);
        less(&own[PAD..][..span], &self.base, &mut rest[(n - 1) * span..n * span]);
        // The first sample's neighbours to the left are those it was predicted from.
        let errors = self.errors[0].row(yy);
        trust(
            &errors[PAD - 1..],
            &self.activity,
            2 * self.max_error + 1,
            &mut self.scale[..self.width],
        );
        if y % 4 == 3 {
            let mut products = [[0.0; SIGNS + 1]; SIGNS];
            measure(
                &self.signs,
                self.width,
                &errors[PAD - 2..],
                &self.scale[..self.width],
                &mut products,
            );
            self.spread.add(&products);
        }
        if y % 16 == 15 {
            self.spread.solve();
        }
        self.scale[self.width..].fill(0);
        covariance::transpose(&self.scale, self.strips, None, &mut self.transposed_scale);
        let length = self.strips.transposed();
        for (from, to) in self
            .regressors
            .chunks_exact(span)
            .zip(self.transposed.chunks_exact_mut(length))
            .take(n + 1)
        {
            covariance::transpose(from, self.strips, Some(&self.transposed_scale), to);
        }
        let stride = self.strips.count() + 2 * LANES;
        let count = entries(n);
        let statistics = &mut self.statistics[..count * stride];
        for group in 0..self.strips.groups {
            let mut forget = FORGET;
            for part in self.strips.parts() {
                covariance::sums(&self.transposed, self.strips, group, part, n, &mut self.sums);
                follow(statistics, stride, LANES + group * LANES, forget, &self.sums);
                forget = 1.0;
            }
        }
    }

    /// Makes what the frame before kept of its regressors, `before`, fit those of now, of which some
    /// have come or gone: of a new one nothing is known.
    pub(super) fn carry_over(&mut self, before: &[Tap]) {
        let stride = self.strips.count() + 2 * LANES;
        let (m, n) = (before.len(), self.taps.len());
        let was = |tap: &Tap| before.iter().position(|b| b == tap);
        // The target stands behind them.
        let was: Vec<_> = self.taps.iter().map(was).chain([Some(m)]).collect();
        let cells = self.rows.div_ceil(self.cell);
        let mut after = vec![0.0; cells * entries(n) * stride];
        let all = self.after.chunks_exact(entries(m) * stride);
        for (from, to) in all.zip(after.chunks_exact_mut(entries(n) * stride)) {
            for (i, j) in (0..n).flat_map(|i| (i..=n).map(move |j| (i, j))) {
                if let (Some(a), Some(b)) = (was[i], was[j]) {
                    let from = &from[(row(a, m) + b - a) * stride..][..stride];
                    to[(row(i, n) + j - i) * stride..][..stride].copy_from_slice(from);
                }
            }
        }
        self.after = after;
    }

    /// Keeps what the next frame begins from.
    pub(super) fn keep(&mut self, y: usize) {
        let stride = self.strips.count() + 2 * LANES;
        let count = entries(self.taps.len());
        if y % self.cell == self.cell - 1 || y + 1 == self.rows {
            let cell = y / self.cell;
            self.after[cell * count * stride..][..count * stride]
                .copy_from_slice(&self.statistics[..count * stride]);
        }
    }
}

/// A weight as a fixed-point number, rounded half up.
fn fixed(weight: f32) -> i16 {
    let scaled = weight * (1 << WEIGHT_BITS) as f32;
    if scaled.is_nan() {
        return 0;
    }
    let scaled = scaled.clamp(-32000.0, 32000.0);
    ((scaled + 32768.5) as i32 - 32768) as i16
}

vectorised! {
    fn widen(from: &[u8], out: &mut [i16]) {
        for (out, from) in out.iter_mut().zip(from) {
            *out = i16::from(*from);
        }
    }
}

vectorised! {
    fn less(from: &[u8], base: &[i16], out: &mut [i16]) {
        for ((out, from), base) in out.iter_mut().zip(from).zip(base) {
            *out = i16::from(*from) - *base;
        }
    }
}

vectorised! {
    fn times_16(from: &[i8], out: &mut [i16]) {
        for (out, from) in out.iter_mut().zip(from) {
            *out = 16 * i16::from(*from);
        }
    }
}

vectorised! {
    fn differ(from: &[i16], above: &[i16], out: &mut [i16]) {
        for ((out, from), above) in out.iter_mut().zip(from).zip(above) {
            *out = *from - *above;
        }
    }
}

vectorised! {
    /// The base and the products of all regressors but the first two, strip by strip of `width`
    /// samples; regressors are `span` apart.
    fn forecast_strips(
        regressors: &[i16], span: usize, n: usize, weights: &[[i16; MOST]], width: usize,
        base: &[i16], out: &mut [i32],
    ) {
        let parts = out.chunks_exact_mut(width).zip(base.chunks_exact(width));
        for (strip, ((out, base), weights)) in parts.zip(weights).enumerate() {
            for (out, base) in out.iter_mut().zip(base) {
                *out = i32::from(*base) << WEIGHT_BITS;
            }
            for (from, &weight) in regressors.chunks_exact(span).zip(&weights[..n]).skip(2) {
                let from = &from[strip * width..][..width];
                for (out, from) in out.iter_mut().zip(from) {
                    *out += i32::from(*from) * i32::from(weight);
                }
            }
        }
    }
}

vectorised! {
    /// Statistics of a group of strips with those beside them and of the frame before.
    fn combine(statistics: &[f32], before: &[f32], stride: usize, at: usize, out: &mut [Lanes]) {
        let rows = statistics.chunks_exact(stride);
        if before.is_empty() {
            for (here, out) in rows.zip(out) {
                for l in 0..LANES {
                    out[l] = here[at + l] + BESIDE * (here[at + l - 1] + here[at + l + 1]);
                }
            }
        } else {
            for ((here, before), out) in rows.zip(before.chunks_exact(stride)).zip(out) {
                for l in 0..LANES {
                    let now = here[at + l] + BESIDE * (here[at + l - 1] + here[at + l + 1]);
                    out[l] = now + BEFORE * before[at + l];
                }
            }
        }
    }
}

vectorised! {
    fn follow(
        statistics: &mut [f32], stride: usize, at: usize, forget: f32, sums: &[[i32; LANES]],
    ) {
        for (here, sums) in statistics.chunks_exact_mut(stride).zip(sums) {
            for l in 0..LANES {
                here[at + l] = here[at + l] * forget + sums[l] as f32;
            }
        }
    }
}

vectorised! {
    /// How much a sample counts: less where errors are large.
    fn trust(errors: &[u8], activity: &[i32], step: i32, out: &mut [i16]) {
        let n = out.len();
        let (errors, activity) = (&errors[..n], &activity[..n]);
        for (x, out) in out.iter_mut().enumerate() {
            let near = (activity[x] >> spread::BITS) * step + 4 * i32::from(errors[x]);
            *out = (640.0 / (near.max(0) + 40) as f32).clamp(1.0, 11.0) as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Profile;
    use super::super::plane::{Kind, Work};
    use super::super::taps::taps;
    use super::*;

    #[test]
    fn statistics_of_regressors_that_stay_outlive_those_that_come_and_go() {
        let work = Work::of(Profile::Fast, 0);
        let mut plane = PlaneCoder::new(40, 16, 0, work);
        let lean = taps(Kind { references: 2, guides: 1, predicted: false, memory: false }, false);
        let full = taps(Kind { references: 2, guides: 1, predicted: true, memory: true }, false);
        let stride = plane.strips.count() + 2 * LANES;
        let length = 16_usize.div_ceil(plane.cell) * entries(lean.len()) * stride;
        let kept: Vec<f32> = (0..length).map(|i| 1.0 + i as f32).collect();
        plane.after = kept.clone();
        plane.taps = full.clone();
        plane.carry_over(&lean);
        let known = plane.after.iter().filter(|&&v| v > 0.0).count();
        assert_eq!(plane.after.len() / entries(full.len()), length / entries(lean.len()));
        assert_eq!(known, length, "all that was known, and nothing of what has come");
        plane.taps = lean;
        plane.carry_over(&full);
        assert!(plane.after == kept);
    }
}
