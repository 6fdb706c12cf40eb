//! Residuals: their contexts, and how they become symbols.

use std::sync::LazyLock;

use super::distribution::{Distribution, FULL, together};
use super::lanes::Lanes16;
use super::mixing::{MODELS, Mixing, NODES, Place};
use super::range::Coder;
use super::samples::within;

/// Classes of expected size of a residual.
pub(super) const CLASSES: usize = 24;

/// Activities beyond this are alike.
const LARGEST: usize = 4096;

/// Levels of where the moved reference lies beside the prediction.
const SIDES: usize = 7;

/// Levels of where the predictor's picture lies beside the prediction.
const AHEADS: usize = 5;

/// Combinations of neighbours that equal the moved reference.
pub(super) const EQUALS: usize = 8;

/// A bit with two adaptive estimates.
#[derive(Clone, Copy, Debug)]
struct Bit(u16);

impl Bit {
    #[inline(always)]
    fn code<C: Coder>(&mut self, coder: &mut C, known: bool) -> bool {
        let bit = coder.bit(u32::from(self.0).clamp(64, 65472), known);
        if bit {
            self.0 += (65535 - self.0) >> 5;
        } else {
            self.0 -= self.0 >> 5;
        }
        bit
    }
}

/// Places by class and fraction.
const PLACES: usize = 128;

/// Places of [`Context::first`] and [`Context::second`]: powers of two, so that none is out of range.
const FIRST: usize = 8 * PLACES;
const SECOND: usize = 1024;

/// Distributions and how many symbols each has seen.
#[derive(Clone, Debug)]
struct Table<const N: usize> {
    distributions: Box<[Distribution; N]>,
    seen: Box<[u8; N]>,
}

impl<const N: usize> Table<N> {
    fn new(begin: impl Fn(usize) -> Distribution) -> Self {
        Self { distributions: Box::new(std::array::from_fn(begin)), seen: Box::new([0; N]) }
    }

    fn reset(&mut self, begin: &Self) {
        self.distributions.copy_from_slice(&*begin.distributions);
        self.seen.fill(0);
    }
}

/// Distributions of one plane.
#[derive(Clone, Debug)]
pub(super) struct ResidualModel {
    /// Class of an activity.
    classes: Box<[u8; LARGEST]>,
    /// By where the predictor's picture lies, class and fraction.
    first: Table<FIRST>,
    /// By coarse class, neighbours and side.
    second: Table<SECOND>,
    /// Lengths beyond the outer symbols, by coarse class.
    rest: Vec<[Bit; 24]>,
    /// In place of the distributions, where bits are mixed.
    mixing: Option<Box<Mixing>>,
    /// Low bits by coarse class.
    low: Vec<[Bit; 4]>,
}

/// What is known of a sample before it is coded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    /// Class of its activity.
    pub(super) class: usize,
    /// How far the prediction is from a whole sample: 0, 1, 2.
    pub(super) fraction: usize,
    /// Neighbours that equal the moved reference, a bit each.
    pub(super) equals: usize,
    /// Where the moved reference lies, from the prediction's side: 0..[`SIDES`].
    pub(super) side: usize,
    /// Where the predictor's picture lies, from the same side: 0..[`AHEADS`]; 0 without one.
    pub(super) ahead: usize,
}

impl Context {
    #[inline(always)]
    fn first(self) -> usize {
        (self.ahead * PLACES + (self.class << 2 | self.fraction)) & (FIRST - 1)
    }

    #[inline(always)]
    fn second(self) -> usize {
        (self.class >> 1 << 6 | self.equals << 3 | self.side) & (SECOND - 1)
    }
}

/// More of what is known, for the mixture.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Around {
    /// 1 or -1, by which all differences are turned.
    pub(super) flip: i32,
    /// Whole residuals to the left and above.
    pub(super) residuals: [i32; 2],
    /// Sizes of errors, in quarters: left, above, and in the frame before.
    pub(super) errors: [usize; 3],
    /// Differences near by: in the row above, and between references.
    pub(super) texture: [usize; 2],
    /// What the left, the upper and the reference's sample, and another one, are from the
    /// prediction, in 1/16.
    pub(super) beside: [i32; 4],
}

/// Levels of activity of a model's contexts.
const GROUPS: usize = 6;
const LEVELS: [usize; MODELS] =
    [CLASSES, CLASSES / 2, CLASSES, GROUPS, CLASSES / 2, CLASSES / 2, GROUPS, CLASSES / 2];

