//! The forward pass of an integer network, differentiable.

use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, TensorData};
use framecast::vision::blend::{CANDIDATES, FEATURES};

use super::{ACTIVATION, Integers, Kernel, PRIOR};

type Layer = (Tensor<4>, Tensor<1>);

/// `exact` with the gradient of `real`.
fn straight<const D: usize>(exact: Tensor<D>, real: Tensor<D>) -> Tensor<D> {
    // The difference is exactly zero.
    exact + (real.clone() - real.detach())
}

/// Integers as the tensor `like` is, with its gradient times `unit`.
fn standing_for<const D: usize>(values: Vec<f32>, like: &Tensor<D>, unit: f64) -> Tensor<D> {
    let data = TensorData::new(values, like.dims());
    straight(Tensor::from_data(data, &like.device()), like.clone().mul_scalar(unit))
}

/// Halves up, with the gradient of a line.
fn round(x: Tensor<4>) -> Tensor<4> {
    straight(x.clone().detach().add_scalar(0.5).floor(), x)
}

fn power(exponent: u32) -> f64 {
    f64::from(1u32 << exponent)
}

impl Kernel {
    /// The sums over `x`, biases included.
    fn sums(&self, x: Tensor<4>, layer: &Layer, unit: f64, input: u32) -> Tensor<4> {
        let weights = self.weights.iter().map(|w| f32::from(*w)).collect();
        let weights = standing_for(weights, &layer.0, unit * power(self.exponent));
        let bias = self.bias.iter().map(|b| *b as f32).collect();
        let bias = standing_for(bias, &layer.1, power(input + self.exponent));
        convolve(x, weights, Some(bias))
    }
}

fn convolve(x: Tensor<4>, kernel: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
    let padding = kernel.dims()[2] / 2;
    conv2d(x, kernel, bias, ConvOptions::new([1, 1], [padding; 2], [1, 1], 1))
}

/// Sums divided by 2^`shift`, half up, as bytes.
fn bytes(sums: Tensor<4>, shift: u32) -> Tensor<4> {
    round(sums.div_scalar(power(shift)).clamp(0.0, 255.0))
}

impl Integers {
    /// The logits, whole multiples of 1/64, of features in 0..=1. `layers` are the real parameters
    /// the integers stand for: linear map, stem, blocks, head.
    #[must_use]
    pub(in crate::net) fn logits(&self, layers: &[Layer], features: &Tensor<4>) -> Tensor<4> {
        let [prior, stem, blocks @ .., head] = layers else {
            return features.clone().narrow(1, 0, CANDIDATES);
        };
        let features = round(features.clone().mul_scalar(255.0));
        let sums = self.stem.sums(features.clone(), stem, 1.0 / 255.0, 0);
        let mut x = bytes(sums, self.stem.shift);
        for (kernel, layer) in self.blocks.iter().zip(blocks) {
            let sums = kernel.sums(x.clone(), layer, 1.0, ACTIVATION);
            x = bytes(sums + x.mul_scalar(power(kernel.shift)), kernel.shift);
        }
        let from_prior = {
            let unit = 64.0 / 255.0 * power(PRIOR);
            let weights = self.prior.iter().map(|w| *w as f32).collect();
            debug_assert_eq!(prior.0.dims()[1], FEATURES);
            convolve(features, standing_for(weights, &prior.0, unit), None)
        };
        let weights = self.head.weights.iter().map(|w| f32::from(*w)).collect();
        let weights = standing_for(weights, &head.0, power(self.head.exponent));
        let from_head = convolve(x, weights, None);
        let [a, b] = self.factors;
        let bias = self.bias.iter().map(|b| *b as f32).collect();
        let bias =
            standing_for(bias, &(prior.1.clone() + head.1.clone()), 64.0 * power(self.shift));
        let sums = from_prior.mul_scalar(a) + from_head.mul_scalar(b);
        let sums = sums + bias.reshape([1, CANDIDATES, 1, 1]);
        round(sums.div_scalar(power(self.shift))).div_scalar(64.0)
    }
}
