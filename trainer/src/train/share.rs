//! A share of a batch on one device: loss and gradient of its sequences, step by step.
//!
//! Shares are computed side by side and added up in their order, so the result is a function of
//! their number alone, not of which one ends first.

use burn::tensor::{Device, FloatDType, Gradients, Tensor};
use framecast::model::PredictKind;
use rand_pcg::Pcg64;

use super::adversary::Pairs;
use crate::TrainError;
use crate::data::{Batch, Examples};
use crate::net::base::Base;
use crate::net::blend::{self, Blend};
use crate::net::{Leaf, Network, Params, State};
use crate::recipe::Recipe;
use crate::train::windowed;

/// A mean loss over some sequences, and its gradient in the order of the parameters.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slope {
    /// The loss.
    pub(super) loss: f32,
    /// Its gradient; empty when the loss is no number.
    pub(super) gradient: Vec<Vec<f32>>,
}

/// What one step of sequences says about the weights.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slopes {
    /// For the predictor.
    pub(super) net: Slope,
    /// For the discriminator, when there is one.
    pub(super) critic: Option<Slope>,
}

/// Where a run is.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// What it follows.
    pub(super) recipe: &'a Recipe,
    /// The predictor's weights.
    pub(super) weights: &'a Params,
    /// The discriminator's, when it has begun.
    pub(super) critic: Option<&'a Params>,
    /// The number of the batch.
    pub(super) batch: u64,
    /// Steps done.
    pub(super) step: u64,
}

/// Sequences on a device, and how far they are done.
pub(super) struct Share {
    device: Device,
    batch: Batch,
    /// Where noise and dropout come from.
    chance: Pcg64,
    work: Work,
}

#[expect(clippy::large_enum_variant, reason = "there is one for each device")]
enum Work {
    /// Frames `at` and before were seen; `frame` is the one that comes next, the `own`-th
    /// prediction in a row in place of the one that came.
    Recurrent { state: Option<State>, frame: Tensor<4>, at: usize, own: usize },
    /// Last frames of sequences, mixed in one step of what the runtime makes before them.
    Mixture { features: Tensor<4>, candidates: Vec<Tensor<4>>, target: Tensor<4>, done: bool },
    /// All coming frames of sequences, in one step.
    Clip { done: bool },
}

impl Share {
    /// Puts `batch` on `device`.
    pub(super) fn new(recipe: &Recipe, batch: Batch, device: &Device, chance: Pcg64) -> Self {
        let work = match recipe.network.kind() {
            PredictKind::Direct if recipe.shape().base.is_some() => Work::Clip { done: false },
            PredictKind::Blend => {
                let examples = Examples::of(&batch);
                Work::Mixture {
                    features: examples.features(device),
                    candidates: examples.candidates(device),
                    target: examples.targets(device),
                    done: false,
                }
            }
            PredictKind::Direct => {
                let frame = batch.input(0, &batch.target(0, device), device);
                Work::Recurrent { state: None, frame, at: 0, own: 0 }
            }
        };
        Self { device: device.clone(), batch, chance, work }
    }

    /// Starts the sequences anew.
    pub(super) fn rewind(&mut self) {
        match &mut self.work {
            Work::Mixture { done, .. } | Work::Clip { done } => *done = false,
            Work::Recurrent { state, frame, at, own } => {
                *frame = self.batch.input(0, &self.batch.target(0, &self.device), &self.device);
                (*state, *at, *own) = (None, 0, 0);
            }
        }
    }

