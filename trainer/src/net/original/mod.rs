//! The predictors of the lecture this project grew from, each as it was meant: what its notebook
//! got wrong is named where it was put right. All but the first pass the last frame on, and are
//! copy-last before training.

mod autoencoder;
mod cell;
mod conv2d;
mod conv3d;
mod conv_lstm;
mod parallel;

use framecast::model::{StateInit, WindowLayout};
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

use super::design::{Carried, Design};
use super::graph::Graph;
use super::params::Params;

/// Frames the original predictors see.
const WINDOW: usize = 5;

/// An original predictor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Original {
    /// One convolution over five frames.
    Conv2d,
    /// The last frame, by taking the window apart.
    LastSequential,
    /// The last frame, by cutting out its channels.
    LastFunctional,
    /// The last frame plus a convolution over time.
    Conv3d,
    /// The same, with noise in training.
    Conv3dNoise,
    /// The last frame plus a convolution of a ConvLSTM.
    ConvLstm,
    /// ConvLSTMs as encoder and decoder, gated with the last frame.
    Autoencoder,
    /// Three strategies side by side.
    Parallel,
}

impl Original {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Conv2d,
        Self::LastSequential,
        Self::LastFunctional,
        Self::Conv3d,
        Self::Conv3dNoise,
        Self::ConvLstm,
        Self::Autoencoder,
        Self::Parallel,
    ];

    /// What it takes and carries.
    pub(super) fn design(self) -> Design {
        let window = |layout| Design {
            window: Some((WINDOW, layout)),
            state: Vec::new(),
            multiple_of: 1,
            copies_last: self != Self::Conv2d,
        };
        let recurrent =
            |state, multiple_of| Design { window: None, state, multiple_of, copies_last: true };
        match self {
            Self::Conv2d | Self::LastSequential | Self::LastFunctional => {
                window(WindowLayout::Channels)
            }
            Self::Conv3d | Self::Conv3dNoise => window(WindowLayout::Time),
            Self::Parallel => window(WindowLayout::Time),
            Self::ConvLstm => recurrent(memories(&[(conv_lstm::CELL, 1)]), 1),
            Self::Autoencoder => recurrent(memories(&autoencoder::CELLS), 4),
        }
    }

    /// The untrained parameters.
    pub(super) fn init(self, seed: u64) -> Params {
        let mut random = Pcg64::seed_from_u64(seed);
        let mut params = Params::default();
        match self {
            Self::LastSequential | Self::LastFunctional => {}
            Self::Conv2d => conv2d::add(&mut params, 3 * WINDOW, &mut random),
            Self::Conv3d | Self::Conv3dNoise => conv3d::add(&mut params, 0.0, &mut random),
            Self::ConvLstm => conv_lstm::add(&mut params, &mut random),
            Self::Autoencoder => autoencoder::add(&mut params, &mut random),
            Self::Parallel => parallel::add(&mut params, 3 * WINDOW, &mut random),
        }
        params
    }

    /// The prediction and the next state.
    pub(super) fn step<G: Graph>(
        self,
        g: &mut G,
        input: &G::Value,
        state: &[G::Value],
    ) -> (G::Value, Vec<G::Value>) {
        let prediction = match self {
            Self::Conv2d => conv2d::step(g, input),
            Self::LastSequential => g.newest_by_axes(input, WINDOW),
            Self::LastFunctional => g.newest(input),
            Self::Conv3d => conv3d::step(g, input, false),
            Self::Conv3dNoise => conv3d::step(g, input, true),
            Self::ConvLstm => return conv_lstm::step(g, input, [&state[0], &state[1]]),
            Self::Autoencoder => return autoencoder::step(g, input, state),
            Self::Parallel => parallel::step(g, input),
        };
        (prediction, Vec::new())
    }
}

