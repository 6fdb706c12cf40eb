//! Between lists of numbers and tensors.

use burn::tensor::{Device, Tensor, TensorData};

use crate::TrainError;
use crate::net::Form;

/// Samples scored at once.
pub(super) const TOGETHER: usize = 250;

/// Samples of `form`, one after the other in `values`.
pub(super) fn samples(values: Vec<f32>, form: Form, device: &Device) -> Tensor<4> {
    let each = form.dims().iter().product::<usize>().max(1);
    let shape = form.inside(values.len() / each);
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Vectors as rows.
pub(super) fn rows(vectors: &Tensor<4>) -> Tensor<2> {
    let [n, c, h, w] = vectors.dims();
    vectors.clone().reshape([n, c * h * w])
}

/// The numbers of a tensor; empty when they cannot be had.
pub(super) fn numbers(tensor: Tensor<4>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap_or_default()
}

/// The place of the largest number.
pub(super) fn largest(row: &[f32]) -> usize {
    let best = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(0, |(at, _)| at)
}

/// The error of a network that gave nothing.
pub(super) fn nothing(name: &str) -> TrainError {
    let reason = "it gave no output; please report this".to_owned();
    TrainError::Network { name: name.to_owned(), reason }
}