    /// Losses and gradients of the next step at `place`; `None` when the sequences are done.
    pub(super) fn next(&mut self, place: &Place<'_>) -> Result<Option<Slopes>, TrainError> {
        let Place { recipe, critic, .. } = *place;
        let device = &self.device;
        let shape = recipe.shape();
        let precision = recipe.train.precision;
        let weights = place.weights.clone().at(precision);
        let mut pairs = critic.map(|_| Pairs::default());
        let (mut loss, leaves) = match &mut self.work {
            Work::Mixture { done: true, .. } | Work::Clip { done: true } => return Ok(None),
            Work::Mixture { features, candidates, target, done } => {
                *done = true;
                let make = match place.step < recipe.integer_from() {
                    true => Blend::real,
                    false => Blend::new,
                };
                let (net, leaves) = make(&shape, &weights, device)?;
                let prediction = blend::mix(net.logits(features), candidates);
                if let (Some(pairs), Some(last)) = (&mut pairs, candidates.first()) {
                    pairs.push(last, target, &prediction);
                }
                (recipe.loss.loss(&prediction, target), leaves)
            }
            Work::Clip { done } => {
                *done = true;
                let (net, leaves) = Base::new(&shape, &weights, device)?;
                let (have, sizes) = (self.batch.frames(), net.sizes());
                if have != sizes.window + sizes.ahead {
                    return Err(TrainError::Data {
                        uri: "the mixture".to_owned(),
                        reason: format!(
                            "a sequence has {have} frames where the network sees {} and predicts \
                             {}; take sets of that length",
                            sizes.window, sizes.ahead
                        ),
                    });
                }
                let (window, coming) = windowed::parts(&self.batch, net.sizes().window, device);
                (recipe.loss.loss(&windowed::predictions(&net, &window), &coming), leaves)
            }
            Work::Recurrent { state, frame, at, own } => {
                let end = (*at + recipe.train.chunk).min(self.batch.frames() - 1);
                let (net, leaves) = Network::new(&shape, &weights, device)?;
                let mut before = state.take().unwrap_or_else(|| net.first(frame));
                let mut losses = Vec::with_capacity(end - *at);
                let progress = place.step as f64 / recipe.train.steps as f64;
                for t in *at..end {
                    let target = self.batch.target(t + 1, device);
                    let chance = Some(&mut self.chance);
                    if recipe.train.last_only && t + 2 < self.batch.frames() {
                        before = net.watch(frame, &before, chance);
                        *frame = self.batch.input(t + 1, &target, device);
                        continue;
                    }
                    let (prediction, next) = net.step(frame, &before, chance);
                    before = next;
                    losses.push(recipe.loss.loss(&prediction, &target));
                    if let Some(pairs) = &mut pairs {
                        pairs.push(frame, &target, &prediction);
                    }
                    let sampling = &recipe.train.sampling;
                    if sampling.own(recipe.seed, place.batch, t, *own, progress) {
                        (*frame, *own) = (prediction, *own + 1);
                    } else {
                        (*frame, *own) = (self.batch.input(t + 1, &target, device), 0);
                    }
                }
                *at = end;
                *state = Some(before.detach());
                *frame = frame.clone().detach();
                if losses.is_empty() && end + 1 < self.batch.frames() {
                    return Err(TrainError::Data {
                        uri: "the mixture".to_owned(),
                        reason: format!(
                            "a sequence has {} frames, but with train.last_only all of it must be \
                             in one chunk: train.chunk = {}; set it to {} or more",
                            self.batch.frames(),
                            recipe.train.chunk,
                            self.batch.frames() - 1
                        ),
                    });
                }
                let count = losses.len() as f32;
                match losses.into_iter().reduce(|sum, loss| sum + loss) {
                    Some(sum) => (sum / count, leaves),
                    None => return Ok(None),
                }
            }
        };
        let mut other = None;
        if let (Some(pairs), Some(critic), Some(adversarial)) = (pairs, critic, &recipe.adversarial)
        {
            let duel = pairs.duel(critic, device)?;
            loss = loss + duel.predictor * adversarial.weight;
            other = Some(slope(duel.critic, &duel.leaves, critic, 1.0));
        }
        let net = slope(loss, &leaves, place.weights, precision.loss_scale());
        Ok(Some(Slopes { net, critic: other }))
    }
}

/// The value of `loss` and its gradient at `leaves`.
fn slope(loss: Tensor<1>, leaves: &[Leaf], weights: &Params, scale: f32) -> Slope {
    let value = loss.clone().into_scalar::<f32>();
    // The slope of a loss that is no number is of no use, and without parameters there is none.
    if !value.is_finite() || leaves.is_empty() {
        return Slope { loss: value, gradient: Vec::new() };
    }
    let mut gradient = gradient_of(leaves, &(loss * scale).backward(), weights);
    if scale != 1.0 {
        gradient.iter_mut().flatten().for_each(|g| *g /= scale);
    }
    Slope { loss: value, gradient }
}

/// The gradient of every parameter; zeros where the loss does not depend on one, as on all but the
/// last layer in the very first step.
pub(crate) fn gradient_of(leaves: &[Leaf], grads: &Gradients, weights: &Params) -> Vec<Vec<f32>> {
    leaves
        .iter()
        .zip(weights.list())
        .map(|(leaf, param)| {
            let data = match leaf {
                Leaf::Kernel(tensor) => tensor.grad(grads).map(numbers),
                Leaf::Bias(tensor) => tensor.grad(grads).map(numbers),
            };
            data.flatten().unwrap_or_else(|| vec![0.0; param.values.len()])
        })
        .collect()
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Option<Vec<f32>> {
    tensor.cast(FloatDType::F32).into_data().try_to_vec::<f32>().ok()
}

/// The next step of all shares, each on a thread of its own, averaged by their sizes in their
/// order; `None` when the sequences are done.
pub(super) fn descend(
    shares: &mut [Share],
    place: &Place<'_>,
) -> Result<Option<Slopes>, TrainError> {
    if let [only] = shares {
        return only.next(place);
    }
    let slopes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            shares.iter_mut().map(|s| scope.spawn(move || s.next(place))).collect();
        threads.into_iter().map(|thread| thread.join()).collect()
    });
    let total: usize = shares.iter().map(|s| s.batch.len()).sum();
    let mut mean: Option<Slopes> = None;
    for (slopes, share) in slopes.into_iter().zip(&*shares) {
        let slopes = slopes.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let Some(Slopes { net, critic }) = slopes else { return Ok(None) };
        let part = share.batch.len() as f32 / total as f32;
        let (net, critic) = (net.scaled(part), critic.map(|c| c.scaled(part)));
        mean = Some(match mean {
            None => Slopes { net, critic },
            Some(sum) => Slopes {
                net: sum.net.plus(&net),
                critic: sum.critic.zip(critic).map(|(a, b)| a.plus(&b)),
            },
        });
    }
    Ok(mean)
}

impl Slope {
    /// Whether loss and gradient are numbers.
    pub(super) fn is_finite(&self) -> bool {
        self.loss.is_finite() && self.gradient.iter().flatten().all(|g| g.is_finite())
    }

    fn scaled(mut self, by: f32) -> Self {
        self.loss *= by;
        self.gradient.iter_mut().flatten().for_each(|g| *g *= by);
        self
    }

    fn plus(mut self, other: &Self) -> Self {
        self.loss += other.loss;
        for (a, b) in self.gradient.iter_mut().flatten().zip(other.gradient.iter().flatten()) {
            *a += b;
        }
        self
    }
}