/// Contexts of each model.
const CONTEXTS: [usize; MODELS] = [
    CLASSES * 3,
    CLASSES / 2 * EQUALS * SIDES,
    CLASSES * 25,
    GROUPS * 8 * 36,
    CLASSES / 2 * 64,
    CLASSES / 2 * 33,
    GROUPS * 81,
    CLASSES / 2 * 17,
];

/// Sets of weights: by coarse class and fraction, and by neighbours and side.
const SETS: [usize; 2] = [CLASSES / 2 * 3, EQUALS * SIDES];

/// Group of a coarse class; one group has one shift but for the last.
const GROUP: [usize; CLASSES / 2] = [0, 0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 5];

/// A class in the middle of each group.
const MIDDLE: [usize; GROUPS] = [1, 6, 10, 13, 16, 20];

/// Size of a number, roughly its logarithm: 0..8.
#[inline(always)]
fn size(value: usize) -> usize {
    (usize::BITS - (value + (value >> 1)).leading_zeros()).min(7) as usize
}

/// A difference in five steps.
#[inline(always)]
fn five(value: i32) -> usize {
    (i32::from(value > 0) + i32::from(value > 2) - i32::from(value < 0) - i32::from(value < -2) + 2)
        as usize
}

/// A difference in 1/16 in nine steps.
#[inline(always)]
fn nine(value: i32) -> usize {
    let size = value.abs();
    let steps =
        i32::from(size > 12) + i32::from(size > 40) + i32::from(size > 96) + i32::from(size > 240);
    (if value < 0 { 4 - steps } else { 4 + steps }) as usize
}

#[inline(always)]
fn place(context: Context, around: &Around) -> Place {
    let class = context.class;
    let coarse = class / 2;
    let group = GROUP[coarse];
    let [error_w, error_n, error_before] = around.errors;
    let [w, n, here, other] = around.beside.map(|d| d * around.flip);
    let [residual_w, residual_n] = around.residuals.map(|d| d * around.flip);
    let texture = around.texture.map(|t| size(t >> 1));
    Place {
        rows: [
            class * 3 + context.fraction,
            (coarse * EQUALS + context.equals) * SIDES + context.side,
            class * 25 + five(residual_w) * 5 + five(residual_n),
            (group * 8 + size(error_before)) * 36
                + size(error_w >> 1).min(5) * 6
                + size(error_n >> 1).min(5),
            coarse * 64 + texture[0] * 8 + texture[1],
            coarse * 33 + (((here + 2) >> 2).clamp(-16, 16) + 16) as usize,
            group * 81 + nine(w) * 9 + nine(n),
            coarse * 17 + (((other + 4) >> 3).clamp(-8, 8) + 8) as usize,
        ],
        sets: [coarse * 3 + context.fraction, context.equals * SIDES + context.side],
        refined: coarse * 3 + context.fraction,
    }
}

/// Probabilities of the nodes by what symbols up to each have together.
fn nodes(upper: &[u16; 16]) -> [f32; NODES] {
    let share = |from: usize, to: usize| {
        let low = if from == 0 { 0 } else { upper[from - 1] };
        f32::from(upper[to].saturating_sub(low)) + 8.0
    };
    let mut nodes = [0.5; NODES];
    nodes[0] = share(8, 8) / (share(0, 15));
    nodes[1] = share(9, 15) / (share(9, 15) + share(0, 7));
    for size in 1..7 {
        nodes[1 + size] = share(8 + size + 1, 15) / (share(8 + size, 15) + 8.0);
    }
    for size in 1..8 {
        nodes[7 + size] = share(0, 8 - size - 1) / (share(0, 8 - size) + 8.0);
    }
    nodes.map(|p| p.clamp(0.002, 0.998))
}

/// Side of a difference in 1/16 of a sample.
#[inline(always)]
pub(super) fn side(difference: i32) -> usize {
    ((difference + 56) >> 4).clamp(0, SIDES as i32 - 1) as usize
}

/// Side of a difference of the predictor's picture in 1/16 of a sample.
#[inline(always)]
pub(super) fn ahead(difference: i32) -> usize {
    ((difference + 40) >> 4).clamp(0, AHEADS as i32 - 1) as usize
}

