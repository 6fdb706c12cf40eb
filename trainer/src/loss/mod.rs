//! What training minimises. Every square root has an epsilon under it: the zero residual of an
//! untrained network makes errors of exactly zero, where a bare root has an infinite slope.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// Weights of the parts of the loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Weights {
    /// Smoothed perceptual distance, in units of 255 levels.
    pub perceptual: f32,
    /// Mean absolute error, in units of 255 levels.
    pub absolute: f32,
    /// Logarithm of each sequence's mean squared error: PSNR, so that quiet and noisy sequences
    /// count alike.
    pub log_mse: f32,
}

impl Default for Weights {
    fn default() -> Self {
        Self { perceptual: 1.0, absolute: 0.0, log_mse: 0.05 }
    }
}

/// Levels under which the perceptual distance is smoothed.
const SMOOTH_LEVELS: f32 = 1.0;
/// Mean squared error (0..1) under which a sequence counts as predicted: a quarter of a level.
const MSE_FLOOR: f32 = 1e-6;

impl Weights {
    /// The loss of `prediction` against `target`, both `N x 3 x H x W` in 0..=1.
    #[must_use]
    pub fn loss(&self, prediction: &Tensor<4>, target: &Tensor<4>) -> Tensor<1> {
        let error = prediction.clone() - target.clone();
        let mut loss = perceptual(prediction, target, &error) * (self.perceptual / 255.0);
        if self.absolute > 0.0 {
            let absolute = (error.clone() * error.clone() + 1e-6).sqrt().mean();
            loss = loss + absolute * self.absolute;
        }
        if self.log_mse > 0.0 {
            let mse = (error.clone() * error).mean_dims(&[1, 2, 3]);
            loss = loss + (mse + MSE_FLOOR).log().mean() * self.log_mse;
        }
        loss
    }
}

/// Mean smoothed redmean distance in levels (0..=765).
fn perceptual(prediction: &Tensor<4>, target: &Tensor<4>, error: &Tensor<4>) -> Tensor<1> {
    let red = |x: &Tensor<4>| x.clone().narrow(1, 0, 1);
    let mean_red = (red(prediction) + red(target)) * (255.0 / 2.0);
    let squares = (error.clone() * 255.0).powi_scalar(2);
    let channel = |i| squares.clone().narrow(1, i, 1);
    let sum = channel(0) * (mean_red.clone() / 256.0 + 2.0)
        + channel(1) * 4.0
        + channel(2) * (mean_red / -256.0 + 767.0 / 256.0);
    (sum + SMOOTH_LEVELS * SMOOTH_LEVELS).sqrt().mean()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn flat(level: f32) -> Tensor<4> {
        Tensor::full([1, 3, 4, 4], level / 255.0, &Device::flex())
    }

    #[test]
    fn a_grey_error_of_e_levels_is_three_e() {
        let weights = Weights { perceptual: 1.0, absolute: 0.0, log_mse: 0.0 };
        let loss = weights.loss(&flat(120.0), &flat(100.0)).into_scalar::<f32>() * 255.0;
        let exact = (8.9961_f32 * 400.0 + 1.0).sqrt();
        assert!((loss - exact).abs() < 0.02, "{loss} {exact}");
    }

    #[test]
    fn a_perfect_prediction_has_a_finite_slope() {
        let device = Device::flex().autodiff();
        let x = Tensor::<4>::zeros([1, 3, 4, 4], &device).require_grad();
        let target = Tensor::<4>::zeros([1, 3, 4, 4], &device);
        let weights = Weights { perceptual: 1.0, absolute: 1.0, log_mse: 1.0 };
        let grads = weights.loss(&x, &target).backward();
        let slope = x.grad(&grads).unwrap().into_data().try_to_vec::<f32>().unwrap();
        assert!(slope.iter().all(|s| s.abs() < 1e-6), "{slope:?}");
    }
}
