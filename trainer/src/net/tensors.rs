//! Networks computed: each operator of [`Graph`] on tensors, with gradients where the device keeps
//! them.

use std::collections::BTreeMap;

use burn::tensor::activation::{relu, sigmoid, softmax, tanh};
use burn::tensor::module::{conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Tensor, TensorData};
use framecast::vision::blend::BLOCK;
use rand::RngExt as _;
use rand_pcg::Pcg64;

use super::blend::interpolation;
use super::graph::Graph;
use super::params::Leaf;

/// The parameters by name, and chance where training wants it.
pub struct Tensors<'a> {
    pub(super) leaves: &'a BTreeMap<String, Leaf>,
    /// Where noise and dropout come from; none of either without.
    pub(super) chance: Option<&'a mut Pcg64>,
}

impl<'a> Tensors<'a> {
    /// Computes with `leaves`, without noise and dropout.
    #[must_use]
    pub const fn new(leaves: &'a BTreeMap<String, Leaf>) -> Self {
        Self { leaves, chance: None }
    }
}

impl Tensors<'_> {
    pub(super) fn kernel(&self, name: &str) -> Option<(Tensor<4>, Tensor<1>)> {
        let leaf = |part: &str| self.leaves.get(&format!("{name}.{part}"));
        match (leaf("weight")?, leaf("bias")?) {
            (Leaf::Kernel(kernel), Leaf::Bias(bias)) => Some((kernel.clone(), bias.clone())),
            _ => None,
        }
    }
}