/// Bits below the symbol by class.
static SHIFTS: [u8; 32] = {
    let mut shifts = [0; 32];
    let mut class = 14;
    while class < 32 {
        shifts[class] = match class / 2 {
            7 | 8 => 1,
            9 => 2,
            10 => 3,
            _ => 4,
        };
        class += 1;
    }
    shifts
};

/// Upper edges of the classes, in activity.
fn thresholds() -> [u32; CLASSES - 1] {
    let mut edge = 4 * 96;
    std::array::from_fn(|_| {
        let at = edge;
        edge = edge * 4 / 3;
        at / 96
    })
}

impl ResidualModel {
    pub(super) fn new(mixed: bool) -> Self {
        let edges = thresholds();
        let mut classes = Box::new([0; LARGEST]);
        for (activity, class) in classes.iter_mut().enumerate() {
            *class = edges.iter().filter(|&&e| activity as u32 >= e).count() as u8;
        }
        let mut model = Self {
            classes,
            first: BEGIN.0.clone(),
            second: BEGIN.1.clone(),
            mixing: mixed.then(|| Box::new(Mixing::new(CONTEXTS, SETS, SETS[0]))),
            rest: vec![[Bit(32768); 24]; CLASSES / 2],
            low: vec![[Bit(32768); 4]; CLASSES / 2 * 16],
        };
        model.reset();
        model
    }

    /// Back to what is expected before anything was seen.
    pub(super) fn reset(&mut self) {
        self.first.reset(&BEGIN.0);
        self.second.reset(&BEGIN.1);
        if let Some(mixing) = &mut self.mixing {
            let begin = &BEGIN.0.distributions;
            let nodes: Vec<_> =
                begin.iter().step_by(4).take(CLASSES).map(|d| nodes(&d.upper())).collect();
            mixing.reset(|model, context| {
                let level = context / (CONTEXTS[model] / LEVELS[model]);
                let class = match LEVELS[model] {
                    CLASSES => level,
                    GROUPS => MIDDLE[level.min(GROUPS - 1)],
                    _ => 2 * level + 1,
                };
                nodes[class.min(CLASSES - 1)]
            });
        }
        self.rest.fill([Bit(32768); 24]);
        self.low.fill([Bit(32768); 4]);
    }

    /// Class of an activity.
    #[inline(always)]
    pub(super) fn class(&self, activity: i32) -> usize {
        let activity = within(activity, LARGEST as i32 - 1);
        usize::from(self.classes[activity as usize & (LARGEST - 1)])
    }

    /// Codes a residual.
    #[inline(always)]
    pub(super) fn code<C: Coder, L: Lanes16>(
        &mut self,
        mut coder: C,
        context: Context,
        known: i32,
    ) -> (C, i32) {
        let shift = SHIFTS[context.class & 31];
        let half = (1 << shift) >> 1;
        let wanted = (((known + half) >> shift).clamp(-8, 7) + 8) as usize;
        let (at, to) = (context.first(), context.second());
        let first = &mut self.first.distributions[at];
        let second = &mut self.second.distributions[to];
        let both = together::<L>(first, second);
        let symbol = coder.symbol::<L>(&both, wanted);
        first.update::<L>(symbol, &mut self.first.seen[at]);
        second.update::<L>(symbol, &mut self.second.seen[to]);
        if shift == 0 && symbol != 0 && symbol != 15 {
            return (coder, symbol as i32 - 8);
        }
        self.rest(coder, context.class / 2, symbol, known)
    }

    /// Codes a residual by mixing.
    #[inline(always)]
    pub(super) fn code_mixed<C: Coder>(
        &mut self,
        mut coder: C,
        context: Context,
        around: &Around,
        known: i32,
    ) -> (C, i32) {
        let shift = SHIFTS[context.class & 31];
        let half = (1 << shift) >> 1;
        let wanted = (((known + half) >> shift).clamp(-8, 7) + 8) as usize;
        let place = place(context, around);
        let symbol = match &mut self.mixing {
            Some(mixing) => mixing.symbol(&mut coder, &place, wanted),
            None => 8,
        };
        self.rest(coder, context.class / 2, symbol, known)
    }

