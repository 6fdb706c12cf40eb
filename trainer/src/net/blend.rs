//! `blend` networks: features of `blend/1` in, logits of candidates out.
//!
//! A linear map from the features to the logits starts as the causal prior of the runtime, so that
//! an untrained network is the causal gate exactly. Beside it a trunk at 1/8 resolution (one value
//! a block) adds what it learns; its last layer starts at zero. The trunk sees standardised
//! features but for integer networks, which see the bytes.

use burn::tensor::activation::{relu, softmax};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};
use framecast::vision::blend::{BLOCK, CANDIDATES, FEATURES, PRIOR, PRIOR_RAISE};
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

use super::Shape;
use super::convolution::conv2d;
use super::integer::{self, Integers};
use super::params::{Leaf, Params};
use crate::TrainError;

/// First feature plane of the past errors.
const PAST: usize = CANDIDATES;

/// Name of the linear map; it learns at its own rate.
pub const GATE: &str = "prior";

/// What is taken from each plane of features before the trunk: its mean over the catz training
/// set, in steps of a byte. Planes that are empty there (differences of frames five and more back)
/// have the values of the newer ones.
pub const CENTRE: [u8; FEATURES] = [
    48, 56, 54, 61, 79, 60, 62, 61, 66, 84, 45, 36, 48, 76, 85, 116, 83, 128, 128, 34, //
    48, 85, 86, 87, 88, 85, 85, 85, 85, 38, 66, 68, 67, 73, 90, 128, 128, 128, 128, 2,
];

/// The standard deviation of each plane there, in steps of a byte, at least 10.
pub const SPREAD: [u8; FEATURES] = [
    38, 34, 34, 38, 28, 29, 29, 29, 30, 22, 38, 35, 38, 28, 30, 63, 30, 19, 19, 27, //
    29, 39, 38, 38, 38, 38, 38, 38, 38, 13, 23, 23, 23, 23, 10, 13, 13, 13, 13, 21,
];

/// Standardised features are `feature * slope + offset`, one of each a plane, for features in 0..=1:
/// half as wide as a standard normal distribution.
#[must_use]
pub fn standard() -> (Vec<f32>, Vec<f32>) {
    let spread = |at: usize| 2.0 * f32::from(SPREAD[at]);
    let slope = (0..FEATURES).map(|at| 255.0 / spread(at)).collect();
    let offset = (0..FEATURES).map(|at| -f32::from(CENTRE[at]) / spread(at)).collect();
    (slope, offset)
}

/// Makes the untrained parameters.
#[must_use]
pub fn init(shape: &Shape, seed: u64) -> Params {
    let Shape { coarse, blocks, .. } = *shape;
    let mut random = Pcg64::seed_from_u64(seed);
    let mut p = Params::default();
    p.add_conv(GATE, [CANDIDATES, FEATURES, 1, 1], 0.0, &mut random);
    for param in p.list_mut() {
        if param.shape.len() == 4 {
            for k in 0..CANDIDATES {
                // Features come in 0..=1, logits are natural: -11 / 64 for each step.
                param.values[k * FEATURES + PAST + k] = -PRIOR as f32 * 255.0 / 64.0;
            }
        } else {
            param.values[1] = PRIOR_RAISE as f32 / 64.0;
        }
    }
    p.add_conv("stem", [coarse, FEATURES, 3, 3], 2.0, &mut random);
    for block in 0..blocks {
        p.add_conv(&format!("block{block}"), [coarse, coarse, 3, 3], 0.7, &mut random);
    }
    p.add_conv("head", [CANDIDATES, coarse, 1, 1], 0.0, &mut random);
    p
}

/// How a network computes.
#[derive(Clone, Debug)]
enum Arithmetic {
    /// With real numbers; activations end at the given value.
    Real(Option<f64>),
    /// With the integers that stand for them.
    Integer(Box<Integers>),
}

/// The network with its parameters as tensors.
#[derive(Clone, Debug)]
pub struct Blend {
    layers: Vec<(Tensor<4>, Tensor<1>)>,
    arithmetic: Arithmetic,
    /// Of the standardisation, `1 x 40 x 1 x 1` each.
    slope: Tensor<4>,
    offset: Tensor<4>,
}

impl Blend {
    /// The network over `params`, and its leaves in the order of `params`. An integer preset
    /// computes with its integers.
    ///
    /// # Errors
    /// [`TrainError::Network`] when a parameter is missing or has another shape, or integers become
    /// too large.
    pub fn new(
        shape: &Shape,
        params: &Params,
        device: &Device,
    ) -> Result<(Self, Vec<Leaf>), TrainError> {
        let (mut net, leaves) = Self::real(shape, params, device)?;
        if shape.preset.is_integer() {
            let fail = |reason| TrainError::Network { name: shape.preset.to_string(), reason };
            let integers = Integers::of(shape, params).map_err(fail)?;
            net.arithmetic = Arithmetic::Integer(Box::new(integers));
        }
        Ok((net, leaves))
    }

