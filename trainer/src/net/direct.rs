//! `direct` networks: a frame and state in, the next frame out.
//!
//! The frame, its change since the frame before, and its difference from what was predicted for it
//! go through a 4x4 patch convolution. A coarse trunk at 1/8 resolution reads and writes a gated
//! memory; a fine path at 1/4 resolution turns both into seven numbers a pixel: how much of the
//! expected frame to mix in (temporal denoising), how much to blur and to shift by the first order
//! of motion (three small filters), and a residual in three colours. The layer that makes them
//! starts at zero, so an untrained network is copy-last exactly.
//!
//! All state has the size of the frame (the memory's 64 channels lie in 8x8 blocks of one plane),
//! so that H and W are the only open sizes of the exported graph.

use burn::tensor::activation::relu;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

use super::Shape;
use super::convolution::conv2d;
use super::params::{Leaf, Params};
use crate::TrainError;

/// How much the differences between frames are amplified, being small beside the frame itself.
pub const DIFFERENCE_GAIN: f32 = 4.0;
/// Frame sides must be multiples of this.
pub const MULTIPLE_OF: usize = 8;
/// Channels of the memory: one plane in 8x8 blocks.
pub const MEMORY: usize = MULTIPLE_OF * MULTIPLE_OF;
/// Side of the patches of the fine path.
pub const PATCH: usize = 4;
/// Channels of the fine path's last hidden layer.
pub const MIXED: usize = 48;
/// Filters of the bank: blur, and the slopes along lines and columns.
pub const FILTERS: usize = 3;
/// Numbers a pixel that the network gives: residual, temporal gate, one gate a filter.
pub const CONTROLS: usize = 3 + 1 + FILTERS;
/// Bounds of the temporal gate. A little below zero, so that it can learn from zero.
pub const TEMPORAL_BOUNDS: (f32, f32) = (-0.25, 1.0);

/// Makes the untrained parameters.
#[must_use]
pub fn init(shape: &Shape, seed: u64) -> Params {
    let Shape { fine, coarse, blocks, .. } = *shape;
    let mut random = Pcg64::seed_from_u64(seed);
    let mut p = Params::default();
    p.add_conv("stem", [fine, 9, PATCH, PATCH], 2.0, &mut random);
    p.add_conv("down", [coarse, fine, 2, 2], 2.0, &mut random);
    p.add_conv("recall", [coarse, 1, MULTIPLE_OF, MULTIPLE_OF], 0.2, &mut random);
    for block in 0..blocks {
        p.add_conv(&format!("block{block}"), [coarse, coarse, 3, 3], 0.7, &mut random);
    }
    p.add_conv("gate", [MEMORY, coarse, 1, 1], 0.5, &mut random);
    p.add_conv("write", [MEMORY, coarse, 1, 1], 0.5, &mut random);
    p.add_conv("up", [4 * fine, coarse, 1, 1], 1.0, &mut random);
    p.add_conv("mix", [MIXED, fine, 3, 3], 2.0, &mut random);
    p.add_conv("head", [CONTROLS * PATCH * PATCH, MIXED, 1, 1], 0.0, &mut random);
    p
}

/// The fixed 5x5 filters: what a binomial blur changes, and the slopes of the blurred picture along
/// lines and columns. A slope times a shift is, to first order, what the shift changes.
#[must_use]
pub fn filter_bank() -> Vec<f32> {
    const SMOOTH: [f32; 5] = [1.0 / 16.0, 4.0 / 16.0, 6.0 / 16.0, 4.0 / 16.0, 1.0 / 16.0];
    const SLOPE: [f32; 5] = [-1.0 / 8.0, -2.0 / 8.0, 0.0, 2.0 / 8.0, 1.0 / 8.0];
    let outer = |rows: [f32; 5], columns: [f32; 5]| {
        rows.into_iter().flat_map(move |r| columns.into_iter().map(move |c| r * c))
    };
    let mut bank: Vec<f32> = outer(SMOOTH, SMOOTH).collect();
    bank[12] -= 1.0;
    bank.extend(outer(SMOOTH, SLOPE));
    bank.extend(outer(SLOPE, SMOOTH));
    bank
}

