//! Mean absolute error, smoothed near zero (Charbonnier).

use burn::tensor::Tensor;

/// What stands under the root beside the square: a thousandth of the range, squared.
const SMOOTH: f32 = 1e-6;

/// `sqrt(e^2 + 1e-6)` of every sample: the L1 distance, with a slope at zero.
pub(super) fn smooth_abs(error: &Tensor<4>) -> Tensor<4> {
    (error.clone() * error.clone() + SMOOTH).sqrt()
}

/// Mean of `sqrt(e^2 + 1e-6)` over all samples.
#[must_use]
pub fn charbonnier(prediction: &Tensor<4>, target: &Tensor<4>) -> Tensor<1> {
    smooth_abs(&(prediction.clone() - target.clone())).mean()
}
