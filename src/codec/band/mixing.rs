//! Residuals coded bit by bit, each bit's probability mixed from many contexts.
//!
//! Logistic mixing (Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression",
//! 2005) in whole numbers.

use std::fmt::Debug;
use std::sync::LazyLock;

use super::range::Coder;

/// Contexts that are mixed.
pub(super) const MODELS: usize = 8;

/// Bits of a residual: whether it is zero, its sign, and seven steps of its size each way.
pub(super) const NODES: usize = 16;

/// Rows of all models. A power of two, as are the next ones, so that no place is out of range.
pub(super) const ROWS: usize = 8192;

/// Sets of weights of each kind.
const SETS: usize = 64;

/// Estimates of one context: for each node the probability in 22 bits over how often it was met
/// in 10.
pub(super) type Row = [u32; NODES];

/// Weights of the models, 16384 being one; or what they say, as ln(p / (1 - p)) in 1/256.
type Values = [i16; MODELS];

/// Corrections at each [`STEPS`]th of the way from the least mixture to the largest.
type Curve = [u16; STEPS + 1];

/// What bits are coded by.
#[derive(Clone, Debug)]
pub(super) struct Mixing {
    tables: &'static Tables,
    rows: Box<[Row; ROWS]>,
    sets: [Sets; 2],
}

/// What is chosen by one context.
#[derive(Clone, Debug)]
struct Sets {
    weights: Box<[[Values; NODES]; SETS]>,
    curves: Box<[[Curve; NODES]; SETS]>,
}

/// Where a sample's contexts lie.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) rows: [usize; MODELS],
    pub(super) sets: [usize; 2],
}

const STEPS: usize = 32;

/// What a mixture may be, as ln(p / (1 - p)) in 1/256.
const LARGEST: i32 = 12 * 256 - 1;

/// Half of what tables of mixtures hold.
const HALF: i32 = 4096;

/// A weight to begin with.
const BEGIN: i16 = 2785;

/// Times a node is counted.
const MANY: u32 = 255;

#[derive(Debug)]
struct Tables {
    /// ln(p / (1 - p)) in 1/256 of the middle of each of 4096 steps of p.
    stretch: Box<[i16; 4096]>,
    /// Probability out of 65536 of each mixture, from -[`HALF`] on.
    squash: Box<[u16; 2 * HALF as usize]>,
    /// By how often a node was met, what the next time counts, out of 2048.
    shares: [i32; MANY as usize + 1],
    /// Corrections that change nothing.
    straight: Curve,
}

/// e^x by its series, x being small, squared back.
fn exponential(x: f64) -> f64 {
    let small = x / 1024.0;
    let (mut term, mut sum) = (1.0, 1.0);
    for n in 1..12 {
        term *= small / f64::from(n);
        sum += term;
    }
    for _ in 0..10 {
        sum *= sum;
    }
    sum
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let probability = |x: f64| 1.0 / (1.0 + exponential(-x));
    let mut squash = boxed(0);
    for (x, p) in (-HALF..).zip(squash.iter_mut()) {
        *p = (65536.0 * probability(f64::from(x) / 256.0)) as u16;
    }
    // The inverse by bisection.
    let mut stretch = boxed(0);
    for (step, x) in stretch.iter_mut().enumerate() {
        let p = (step as f64 + 0.5) / 4096.0;
        let (mut low, mut high) = (-12.0, 12.0);
        for _ in 0..40 {
            let middle = (low + high) / 2.0;
            if probability(middle) < p {
                low = middle;
            } else {
                high = middle;
            }
        }
        *x = (low * 256.0) as i16;
    }
    let shares = std::array::from_fn(|n| (2048.0 / (n as f64 + 1.6) + 0.5) as i32);
    let straight = std::array::from_fn(|step| squash[step * squash.len() / STEPS - step / STEPS]);
    Tables { stretch, squash, shares, straight }
});

impl Mixing {
    /// One that expects what `rows` do, which are [`ROWS`].
    pub(super) fn new(rows: &[Row]) -> Self {
        let sets = || Sets {
            weights: boxed([[0; MODELS]; NODES]),
            curves: boxed([[0; STEPS + 1]; NODES]),
        };
        let mut mixing = Self { tables: &TABLES, rows: boxed([0; NODES]), sets: [sets(), sets()] };
        mixing.reset(rows);
        mixing
    }

    /// Forgets everything but what `rows` hold.
    pub(super) fn reset(&mut self, rows: &[Row]) {
        self.rows.copy_from_slice(rows);
        for Sets { weights, curves } in &mut self.sets {
            weights.fill([[BEGIN; MODELS]; NODES]);
            curves.fill([self.tables.straight; NODES]);
        }
    }

