//! Who is ranked: the baselines of the runtime, and ONNX models.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use framecast::engine::LoadOptions;
use framecast::frame::Size;
use framecast::model::analysis::analyse;
use framecast::model::{Contract, ModelFile, Task};
use framecast::task::predict::{CopyLast, Forecaster, Linear, Motion};
use serde::Serialize;

use super::Note;
use crate::TrainError;
use crate::describe::SIZES;
use crate::evaluate::{Failure, contract, forecaster, sizes};

/// Makes a baseline; those need no frame size.
type MakeBaseline = fn() -> Box<dyn Forecaster>;

/// How a prediction is made.
pub(super) enum Way {
    /// Without a model.
    Baseline(MakeBaseline),
    /// By a model.
    Model(Box<ModelFile>, Box<Contract>),
}

/// One predictor.
pub(super) struct Entrant {
    pub(super) way: Way,
    pub(super) facts: Facts,
}

/// What is known of a predictor without running it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// Name of the model or baseline; unique on the board.
    pub name: String,
    /// SHA-256 of the model; none for a baseline.
    pub sha256: Option<String>,
    /// Bytes of the file.
    pub bytes: Option<usize>,
    /// Weights.
    pub parameters: u64,
    /// Multiply-accumulates of the network by frame size; none where not all is known.
    pub macs: BTreeMap<String, Option<u64>>,
    /// Median milliseconds of a whole prediction by engine and frame size.
    pub latency_ms: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Entrant {
    /// The forecaster for frames of `size`.
    pub(super) fn make(
        &self,
        options: &LoadOptions,
        size: Size,
    ) -> Result<Box<dyn Forecaster>, Failure> {
        match &self.way {
            Way::Baseline(make) => Ok(make()),
            Way::Model(file, contract) => forecaster(file, contract, options, size),
        }
    }
}

/// The baselines that stand on every board.
pub(super) fn baselines() -> Vec<Entrant> {
    let all: [(&str, MakeBaseline); 4] = [
        (CopyLast::NAME, || Box::new(CopyLast)),
        (Linear::NAME, || Box::new(Linear::new())),
        (Motion::NAME, || Box::new(Motion::velocity())),
        (Motion::GATE, || Box::new(Motion::gate())),
    ];
    let entrant = |(name, make): (&str, _)| Entrant {
        way: Way::Baseline(make),
        facts: Facts {
            name: name.to_owned(),
            sha256: None,
            bytes: None,
            parameters: 0,
            macs: SIZES.iter().map(|s| (s.to_string(), Some(0))).collect(),
            latency_ms: BTreeMap::new(),
        },
    };
    all.into_iter().map(entrant).collect()
}

/// The predictors in `places`, files and folders, and what was left out of a folder and why. A
/// model found twice stands once.
///
/// # Errors
/// [`TrainError`] for a place that cannot be read and a named file that is no predictor.
pub(super) fn models(places: &[PathBuf]) -> Result<(Vec<Entrant>, Vec<Note>), TrainError> {
    let (mut list, mut left_out) = (Vec::<Entrant>::new(), Vec::new());
    for place in places {
        let folder = place.is_dir();
        for path in if folder { onnx_files(place)? } else { vec![place.clone()] } {
            match model(&path) {
                Ok(entrant) if list.iter().any(|e| e.facts.sha256 == entrant.facts.sha256) => {}
                Ok(mut entrant) => {
                    if list.iter().any(|e| e.facts.name == entrant.facts.name) {
                        let hash = entrant.facts.sha256.iter().flat_map(|h| h.chars().take(8));
                        let hash: String = hash.collect();
                        entrant.facts.name = format!("{} ({hash})", entrant.facts.name);
                    }
                    list.push(entrant);
                }
                Err(error) if folder => {
                    left_out.push(Note::new(path.display(), error));
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok((list, left_out))
}

fn onnx_files(folder: &Path) -> Result<Vec<PathBuf>, TrainError> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .map_err(TrainError::io("read", folder))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "onnx"))
        .collect();
    paths.sort();
    Ok(paths)
}

fn model(path: &Path) -> Result<Entrant, TrainError> {
    let fail = |reason: String| TrainError::Export { name: path.display().to_string(), reason };
    let file = ModelFile::open(path).map_err(|e| fail(e.to_string()))?;
    let contract = contract(&file)?;
    if contract.task != Task::Predict {
        return Err(fail(format!("its task is {:?}, not to predict frames", contract.task)));
    }
    let mut macs = BTreeMap::new();
    let mut parameters = analyse(&file, &BTreeMap::new()).parameters;
    for size in SIZES {
        let count = sizes(&contract, size).ok().and_then(|bind| {
            let found = analyse(&file, &bind);
            parameters = found.parameters;
            (found.cost.unknown.is_empty() && found.cost.in_subgraphs == 0)
                .then_some(found.cost.macs)
        });
        macs.insert(size.to_string(), count);
    }
    // The file's name tells two trainings of one network apart.
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let facts = Facts {
        name: stem,
        sha256: Some(file.sha256().to_owned()),
        bytes: Some(file.bytes().len()),
        parameters,
        macs,
        latency_ms: BTreeMap::new(),
    };
    Ok(Entrant { way: Way::Model(Box::new(file), Box::new(contract)), facts })
}
