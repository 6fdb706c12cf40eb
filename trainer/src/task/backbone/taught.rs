//! A backbone in training: batch normalisation that is folded away, and labels over the embedding.
//!
//! In training each convolution's result is standardised over the batch (Ioffe and Szegedy, 2015),
//! which makes it learn some times faster. What is scored and exported is the plain [`Backbone`]:
//! mean and deviation of a fixed set of training pictures are folded into its kernels, so that there
//! is no running average to keep and a run stays a function of its recipe.

use std::collections::BTreeMap;

use burn::tensor::activation::relu;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor};
use rand_pcg::Pcg64;

use super::net::{Backbone, Layer};
use crate::net::{Graph as _, Layers as _, Leaf, Params, Tensors};

/// Added to a variance before its root is taken.
const LEAST: f32 = 1e-5;

/// A backbone with the logits of labels over its embedding. The labels are read before the length is
/// made one: they are learned several times faster so.
pub(super) struct Taught {
    pub(super) backbone: Backbone,
}

impl Taught {
    /// The untrained parameters: those of the backbone, whose biases follow the standardisation, a
    /// gain for each filter, and the labels.
    pub(super) fn init(&self, labels: usize, by: &mut Pcg64) -> Params {
        let mut params = self.backbone.init(by);
        for layer in self.backbone.layers() {
            let filters = params.get(&format!("{}.bias", layer.name)).map_or(0, |p| p.values.len());
            params.add_values(&gain(layer), &[filters], vec![1.0; filters]);
        }
        params.add_conv("labels", [labels, self.backbone.numbers(), 1, 1], 1.0, by);
        params
    }

    /// Embedding and logits of pictures, standardised by themselves.
    pub(super) fn learn(
        &self,
        leaves: &BTreeMap<String, Leaf>,
        frames: Tensor<4>,
    ) -> [Tensor<4>; 2] {
        let summary = self.backbone.summary_of(frames, leaves, &mut |x, layer| {
            let y = convolved(x, layer, leaves);
            let (mean, variance) = moments(&y);
            let y = (y - mean) / (variance + LEAST).sqrt();
            y * channels(leaves, &gain(layer)) + channels(leaves, &format!("{}.bias", layer.name))
        });
        let mut g = Tensors::new(leaves);
        [g.normalise(&summary), g.linear(&summary, "labels")]
    }

    /// Embedding and logits by the plain network of [`Taught::fold`].
    pub(super) fn plain(
        &self,
        leaves: &BTreeMap<String, Leaf>,
        frames: Tensor<4>,
    ) -> [Tensor<4>; 2] {
        let mut g = Tensors::new(leaves);
        let summary = self.backbone.summary(&mut g, &frames);
        [g.normalise(&summary), g.linear(&summary, "labels")]
    }

    /// The parameters of the plain network, standardised by `frames` for good.
    pub(super) fn fold(&self, weights: &Params, frames: Tensor<4>, device: &Device) -> Params {
        let mut folded = weights.clone();
        let leaves = weights.by_name(device);
        self.backbone.summary_of(frames, &leaves, &mut |x, layer| {
            let y = convolved(x, layer, &leaves);
            let (mean, variance) = moments(&y);
            let scale = channels(&leaves, &gain(layer)) / (variance + LEAST).sqrt();
            let shift = channels(&leaves, &format!("{}.bias", layer.name)) - mean * scale.clone();
            let values =
                |t: &Tensor<4>| t.clone().into_data().try_to_vec::<f32>().unwrap_or_default();
            let (scales, shifts) = (values(&scale), values(&shift));
            for param in folded.list_mut() {
                if param.name == format!("{}.bias", layer.name) {
                    param.values.clone_from(&shifts);
                } else if param.name == format!("{}.weight", layer.name) {
                    let one = param.values.len() / scales.len().max(1);
                    for (kernel, scale) in param.values.chunks_mut(one.max(1)).zip(&scales) {
                        kernel.iter_mut().for_each(|v| *v *= scale);
                    }
                }
            }
            y * scale + shift
        });
        folded
    }
}

