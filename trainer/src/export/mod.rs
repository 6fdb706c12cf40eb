//! From a checkpoint to one ONNX file that carries all: graph, contract, self-test, provenance.

mod blend;
mod card;
mod conformance;
mod contract;
mod direct;
mod golden;
mod integer;
mod layers;
mod nodes;
mod qdq;
mod task;
mod traced;
mod windowed;
mod windowed_check;

use std::fs;
use std::path::Path;

use framecast::model::{ModelFile, PredictKind, Score};

use crate::TrainError;
use crate::train::Checkpoint;

pub use card::{CARD, card};
pub use conformance::{Conformance, conformance, engines};
pub use qdq::QDQ_TOLERANCE;
pub use task::{about, task_conformance, task_model};

/// Numbers of an exported network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Those it was trained with: f32, or the integers of an integer network
    #[default]
    Own,
    /// Trunk in 8 bits by QuantizeLinear and DequantizeLinear, for accelerators; blend networks only
    Qdq,
}

/// The checkpoint's averaged weights as an ONNX model with its contract.
///
/// # Errors
/// [`TrainError::Export`] when the graph and its contract do not fit together.
pub fn export(checkpoint: &Checkpoint, scores: Vec<Score>) -> Result<ModelFile, TrainError> {
    export_as(checkpoint, scores, Format::Own)
}

/// As [`export`], in `format`.
///
/// # Errors
/// As [`export`], and for a network that has no such format.
pub fn export_as(
    checkpoint: &Checkpoint,
    scores: Vec<Score>,
    format: Format,
) -> Result<ModelFile, TrainError> {
    let recipe = &checkpoint.recipe;
    let fail = |reason: String| TrainError::Export { name: recipe.name.clone(), reason };
    let shape = recipe.shape();
    let weights = &checkpoint.optimiser.average;
    let kind = recipe.network.kind();
    let (mut contract, golden) = match (kind, recipe.network.traced()) {
        (PredictKind::Blend, _) => (contract::blend(checkpoint)?, golden::blend(&shape, weights)?),
        (PredictKind::Direct, None) if let Some(sizes) = shape.base => {
            (contract::windowed(checkpoint, &sizes)?, windowed_check::golden(&shape, weights)?)
        }
        (PredictKind::Direct, None) => {
            (contract::direct(checkpoint)?, golden::direct(&shape, weights)?)
        }
        (PredictKind::Direct, Some(network)) => {
            (traced::contract(checkpoint, network)?, golden::direct(&shape, weights)?)
        }
    };
    let qdq = format == Format::Qdq;
    if qdq && (kind != PredictKind::Blend || recipe.network.is_integer()) {
        let reason = "only blend networks in f32 (nano, small) are written as qdq".to_owned();
        return Err(fail(reason));
    }
    let mut name = recipe.name.clone();
    contract.golden = Some(golden);
    if qdq {
        name.push_str("-qdq");
        contract.name.clone_from(&name);
        if let Some(golden) = &mut contract.golden {
            golden.tolerance = QDQ_TOLERANCE;
        }
    }
    contract.scores = scores;
    let text = serde_json::to_string(&contract).map_err(|e| fail(e.to_string()))?;
    let proto = match (kind, recipe.network.traced()) {
        (PredictKind::Direct, None) if let Some(sizes) = shape.base => {
            windowed::graph(&recipe.name, &sizes, &shape.standard, weights, &text)
        }
        (PredictKind::Blend, _) if recipe.network.is_integer() => {
            integer::graph(&name, &shape, weights, &text)
        }
        (PredictKind::Blend, _) if qdq => {
            qdq::graph(&name, &shape, weights, &qdq::ranges(&shape, weights)?, &text)
        }
        (PredictKind::Blend, _) => blend::graph(&name, &shape, weights, &text),
        (PredictKind::Direct, None) => direct::graph(&name, &shape, weights, &text),
        (PredictKind::Direct, Some(network)) => traced::graph(&name, network, weights, &text),
    };
    let proto = proto.map_err(fail)?;
    ModelFile::from_proto(&recipe.name, &proto).map_err(|e| fail(e.to_string()))
}

/// Writes the model so that the file appears only when it is complete.
///
/// # Errors
/// [`TrainError::Io`].
pub fn save(model: &ModelFile, path: &Path) -> Result<(), TrainError> {
    let part = path.with_extension("onnx.part");
    fs::write(&part, model.bytes())
        .and_then(|()| fs::rename(&part, path))
        .map_err(TrainError::io("write", path))
}

#[cfg(test)]
mod tests;
