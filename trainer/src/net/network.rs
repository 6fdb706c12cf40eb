//! `direct` networks of every kind, as training, validation and export run them: one frame at a
//! time, with state in and out.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};
use framecast::model::StateInit;
use rand_pcg::Pcg64;

use super::design::Design;
use super::direct::{self, Direct};
use super::params::{Leaf, Params};
use super::tensors::Tensors;
use super::traced::Traced;
use super::{Preset, Shape};
use crate::TrainError;

/// A `direct` network with its parameters as tensors.
#[derive(Clone, Debug)]
pub struct Network(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Nano(Box<Direct>),
    Traced { network: Traced, design: Design, leaves: BTreeMap<String, Leaf> },
}

/// What a network carries from frame to frame.
#[derive(Clone, Debug)]
pub struct State(Held);

#[derive(Clone, Debug)]
enum Held {
    Nano(Box<direct::State>),
    /// The last frames in channels, and the network's own state.
    Traced {
        window: Box<Tensor<4>>,
        state: Vec<Tensor<4>>,
    },
}

impl State {
    /// The state tensors of a network that is written over [`Graph`](super::Graph).
    #[cfg(test)]
    pub(super) fn carried(&self) -> &[Tensor<4>] {
        match &self.0 {
            Held::Nano(_) => &[],
            Held::Traced { state, .. } => state,
        }
    }

    /// The same values without their history, for truncated back-propagation.
    #[must_use]
    pub fn detach(self) -> Self {
        Self(match self.0 {
            Held::Nano(state) => Held::Nano(Box::new(state.detach())),
            Held::Traced { window, state } => Held::Traced {
                window: Box::new((*window).detach()),
                state: state.into_iter().map(Tensor::detach).collect(),
            },
        })
    }
}

impl Network {
    /// The network over `params`, and its leaves in the order of `params`.
    ///
    /// # Errors
    /// [`TrainError::Network`] when a parameter is missing or has another shape, or the preset is
    /// not a `direct` one.
    pub fn new(
        shape: &Shape,
        params: &Params,
        device: &Device,
    ) -> Result<(Self, Vec<Leaf>), TrainError> {
        if shape.preset == Preset::NanoDirect {
            let (net, leaves) = Direct::new(shape, params, device)?;
            return Ok((Self(Kind::Nano(Box::new(net))), leaves));
        }
        let Some(network) = shape.preset.traced() else {
            return Err(TrainError::Network {
                name: shape.preset.to_string(),
                reason: "it is not a direct network".to_owned(),
            });
        };
        let list = params.leaves(&shape.outline(), shape.preset, device)?;
        let names = params.list().iter().map(|p| p.name.clone());
        let leaves = names.zip(list.iter().cloned()).collect();
        Ok((Self(Kind::Traced { network, design: network.design(), leaves }), list))
    }

    /// The state a stream starts with: as if `frame` had been there before.
    #[must_use]
    pub fn first(&self, frame: &Tensor<4>) -> State {
        let [n, _, h, w] = frame.dims();
        State(match &self.0 {
            Kind::Nano(_) => Held::Nano(Box::new(direct::State::first(frame))),
            Kind::Traced { design, .. } => {
                let start = |carried: &super::Carried| match carried.init {
                    StateInit::FirstFrame => frame.clone(),
                    StateInit::Zeros => Tensor::zeros([n, carried.channels, h, w], &frame.device()),
                };
                Held::Traced {
                    window: Box::new(frame.clone().repeat(&[1, design.channels() / 3, 1, 1])),
                    state: design.state.iter().map(start).collect(),
                }
            }
        })
    }

    /// The prediction of the next frame and the next state. `frame` is `N x 3 x H x W` in 0..=1
    /// with sides of which the network is made. `chance` is for training: noise and dropout come
    /// from it.
    #[must_use]
    pub fn step(
        &self,
        frame: &Tensor<4>,
        state: &State,
        chance: Option<&mut Pcg64>,
    ) -> (Tensor<4>, State) {
        let input = self.input(frame, state);
        self.run(&input, state, chance)
    }

    /// The next state alone: a network that only keeps a window has nothing to compute.
    #[must_use]
    pub fn watch(&self, frame: &Tensor<4>, state: &State, chance: Option<&mut Pcg64>) -> State {
        match (&self.0, &state.0) {
            (Kind::Traced { design, .. }, Held::Traced { .. }) if design.state.is_empty() => {
                let window = Box::new(self.input(frame, state));
                State(Held::Traced { window, state: Vec::new() })
            }
            _ => self.step(frame, state, chance).1,
        }
    }

    /// What the exported graph is fed after `frame`: the frame, or the window that ends with it.
    #[must_use]
    pub fn input(&self, frame: &Tensor<4>, state: &State) -> Tensor<4> {
        match &state.0 {
            Held::Traced { window, .. } if window.dims()[1] > 3 => {
                let channels = window.dims()[1];
                let newer = Tensor::clone(window).narrow(1, 3, channels - 3);
                Tensor::cat(vec![newer, frame.clone()], 1)
            }
            _ => frame.clone(),
        }
    }

    /// As [`Network::step`], of what the exported graph is fed.
    #[must_use]
    pub fn run(
        &self,
        input: &Tensor<4>,
        state: &State,
        chance: Option<&mut Pcg64>,
    ) -> (Tensor<4>, State) {
        match (&self.0, &state.0) {
            (Kind::Nano(net), Held::Nano(state)) => {
                let (prediction, next) = net.step(input, state);
                (prediction, State(Held::Nano(Box::new(next))))
            }
            (Kind::Traced { network, leaves, .. }, Held::Traced { state, .. }) => {
                let mut tensors = Tensors { leaves, chance };
                let (prediction, next) = network.step(&mut tensors, input, state);
                let window = Box::new(input.clone());
                (prediction, State(Held::Traced { window, state: next }))
            }
            // A state of another network: as at the start.
            _ => {
                let channels = input.dims()[1];
                let first = self.first(&input.clone().narrow(1, channels - 3, 3));
                self.run(input, &first, chance)
            }
        }
    }

    /// Channels of [`Network::input`].
    #[must_use]
    pub fn channels(&self) -> usize {
        match &self.0 {
            Kind::Nano(_) => 3,
            Kind::Traced { design, .. } => design.channels(),
        }
    }
}
