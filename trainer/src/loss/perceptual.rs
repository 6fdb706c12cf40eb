//! The "redmean" colour distance of `vision::metrics::pd`, smoothed so that it can be trained on.

use burn::tensor::Tensor;

/// Levels under which the distance is smoothed.
pub const SMOOTH_LEVELS: f32 = 1.0;

/// Mean smoothed distance in levels (0..=765) of `N x 3 x H x W` pictures in 0..=1.
#[must_use]
pub fn perceptual(prediction: &Tensor<4>, target: &Tensor<4>) -> Tensor<1> {
    let error = prediction.clone() - target.clone();
    let red = |x: &Tensor<4>| x.clone().narrow(1, 0, 1);
    let mean_red = (red(prediction) + red(target)) * (255.0 / 2.0);
    let squares = (error * 255.0).powi_scalar(2);
    let channel = |i| squares.clone().narrow(1, i, 1);
    let sum = channel(0) * (mean_red.clone() / 256.0 + 2.0)
        + channel(1) * 4.0
        + channel(2) * (mean_red / -256.0 + 767.0 / 256.0);
    (sum + SMOOTH_LEVELS * SMOOTH_LEVELS).sqrt().mean()
}
