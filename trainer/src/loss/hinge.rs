//! Hinge losses of adversarial training (Lim and Ye 2017), of a discriminator's scores: high for
//! pictures that came, low for predictions.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;

/// What a discriminator minimises: the mean of `max(0, 1 - came)` plus that of
/// `max(0, 1 + predicted)`.
#[must_use]
pub fn discriminator(came: &Tensor<4>, predicted: &Tensor<4>) -> Tensor<1> {
    relu(came.clone().neg() + 1.0).mean() + relu(predicted.clone() + 1.0).mean()
}

/// What the predictor adds to its loss: the mean of `-predicted`.
#[must_use]
pub fn generator(predicted: &Tensor<4>) -> Tensor<1> {
    predicted.clone().neg().mean()
}
