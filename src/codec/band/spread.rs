//! How large a residual is expected to be: a weighted sum of errors and differences near by, whose
//! weights are learnt by least squares while coding.

/// What the expected size is learnt from.
pub(super) const SIGNS: usize = 11;

/// Bits behind the point of a weight.
pub(super) const BITS: u32 = 8;

/// Weights before anything is known, in activity for a quarter of a sample, for inter frames.
const INTER: [f64; SIGNS] = [4.0, 2.0, 0.0, 4.0, 1.5, 0.0, 0.0, 0.0, 4.0, 2.0, 0.0];
/// The same for key frames.
const INTRA: [f64; SIGNS] = [7.0, 3.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7.0, 3.0, 0.0];

/// How firmly weights stay where they begin.
const FIRM: f64 = 1000.0;

/// The learner of one plane.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    products: [[f64; SIGNS + 1]; SIGNS],
    start: [f64; SIGNS],
    /// Activity is counted in steps of the quantiser.
    share: f64,
    pub(super) weights: [i32; SIGNS],
}

impl Spread {
    /// For a quantiser's step in samples.
    pub(super) fn new(step: u32) -> Self {
        let share = f64::from(1 << BITS) / f64::from(step);
        let products = [[0.0; SIGNS + 1]; SIGNS];
        let mut spread = Self { products, start: INTRA, share, weights: [0; SIGNS] };
        spread.reset(false);
        spread
    }

    /// Forgets everything.
    pub(super) fn reset(&mut self, inter: bool) {
        self.products = [[0.0; SIGNS + 1]; SIGNS];
        self.start = if inter { INTER } else { INTRA };
        self.solve();
    }

    /// Adds what a row has shown.
    pub(super) fn add(&mut self, products: &[[f32; SIGNS + 1]; SIGNS]) {
        for (to, from) in self.products.iter_mut().zip(products) {
            for (to, from) in to.iter_mut().zip(from) {
                *to += f64::from(*from);
            }
        }
    }

    pub(super) fn fade(&mut self, by: f64) {
        for value in self.products.iter_mut().flatten() {
            *value *= by;
        }
    }

    /// Finds the weights by what was added.
    pub(super) fn solve(&mut self) {
        let mut system = self.products;
        for (i, (row, start)) in system.iter_mut().zip(self.start).enumerate() {
            let firm = row[i] * 0.01 + FIRM;
            row[i] += firm;
            row[SIGNS] += firm * start;
        }
        for i in 0..SIGNS {
            let pivot = system[i];
            let inverse = 1.0 / pivot[i];
            for row in &mut system[i + 1..] {
                let factor = row[i] * inverse;
                for (to, from) in row[i..].iter_mut().zip(&pivot[i..]) {
                    *to -= factor * from;
                }
            }
        }
        let mut weights = [0.0; SIGNS];
        for i in (0..SIGNS).rev() {
            let mut value = system[i][SIGNS];
            for j in i + 1..SIGNS {
                value -= system[i][j] * weights[j];
            }
            weights[i] = value / system[i][i];
        }
        for (to, from) in self.weights.iter_mut().zip(weights) {
            let scaled = from * self.share;
            let scaled = if scaled > -8000.0 && scaled < 8000.0 { scaled } else { 0.0 };
            *to = (scaled + 8192.5) as i32 - 8192;
        }
    }
}
