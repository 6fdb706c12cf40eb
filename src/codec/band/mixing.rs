//! Residuals coded bit by bit, each bit's probability mixed from many contexts.
//!
//! Logistic mixing (Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression",
//! 2005) in single precision: + - * / in a written order, and tables that are made the same way.

use std::sync::LazyLock;

use super::range::Coder;

/// Contexts that are mixed.
pub(super) const MODELS: usize = 8;

/// Bits of a residual: whether it is zero, its sign, and seven steps of its size each way.
pub(super) const NODES: usize = 16;

/// One value of each model.
type Values = [f32; MODELS];

/// Estimates of one context: for each node the probability in 22 bits over how often it was met
/// in 10.
type Row = [u32; NODES];

/// Sets of weights that are chosen by context, two at a time.
#[derive(Clone, Debug)]
pub(super) struct Mixing {
    rows: Vec<Vec<Row>>,
    weights: [Vec<[Values; NODES]>; 2],
    /// Corrections of the mixture: by set and node, over where it stands.
    refined: Vec<[[u16; STEPS + 1]; NODES]>,
}

/// Where a sample's contexts lie.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) rows: [usize; MODELS],
    pub(super) sets: [usize; 2],
    pub(super) refined: usize,
}

/// Steps of the corrections.
const STEPS: usize = 32;

/// Estimates change at least by one in so many.
const LIMIT: u32 = 255;

/// How quickly weights follow.
const RATE: f32 = 0.02;

struct Tables {
    /// ln(p / (1 - p)) of the middle of each of 4096 steps of p.
    stretch: Vec<f32>,
    /// Probability in 1/65536 at each 1/64 of -12..=12.
    squash: Vec<f32>,
    /// 65536 / (n + 1.5).
    reciprocal: Vec<u32>,
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
    let squash: Vec<f32> = (-12 * 64..=12 * 64)
        .map(|i| (65536.0 / (1.0 + exponential(-f64::from(i) / 64.0))) as f32)
        .collect();
    // The inverse by bisection.
    let stretch = (0..4096)
        .map(|i| {
            let p = (f64::from(i) + 0.5) / 4096.0;
            let (mut low, mut high) = (-12.0, 12.0);
            for _ in 0..40 {
                let middle = (low + high) / 2.0;
                if 1.0 / (1.0 + exponential(-middle)) < p {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            low as f32
        })
        .collect();
    let reciprocal = (0..=LIMIT).map(|n| (65536.0 / (f64::from(n) + 1.6)) as u32).collect();
    Tables { stretch, squash, reciprocal }
});

impl Mixing {
    /// For as many contexts as each model has, and as many sets of weights.
    pub(super) fn new(contexts: [usize; MODELS], sets: [usize; 2], refined: usize) -> Self {
        Self {
            rows: contexts.iter().map(|&n| vec![[1 << 31; NODES]; n]).collect(),
            weights: sets.map(|n| vec![[[0.3; MODELS]; NODES]; n]),
            refined: vec![begin(); refined],
        }
    }

    /// Forgets everything; `prior` gives the probability of each node of each context's row.
    pub(super) fn reset(&mut self, prior: impl Fn(usize, usize) -> [f32; NODES]) {
        for (model, rows) in self.rows.iter_mut().enumerate() {
            for (context, row) in rows.iter_mut().enumerate() {
                for (to, p) in row.iter_mut().zip(prior(model, context)) {
                    *to = ((p * 4_194_303.0) as u32) << 10;
                }
            }
        }
        for sets in &mut self.weights {
            sets.fill([[0.2; MODELS]; NODES]);
        }
        self.refined.fill(begin());
    }

