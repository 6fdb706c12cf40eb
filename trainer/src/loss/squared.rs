//! Mean squared error, and its logarithm.

use burn::tensor::Tensor;

/// Mean squared error (0..=1) under which a sequence counts as predicted: a quarter of a level.
const MSE_FLOOR: f32 = 1e-6;

/// Mean squared error over all samples.
#[must_use]
pub fn mse(prediction: &Tensor<4>, target: &Tensor<4>) -> Tensor<1> {
    let error = prediction.clone() - target.clone();
    (error.clone() * error).mean()
}

/// Mean over the batch of the logarithm of each picture's squared error: PSNR, so that quiet and
/// noisy sequences count alike.
#[must_use]
pub fn log_mse(prediction: &Tensor<4>, target: &Tensor<4>) -> Tensor<1> {
    let error = prediction.clone() - target.clone();
    let mse = (error.clone() * error).mean_dims(&[1, 2, 3]);
    (mse + MSE_FLOOR).log().mean()
}
