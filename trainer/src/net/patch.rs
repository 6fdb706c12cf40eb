//! A PatchGAN discriminator (Isola et al. 2017): whether each patch of a picture came or was
//! predicted, given the frame before. It only exists while a model is trained.

use burn::tensor::activation::leaky_relu;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor};
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

use super::convolution::conv2d;
use super::params::{Leaf, Params};
use crate::TrainError;

/// Slope below zero.
const LEAK: f64 = 0.2;
/// Rounds of the power iteration.
const ROUNDS: usize = 12;

/// Makes the untrained parameters, of `channels` after the first layer.
#[must_use]
pub fn init(channels: usize, seed: u64) -> Params {
    let mut random = Pcg64::seed_from_u64(seed ^ 0xd15c_0000);
    let mut p = Params::default();
    p.add_conv("patch0", [channels, 6, 4, 4], 2.0, &mut random);
    p.add_conv("patch1", [2 * channels, channels, 4, 4], 2.0, &mut random);
    p.add_conv("patch2", [2 * channels, 2 * channels, 3, 3], 2.0, &mut random);
    p.add_conv("patch3", [1, 2 * channels, 3, 3], 1.0, &mut random);
    bound(&mut p);
    p
}

/// The network with its parameters as tensors.
#[derive(Clone, Debug)]
pub struct Patch {
    layers: Vec<(Tensor<4>, Tensor<1>)>,
}

impl Patch {
    /// The network over `params`, and its leaves in the order of `params`; `learns` decides
    /// whether they get slopes.
    ///
    /// # Errors
    /// [`TrainError::Network`] when the parameters are not those of such a network.
    pub fn new(
        params: &Params,
        learns: bool,
        device: &Device,
    ) -> Result<(Self, Vec<Leaf>), TrainError> {
        let leaves: Vec<Leaf> = params.list().iter().map(|p| Leaf::new(p, device)).collect();
        let mut layers = Vec::new();
        for pair in leaves.chunks(2) {
            match pair {
                [Leaf::Kernel(k), Leaf::Bias(b)] if learns => layers.push((k.clone(), b.clone())),
                [Leaf::Kernel(k), Leaf::Bias(b)] => {
                    let fixed = k.clone().set_require_grad(false);
                    layers.push((fixed, b.clone().set_require_grad(false)));
                }
                _ => {
                    return Err(TrainError::Network {
                        name: "discriminator".to_owned(),
                        reason: "its parameters are not kernels with biases".to_owned(),
                    });
                }
            }
        }
        Ok((Self { layers }, leaves))
    }

    /// A score for each patch of `picture` after the frame `last`, both `N x 3 x H x W` in 0..=1;
    /// high for pictures that came.
    #[must_use]
    pub fn scores(&self, last: &Tensor<4>, picture: &Tensor<4>) -> Tensor<4> {
        let mut x = Tensor::cat(vec![last.clone(), picture.clone()], 1) * 2.0 - 1.0;
        for (at, (kernel, bias)) in self.layers.iter().enumerate() {
            // 4x4 kernels halve the picture, 3x3 ones keep its size.
            let stride = if kernel.dims()[2] == 4 { 2 } else { 1 };
            let options = ConvOptions::new([stride; 2], [1, 1], [1, 1], 1);
            x = conv2d(x, kernel.clone(), Some(bias.clone()), options);
            if at + 1 < self.layers.len() {
                x = leaky_relu(x, LEAK);
            }
        }
        x
    }
}

/// Divides every kernel, as a matrix of outputs by inputs, by its largest singular value where that
/// is above one, so that the scores cannot grow without end (Gouk et al. 2018; in spirit the
/// spectral normalisation of Miyato et al. 2018).
pub fn bound(params: &mut Params) {
    for param in params.list_mut().iter_mut().filter(|p| p.shape.len() == 4) {
        let largest = spectral_norm(&param.values, param.shape.first().copied().unwrap_or(1));
        if largest > 1.0 {
            param.values.iter_mut().for_each(|v| *v /= largest);
        }
    }
}

/// The largest singular value of a matrix of `rows`, by power iteration from a fixed vector.
fn spectral_norm(matrix: &[f32], rows: usize) -> f32 {
    let columns = matrix.len() / rows.max(1);
    if columns == 0 {
        return 0.0;
    }
    let mut right: Vec<f32> = (0..columns).map(|i| 1.0 + 0.5 * (i as f32 * 0.7).sin()).collect();
    let mut norm = 0.0;
    for _ in 0..ROUNDS {
        unit(&mut right);
        let mut left: Vec<f32> = matrix
            .chunks_exact(columns)
            .map(|row| row.iter().zip(&right).map(|(a, b)| a * b).sum())
            .collect();
        norm = unit(&mut left);
        right.fill(0.0);
        for (row, weight) in matrix.chunks_exact(columns).zip(&left) {
            right.iter_mut().zip(row).for_each(|(r, a)| *r += a * weight);
        }
    }
    norm
}

/// Scales `vector` to length one and gives the length it had.
fn unit(vector: &mut [f32]) -> f32 {
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|v| *v /= length);
    }
    length
}

#[cfg(test)]
mod tests {
    use burn::tensor::Distribution;

    use super::*;

    #[test]
    fn there_is_a_score_for_each_patch() {
        let device = Device::flex();
        let (net, leaves) = Patch::new(&init(8, 1), true, &device).unwrap();
        assert_eq!(leaves.len(), 8);
        let picture = Tensor::<4>::random([2, 3, 32, 48], Distribution::Uniform(0.0, 1.0), &device);
        assert_eq!(net.scores(&picture, &picture).dims(), [2, 1, 8, 12]);
    }

    #[test]
    fn a_fixed_discriminator_passes_slopes_on_and_gets_none() {
        let device = Device::flex().autodiff();
        let (net, leaves) = Patch::new(&init(4, 1), false, &device).unwrap();
        let picture = Tensor::<4>::random([1, 3, 16, 16], Distribution::Uniform(0.0, 1.0), &device)
            .require_grad();
        let grads = net.scores(&picture.clone().detach(), &picture).mean().backward();
        assert!(picture.grad(&grads).unwrap().abs().max().into_scalar::<f32>() > 0.0);
        let slopes = leaves.iter().filter(|leaf| match leaf {
            Leaf::Kernel(k) => k.grad(&grads).is_some(),
            Leaf::Bias(b) => b.grad(&grads).is_some(),
        });
        assert_eq!(slopes.count(), 0);
    }

    #[test]
    fn the_largest_singular_value_is_found_and_bounded() {
        // Rotations of diag(3, 1).
        let (s, c) = (0.6_f32, 0.8_f32);
        let matrix = [3.0 * c, -s, 3.0 * s, c];
        assert!((spectral_norm(&matrix, 2) - 3.0).abs() < 1e-3);
        assert_eq!(spectral_norm(&[], 2), 0.0);
        let mut params = init(8, 3);
        params.list_mut()[0].values.iter_mut().for_each(|v| *v *= 100.0);
        bound(&mut params);
        for param in params.list().iter().filter(|p| p.shape.len() == 4) {
            assert!(spectral_norm(&param.values, param.shape[0]) < 1.001, "{}", param.name);
        }
    }
}