    /// As [`Blend::new`], with real numbers whatever the preset: how an integer network learns
    /// before its integers are in the way.
    ///
    /// # Errors
    /// As [`Blend::new`].
    pub fn real(
        shape: &Shape,
        params: &Params,
        device: &Device,
    ) -> Result<(Self, Vec<Leaf>), TrainError> {
        let leaves = params.leaves(&shape.outline(), shape.preset, device)?;
        let wrong = |reason: String| TrainError::Network { name: shape.preset.to_string(), reason };
        let mut layers = Vec::new();
        for pair in leaves.chunks_exact(2) {
            match pair {
                [Leaf::Kernel(k), Leaf::Bias(b)] => layers.push((k.clone(), b.clone())),
                _ => return Err(wrong("its parameters are not kernels with biases".to_owned())),
            }
        }
        let planes =
            |values| Tensor::from_data(TensorData::new(values, [1, FEATURES, 1, 1]), device);
        let (slope, offset) = if shape.preset.is_integer() {
            (vec![1.0; FEATURES], vec![0.0; FEATURES])
        } else {
            standard()
        };
        let arithmetic = Arithmetic::Real(shape.preset.is_integer().then_some(integer::HIGHEST));
        Ok((Self { layers, slope: planes(slope), offset: planes(offset), arithmetic }, leaves))
    }

    /// The logits, `N x 5 x h x w`, of features `N x 40 x h x w` in 0..=1.
    #[must_use]
    pub fn logits(&self, features: &Tensor<4>) -> Tensor<4> {
        self.observed(features, &mut |_, _| ())
    }

    /// As [`Blend::logits`]; `look` sees the trunk's tensors by name: `features`, the activations `stem`,
    /// `block0`, ... and what each block adds, `block0.change`, .... Integers are not shown.
    pub fn observed(
        &self,
        features: &Tensor<4>,
        look: &mut dyn FnMut(&str, &Tensor<4>),
    ) -> Tensor<4> {
        let conv = |x: Tensor<4>, layer: &(Tensor<4>, Tensor<1>)| {
            let padding = layer.0.dims()[2] / 2;
            let options = ConvOptions::new([1, 1], [padding; 2], [1, 1], 1);
            conv2d(x, layer.0.clone(), Some(layer.1.clone()), options)
        };
        let [prior, stem, trunk @ .., head] = self.layers.as_slice() else {
            return features.clone().narrow(1, 0, CANDIDATES);
        };
        let highest = match &self.arithmetic {
            Arithmetic::Integer(integers) => return integers.logits(&self.layers, features),
            Arithmetic::Real(highest) => *highest,
        };
        let bound = |x: Tensor<4>| match highest {
            Some(highest) => x.clamp(0.0, highest),
            None => relu(x),
        };
        let standard = features.clone() * self.slope.clone() + self.offset.clone();
        look("features", &standard);
        let mut x = bound(conv(standard, stem));
        look("stem", &x);
        for (number, block) in trunk.iter().enumerate() {
            let change = conv(x.clone(), block);
            look(&format!("block{number}.change"), &change);
            x = bound(change + x);
            look(&format!("block{number}"), &x);
        }
        conv(features.clone(), prior) + conv(x, head)
    }
}

/// The matrix that interpolates `blocks` values to `pixels` ones, as the runtime does: between the
/// centres of blocks, edges repeated.
pub(super) fn interpolation(blocks: usize, pixels: usize, device: &Device) -> Tensor<2> {
    let mut values = vec![0.0_f32; blocks * pixels];
    for (pixel, row) in values.chunks_exact_mut(blocks).enumerate() {
        let (block, inside) = (pixel / BLOCK, pixel % BLOCK);
        let (other, lean) = if inside < BLOCK / 2 {
            (block.saturating_sub(1), 7.0 - 2.0 * inside as f32)
        } else {
            ((block + 1).min(blocks - 1), 2.0 * inside as f32 - 7.0)
        };
        row[block] += 1.0 - lean / 16.0;
        row[other] += lean / 16.0;
    }
    Tensor::from_data(TensorData::new(values, [pixels, blocks]), device)
}