/// The output and the memory of each cell as state of the frame's size.
fn memories(cells: &[(cell::Cell, usize)]) -> Vec<Carried> {
    let pair = |&(cell, smaller): &(cell::Cell, usize)| {
        ["hidden", "memory"].map(|part| Carried {
            name: format!("{}_{part}", cell.name),
            channels: cell.filters / (smaller * smaller),
            init: StateInit::Zeros,
        })
    };
    cells.iter().flat_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution, Tensor};

    use super::*;
    use crate::net::{Network, Preset};

    const PRESETS: [Preset; 8] = [
        Preset::OriginalConv2d,
        Preset::OriginalLastSequential,
        Preset::OriginalLastFunctional,
        Preset::OriginalConv3d,
        Preset::OriginalConv3dNoise,
        Preset::OriginalConvLstm,
        Preset::OriginalAutoencoder,
        Preset::OriginalParallel,
    ];

    fn frames(count: usize, device: &Device) -> Vec<Tensor<4>> {
        let uniform = Distribution::Uniform(0.0, 1.0);
        (0..count).map(|_| Tensor::random([2, 3, 8, 12], uniform, device)).collect()
    }

    fn numbers(tensor: &Tensor<4>) -> Vec<f32> {
        tensor.clone().into_data().try_to_vec::<f32>().unwrap()
    }

    /// The predictions of `preset` after each of `frames`.
    fn predictions(
        preset: Preset,
        params: &Params,
        frames: &[Tensor<4>],
        mut chance: Option<&mut Pcg64>,
    ) -> Vec<Vec<f32>> {
        let (net, leaves) = Network::new(&preset.shape(), params, &Device::flex()).unwrap();
        assert_eq!(leaves.len(), params.list().len());
        let mut state = net.first(&frames[0]);
        let mut step = |frame: &Tensor<4>| {
            let (prediction, next) = net.step(frame, &state, chance.as_deref_mut());
            state = next;
            numbers(&prediction)
        };
        frames.iter().map(&mut step).collect()
    }

    #[test]
    fn those_that_pass_the_last_frame_on_start_as_copy_last() {
        let frames = frames(7, &Device::flex());
        let last: Vec<Vec<f32>> = frames.iter().map(numbers).collect();
        for preset in PRESETS {
            let found = predictions(preset, &preset.init(3), &frames, None);
            assert_eq!(found == last, preset.copies_last(), "{preset}");
            assert_eq!(preset.copies_last(), preset != Preset::OriginalConv2d);
        }
    }

    #[test]
    fn noise_and_dropout_come_from_chance_and_never_reach_the_frame_that_is_passed_on() {
        let frames = frames(6, &Device::flex());
        let last: Vec<Vec<f32>> = frames.iter().map(numbers).collect();
        for preset in [Preset::OriginalConv3dNoise, Preset::OriginalAutoencoder] {
            let untrained = preset.init(3);
            let mut random = Pcg64::seed_from_u64(1);
            assert_eq!(predictions(preset, &untrained, &frames, Some(&mut random)), last);
            let mut trained = untrained;
            for (i, v) in trained.list_mut().iter_mut().flat_map(|p| &mut p.values).enumerate() {
                *v += 0.1 * (i as f32).sin();
            }
            let plain = predictions(preset, &trained, &frames, None);
            let noisy = |seed| {
                let mut random = Pcg64::seed_from_u64(seed);
                predictions(preset, &trained, &frames, Some(&mut random))
            };
            assert_eq!(plain, predictions(preset, &trained, &frames, None));
            assert_ne!(plain, noisy(1), "{preset}");
            assert_eq!(noisy(1), noisy(1), "{preset}");
        }
    }

    #[test]
    fn a_window_begins_with_its_oldest_frame_and_reaches_back_five() {
        let preset = Preset::OriginalConv2d;
        let frames = frames(6, &Device::flex());
        let params = preset.init(2);
        let all = predictions(preset, &params, &frames, None);
        // The sixth prediction does not know the first frame, the fifth does.
        let later = predictions(preset, &params, &frames[1..], None);
        assert_eq!(all[5], later[4]);
        assert_ne!(all[4], later[3]);
    }

    #[test]
    fn the_cell_is_the_lstm_of_its_equations() {
        // One pixel: a 3x3 kernel with zero padding is its middle.
        let preset = Preset::OriginalConvLstm;
        let params = preset.init(9);
        let device = Device::flex();
        let (net, _) = Network::new(&preset.shape(), &params, &device).unwrap();
        let x = [0.3_f32, 0.9, 0.1];
        let frame = Tensor::<1>::from_floats(x, &device).reshape([1, 3, 1, 1]);
        let mut state = net.first(&frame);
        let kernel = &params.get("lstm.weight").unwrap().values;
        let (mut h, mut c) = ([0.0_f32; 6], [0.0_f32; 6]);
        let sigmoid = |v: f32| 1.0 / (1.0 + (-v).exp());
        for _ in 0..3 {
            state = net.watch(&frame, &state, None);
            let seen = [x.as_slice(), &h].concat();
            let gate = |at: usize| {
                let products = (0..9).map(|i| kernel[(at * 9 + i) * 9 + 4] * seen[i]);
                products.sum::<f32>() + f32::from(u8::from((6..12).contains(&at)))
            };
            let gates: Vec<f32> = (0..24).map(gate).collect();
            for k in 0..6 {
                let kept = sigmoid(gates[6 + k]) * c[k];
                c[k] = kept + sigmoid(gates[k]) * gates[18 + k].tanh();
                h[k] = sigmoid(gates[12 + k]) * c[k].tanh();
            }
        }
        for (got, want) in state.carried().iter().zip([h, c]) {
            for (a, b) in numbers(got).iter().zip(want) {
                assert!((a - b).abs() < 1e-5, "{a} {b}");
            }
        }
    }
}
