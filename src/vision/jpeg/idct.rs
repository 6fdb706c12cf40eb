//! The inverse discrete cosine transform, in integers.
//!
//! Loeffler, Ligtenberg and Moschytz 1989, the form with 12 multiplications, on eight columns at
//! once, then on eight rows. Constants have 13 fractional bits; two more bits are kept between the
//! passes. These are the roundings of libjpeg's accurate integer transform.

use super::super::dispatch::vectorised;

const CONSTANT_BITS: u32 = 13;
const KEPT_BITS: u32 = 2;

/// Eight numbers worked on at once. Sums wrap: broken data must not stop the program.
#[derive(Clone, Copy)]
struct Lanes([i32; 8]);

impl Lanes {
    #[inline(always)]
    fn each(self, other: Self, f: impl Fn(i32, i32) -> i32) -> Self {
        Self(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.each(other, i32::wrapping_add)
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.each(other, i32::wrapping_sub)
    }

    #[inline(always)]
    fn times(self, factor: i32) -> Self {
        Self(self.0.map(|v| v.wrapping_mul(factor)))
    }

    #[inline(always)]
    fn scaled_up(self) -> Self {
        Self(self.0.map(|v| v << CONSTANT_BITS))
    }

    /// Divides by `1 << bits`, rounding half up.
    #[inline(always)]
    fn scaled_down(self, bits: u32) -> Self {
        Self(self.0.map(|v| v.wrapping_add(1 << (bits - 1)) >> bits))
    }
}

/// One pass along the first index, with the results not yet scaled down.
#[inline(always)]
fn pass(x: [Lanes; 8]) -> [Lanes; 8] {
    // Even part.
    let z = x[2].add(x[6]).times(4433);
    let c = z.sub(x[6].times(15137));
    let d = z.add(x[2].times(6270));
    let a = x[0].add(x[4]).scaled_up();
    let b = x[0].sub(x[4]).scaled_up();
    let even = [a.add(d), b.add(c), b.sub(c), a.sub(d)];
    // Odd part.
    let z1 = x[7].add(x[1]).times(-7373);
    let z2 = x[5].add(x[3]).times(-20995);
    let z3 = x[7].add(x[3]);
    let z4 = x[5].add(x[1]);
    let z5 = z3.add(z4).times(9633);
    let z3 = z3.times(-16069).add(z5);
    let z4 = z4.times(-3196).add(z5);
    let odd = [
        x[1].times(12299).add(z1).add(z4),
        x[3].times(25172).add(z2).add(z3),
        x[5].times(16819).add(z2).add(z4),
        x[7].times(2446).add(z1).add(z3),
    ];
    std::array::from_fn(|i| if i < 4 { even[i].add(odd[i]) } else { even[7 - i].sub(odd[7 - i]) })
}

#[inline(always)]
fn transposed(x: [Lanes; 8]) -> [Lanes; 8] {
    std::array::from_fn(|i| Lanes(std::array::from_fn(|j| x[j].0[i])))
}

vectorised! {
    /// Transforms a block of `coefficients` (natural order), scaled by `quant`, to samples. The
    /// eight lines of samples stand `stride` bytes apart; `out` holds all of them.
    pub(super) fn transform(
        coefficients: &[i16; 64],
        quant: &[u16; 64],
        out: &mut [u8],
        stride: usize,
    ) {
        let lines: [Lanes; 8] = std::array::from_fn(|i| {
            Lanes(std::array::from_fn(|j| {
                i32::from(coefficients[8 * i + j]).wrapping_mul(i32::from(quant[8 * i + j]))
            }))
        });
        let kept = pass(lines).map(|l| l.scaled_down(CONSTANT_BITS - KEPT_BITS));
        let done = pass(transposed(kept)).map(|l| l.scaled_down(CONSTANT_BITS + KEPT_BITS + 3));
        for (line, out) in transposed(done).iter().zip(out.chunks_mut(stride)) {
            if let Some(out) = out.first_chunk_mut::<8>() {
                *out = line.0.map(|v| v.wrapping_add(128).clamp(0, 255) as u8);
            }
        }
    }
}

/// A block that has nothing but its mean.
pub(super) fn flat(dc: i16, quant: u16, out: &mut [u8], stride: usize) {
    let kept = i32::from(dc).wrapping_mul(i32::from(quant)) << KEPT_BITS;
    let value = (kept.wrapping_add(1 << (KEPT_BITS + 2)) >> (KEPT_BITS + 3)).wrapping_add(128);
    for out in out.chunks_mut(stride) {
        if let Some(out) = out.first_chunk_mut::<8>() {
            *out = [value.clamp(0, 255) as u8; 8];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn real(coefficients: &[i16; 64]) -> [f64; 64] {
        let basis = |k: usize, n: usize| {
            let scale = if k == 0 { 0.125f64.sqrt() } else { 0.5 };
            scale * ((2 * n + 1) as f64 * k as f64 * std::f64::consts::PI / 16.0).cos()
        };
        std::array::from_fn(|i| {
            let (y, x) = (i / 8, i % 8);
            let terms = coefficients.iter().enumerate();
            let sum: f64 =
                terms.map(|(k, &c)| f64::from(c) * basis(k / 8, y) * basis(k % 8, x)).sum();
            (sum + 128.0).clamp(0.0, 255.0)
        })
    }

    fn noise(seed: u32, span: i32) -> [i16; 64] {
        let mut state = seed;
        std::array::from_fn(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 16) as i32 % span - span / 2) as i16
        })
    }

    #[test]
    fn follows_the_real_transform() {
        let mut worst = 0f64;
        for seed in 0..200 {
            let coefficients = noise(seed, 160);
            let mut out = [0; 64];
            transform(&coefficients, &[1; 64], &mut out, 8);
            for (got, want) in out.iter().zip(real(&coefficients)) {
                worst = worst.max((f64::from(*got) - want).abs());
            }
        }
        assert!(worst < 0.6, "off by {worst}");
    }

    #[test]
    fn every_instruction_set_gives_the_same() {
        for seed in 0..50 {
            let coefficients = noise(seed, 60_000);
            let (mut a, mut b) = ([0; 80], [0; 80]);
            transform(&coefficients, &[300; 64], &mut a, 10);
            transform::scalar(&coefficients, &[300; 64], &mut b, 10);
            assert_eq!(a, b);
        }
    }

    #[test]
    fn a_flat_block_is_the_transform_of_its_mean() {
        for dc in [-2000, -77, -1, 0, 1, 4, 5, 900, 5000] {
            let mut coefficients = [0; 64];
            coefficients[0] = dc;
            let (mut whole, mut short) = ([0; 64], [0; 64]);
            transform(&coefficients, &[3; 64], &mut whole, 8);
            flat(dc, 3, &mut short, 8);
            assert_eq!(whole, short, "{dc}");
        }
    }
}