/// What is carried from frame to frame, each `N x C x H x W`.
#[derive(Clone, Debug)]
pub struct State {
    /// The frame before, 3 channels.
    pub last: Tensor<4>,
    /// What was predicted for the coming frame, 3 channels.
    pub expected: Tensor<4>,
    /// The gated memory, 1 channel.
    pub memory: Tensor<4>,
}

impl State {
    /// The state a stream starts with: as if `frame` had been there before and foreseen.
    #[must_use]
    pub fn first(frame: &Tensor<4>) -> Self {
        let [n, _, h, w] = frame.dims();
        Self {
            last: frame.clone(),
            expected: frame.clone(),
            memory: Tensor::zeros([n, 1, h, w], &frame.device()),
        }
    }

    /// The same values without their history, for truncated back-propagation.
    #[must_use]
    pub fn detach(self) -> Self {
        Self {
            last: self.last.detach(),
            expected: self.expected.detach(),
            memory: self.memory.detach(),
        }
    }
}

/// A kernel and its bias.
#[derive(Clone, Debug)]
struct Conv {
    kernel: Tensor<4>,
    bias: Tensor<1>,
}

impl Conv {
    fn run(&self, x: Tensor<4>, stride: usize) -> Tensor<4> {
        let padding = if stride == 1 { self.kernel.dims()[2] / 2 } else { 0 };
        let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1);
        conv2d(x, self.kernel.clone(), Some(self.bias.clone()), options)
    }
}

/// The network with its parameters as tensors.
#[derive(Clone, Debug)]
pub struct Direct {
    stem: Conv,
    down: Conv,
    recall: Conv,
    blocks: Vec<Conv>,
    gate: Conv,
    write: Conv,
    up: Conv,
    mix: Conv,
    head: Conv,
    bank: Tensor<4>,
}

impl Direct {
    /// The network over `params`, and its leaves in the order of `params`.
    ///
    /// # Errors
    /// [`TrainError::Network`] when a parameter is missing or has another shape.
    pub fn new(
        shape: &Shape,
        params: &Params,
        device: &Device,
    ) -> Result<(Self, Vec<Leaf>), TrainError> {
        let leaves = params.leaves(&shape.outline(), shape.preset, device)?;
        let wrong = |reason: String| TrainError::Network { name: shape.preset.to_string(), reason };
        let conv = |name: &str| {
            let at = params.list().iter().position(|p| p.name == format!("{name}.weight"));
            match at.and_then(|i| Some((leaves.get(i)?, leaves.get(i + 1)?))) {
                Some((Leaf::Kernel(k), Leaf::Bias(b))) => {
                    Ok(Conv { kernel: k.clone(), bias: b.clone() })
                }
                _ => Err(wrong(format!("it has no convolution {name:?}"))),
            }
        };
        let net = Self {
            stem: conv("stem")?,
            down: conv("down")?,
            recall: conv("recall")?,
            blocks: (0..shape.blocks)
                .map(|i| conv(&format!("block{i}")))
                .collect::<Result<_, _>>()?,
            gate: conv("gate")?,
            write: conv("write")?,
            up: conv("up")?,
            mix: conv("mix")?,
            head: conv("head")?,
            bank: Tensor::from_data(TensorData::new(filter_bank(), [FILTERS, 1, 5, 5]), device),
        };
        Ok((net, leaves))
    }

