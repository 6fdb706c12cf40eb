//! AdamW (Loshchilov and Hutter, 2019) over plain vectors, with a clipped gradient and a running
//! average of the weights.

use crate::net::Params;
use crate::net::blend::GATE;
use crate::recipe::Training;

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.99;
const EPSILON: f32 = 1e-8;

/// Weights and all that the optimiser knows about them.
#[derive(Clone, Debug, PartialEq)]
pub struct AdamW {
    /// The weights being trained.
    pub weights: Params,
    /// Their average over the last steps, which is validated and exported.
    pub average: Params,
    /// First moment of the gradient.
    pub first: Params,
    /// Second moment of the gradient.
    pub second: Params,
    /// Steps done.
    pub steps: u64,
}

impl AdamW {
    /// Starts at `weights`.
    #[must_use]
    pub fn new(weights: Params) -> Self {
        let zeros = weights.zeros_like();
        Self { average: weights.clone(), first: zeros.clone(), second: zeros, weights, steps: 0 }
    }

    /// One step along `gradient`, in the order of the weights. Returns the gradient's norm before
    /// clipping.
    pub fn step(&mut self, gradient: &mut [Vec<f32>], train: &Training, rate: f64) -> f32 {
        let squares: f64 = gradient.iter().flatten().map(|g| f64::from(*g).powi(2)).sum();
        let norm = squares.sqrt() as f32;
        let scale = if norm > train.clip { train.clip / norm } else { 1.0 };
        self.steps += 1;
        let done = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let (fix_1, fix_2) = (1.0 - BETA_1.powi(done), 1.0 - BETA_2.powi(done));
        // Early on the average would still be the untrained network: let it catch up.
        let ema = train.ema.min((1.0 + self.steps as f32) / (10.0 + self.steps as f32));
        let rate = rate as f32;
        let parts = self
            .weights
            .list_mut()
            .iter_mut()
            .zip(self.average.list_mut())
            .zip(self.first.list_mut())
            .zip(self.second.list_mut())
            .zip(gradient);
        for ((((weights, average), first), second), gradient) in parts {
            // The linear map to the logits has a scale of its own and is not decayed.
            let name = weights.name.strip_prefix(GATE);
            let gate = matches!(name, Some(".weight" | ".bias"));
            let rate = if gate { rate * train.gate_rate } else { rate };
            let plain = gate || weights.shape.len() < 2;
            let decay = if plain { 1.0 } else { 1.0 - rate * train.weight_decay };
            let elements = weights
                .values
                .iter_mut()
                .zip(&mut average.values)
                .zip(&mut first.values)
                .zip(&mut second.values)
                .zip(gradient);
            for ((((w, a), m), v), g) in elements {
                let g = *g * scale;
                *m += (g - *m) * (1.0 - BETA_1);
                *v += (g * g - *v) * (1.0 - BETA_2);
                let step = (*m / fix_1) / ((*v / fix_2).sqrt() + EPSILON);
                *w = *w * decay - rate * step;
                *a = *a * ema + *w * (1.0 - ema);
            }
        }
        norm
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_pcg::Pcg64;

    use super::*;
    use crate::net::Start;

    #[test]
    fn it_finds_the_bottom_of_a_bowl() {
        let mut weights = Params::default();
        let mut random = Pcg64::seed_from_u64(1);
        weights.add("w", &[3], Start::Uniform { fan_in: 1, gain: 1.0 }, &mut random);
        let mut adam = AdamW::new(weights);
        let train = Training { ema: 0.9, ..Training::default() };
        let goal = [1.0f32, -2.0, 0.5];
        for _ in 0..800 {
            let at = &adam.weights.list()[0].values;
            let gradient: Vec<f32> = at.iter().zip(goal).map(|(w, g)| 2.0 * (w - g)).collect();
            adam.step(&mut [gradient], &train, 0.02);
        }
        for (w, g) in adam.average.list()[0].values.iter().zip(goal) {
            assert!((w - g).abs() < 0.05, "{w} {g}");
        }
    }

    #[test]
    fn long_gradients_are_clipped() {
        let mut weights = Params::default();
        weights.add("w", &[2], Start::Zeros, &mut Pcg64::seed_from_u64(1));
        let mut adam = AdamW::new(weights);
        let norm = adam.step(&mut [vec![30.0, 40.0]], &Training::default(), 0.1);
        assert!((norm - 50.0).abs() < 1e-4);
        assert!((adam.first.list()[0].values[0] - 0.06).abs() < 1e-5);
    }
}
