//! Cross-entropy, of two classes and of many.

use burn::tensor::activation::{log_softmax, softplus};
use burn::tensor::{Int, Tensor, TensorData};

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

/// Mean of `-log softmax(x)[y]` over the rows of `logits`, `N x classes`; `classes` has `y` of each.
#[must_use]
pub fn of_classes(logits: &Tensor<2>, classes: &[usize]) -> Tensor<1> {
    let rows = classes.len();
    let ids: Vec<i32> = classes.iter().map(|&c| i32::try_from(c).unwrap_or(i32::MAX)).collect();
    let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [rows, 1]), &logits.device());
    log_softmax(logits.clone(), 1).gather(1, ids).mean().neg()
}