    /// Codes one of 16 symbols: whether it is 8, else away from there step by step.
    #[inline(always)]
    pub(super) fn symbol<C: Coder>(&mut self, coder: &mut C, place: &Place, known: usize) -> usize {
        let [first, second] = &mut self.sets;
        let [set, other] = place.sets.map(|set| set & (SETS - 1));
        let mut bits = Bits {
            tables: self.tables,
            rows: &mut self.rows,
            at: place.rows,
            weights: [&mut first.weights[set], &mut second.weights[other]],
            curves: [&mut first.curves[set], &mut second.curves[other]],
        };
        if bits.code(coder, 0, known == 8) {
            return 8;
        }
        let up = bits.code(coder, 1, known > 8);
        let (most, first) = if up { (7, 2) } else { (8, 8) };
        let wanted = known.abs_diff(8);
        let mut size = 1;
        while size < most && bits.code(coder, first + size - 1, wanted > size) {
            size += 1;
        }
        if up { 8 + size } else { 8 - size }
    }
}

/// What one sample's bits are coded by.
struct Bits<'a> {
    tables: &'static Tables,
    rows: &'a mut [Row; ROWS],
    at: [usize; MODELS],
    weights: [&'a mut [Values; NODES]; 2],
    curves: [&'a mut [Curve; NODES]; 2],
}

impl Bits<'_> {
    /// Codes whether node `node` is one.
    #[inline(always)]
    fn code<C: Coder>(&mut self, coder: &mut C, node: usize, known: bool) -> bool {
        let node = node & (NODES - 1);
        let tables = self.tables;
        let mut estimates = [0; MODELS];
        let mut inputs = [0; MODELS];
        let mut shares = [0; MODELS];
        for (m, at) in self.at.iter().enumerate() {
            let estimate = self.rows[at & (ROWS - 1)][node];
            estimates[m] = estimate;
            inputs[m] = tables.stretch[(estimate >> 20) as usize & 4095];
            shares[m] = tables.shares[(estimate & MANY) as usize];
        }
        let [first, second] = &mut self.weights;
        let (first, second) = (&mut first[node], &mut second[node]);
        let mixture = (dot(&inputs, first, second) >> 15).clamp(-LARGEST, LARGEST);
        let at = (mixture + HALF) as usize & (2 * HALF as usize - 1);
        let mixed = i32::from(tables.squash[at]);
        // The mixture corrected by what came of it, between two steps.
        let (step, within) = (at >> 8, (at & 255) as i32);
        let [a, b] = &mut self.curves;
        let (a, b) = (&mut a[node], &mut b[node]);
        let between = |curve: &Curve| {
            let low = i32::from(curve[step]);
            low + (((i32::from(curve[step + 1]) - low) * within) >> 8)
        };
        let corrected = (between(a) + between(b)) >> 1;
        let one = ((mixed + corrected) >> 1).clamp(24, 65512);
        let bit = coder.bit(one.cast_unsigned(), known);

        let goal = if bit { 65535 } else { 0 };
        let nearer = step + usize::from(within >= 128);
        for entry in [&mut a[nearer], &mut b[nearer]] {
            *entry = (i32::from(*entry) + ((goal - i32::from(*entry)) >> 7)) as u16;
        }
        let miss = ((goal - mixed) >> 1) as i16;
        learn(first, &inputs, miss);
        learn(second, &inputs, miss);
        follow(&mut estimates, &shares, if bit { (1 << 22) - 1 } else { 0 });
        for (at, estimate) in self.at.iter().zip(estimates) {
            self.rows[at & (ROWS - 1)][node] = estimate;
        }
        bit
    }
}

