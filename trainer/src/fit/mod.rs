//! Training of the families other than prediction: one loop over what a [`Lesson`] says.
//!
//! A run is a function of its recipe: batch number n is drawn from the seed and n alone, so a run
//! that was stopped goes on as if it had not been.

mod belongs;
mod checkpoint;
mod recipe;
mod run;
mod score;

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};
use framecast::model::ModelFile;
use rand_pcg::Pcg64;

use crate::TrainError;
use crate::export::Conformance;
use crate::net::{Leaf, Params};

pub use belongs::{digest, digest_of_words};
pub use checkpoint::FitCheckpoint;
pub use recipe::{FitRecipe, Validate};
pub use run::{FitOutcome, fit};
pub use score::{Measure, Measures};

/// What a step of training computes with.
pub struct Step<'a> {
    /// The parameters by name, with gradients.
    pub leaves: &'a BTreeMap<String, Leaf>,
    /// Where they are.
    pub device: &'a Device,
    /// The number of the batch, from 0.
    pub number: u64,
    /// Samples in it.
    pub batch: usize,
    /// Draws the batch; a function of seed and number.
    pub data: &'a mut Pcg64,
    /// Makes dropout and noise; a function of seed and number too.
    pub chance: &'a mut Pcg64,
}

/// An exported model and how far the engines that are there are from the trainer.
pub struct Product {
    /// The model.
    pub model: ModelFile,
    /// An entry an engine.
    pub checked: Vec<Conformance>,
}

/// A family's part of a run: its data, network, loss and score.
pub trait Lesson {
    /// The untrained parameters.
    fn init(&self) -> Params;

    /// What the data are, in words, for the model's provenance.
    fn data(&self) -> Vec<String>;

    /// The [`digest`] of what its weights mean nothing without and checkpoints do not hold: the
    /// words of ids and the labels of scores.
    fn vocabulary(&self) -> Option<String> {
        None
    }

    /// The mean loss of a batch.
    ///
    /// # Errors
    /// [`TrainError::Data`] when the batch cannot be made.
    fn loss(&mut self, step: Step<'_>) -> Result<Tensor<1>, TrainError>;

    /// Scores `weights` on validation data, all of them in a fixed order. The first measure decides
    /// which checkpoint is best.
    ///
    /// # Errors
    /// [`TrainError::Data`].
    fn validate(&mut self, weights: &Params) -> Result<Measures, TrainError>;

    /// Scores `weights` on test data that no choice was made on, beside the baselines. The
    /// validation for a family that has no test data of its own.
    ///
    /// # Errors
    /// [`TrainError::Data`].
    fn test(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        self.validate(weights)
    }

    /// The models that `checkpoint` holds, each with contract, self-test and `scores`, and compared
    /// with the trainer on every engine that is there.
    ///
    /// # Errors
    /// [`TrainError::Export`].
    fn export(
        &mut self,
        checkpoint: &FitCheckpoint,
        scores: &Measures,
    ) -> Result<Vec<Product>, TrainError>;
}
