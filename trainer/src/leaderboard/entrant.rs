//! Who is ranked: the baselines of the runtime, and ONNX models.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use framecast::engine::LoadOptions;
use framecast::frame::Size;
use framecast::model::analysis::analyse;
use framecast::model::{Contract, ModelFile, Task};
use framecast::task::evaluate::Hindsight;
use framecast::task::predict::{CopyLast, Forecaster, Linear, Motion};
use serde::Serialize;

use super::Note;
use crate::TrainError;
use crate::describe::SIZES;
use crate::evaluate::{Failure, contract, forecaster, sizes};

/// Makes a baseline; those need no frame size.
pub(crate) type MakeBaseline = fn() -> Box<dyn Forecaster>;

/// How a prediction is made.
pub(crate) enum Way {
    /// Without a model.
    Baseline(MakeBaseline, Option<Hindsight>),
    /// By a model.
    Model(Box<ModelFile>, Box<Contract>),
    /// By one of two models, the one that did not see the clip in training.
    Folds(Box<[(ModelFile, Contract); 2]>),
}

/// One predictor.
pub(crate) struct Entrant {
    pub(crate) way: Way,
    pub(crate) facts: Facts,
}

/// What is known of a predictor without running it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// Name of the model or baseline; unique on the board.
    pub name: String,
    /// Whether it can be run: an oracle knows the frame to come.
    pub reachable: bool,
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
    /// The forecaster for frames of `size` of a clip of this fold.
    pub(crate) fn make(
        &self,
        options: &LoadOptions,
        size: Size,
        fold: usize,
    ) -> Result<Box<dyn Forecaster>, Failure> {
        match &self.way {
            Way::Baseline(make, _) => Ok(make()),
            Way::Model(file, contract) => forecaster(file, contract, options, size),
            Way::Folds(halves) => {
                let [a, b] = halves.as_ref();
                let (file, contract) = if fold == 0 { a } else { b };
                forecaster(file, contract, options, size)
            }
        }
    }

    /// The perfect choice it makes, if it is an oracle.
    pub(crate) const fn hindsight(&self) -> Option<Hindsight> {
        match self.way {
            Way::Baseline(_, hindsight) => hindsight,
            Way::Model(..) | Way::Folds(_) => None,
        }
    }
}

/// The baselines that stand on every board, and two oracles over them.
pub(crate) fn baselines() -> Vec<Entrant> {
    let motion: MakeBaseline = || Box::new(Motion::velocity());
    let all: [(&str, MakeBaseline, Option<Hindsight>); 6] = [
        (CopyLast::NAME, || Box::new(CopyLast), None),
        (Linear::NAME, || Box::new(Linear::new()), None),
        (Motion::NAME, motion, None),
        (Motion::GATE, || Box::new(Motion::gate()), None),
        (Hindsight::Frame.name(), motion, Some(Hindsight::Frame)),
        (Hindsight::Block.name(), motion, Some(Hindsight::Block)),
    ];
    let entrant = |(name, make, hindsight): (&str, _, Option<Hindsight>)| Entrant {
        way: Way::Baseline(make, hindsight),
        facts: Facts {
            name: name.to_owned(),
            reachable: hindsight.is_none(),
            sha256: None,
            bytes: None,
            parameters: 0,
            macs: SIZES.iter().map(|s| (s.to_string(), Some(0))).collect(),
            latency_ms: BTreeMap::new(),
        },
    };
    all.into_iter().map(entrant).collect()
}

/// Two models as one predictor: each clip is scored by the half that did not see it. Stands on
/// tables of clips only.
///
/// # Errors
/// [`TrainError`] when one of them is no predictor.
pub(crate) fn folds(name: &str, files: [&Path; 2]) -> Result<Entrant, TrainError> {
    let [a, b] = [model(files[0])?, model(files[1])?];
    let mut facts = a.facts.clone();
    facts.name = format!("{name} (cross-fitted)");
    facts.sha256 = None;
    match (a.way, b.way) {
        (Way::Model(a, ca), Way::Model(b, cb)) => {
            Ok(Entrant { way: Way::Folds(Box::new([(*a, *ca), (*b, *cb)])), facts })
        }
        _ => Err(TrainError::Export { name: name.to_owned(), reason: "no model".to_owned() }),
    }
}

/// The predictors in `places`, files and folders, and what was left out of a folder and why. A
/// model found twice stands once.
///
/// # Errors
/// [`TrainError`] for a place that cannot be read and a named file that is no predictor.
pub(crate) fn models(places: &[PathBuf]) -> Result<(Vec<Entrant>, Vec<Note>), TrainError> {
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
        reachable: true,
        sha256: Some(file.sha256().to_owned()),
        bytes: Some(file.bytes().len()),
        parameters,
        macs,
        latency_ms: BTreeMap::new(),
    };
    Ok(Entrant { way: Way::Model(Box::new(file), Box::new(contract)), facts })
}
