//! Residuals: their contexts, and how they become symbols.

use std::sync::LazyLock;

use super::around::{Around, begin};
use super::distribution::{Distribution, FULL, together};
use super::lanes::Lanes16;
use super::mixing::{Mixing, ROWS, Row};
use super::range::Coder;
use super::samples::within;

/// Classes of expected size of a residual.
pub(super) const CLASSES: usize = 24;

/// Activities beyond this are alike.
const LARGEST: usize = 4096;

/// Levels of where the moved reference lies beside the prediction.
const SIDES: usize = 7;

/// Levels of where the predictor's picture and its memory lie beside the prediction, each.
const AHEADS: usize = 5;

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

/// Places of [`Context::first`] and [`Context::second`]: powers of two, so that none is out of range.
const FIRST: usize = 128;
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
    /// By class and fraction.
    first: Table<FIRST>,
    /// The same for each place of a predictor's pictures, from the first of those on.
    ahead: Vec<Table<FIRST>>,
    /// By coarse class, neighbours and side.
    second: Table<SECOND>,
    /// Lengths beyond the outer symbols, by coarse class.
    rest: Vec<[Bit; 24]>,
    /// In place of the distributions, where bits are mixed.
    mixing: Option<Mixing>,
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
    /// Where the predictor's pictures lie, from the same side; see [`ahead`].
    pub(super) ahead: usize,
}

impl Context {
    #[inline(always)]
    fn first(self) -> usize {
        (self.class << 2 | self.fraction) & (FIRST - 1)
    }

    #[inline(always)]
    fn second(self) -> usize {
        (self.class >> 1 << 6 | self.equals << 3 | self.side) & (SECOND - 1)
    }
}

/// Side of a difference in 1/16 of a sample.
#[inline(always)]
pub(super) fn side(difference: i32) -> usize {
    ((difference + 56) >> 4).clamp(0, SIDES as i32 - 1) as usize
}

/// Sides of the differences of the predictor's picture and its memory, in 1/16 of a sample, as one.
#[inline(always)]
pub(super) fn ahead(differences: [i32; 2]) -> usize {
    let [picture, memory] =
        differences.map(|d| ((d + 40) >> 4).clamp(0, AHEADS as i32 - 1) as usize);
    memory * AHEADS + picture
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
            ahead: Vec::new(),
            second: BEGIN.1.clone(),
            mixing: mixed.then(|| Mixing::new(&BEGIN_MIXED)),
            rest: vec![[Bit(32768); 24]; CLASSES / 2],
            low: vec![[Bit(32768); 4]; CLASSES / 2 * 16],
        };
        model.reset();
        model
    }

    /// Back to what is expected before anything was seen.
    pub(super) fn reset(&mut self) {
        self.first.reset(&BEGIN.0);
        self.ahead.clear();
        self.second.reset(&BEGIN.1);
        if let Some(mixing) = &mut self.mixing {
            mixing.reset(&BEGIN_MIXED);
        }
        self.rest.fill([Bit(32768); 24]);
        self.low.fill([Bit(32768); 4]);
    }

    /// Gets ready for contexts with a predictor's pictures.
    pub(super) fn look_ahead(&mut self) {
        self.ahead.resize(AHEADS * AHEADS, BEGIN.0.clone());
    }

    /// Class of an activity.
    #[inline(always)]
    pub(super) fn class(&self, activity: i32) -> usize {
        let activity = within(activity, LARGEST as i32 - 1);
        usize::from(self.classes[activity as usize & (LARGEST - 1)])
    }

    /// Codes a residual; with `AHEAD` a predictor's pictures are part of its context.
    #[inline(always)]
    pub(super) fn code<C: Coder, L: Lanes16, const AHEAD: bool>(
        &mut self,
        mut coder: C,
        context: Context,
        known: i32,
    ) -> (C, i32) {
        let shift = SHIFTS[context.class & 31];
        let half = (1 << shift) >> 1;
        let wanted = (((known + half) >> shift).clamp(-8, 7) + 8) as usize;
        let (at, to) = (context.first(), context.second());
        debug_assert!(!AHEAD || context.ahead < self.ahead.len(), "look_ahead was not called");
        let table = match self.ahead.get_mut(context.ahead) {
            Some(table) if AHEAD => table,
            _ => &mut self.first,
        };
        let first = &mut table.distributions[at];
        let second = &mut self.second.distributions[to];
        let both = together::<L>(first, second);
        let symbol = coder.symbol::<L>(&both, wanted);
        first.update::<L>(symbol, &mut table.seen[at]);
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
        let place = around.place(context);
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
    let first: Vec<_> = (0..FIRST)
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
    (Table::new(|at| first[at]), Table::new(|at| second[at >> 6]))
});

/// The same for the mixture.
static BEGIN_MIXED: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let classes = BEGIN.0.distributions.iter().step_by(4).take(CLASSES);
    let classes: Vec<_> = classes.map(|d| d.upper()).collect();
    (0..ROWS).map(|at| begin(&classes, at)).collect()
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