/// The mixture of `candidates`, each `N x 3 x H x W`, by the softmax of `logits`: what the runtime's
/// mixer does, without its rounding.
#[must_use]
pub fn mix(logits: Tensor<4>, candidates: &[Tensor<4>]) -> Tensor<4> {
    let [n, k, h, w] = logits.dims();
    let device = logits.device();
    let [_, _, height, width] = candidates.first().map_or([0; 4], Tensor::dims);
    let down = interpolation(h, height, &device).reshape([1, 1, height, h]);
    let across = interpolation(w, width, &device).transpose().reshape([1, 1, w, width]);
    let weights = softmax(logits, 1);
    let weights = down.expand([n, k, height, h]).matmul(weights);
    let weights = weights.matmul(across.expand([n, k, w, width]));
    let mut sum: Option<Tensor<4>> = None;
    for (at, candidate) in candidates.iter().enumerate() {
        let part = weights.clone().narrow(1, at, 1) * candidate.clone();
        sum = Some(match sum {
            Some(sum) => sum + part,
            None => part,
        });
    }
    sum.unwrap_or_else(|| Tensor::zeros([n, 3, height, width], &device))
}

#[cfg(test)]
mod tests {
    use framecast::frame::{Rational, Size};
    use framecast::source::demo::Scene;
    use framecast::vision::RgbImage;
    use framecast::vision::blend::{Mixer, Weights, prior};

    use super::*;
    use crate::data::{Examples, features_tensor};
    use crate::net::Preset;

    fn examples() -> Examples {
        let flights: Vec<Vec<RgbImage>> = [9_961, 9_962]
            .map(|seed| {
                let mut scene = Scene::new(seed, Size::new(56, 40), Rational::whole(30)).unwrap();
                let frame = |t| {
                    let mut picture = RgbImage::default();
                    scene.render(t, &mut picture);
                    picture
                };
                (0..6).map(frame).collect()
            })
            .to_vec();
        Examples::last_of(&flights)
    }

    #[test]
    fn an_untrained_network_is_the_causal_gate() {
        let device = Device::flex();
        let shape = Preset::Nano.shape();
        let (net, _) = Blend::new(&shape, &init(&shape, 5), &device).unwrap();
        for example in examples().list() {
            let features = &example.features;
            let logits = net.logits(&features_tensor(&[features], &device));
            let logits = logits.into_data().try_to_vec::<f32>().unwrap();
            let (columns, rows) = (features.columns(), features.rows());
            let (mut gate, mut untrained) = (Weights::default(), Weights::default());
            let mut exact = Vec::new();
            prior(features, &mut exact);
            gate.from_logits(&exact, columns, rows);
            untrained.from_floats(&logits, columns, rows, &mut Vec::new());
            assert_eq!(gate, untrained);
        }
    }

    #[test]
    fn the_differentiable_mixture_is_the_runtimes_within_a_level() {
        let device = Device::flex();
        let examples = examples();
        let shape = Preset::Nano.shape();
        let mut params = init(&shape, 5);
        for (i, value) in params.list_mut().iter_mut().flat_map(|p| &mut p.values).enumerate() {
            *value += 0.05 * ((i as f32) * 0.37).sin();
        }
        let (net, _) = Blend::new(&shape, &params, &device).unwrap();
        let logits = net.logits(&examples.features(&device));
        let mixed = mix(logits.clone(), &examples.candidates(&device));
        let mixed = mixed.into_data().try_to_vec::<f32>().unwrap();
        let logits = logits.into_data().try_to_vec::<f32>().unwrap();
        let share = logits.len() / examples.list().len();
        let pixels = 56 * 40;
        let mut seen = [false; 2];
        for (n, example) in examples.list().iter().enumerate() {
            let (columns, rows) = (example.features.columns(), example.features.rows());
            let mut weights = Weights::default();
            let own = &logits[n * share..(n + 1) * share];
            weights.from_floats(own, columns, rows, &mut Vec::new());
            let mut picture = RgbImage::default();
            Mixer::default().mix(&example.candidates, &weights, &mut picture);
            for (i, pixel) in picture.data().as_chunks::<3>().0.iter().enumerate() {
                for (c, &value) in pixel.iter().enumerate() {
                    let exact = mixed[(n * 3 + c) * pixels + i] * 255.0;
                    // A level, and half of one for the rounding.
                    assert!((f32::from(value) - exact).abs() <= 1.5, "{value} {exact}");
                }
            }
            seen[0] |= weights.planes[1].iter().any(|&w| w > 128);
            seen[1] |= (0..CANDIDATES).any(|k| k != 1 && weights.planes[k].iter().any(|&w| w > 32));
        }
        assert!(seen[0] && seen[1], "the weights are not all of one candidate");
    }

    #[test]
    fn foreign_parameters_are_refused() {
        let shape = Preset::Nano.shape();
        let other = Shape { coarse: shape.coarse + 8, ..shape };
        let error = Blend::new(&shape, &init(&other, 1), &Device::flex()).unwrap_err();
        assert!(error.to_string().contains("do not fit"), "{error}");
    }
}
