//! What is known of a row's residuals before it is coded: how large they will be, and what lies
//! around them.

use super::around::surround;
use super::plane::{Kind, PlaneCoder};
use super::spread::SIGNS;
use super::surface::PAD;
use super::taps::PREDICTED;
use crate::vision::dispatch::vectorised;

impl PlaneCoder {
    /// The picture beside the last frame that contexts look at.
    pub(super) fn second(&self) -> Option<usize> {
        match self.kind {
            Some(Kind { predicted: true, .. }) => Some(PREDICTED),
            Some(Kind { references: 2, .. }) => Some(1),
            _ => None,
        }
    }

    /// What the contexts of row `y` take from other rows and from the frame before.
    pub(super) fn contexts(&mut self, y: usize) {
        let y = y as isize;
        let width = self.width;
        {
            let room = PAD - 1;
            let e0 = &self.errors[0].row(y - 1)[room..];
            let e1 = &self.errors[0].row(y - 2)[room..];
            let own = &self.own.row(y - 1)[room..];
            let inter = self.kind.is_some_and(|k| k.references > 0);
            let m = [-1, 0, 1].map(|d| if inter { &self.moved[0].row(y + d)[room..] } else { own });
            let second = self.second().map_or(m[1], |slot| &self.moved[slot].row(y)[room..]);
            let p = [-1, 0, 1].map(|d| &self.moved_errors.row(y + d)[room..]);
            signs(
                [e0, e1],
                own,
                m,
                second,
                if self.errors_known { Some(p) } else { None },
                width,
                &mut self.signs,
            );
            weigh_signs(&self.signs, width, &self.spread.weights, &mut self.activity[..width]);
        }
        if self.work.mixed {
            let sign = |k: usize| &self.signs[k * (width + 16)..][..width];
            surround([sign(0), sign(3)], [sign(6), sign(7)], &mut self.around);
        }
        let references = self.kind.map_or(0, |k| k.references);
        let own = self.own.row(y - 1);
        let moved = if references > 0 { self.moved[0].row(y - 1) } else { self.own.row(y - 2) };
        let here = if references > 0 { self.moved[0].row(y) } else { own };
        let n = PAD + width + 1;
        equal(&own[PAD..n], &moved[PAD..n], &here[PAD..n], &mut self.near[..width]);
    }
}

vectorised! {
    /// What the size of a residual is estimated from, but for the row itself; see [`SIGNS`].
    fn signs(
        errors: [&[u8]; 2], own: &[u8], moved: [&[u8]; 3], second: &[u8],
        before: Option<[&[u8]; 3]>, width: usize, out: &mut [i16],
    ) {
        let stride = width + 16;
        let n = width + 2;
        let (own, second) = (&own[..n], &second[..n]);
        let [e0, e1] = errors.map(|e| &e[..n]);
        let [m0, m1, m2] = moved.map(|m| &m[..n]);
        let mut rows = out.chunks_exact_mut(stride);
        let mut next = || rows.next().map(|r| &mut r[..width]).unwrap_or_default();
        let [a, b, c, d, e, f, g, h]: [&mut [i16]; 8] = std::array::from_fn(|_| next());
        for x in 0..a.len().min(b.len()).min(c.len()) {
            a[x] = i16::from(e0[x + 1]);
            b[x] = i16::from(e0[x]) + i16::from(e0[x + 2]);
            c[x] = i16::from(e1[x + 1]);
        }
        for x in 0..g.len().min(h.len()) {
            g[x] = (i16::from(own[x].abs_diff(own[x + 1])) + i16::from(own[x + 1].abs_diff(own[x + 2]))) << 1;
            h[x] = (i16::from(m1[x].abs_diff(m1[x + 2])) + i16::from(m0[x + 1].abs_diff(m2[x + 1]))
                + 2 * i16::from(m1[x + 1].abs_diff(second[x + 1]))) << 1;
        }
        if let Some(before) = before {
            let [p0, p1, p2] = before.map(|m| &m[..n]);
            for x in 0..d.len().min(e.len()).min(f.len()) {
                let s = |v: u8| i16::from(v);
                d[x] = s(p1[x + 1]);
                e[x] = s(p1[x]) + s(p1[x + 2]) + s(p0[x + 1]) + s(p2[x + 1]);
                f[x] = s(p0[x]) + s(p0[x + 2]) + s(p2[x]) + s(p2[x + 2]);
            }
        } else {
            d.fill(0);
            e.fill(0);
            f.fill(0);
        }
    }
}

vectorised! {
    fn weigh_signs(signs: &[i16], width: usize, weights: &[i32; SIGNS], out: &mut [i32]) {
        let stride = width + 16;
        out.fill(weights[10]);
        for (row, &weight) in signs.chunks_exact(stride).zip(&weights[..8]) {
            for (out, sign) in out.iter_mut().zip(row) {
                *out += weight * i32::from(*sign);
            }
        }
    }
}

vectorised! {
    /// Products of the signs with each other and with the error that came, weighted.
    pub(super) fn measure(signs: &[i16], width: usize, errors: &[u8], scale: &[i16], out: &mut [[f32; SIGNS + 1]; SIGNS]) {
        let stride = width + 16;
        for x in (0..width).step_by(4) {
            let mut v = [0.0_f32; SIGNS + 1];
            for k in 0..8 {
                v[k] = f32::from(signs[k * stride + x]);
            }
            v[8] = f32::from(errors[x + 1]);
            v[9] = f32::from(errors[x]);
            v[10] = 1.0;
            v[11] = 24.0 * f32::from(errors[x + 2]);
            let s = f32::from(scale[x]);
            let s = s * s;
            for i in 0..SIGNS {
                let a = v[i] * s;
                for j in 0..SIGNS + 1 {
                    out[i][j] += a * v[j];
                }
            }
        }
    }
}

vectorised! {
    /// Which of the samples above and above to the right equal the moved reference.
    fn equal(own: &[u8], moved: &[u8], here: &[u8], out: &mut [u16]) {
        for (x, out) in out.iter_mut().enumerate() {
            *out = u16::from(own[x] == moved[x])
                | u16::from(own[x + 1] == moved[x + 1]) << 1
                | u16::from(own[x] > here[x]) << 2
                | u16::from(own[x + 1] > own[x]) << 3;
        }
    }
}