/// The sum of the products of `inputs` with both sets of weights.
#[inline(always)]
fn dot(inputs: &Values, first: &Values, second: &Values) -> i32 {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::*;
        #[expect(unsafe_code, reason = "vectors, which the compiler does not find here")]
        // SAFETY: every x86-64 has SSE2; arrays hold the 16 bytes of a vector.
        unsafe {
            let load = |from: &Values| _mm_loadu_si128(from.as_ptr().cast());
            let inputs = load(inputs);
            let first = _mm_madd_epi16(inputs, load(first));
            let sum = _mm_add_epi32(first, _mm_madd_epi16(inputs, load(second)));
            let sum = _mm_add_epi32(sum, _mm_shuffle_epi32::<0b01_00_11_10>(sum));
            let sum = _mm_add_epi32(sum, _mm_shuffle_epi32::<0b10_11_00_01>(sum));
            _mm_cvtsi128_si32(sum)
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    plain::dot(inputs, first, second)
}

/// Moves `weights` by a 65536th of `inputs` times `miss`, rounded half up.
#[inline(always)]
fn learn(weights: &mut Values, inputs: &Values, miss: i16) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::*;
        #[expect(unsafe_code, reason = "vectors, which the compiler does not find here")]
        // SAFETY: every x86-64 has SSE2; arrays hold the 16 bytes of a vector.
        unsafe {
            let inputs = _mm_loadu_si128(inputs.as_ptr().cast());
            let twice = _mm_mulhi_epi16(_mm_add_epi16(inputs, inputs), _mm_set1_epi16(miss));
            let step = _mm_srai_epi16::<1>(_mm_add_epi16(twice, _mm_set1_epi16(1)));
            let to = weights.as_mut_ptr().cast();
            _mm_storeu_si128(to, _mm_adds_epi16(_mm_loadu_si128(to), step));
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    plain::learn(weights, inputs, miss);
}

/// The same without vectors.
#[cfg(any(test, not(target_arch = "x86_64")))]
mod plain {
    use super::{MODELS, Values};

    #[inline(always)]
    pub(super) fn dot(inputs: &Values, first: &Values, second: &Values) -> i32 {
        let mut sum = 0;
        for m in 0..MODELS {
            sum += i32::from(inputs[m]) * (i32::from(first[m]) + i32::from(second[m]));
        }
        sum
    }

    #[inline(always)]
    pub(super) fn learn(weights: &mut Values, inputs: &Values, miss: i16) {
        for m in 0..MODELS {
            let step = (i32::from(inputs[m]) * i32::from(miss) + (1 << 15)) >> 16;
            weights[m] = weights[m].saturating_add(step as i16);
        }
    }
}

/// Moves estimates towards `goal` by their shares, and counts.
#[inline(always)]
fn follow(estimates: &mut [u32; MODELS], shares: &[i32; MODELS], goal: i32) {
    for m in 0..MODELS {
        let value = (estimates[m] >> 10) as i32;
        let seen = estimates[m] & 1023;
        let value = value + ((((goal - value) >> 2) * shares[m]) >> 9);
        estimates[m] = value.cast_unsigned() << 10 | (seen + u32::from(seen < MANY));
    }
}

/// `N` copies of `value`, made where they stay.
#[expect(clippy::unwrap_used, reason = "the vector has the length of the array")]
fn boxed<T: Clone + Debug, const N: usize>(value: T) -> Box<[T; N]> {
    vec![value; N].try_into().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_compute_what_plain_arithmetic_does() {
        let mut state = 1_u32;
        let mut number = |most: i32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 8) as i32 % (2 * most + 1) - most) as i16
        };
        for _ in 0..2000 {
            let inputs: Values = std::array::from_fn(|_| number(3071));
            let first: Values = std::array::from_fn(|_| number(32767));
            let second: Values = std::array::from_fn(|_| number(32767));
            let miss = if number(9) == 0 { i16::MIN } else { number(32767) };
            assert_eq!(dot(&inputs, &first, &second), plain::dot(&inputs, &first, &second));
            let (mut a, mut b) = (first, first);
            learn(&mut a, &inputs, miss);
            plain::learn(&mut b, &inputs, miss);
            assert_eq!(a, b, "{inputs:?} {first:?} {miss}");
        }
        let (least, most) = ([i16::MIN; MODELS], [3071; MODELS]);
        assert_eq!(dot(&most, &least, &least), 16 * 3071 * -32768);
    }

    #[test]
    fn estimates_stay_probabilities() {
        let shares = |seen: u32| [TABLES.shares[seen as usize]; MODELS];
        for goal in [0, (1 << 22) - 1] {
            // From the least estimate that any begins with, and from the largest.
            for begin in [8388, 4_185_914] {
                let mut estimates = [begin << 10; MODELS];
                for n in 0..10_000_u32 {
                    follow(&mut estimates, &shares(n.min(MANY)), goal);
                    assert_eq!(estimates[0] & 1023, (n + 1).min(MANY));
                }
                let end = (estimates[0] >> 10).cast_signed();
                assert!((end - goal).abs() < 256, "from {begin} to {end}");
            }
        }
    }

    #[test]
    fn tables_rise_from_one_end_to_the_other() {
        let t = &*TABLES;
        assert!(t.stretch.is_sorted() && t.squash.is_sorted() && t.straight.is_sorted());
        assert_eq!((t.stretch[0], t.stretch[4095]), (-2306, 2306));
        assert_eq!(t.squash[HALF as usize], 32768);
        assert_eq!(t.straight[STEPS / 2], 32768);
    }
}
