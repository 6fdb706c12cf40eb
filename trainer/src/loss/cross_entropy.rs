//! Binary cross-entropy.

use burn::tensor::Tensor;
use burn::tensor::activation::softplus;

/// Probabilities are kept this far from 0 and 1, whose logarithms are infinite.
const EDGE: f32 = 1e-7;

/// Mean of `-(y log p + (1 - y) log(1 - p))` over probabilities.
#[must_use]
pub fn binary(truth: &Tensor<1>, probability: &Tensor<1>) -> Tensor<1> {
    let p = probability.clone().clamp(EDGE, 1.0 - EDGE);
    let (y, not) = (truth.clone(), truth.clone().neg() + 1.0);
    (y * p.clone().log() + not * (p.neg() + 1.0).log()).mean().neg()
}

/// As [`binary`], of logits: `softplus(x) - x y`, which stays finite for all of them.
#[must_use]
pub fn binary_of_logits(truth: &Tensor<1>, logit: &Tensor<1>) -> Tensor<1> {
    (softplus(logit.clone(), 1.0) - logit.clone() * truth.clone()).mean()
}
