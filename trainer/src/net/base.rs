//! `base`: a window of frames in, the coming frames out, without recurrence, in the manner of SimVP
//! (Gao et al., 2022) with the translator of MetaVP (ConvMixer blocks).
//!
//! An encoder takes each frame alone to 1/4 resolution; a translator of depthwise-separable blocks
//! works on the frames' channels stacked over time; a decoder takes each coming frame back to full
//! resolution, with a skip from the newest frame. Each pixel of a coming frame is the newest frame's
//! but for what a gate takes away, and a content that is added. The layer that makes both
//! starts at zero, so an untrained network is copy-last exactly.
//!
//! All coming frames are made in one call. The first of them is the prediction of the model
//! contract; the others serve programs that want all of them at once.

use burn::tensor::activation::relu;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor};
use rand::SeedableRng as _;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::Shape;
use super::direct::depth_to_space;
use super::params::{Leaf, Params};
use super::standard::{Colours, Standard, samplewise};
use crate::TrainError;

/// Frame sides must be multiples of this.
pub const MULTIPLE_OF: usize = 4;
/// Numbers a pixel and coming frame: three colours of content and the gate.
pub const CONTROLS: usize = 4;

/// Sizes of a `base` network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// Frames that are seen, 1 to 32.
    pub window: usize,
    /// Frames that are predicted in one call, 1 to 32.
    pub ahead: usize,
    /// Channels of a frame in encoder and decoder, 1 to 256.
    pub space: usize,
    /// Channels of the translator, 1 to 1024.
    pub time: usize,
    /// Blocks of the translator, 0 to 64.
    pub blocks: usize,
    /// How much wider a block is inside, 1 to 8.
    pub widen: usize,
    /// Side of the depthwise kernels: odd, 1 to 15.
    pub kernel: usize,
}

impl Sizes {
    /// The sizes that train on one core of a CPU.
    pub const TINY: Self =
        Self { window: 10, ahead: 10, space: 16, time: 128, blocks: 4, widen: 2, kernel: 7 };
    /// The sizes for a GPU.
    pub const FULL: Self =
        Self { window: 10, ahead: 10, space: 32, time: 256, blocks: 8, widen: 4, kernel: 7 };

    /// A sentence on the first value out of range.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (key, value, low, high) in [
            ("window", self.window, 1, 32),
            ("ahead", self.ahead, 1, 32),
            ("space", self.space, 1, 256),
            ("time", self.time, 1, 1_024),
            ("blocks", self.blocks, 0, 64),
            ("widen", self.widen, 1, 8),
            ("kernel", self.kernel, 1, 15),
        ] {
            if !(low..=high).contains(&value) {
                return Err(format!("base.{key} = {value} is outside {low} to {high}"));
            }
        }
        if self.kernel.is_multiple_of(2) {
            return Err(format!("base.kernel = {} must be odd", self.kernel));
        }
        Ok(())
    }
}

/// Makes the untrained parameters.
#[must_use]
pub fn init(sizes: &Sizes, seed: u64) -> Params {
    let Sizes { window, ahead, space, time, blocks, widen, kernel } = *sizes;
    let mut random = Pcg64::seed_from_u64(seed);
    let mut p = Params::default();
    p.add_conv("encode1", [space, 3, 2, 2], 2.0, &mut random);
    p.add_conv("encode2", [space, space, 3, 3], 2.0, &mut random);
    p.add_conv("gather", [time, window * space, 1, 1], 1.0, &mut random);
    for block in 0..blocks {
        p.add_conv(&format!("block{block}.depth"), [time, 1, kernel, kernel], 1.0, &mut random);
        p.add_conv(&format!("block{block}.widen"), [widen * time, time, 1, 1], 2.0, &mut random);
        // Zero: a block begins as the identity, which keeps deep stacks trainable without norms.
        p.add_conv(&format!("block{block}.narrow"), [time, widen * time, 1, 1], 0.0, &mut random);
    }
    p.add_conv("spread", [ahead * space, time, 1, 1], 1.0, &mut random);
    p.add_conv("up", [4 * space, space, 1, 1], 1.0, &mut random);
    p.add_conv("mix", [space, space, 3, 3], 2.0, &mut random);
    p.add_conv("head", [4 * CONTROLS, space, 3, 3], 0.0, &mut random);
    p
}

/// A convolution over planes.
#[derive(Clone, Debug)]
struct Conv {
    kernel: Tensor<4>,
    bias: Tensor<1>,
    stride: usize,
    groups: usize,
}

impl Conv {
    fn run(&self, x: Tensor<4>) -> Tensor<4> {
        let side = self.kernel.dims()[2];
        // Odd kernels keep or halve the size; even ones cut patches.
        let padding = if side.is_multiple_of(2) { 0 } else { side / 2 };
        let options = ConvOptions::new([self.stride; 2], [padding; 2], [1, 1], self.groups);
        conv2d(x, self.kernel.clone(), Some(self.bias.clone()), options)
    }
}

/// One block of the translator.
#[derive(Clone, Debug)]
struct Block {
    depth: Conv,
    widen: Conv,
    narrow: Conv,
}

/// The network with its parameters as tensors.
#[derive(Clone, Debug)]
pub struct Base {
    sizes: Sizes,
    standard: Standard,
    colours: Option<Colours>,
    encode: [Conv; 2],
    gather: Conv,
    blocks: Vec<Block>,
    spread: Conv,
    up: Conv,
    mix: Conv,
    head: Conv,
}

