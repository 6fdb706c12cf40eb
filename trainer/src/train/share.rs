//! A share of a batch on one device: loss and gradient of its sequences, step by step.
//!
//! Shares are computed side by side and added up in their order, so the result is a function of
//! their number alone, not of which one ends first.

use burn::tensor::{Device, Gradients, Tensor};
use framecast::model::PredictKind;
use rand_pcg::Pcg64;

use crate::TrainError;
use crate::data::{Batch, Examples};
use crate::net::base::Base;
use crate::net::blend::{self, Blend};
use crate::net::{Leaf, Network, Params, State};
use crate::recipe::Recipe;
use crate::train::{AdamW, windowed};

/// The mean loss over some sequences, and its gradient in the order of the parameters.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slope {
    /// The loss.
    pub(super) loss: f32,
    /// Its gradient.
    pub(super) gradient: Vec<Vec<f32>>,
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
    /// Frames before `at` were seen; `frame` is the one that comes next.
    Recurrent { state: Option<State>, frame: Tensor<4>, at: usize },
    /// Last frames of sequences, to be mixed in one step.
    Mixture { done: bool },
    /// All coming frames of sequences, in one step.
    Clip { done: bool },
}

impl Share {
    /// Puts `batch` on `device`.
    pub(super) fn new(recipe: &Recipe, batch: Batch, device: &Device, chance: Pcg64) -> Self {
        let work = match recipe.network.kind() {
            PredictKind::Direct if recipe.shape().base.is_some() => Work::Clip { done: false },
            PredictKind::Blend => Work::Mixture { done: false },
            PredictKind::Direct => {
                let frame = batch.input(0, &batch.target(0, device), device);
                Work::Recurrent { state: None, frame, at: 0 }
            }
        };
        Self { device: device.clone(), batch, chance, work }
    }

    /// Loss and gradient of the next step; `None` when the sequences are done.
    pub(super) fn next(
        &mut self,
        recipe: &Recipe,
        optimiser: &AdamW,
    ) -> Result<Option<Slope>, TrainError> {
        let weights = &optimiser.weights;
        let shape = recipe.shape();
        let (loss, leaves) = match &mut self.work {
            Work::Mixture { done: true } | Work::Clip { done: true } => return Ok(None),
            Work::Mixture { done } => {
                *done = true;
                let examples = Examples::of(&self.batch);
                let make = match optimiser.steps < recipe.integer_from() {
                    true => Blend::real,
                    false => Blend::new,
                };
                let (net, leaves) = make(&shape, weights, &self.device)?;
                let logits = net.logits(&examples.features(&self.device));
                let prediction = blend::mix(logits, &examples.candidates(&self.device));
                (recipe.loss.loss(&prediction, &examples.targets(&self.device)), leaves)
            }
            Work::Clip { done } => {
                *done = true;
                let (net, leaves) = Base::new(&shape, weights, &self.device)?;
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
                let (window, coming) =
                    windowed::parts(&self.batch, net.sizes().window, &self.device);
                (recipe.loss.loss(&windowed::predictions(&net, &window), &coming), leaves)
            }
            Work::Recurrent { state, frame, at } => {
                let end = (*at + recipe.train.chunk).min(self.batch.frames() - 1);
                let (net, leaves) = Network::new(&shape, weights, &self.device)?;
                let mut before = state.take().unwrap_or_else(|| net.first(frame));
                let mut losses = Vec::with_capacity(end - *at);
                for t in *at..end {
                    let target = self.batch.target(t + 1, &self.device);
                    let chance = Some(&mut self.chance);
                    if recipe.train.last_only && t + 2 < self.batch.frames() {
                        before = net.watch(frame, &before, chance);
                    } else {
                        let (prediction, next) = net.step(frame, &before, chance);
                        losses.push(recipe.loss.loss(&prediction, &target));
                        before = next;
                    }
                    *frame = self.batch.input(t + 1, &target, &self.device);
                }
                *at = end;
                *state = Some(before.detach());
                let count = losses.len() as f32;
                match losses.into_iter().reduce(|sum, loss| sum + loss) {
                    Some(sum) => (sum / count, leaves),
                    None => return Ok(None),
                }
            }
        };
        let value = loss.clone().into_scalar::<f32>();
        // The slope of a loss that is no number is of no use, and without parameters there is none.
        let gradient = match value.is_finite() && !leaves.is_empty() {
            true => gradient_of(&leaves, &loss.backward(), weights),
            false => Vec::new(),
        };
        Ok(Some(Slope { loss: value, gradient }))
    }
}

/// The gradient of every parameter; zeros where the loss does not depend on one, as on all but the
/// last layer in the very first step.
fn gradient_of(leaves: &[Leaf], grads: &Gradients, weights: &Params) -> Vec<Vec<f32>> {
    leaves
        .iter()
        .zip(weights.list())
        .map(|(leaf, param)| {
            let data = match leaf {
                Leaf::Kernel(tensor) => tensor.grad(grads).map(Tensor::into_data),
                Leaf::Bias(tensor) => tensor.grad(grads).map(Tensor::into_data),
            };
            data.and_then(|d| d.try_to_vec::<f32>().ok())
                .unwrap_or_else(|| vec![0.0; param.values.len()])
        })
        .collect()
}

/// The next step of all shares, each on a thread of its own, averaged by their sizes in their
/// order; `None` when the sequences are done.
pub(super) fn descend(
    shares: &mut [Share],
    recipe: &Recipe,
    optimiser: &AdamW,
) -> Result<Option<Slope>, TrainError> {
    if let [only] = shares {
        return only.next(recipe, optimiser);
    }
    let slopes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            shares.iter_mut().map(|s| scope.spawn(move || s.next(recipe, optimiser))).collect();
        threads.into_iter().map(|thread| thread.join()).collect()
    });
    let total: usize = shares.iter().map(|s| s.batch.len()).sum();
    let mut mean: Option<Slope> = None;
    for (slope, share) in slopes.into_iter().zip(&*shares) {
        let slope = slope.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let Some(slope) = slope else { return Ok(None) };
        let part = share.batch.len() as f32 / total as f32;
        mean = Some(match mean {
            None => scaled(slope, part),
            Some(sum) => plus(sum, &scaled(slope, part)),
        });
    }
    Ok(mean)
}

fn scaled(mut slope: Slope, by: f32) -> Slope {
    slope.loss *= by;
    slope.gradient.iter_mut().flatten().for_each(|g| *g *= by);
    slope
}

fn plus(mut sum: Slope, other: &Slope) -> Slope {
    sum.loss += other.loss;
    for (a, b) in sum.gradient.iter_mut().flatten().zip(other.gradient.iter().flatten()) {
        *a += b;
    }
    sum
}
