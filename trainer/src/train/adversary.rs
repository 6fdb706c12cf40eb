//! Adversarial training: a discriminator learns to tell predictions from frames that came, and the
//! predictor learns to pass, beside its other losses (hinge form, Lim and Ye 2017).

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::AdamW;
use crate::TrainError;
use crate::loss::hinge;
use crate::net::patch::{self, Patch};
use crate::net::{Leaf, Params};

/// The `[adversarial]` part of a recipe.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Adversarial {
    /// Weight in the predictor's loss.
    pub weight: f32,
    /// Channels of the discriminator's first layer; the others have twice as many.
    pub channels: usize,
    /// The discriminator's learning rate.
    pub learning_rate: f64,
    /// Steps before it begins.
    pub start: u64,
}

impl Default for Adversarial {
    fn default() -> Self {
        Self { weight: 0.002, channels: 32, learning_rate: 2e-4, start: 0 }
    }
}

impl Adversarial {
    /// Fails outside the allowed ranges.
    ///
    /// # Errors
    /// The key, its value and its range.
    pub fn check(&self) -> Result<(), String> {
        let outside = |key, value: &dyn std::fmt::Display, range| {
            Err(format!("adversarial.{key} = {value} is outside {range}"))
        };
        if !(self.weight > 0.0 && self.weight <= 100.0) {
            return outside("weight", &self.weight, "0 (excluded) to 100");
        }
        if !(4..=256).contains(&self.channels) {
            return outside("channels", &self.channels, "4 to 256");
        }
        if !(1e-7..=1.0).contains(&self.learning_rate) {
            return outside("learning_rate", &self.learning_rate, "1e-7 to 1");
        }
        Ok(())
    }

    /// The untrained discriminator of the run with `seed`.
    #[must_use]
    pub fn begin(&self, seed: u64) -> AdamW {
        AdamW::new(patch::init(self.channels, seed))
    }
}

/// Pictures a discriminator learns from.
#[derive(Default)]
pub(super) struct Pairs {
    last: Vec<Tensor<4>>,
    came: Vec<Tensor<4>>,
    predicted: Vec<Tensor<4>>,
}

/// What both sides minimise.
pub(super) struct Duel {
    /// Added to the predictor's loss, before its weight.
    pub(super) predictor: Tensor<1>,
    /// The discriminator's loss.
    pub(super) critic: Tensor<1>,
    /// The discriminator's parameters.
    pub(super) leaves: Vec<Leaf>,
}

impl Pairs {
    /// Adds frames before, frames that came and predictions, each `N x 3 x H x W` in 0..=1.
    pub(super) fn push(&mut self, last: &Tensor<4>, came: &Tensor<4>, predicted: &Tensor<4>) {
        self.last.push(last.clone().detach());
        self.came.push(came.clone());
        self.predicted.push(predicted.clone());
    }

    /// Sets the discriminator with `weights` on the pictures.
    pub(super) fn duel(self, weights: &Params, device: &Device) -> Result<Duel, TrainError> {
        let last = Tensor::cat(self.last, 0);
        let came = Tensor::cat(self.came, 0);
        let predicted = Tensor::cat(self.predicted, 0);
        // Two copies: the predictor's loss must not move the discriminator, nor the other way round.
        let (fixed, _) = Patch::new(weights, false, device)?;
        let predictor = hinge::generator(&fixed.scores(&last, &predicted));
        let (learning, leaves) = Patch::new(weights, true, device)?;
        let of_came = learning.scores(&last, &came);
        let of_predicted = learning.scores(&last, &predicted.detach());
        let critic = hinge::discriminator(&of_came, &of_predicted);
        Ok(Duel { predictor, critic, leaves })
    }
}