impl Base {
    /// The network over `params`, and its leaves in the order of `params`.
    ///
    /// # Errors
    /// [`TrainError::Network`] when a parameter is missing or has another shape.
    pub fn new(
        shape: &Shape,
        params: &Params,
        device: &Device,
    ) -> Result<(Self, Vec<Leaf>), TrainError> {
        let network = shape.preset;
        let wrong = |reason: String| TrainError::Network { name: network.to_string(), reason };
        let sizes = &shape.base.ok_or_else(|| wrong("it sees no window of frames".to_owned()))?;
        let leaves = params.leaves(&shape.outline(), network, device)?;
        let conv = |name: &str, stride: usize, groups: usize| {
            let at = params.list().iter().position(|p| p.name == format!("{name}.weight"));
            match at.and_then(|i| Some((leaves.get(i)?, leaves.get(i + 1)?))) {
                Some((Leaf::Kernel(k), Leaf::Bias(b))) => {
                    Ok(Conv { kernel: k.clone(), bias: b.clone(), stride, groups })
                }
                _ => Err(wrong(format!("it has no convolution {name:?}"))),
            }
        };
        let block = |i: usize| {
            Ok(Block {
                depth: conv(&format!("block{i}.depth"), 1, sizes.time)?,
                widen: conv(&format!("block{i}.widen"), 1, 1)?,
                narrow: conv(&format!("block{i}.narrow"), 1, 1)?,
            })
        };
        let net = Self {
            sizes: *sizes,
            standard: shape.standard,
            colours: Colours::of(params, &leaves, device),
            encode: [conv("encode1", 2, 1)?, conv("encode2", 2, 1)?],
            gather: conv("gather", 1, 1)?,
            blocks: (0..sizes.blocks).map(block).collect::<Result<_, TrainError>>()?,
            spread: conv("spread", 1, 1)?,
            up: conv("up", 1, 1)?,
            mix: conv("mix", 1, 1)?,
            head: conv("head", 1, 1)?,
        };
        Ok((net, leaves))
    }

    /// The sizes it has.
    #[must_use]
    pub const fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// The coming frames, `N x 3 ahead x H x W`, the next first, not clamped. `window` is
    /// `N x 3 window x H x W` in 0..=1, oldest first, with sides that are multiples of
    /// [`MULTIPLE_OF`].
    #[must_use]
    pub fn clip(&self, window: &Tensor<4>) -> Tensor<4> {
        let Sizes { window: seen, ahead, space, .. } = self.sizes;
        let [n, _, h, w] = window.dims();
        let (h2, w2, h4, w4) = (h / 2, w / 2, h / 4, w / 4);
        let mut frames = window.clone();
        if self.standard.is_samplewise() {
            frames = samplewise(&self.standard, frames);
        }
        let mut frames = frames.reshape([n * seen, 3, h, w]);
        if let Some(colours) = &self.colours {
            frames = colours.apply(&frames);
        }
        let half = relu(self.encode[0].run(frames));
        let quarter = relu(self.encode[1].run(half.clone()));
        let skip = half.reshape([n, seen, space, h2, w2]).narrow(1, seen - 1, 1);
        let mut x = self.gather.run(quarter.reshape([n, seen * space, h4, w4]));
        for block in &self.blocks {
            let change = relu(block.widen.run(block.depth.run(x.clone())));
            x = x + block.narrow.run(change);
        }
        let x = self.spread.run(x).reshape([n * ahead, space, h4, w4]);
        let up = depth_to_space(self.up.run(x), 2).reshape([n, ahead, space, h2, w2]);
        let mixed = relu((up + skip).reshape([n * ahead, space, h2, w2]));
        let mixed = relu(self.mix.run(mixed));
        let controls = depth_to_space(self.head.run(mixed), 2);
        let controls = controls.reshape([n, ahead, CONTROLS, h, w]);
        let content = controls.clone().narrow(2, 0, 3);
        let gate = controls.narrow(2, 3, 1);
        let last = window.clone().narrow(1, 3 * (seen - 1), 3).reshape([n, 1, 3, h, w]);
        let clip = last.clone() - gate * last + content;
        clip.reshape([n, 3 * ahead, h, w])
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Distribution;

    use super::*;
    use crate::net::Preset;

    #[test]
    fn an_untrained_network_repeats_the_newest_frame() {
        let device = Device::flex();
        let sizes = Sizes { window: 3, ahead: 2, space: 4, time: 8, blocks: 2, ..Sizes::TINY };
        let shape = Shape { base: Some(sizes), ..Preset::BaseTiny.shape() };
        let (net, leaves) = Base::new(&shape, &shape.init(3), &device).unwrap();
        assert_eq!(leaves.len(), init(&sizes, 3).list().len());
        let window = Tensor::<4>::random([2, 9, 16, 24], Distribution::Uniform(0.0, 1.0), &device);
        let clip = net.clip(&window);
        assert_eq!(clip.dims(), [2, 6, 16, 24]);
        let last = window.narrow(1, 6, 3).into_data();
        for frame in 0..2 {
            assert_eq!(clip.clone().narrow(1, 3 * frame, 3).into_data(), last);
        }
    }

    #[test]
    fn sizes_out_of_range_are_named() {
        assert!(Sizes::TINY.check().is_ok() && Sizes::FULL.check().is_ok());
        let even = Sizes { kernel: 4, ..Sizes::TINY }.check().unwrap_err();
        assert!(even.contains("base.kernel = 4 must be odd"), "{even}");
        let none = Sizes { time: 0, ..Sizes::TINY }.check().unwrap_err();
        assert!(none.contains("base.time = 0 is outside 1 to 1024"), "{none}");
    }
}