    /// What a symbol leaves open.
    #[inline(always)]
    fn rest<C: Coder>(
        &mut self,
        mut coder: C,
        coarse: usize,
        symbol: usize,
        known: i32,
    ) -> (C, i32) {
        let shift = u32::from(SHIFTS[(2 * coarse) & 31]);
        let half = (1 << shift) >> 1;
        let part = (known + half) >> shift;
        let mut value = symbol as i32 - 8;
        if symbol == 0 || symbol == 15 {
            let lower = symbol == 0;
            let beyond = if lower { -8 - part } else { part - 7 };
            let rest;
            (coder, rest) = length(coder, &mut self.rest[coarse], lower, beyond);
            value = if lower { -8 - rest } else { 7 + rest };
        }
        if shift > 0 {
            let low = (known + half - (part << shift)) as u32;
            let low = low_bits(&mut coder, &mut self.low[coarse * 16 + symbol], shift, low);
            value = (value << shift) + low as i32 - half;
        }
        (coder, value)
    }
}

static BEGIN: LazyLock<(Table<FIRST>, Table<SECOND>)> = LazyLock::new(|| {
    let edges = thresholds();
    let middle = |class: usize| {
        let low = if class == 0 { 0 } else { edges[class - 1] };
        let high = edges.get(class).copied().unwrap_or(2 * low);
        f64::from(low + high) / 2.0 / 96.0
    };
    // Places that no context takes hold what the last class does.
    let first: Vec<_> = (0..PLACES)
        .map(|at| {
            let class = (at >> 2).min(CLASSES - 1);
            expected(middle(class), u32::from(SHIFTS[class]), [0.06, 0.22, 0.4, 0.4][at & 3])
        })
        .collect();
    let second: Vec<_> = (0..SECOND >> 6)
        .map(|coarse| {
            let coarse = coarse.min(CLASSES / 2 - 1);
            let size = (middle(2 * coarse) + middle(2 * coarse + 1)) / 2.0;
            expected(size, u32::from(SHIFTS[2 * coarse]), 0.2)
        })
        .collect();
    (Table::new(|at| first[at % PLACES]), Table::new(|at| second[at >> 6]))
});

/// An Exp-Golomb number whose length is adaptive.
#[cold]
fn length<C: Coder>(mut coder: C, bits: &mut [Bit; 24], lower: bool, known: i32) -> (C, i32) {
    let known = known as u32 + 1;
    let size = 31 - known.leading_zeros().min(31);
    let from = if lower { 12 } else { 0 };
    let mut count = 0;
    while count < 11 && bits[from + count as usize].code(&mut coder, count < size) {
        count += 1;
    }
    let rest = coder.plain(count, known & ((1 << count) - 1));
    (coder, ((1 << count) + rest) as i32 - 1)
}

/// The bits below a symbol: the upper two adaptive, the others plain.
#[inline(always)]
fn low_bits<C: Coder>(coder: &mut C, bits: &mut [Bit; 4], shift: u32, known: u32) -> u32 {
    let top = u32::from(bits[1].code(coder, known >> (shift - 1) & 1 == 1));
    if shift == 1 {
        return top;
    }
    let next = u32::from(bits[2 + top as usize].code(coder, known >> (shift - 2) & 1 == 1));
    let rest = coder.plain(shift - 2, known & ((1 << (shift - 2)) - 1));
    (top << 1 | next) << (shift - 2) | rest
}

/// A two-sided geometric distribution of mean size `size` around `offset`, as symbols of
/// `1 << shift` residuals.
fn expected(size: f64, shift: u32, offset: f64) -> Distribution {
    let size = size.max(0.02) + 0.02;
    // Of a two-sided geometric distribution the mean size is 2 t / (1 - t^2); by bisection.
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..40 {
        let middle = (low + high) / 2.0;
        if 2.0 * middle < size * (1.0 - middle * middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    let t: f64 = low;
    let half = (1_i32 << shift) >> 1;
    let mut powers = [1.0; 302];
    for k in 1..powers.len() {
        powers[k] = powers[k - 1] * t;
    }
    let share = |k: i32| powers[k.unsigned_abs() as usize];
    // Linear between the two whole centres.
    let at = |k: i32| (1.0 - offset) * share(k) + offset * share(k - 1);
    let mut sums = [0.0; 16];
    for k in -300..=300_i32 {
        let part = (k + half) >> shift;
        sums[(part.clamp(-8, 7) + 8) as usize] += at(k);
    }
    let total: f64 = sums.iter().sum();
    let mut upper = [0; 16];
    let mut sum = 0.0;
    for (entry, part) in upper.iter_mut().zip(sums) {
        sum += part / total;
        *entry = ((sum * f64::from(FULL)) as u16).min(FULL);
    }
    upper[15] = FULL;
    Distribution::new(upper)
}
