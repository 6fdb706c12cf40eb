//! Losses of pairs of scores: what belongs together (`right`) must stand above what does not
//! (`wrong`). All are means of the pairs, so that they do not depend on the size of a batch.

use burn::tensor::Tensor;
use burn::tensor::activation::{log_sigmoid, relu, sigmoid};

/// `1 - sigmoid(right - wrong)`.
#[must_use]
pub fn bpr(right: &Tensor<1>, wrong: &Tensor<1>) -> Tensor<1> {
    (sigmoid(right.clone() - wrong.clone()).neg() + 1.0).mean()
}

/// `-log sigmoid(right - wrong)` (Rendle et al. 2009), whose slope does not vanish for pairs that
/// are very wrong.
#[must_use]
pub fn bpr_log(right: &Tensor<1>, wrong: &Tensor<1>) -> Tensor<1> {
    log_sigmoid(right.clone() - wrong.clone()).neg().mean()
}

/// `max(0, 1 - right + wrong)`.
#[must_use]
pub fn max_margin(right: &Tensor<1>, wrong: &Tensor<1>) -> Tensor<1> {
    relu(wrong.clone() - right.clone() + 1.0).mean()
}

/// Share of the pairs with `right > wrong`.
#[must_use]
pub fn pairwise_accuracy(right: &Tensor<1>, wrong: &Tensor<1>) -> Tensor<1> {
    right.clone().greater(wrong.clone()).float().mean()
}
