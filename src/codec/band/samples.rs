//! The loop over the samples of a row.

use super::plane::{BIASES, PlaneCoder};
use super::range::Coder;
use super::regression::WEIGHT_BITS;
use super::residual::{Around, Context, side};
use super::spread;
use super::surface::PAD;

/// Whether a prediction is near a whole sample, between, or near the middle of two.
const FRACTIONS: [u8; 16] = [0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2];

impl PlaneCoder {
    /// Codes the samples of row `y`.
    pub(super) fn samples<C: Coder>(&mut self, coder: &mut C, y: usize, known: &[u8]) {
        if self.work.mixed {
            self.samples_by::<C, true>(coder, y, known);
        } else {
            self.samples_by::<C, false>(coder, y, known);
        }
    }

    fn samples_by<C: Coder, const MIXED: bool>(&mut self, coder: &mut C, y: usize, known: &[u8]) {
        #[cfg(target_arch = "x86_64")]
        if crate::vision::simd::avx2() {
            #[expect(unsafe_code, reason = "a call with more instructions than assumed")]
            // SAFETY: the processor was found to have AVX2.
            return unsafe { self.samples_avx2::<C, MIXED>(coder, y, known) };
        }
        self.samples_in::<C, MIXED>(coder, y, known);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn samples_avx2<C: Coder, const MIXED: bool>(&mut self, coder: &mut C, y: usize, known: &[u8]) {
        self.samples_in::<C, MIXED>(coder, y, known);
    }

    #[inline(always)]
    fn samples_in<C: Coder, const MIXED: bool>(&mut self, coder: &mut C, y: usize, known: &[u8]) {
        let width = self.width;
        let y = y as isize;
        let second = self.second();
        let (own, above) = self.own.row_and_above(y);
        let errors = self.errors[0].row_mut(y);
        let inter = self.kind.is_some_and(|k| k.references > 0);
        let moved = if inter { &self.moved[0].row(y)[PAD..] } else { &above[PAD..] };
        own[PAD - 2..PAD].fill(above[PAD]);
        errors[PAD - 2..PAD].fill(0);
        let max_error = self.max_error;
        let step = 2 * max_error + 1;
        if MIXED {
            self.whole.swap(0, 1);
            self.whole[0][0] = 0;
        }
        let (share_w, share_ww) = (self.spread.weights[8], self.spread.weights[9]);
        let (mut w, mut ww) = (i32::from(above[PAD]), i32::from(above[PAD]));
        let (mut error_w, mut error_ww) = (0_i32, 0_i32);
        let mut equal_w = 0_usize;
        for (strip, weights) in self.weights.iter().enumerate() {
            let from = strip * self.strips.width;
            if from >= width {
                break;
            }
            let end = (from + self.strips.width).min(width);
            let n = end - from;
            let (weight_w, weight_ww) = (i32::from(weights[0]), i32::from(weights[1]));
            let partial = &self.partial[from..end][..n];
            let base = &self.base[from..end][..n];
            let activity = &self.activity[from..end][..n];
            let near = &self.near[from..end][..n];
            let moved = &moved[from..end][..n];
            let own = &mut own[PAD + from..PAD + end][..n];
            let errors = &mut errors[PAD + from..PAD + end][..n];
            let known = if C::ENCODER { &known[from..end][..n] } else { &[] };
            for x in 0..n {
                let base = i32::from(base[x]);
                let raw = partial[x] + weight_w * (w - base) + weight_ww * (ww - base);
                let here = i32::from(moved[x]);
                let expected = activity[x] + share_w * error_w + share_ww * error_ww;
                let class = self.residuals.class((expected >> spread::BITS).max(0) as u32);
                let near = usize::from(near[x]);
                let pattern = usize::from(w > here) << 2 | near >> 2;
                let bias = &mut self.bias[(class << 3 | pattern) & (BIASES - 1)];
                let p16 = (raw + (1 << (WEIGHT_BITS - 5))) >> (WEIGHT_BITS - 4);
                let p16 = (p16 + (*bias >> 8)).clamp(0, 255 * 16);
                let p = (p16 + 8) >> 4;
                let fraction = p16 - (p << 4);
                let flip = fraction >> 31 | 1;
                let context = Context {
                    class,
                    fraction: usize::from(FRACTIONS[fraction.unsigned_abs() as usize & 15]),
                    equals: (near & 3) << 1 | equal_w,
                    side: side(flip * (16 * here - p16)),
                };
                let wanted = if C::ENCODER {
                    let miss = i32::from(known[x]) - p;
                    if step == 1 {
                        flip * miss
                    } else {
                        flip * ((miss + if miss < 0 { -max_error } else { max_error }) / step)
                    }
                } else {
                    0
                };
                let residual = if MIXED {
                    let at = from + x;
                    let other = match second {
                        Some(slot) => self.moved[slot].row(y)[PAD + at],
                        None => above[PAD + at + 1],
                    };
                    let around = Around {
                        flip,
                        residuals: [i32::from(self.whole[0][at]), i32::from(self.whole[1][at + 1])],
                        errors: [
                            error_w as usize,
                            usize::from(self.signs[at].cast_unsigned() & 255),
                            usize::from(self.signs[3 * (width + 16) + at].cast_unsigned()),
                        ],
                        texture: [6, 7].map(|k| {
                            usize::from(self.signs[k * (width + 16) + at].cast_unsigned())
                        }),
                        beside: [
                            16 * w - p16,
                            16 * i32::from(above[PAD + at]) - p16,
                            16 * here - p16,
                            16 * i32::from(other) - p16,
                        ],
                    };
                    let residual = self.residuals.code_mixed(coder, context, &around, wanted);
                    self.whole[0][at + 1] = (flip * residual) as i16;
                    residual
                } else {
                    self.residuals.code(coder, context, wanted)
                };
                let value = (p + flip * residual * step).clamp(0, 255);
                own[x] = value as u8;
                let error = 16 * value - p16;
                *bias += ((error << 8) - *bias) >> 6;
                let size = (error.abs() >> 2).min(255);
                errors[x] = size as u8;
                equal_w = usize::from(value == here);
                (ww, w) = (w, value);
                (error_ww, error_w) = (error_w, size);
            }
        }
        self.own.extend(y);
        self.errors[0].extend(y);
    }
}