    /// The prediction of the next frame and the next state. `frame` is `N x 3 x H x W` in 0..=1
    /// with sides that are multiples of [`MULTIPLE_OF`].
    #[must_use]
    pub fn step(&self, frame: &Tensor<4>, state: &State) -> (Tensor<4>, State) {
        let change = (frame.clone() - state.last.clone()) * DIFFERENCE_GAIN;
        let surprise = (frame.clone() - state.expected.clone()) * DIFFERENCE_GAIN;
        let input = Tensor::cat(vec![frame.clone() - 0.5, change, surprise], 1);
        let fine = relu(self.stem.run(input, PATCH));
        let recalled = self.recall.run(state.memory.clone(), MULTIPLE_OF);
        let mut coarse = relu(self.down.run(fine.clone(), 2) + recalled);
        for block in &self.blocks {
            coarse = relu(block.run(coarse.clone(), 1) + coarse);
        }
        // Bounded gates: the memory stays within -1..=1 for ever.
        let gate = (self.gate.run(coarse.clone(), 1) * 0.2 + 0.5).clamp(0.0, 1.0);
        let write = self.write.run(coarse.clone(), 1).clamp(-1.0, 1.0);
        let gate = depth_to_space(gate, MULTIPLE_OF);
        let write = depth_to_space(write, MULTIPLE_OF);
        let memory = state.memory.clone() + gate * (write - state.memory.clone());
        let up = depth_to_space(self.up.run(coarse, 1), 2);
        let mixed = relu(self.mix.run(relu(fine + up), 1));
        let controls = depth_to_space(self.head.run(mixed, 1), PATCH);
        let residual = controls.clone().narrow(1, 0, 3);
        let (low, high) = TEMPORAL_BOUNDS;
        let temporal = controls.clone().narrow(1, 3, 1).clamp(low, high);
        let gates = controls.narrow(1, 4, FILTERS);
        let steady = frame.clone() + temporal * (state.expected.clone() - frame.clone());
        let prediction = (steady.clone() + self.filtered(steady, gates) + residual).clamp(0.0, 1.0);
        let next = State { last: frame.clone(), expected: prediction.clone(), memory };
        (prediction, next)
    }
}

impl Direct {
    /// The sum of the bank's filters over each colour of `picture`, weighted by `gates`.
    fn filtered(&self, picture: Tensor<4>, gates: Tensor<4>) -> Tensor<4> {
        let [n, colours, h, w] = picture.dims();
        let single = picture.reshape([n * colours, 1, h, w]);
        let same = ConvOptions::new([1, 1], [2, 2], [1, 1], 1);
        let bank =
            conv2d(single, self.bank.clone(), None, same).reshape([n, colours, FILTERS, h, w]);
        let gates = gates.reshape([n, 1, FILTERS, h, w]);
        (bank * gates).sum_dim(2).reshape([n, colours, h, w])
    }
}

/// ONNX `DepthToSpace` in mode `CRD`: channel `c * r * r + i * r + j` goes to row `i`, column `j`
/// of the block.
pub(super) fn depth_to_space(x: Tensor<4>, r: usize) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    let c = c / (r * r);
    x.reshape([n, c, r, r, h, w]).permute([0, 1, 4, 2, 5, 3]).reshape([n, c, h * r, w * r])
}

#[cfg(test)]
mod tests {
    use burn::tensor::Distribution;

    use super::*;
    use crate::net::Preset;

    #[test]
    fn an_untrained_network_is_copy_last() {
        let device = Device::flex();
        let shape = Preset::NanoDirect.shape();
        let (net, leaves) = Direct::new(&shape, &init(&shape, 3), &device).unwrap();
        assert_eq!(leaves.len(), init(&shape, 3).list().len());
        let mut state = None;
        for _ in 0..3 {
            let frame =
                Tensor::<4>::random([2, 3, 16, 24], Distribution::Uniform(0.0, 1.0), &device);
            let before = state.unwrap_or_else(|| State::first(&frame));
            let (prediction, next) = net.step(&frame, &before);
            assert_eq!(prediction.into_data(), frame.into_data());
            assert_eq!(next.memory.dims(), [2, 1, 16, 24]);
            state = Some(next);
        }
    }

    #[test]
    fn foreign_parameters_are_refused() {
        let shape = Preset::NanoDirect.shape();
        let other = Shape { coarse: shape.coarse + 8, ..shape };
        let error = Direct::new(&shape, &init(&other, 1), &Device::flex()).unwrap_err();
        assert!(error.to_string().contains("do not fit"), "{error}");
    }

    #[test]
    fn depth_goes_to_space_as_onnx_says() {
        // The example of the operator's specification, mode CRD.
        let x: Vec<f32> = (0..8).flat_map(|c| (0..6).map(move |i| (c * 9 + i) as f32)).collect();
        let x =
            Tensor::<4>::from_data(burn::tensor::TensorData::new(x, [1, 8, 2, 3]), &Device::flex());
        let y = depth_to_space(x, 2).into_data().try_to_vec::<f32>().unwrap();
        assert_eq!(y[..12], [0., 9., 1., 10., 2., 11., 18., 27., 19., 28., 20., 29.]);
    }
}