impl Graph for Tensors<'_> {
    type Value = Tensor<4>;

    fn conv(&mut self, x: &Tensor<4>, name: &str, stride: usize) -> Tensor<4> {
        let Some((kernel, bias)) = self.kernel(name) else { return x.clone() };
        let padding = if stride == 1 { kernel.dims()[2] / 2 } else { 0 };
        let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1);
        conv2d(x.clone(), kernel, Some(bias), options)
    }

    fn conv_over_time(&mut self, window: &Tensor<4>, name: &str) -> Tensor<4> {
        let Some((kernel, _)) = self.kernel(name) else { return window.clone() };
        let (all, seen) = (window.dims()[1], kernel.dims()[1]);
        self.conv(&window.clone().narrow(1, all - seen, seen), name, 1)
    }

    fn conv_each(&mut self, x: &Tensor<4>, name: &str) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        let single = x.clone().reshape([n * c, 1, h, w]);
        self.conv(&single, name, 1).reshape([n, c, h, w])
    }

    fn weighted(&mut self, x: &Tensor<4>, weights: &[Vec<f32>]) -> Tensor<4> {
        let size = [weights.len(), x.dims()[1], 1, 1];
        let kernel = Tensor::from_data(TensorData::new(weights.concat(), size), &x.device());
        conv2d(x.clone(), kernel, None, ConvOptions::new([1, 1], [0, 0], [1, 1], 1))
    }

    fn newest(&mut self, window: &Tensor<4>) -> Tensor<4> {
        let channels = window.dims()[1];
        window.clone().narrow(1, channels - 3, 3)
    }

    fn newest_by_axes(&mut self, window: &Tensor<4>, frames: usize) -> Tensor<4> {
        let [n, _, h, w] = window.dims();
        let apart = window.clone().reshape([n, frames, 3, h, w]).permute([0, 2, 3, 4, 1]);
        apart.narrow(4, frames - 1, 1).reshape([n, 3, h, w])
    }

    fn add(&mut self, a: &Tensor<4>, b: &Tensor<4>) -> Tensor<4> {
        a.clone() + b.clone()
    }

    fn sub(&mut self, a: &Tensor<4>, b: &Tensor<4>) -> Tensor<4> {
        a.clone() - b.clone()
    }

    fn mul(&mut self, a: &Tensor<4>, b: &Tensor<4>) -> Tensor<4> {
        a.clone() * b.clone()
    }

    fn div(&mut self, a: &Tensor<4>, b: &Tensor<4>) -> Tensor<4> {
        a.clone() / b.clone()
    }

    fn affine(&mut self, x: &Tensor<4>, scale: f32, shift: f32) -> Tensor<4> {
        x.clone() * scale + shift
    }

    fn channel_affine(&mut self, x: &Tensor<4>, name: &str) -> Tensor<4> {
        let Some((scale, bias)) = self.kernel(name) else { return x.clone() };
        let channels = bias.dims()[0];
        x.clone() * scale.reshape([1, channels, 1, 1]) + bias.reshape([1, channels, 1, 1])
    }

    fn abs(&mut self, x: &Tensor<4>) -> Tensor<4> {
        x.clone().abs()
    }

    fn relu(&mut self, x: &Tensor<4>) -> Tensor<4> {
        relu(x.clone())
    }

    fn sigmoid(&mut self, x: &Tensor<4>) -> Tensor<4> {
        sigmoid(x.clone())
    }

    fn tanh(&mut self, x: &Tensor<4>) -> Tensor<4> {
        tanh(x.clone())
    }

    fn clip(&mut self, x: &Tensor<4>, low: f32, high: f32) -> Tensor<4> {
        x.clone().clamp(low, high)
    }

    fn softmax(&mut self, x: &Tensor<4>) -> Tensor<4> {
        softmax(x.clone(), 1)
    }

    fn mean(&mut self, x: &Tensor<4>) -> Tensor<4> {
        x.clone().mean_dim(3).mean_dim(2)
    }

    fn largest(&mut self, x: &Tensor<4>) -> Tensor<4> {
        x.clone().max_dim(1)
    }

    fn concat(&mut self, parts: &[Tensor<4>]) -> Tensor<4> {
        Tensor::cat(parts.to_vec(), 1)
    }

    fn split(&mut self, x: &Tensor<4>, sizes: &[usize]) -> Vec<Tensor<4>> {
        let mut at = 0;
        let part = |&size: &usize| {
            at += size;
            x.clone().narrow(1, at - size, size)
        };
        sizes.iter().map(part).collect()
    }

    fn max_pool(&mut self, x: &Tensor<4>) -> Tensor<4> {
        max_pool2d(x.clone(), MaxPoolOptions::new([2, 2]).with_stride([2, 2]))
    }

    fn average_pool(&mut self, x: &Tensor<4>, side: usize) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        let blocks = x.clone().reshape([n, c, h / side, side, w / side, side]);
        blocks.mean_dim(5).mean_dim(3).reshape([n, c, h / side, w / side])
    }

    fn spread(&mut self, x: &Tensor<4>) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        let (height, width) = (h * BLOCK, w * BLOCK);
        let down = interpolation(h, height, &x.device()).reshape([1, 1, height, h]);
        let across = interpolation(w, width, &x.device()).transpose().reshape([1, 1, w, width]);
        let lines = down.expand([n, c, height, h]).matmul(x.clone());
        lines.matmul(across.expand([n, c, w, width]))
    }

    fn extend(&mut self, x: &Tensor<4>, by: [usize; 2]) -> Tensor<4> {
        let mut x = x.clone();
        for (dim, by) in [2, 3].into_iter().zip(by).filter(|(_, by)| *by > 0) {
            let last = x.dims()[dim] - 1;
            let edge = |at: usize| x.clone().narrow(dim, at, 1).repeat_dim(dim, by);
            x = Tensor::cat(vec![edge(0), x.clone(), edge(last)], dim);
        }
        x
    }

    fn crop(&mut self, x: &Tensor<4>, lines: [usize; 2], columns: [usize; 2]) -> Tensor<4> {
        let [_, _, h, w] = x.dims();
        let [top, bottom] = lines;
        let [left, right] = columns;
        x.clone().narrow(2, top, h - top - bottom).narrow(3, left, w - left - right)
    }

    fn double(&mut self, x: &Tensor<4>) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        let rows = Tensor::stack::<5>(vec![x.clone(), x.clone()], 4).reshape([n, c, h, 2 * w]);
        Tensor::stack::<5>(vec![rows.clone(), rows], 3).reshape([n, c, 2 * h, 2 * w])
    }

    fn depth_to_space(&mut self, x: &Tensor<4>, side: usize) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        let c = c / (side * side);
        let blocks = x.clone().reshape([n, side, side, c, h, w]);
        blocks.permute([0, 3, 4, 1, 5, 2]).reshape([n, c, h * side, w * side])
    }

    fn space_to_depth(&mut self, x: &Tensor<4>, side: usize) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        let blocks = x.clone().reshape([n, c, h / side, side, w / side, side]);
        let together = [n, c * side * side, h / side, w / side];
        blocks.permute([0, 3, 5, 1, 2, 4]).reshape(together)
    }

    fn noise(&mut self, x: &Tensor<4>, deviation: f32) -> Tensor<4> {
        let Some(random) = self.chance.as_deref_mut() else { return x.clone() };
        let dims = x.dims();
        let mut values = Vec::with_capacity(dims.iter().product::<usize>() + 1);
        while values.len() < dims.iter().product() {
            // Box and Muller: two normal numbers of two uniform ones.
            let radius = (-2.0 * (1.0 - random.random::<f32>()).ln()).sqrt() * deviation;
            let angle = std::f32::consts::TAU * random.random::<f32>();
            values.extend([radius * angle.cos(), radius * angle.sin()]);
        }
        values.truncate(dims.iter().product());
        x.clone() + Tensor::from_data(TensorData::new(values, dims), &x.device())
    }

    fn dropout(&mut self, x: &Tensor<4>, share: f32) -> Tensor<4> {
        let Some(random) = self.chance.as_deref_mut() else { return x.clone() };
        let dims = x.dims();
        let kept = 1.0 / (1.0 - share);
        let mut draw = || if random.random::<f32>() < share { 0.0 } else { kept };
        let values: Vec<f32> = (0..dims.iter().product()).map(|_| draw()).collect();
        x.clone() * Tensor::from_data(TensorData::new(values, dims), &x.device())
    }
}