    /// Codes whether node `node` is one.
    #[inline(always)]
    fn bit<C: Coder>(
        &mut self,
        coder: &mut C,
        tables: &Tables,
        place: &Place,
        node: usize,
        known: bool,
    ) -> bool {
        let mut inputs = [0.0_f32; MODELS];
        for (m, input) in inputs.iter_mut().enumerate() {
            let p = self.rows[m][place.rows[m]][node];
            *input = tables.stretch[(p >> 20) as usize & 4095];
        }
        let [first, second] = &mut self.weights;
        let first = &mut first[place.sets[0]][node];
        let second = &mut second[place.sets[1]][node];
        let a = dot(&inputs, first).clamp(-11.9, 11.9);
        let b = dot(&inputs, second).clamp(-11.9, 11.9);
        let x = ((a + b) * 0.5).clamp(-11.9, 11.9);
        let p = squash(tables, x);
        // The mixture corrected by what came of it, between two steps.
        let at = (x + 12.0) * (STEPS as f32 / 24.0);
        let step = (at as usize).min(STEPS - 1);
        let within = at - step as f32;
        let curve = &mut self.refined[place.refined][node];
        let corrected =
            f32::from(curve[step]) * (1.0 - within) + f32::from(curve[step + 1]) * within;
        let one = (p * 0.5 + corrected * 0.5).clamp(24.0, 65512.0) as u32;
        let bit = coder.bit(one, known);

        let target = if bit { 65536.0 } else { 0.0 };
        let nearer = if within < 0.5 { step } else { step + 1 };
        let entry = &mut curve[nearer];
        if bit {
            *entry += (65535 - *entry) >> 6;
        } else {
            *entry -= *entry >> 6;
        }
        let miss_a = (target - squash(tables, a)) * (RATE / 65536.0);
        let miss_b = (target - squash(tables, b)) * (RATE / 65536.0);
        for m in 0..MODELS {
            first[m] += miss_a * inputs[m];
            second[m] += miss_b * inputs[m];
        }
        for m in 0..MODELS {
            let p = &mut self.rows[m][place.rows[m]][node];
            let seen = *p & 1023;
            let share = i64::from(tables.reciprocal[seen as usize & 255]);
            let value = i64::from(*p >> 10);
            let target = if bit { (1 << 22) - 1 } else { 0 };
            let value = value + (((target - value) * share) >> 16);
            *p = (value as u32) << 10 | (seen + u32::from(seen < LIMIT));
        }
        bit
    }

    /// Codes one of 16 symbols, 8 being none of the others' centre: away from 8 step by step.
    #[inline(always)]
    pub(super) fn symbol<C: Coder>(&mut self, coder: &mut C, place: &Place, known: usize) -> usize {
        let tables = &*TABLES;
        if self.bit(coder, tables, place, 0, known == 8) {
            return 8;
        }
        let up = self.bit(coder, tables, place, 1, known > 8);
        let (most, first) = if up { (7, 2) } else { (8, 8) };
        let wanted = known.abs_diff(8);
        let mut size = 1;
        while size < most && self.bit(coder, tables, place, first + size - 1, wanted > size) {
            size += 1;
        }
        if up { 8 + size } else { 8 - size }
    }
}

fn begin() -> [[u16; STEPS + 1]; NODES] {
    let curve = std::array::from_fn(|i| {
        let x = (i as f32 - STEPS as f32 / 2.0) * (24.0 / STEPS as f32);
        squash(&TABLES, x).clamp(16.0, 65519.0) as u16
    });
    [curve; NODES]
}

/// Eight products, added in pairs.
#[inline(always)]
fn dot(a: &Values, b: &Values) -> f32 {
    let mut p = [0.0_f32; MODELS];
    for i in 0..MODELS {
        p[i] = a[i] * b[i];
    }
    ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]))
}

#[inline(always)]
fn squash(tables: &Tables, x: f32) -> f32 {
    let at = (x + 12.0) * 64.0;
    let step = at as usize;
    let within = at - step as f32;
    match tables.squash.get(step..step + 2) {
        Some(&[a, b]) => a + (b - a) * within,
        _ => 32768.0,
    }
}