fn gain(layer: &Layer) -> String {
    format!("{}.gain", layer.name)
}

fn convolved(x: Tensor<4>, layer: &Layer, leaves: &BTreeMap<String, Leaf>) -> Tensor<4> {
    let Some(Leaf::Kernel(kernel)) = leaves.get(&format!("{}.weight", layer.name)) else {
        return x;
    };
    let options = ConvOptions::new([layer.stride; 2], [layer.padding; 2], [1, 1], 1);
    conv2d(x, kernel.clone(), None, options)
}

/// Mean and variance of every channel.
fn moments(x: &Tensor<4>) -> (Tensor<4>, Tensor<4>) {
    let mean = |t: Tensor<4>| t.mean_dim(3).mean_dim(2).mean_dim(0);
    let middle = mean(x.clone());
    let off = x.clone() - middle.clone();
    (middle, mean(off.clone() * off))
}

fn channels(leaves: &BTreeMap<String, Leaf>, name: &str) -> Tensor<4> {
    match leaves.get(name) {
        Some(Leaf::Bias(values)) => {
            let count = values.dims()[0];
            values.clone().reshape([1, count, 1, 1])
        }
        Some(Leaf::Kernel(kernel)) => kernel.clone(),
        None => Tensor::zeros([1, 1, 1, 1], &Device::flex()),
    }
}

impl Backbone {
    /// As its graph computes it, but with `convolve` for each convolution.
    fn summary_of(
        &self,
        frames: Tensor<4>,
        leaves: &BTreeMap<String, Leaf>,
        convolve: &mut dyn FnMut(Tensor<4>, &Layer) -> Tensor<4>,
    ) -> Tensor<4> {
        let mut g = Tensors::new(leaves);
        let mut x = g.affine(&frames, 2.0, -1.0);
        let mut told = Vec::new();
        for layer in self.layers() {
            let y = relu(convolve(x.clone(), layer));
            x = if layer.adds { x + y } else { y };
            if layer.told {
                told.push(g.mean(&x));
            }
            if layer.pools {
                x = g.max_pool_by(&x, 2, 2);
            }
        }
        if !self.pool {
            return g.flatten(&x);
        }
        let mut parts = vec![g.mean(&x), g.max_over(&x)];
        parts.append(&mut told);
        let summary = g.concat(&parts);
        g.linear(&summary, "out")
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use rand::{RngExt as _, SeedableRng as _};

    use super::super::net::Tower;
    use super::*;

    /// The plain network, standardised by a batch, computes of that batch what training does.
    #[test]
    fn folding_changes_nothing() {
        let device = Device::flex();
        let by = &mut Pcg64::seed_from_u64(4);
        for tower in [Tower::Edge, Tower::Original] {
            let taught =
                Taught { backbone: Backbone { tower, side: 40, dims: 12, ..Backbone::default() } };
            let mut weights = taught.init(3, by);
            for param in weights.list_mut().iter_mut().filter(|p| p.shape.len() == 1) {
                param.values.iter_mut().for_each(|v| *v += by.random_range(-0.3..0.3));
            }
            let values: Vec<f32> = (0..4 * 3 * 40 * 40).map(|_| by.random()).collect();
            let frames = Tensor::from_data(TensorData::new(values, [4, 3, 40, 40]), &device);
            let trained = taught.learn(&weights.by_name(&device), frames.clone());
            let folded = taught.fold(&weights, frames.clone(), &device);
            let plain = taught.plain(&folded.by_name(&device), frames);
            for (a, b) in trained.into_iter().zip(plain) {
                let numbers = |t: Tensor<4>| t.into_data().try_to_vec::<f32>().unwrap();
                let (a, b) = (numbers(a), numbers(b));
                let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst < 1e-3, "{tower:?} {worst}");
            }
        }
    }
}
