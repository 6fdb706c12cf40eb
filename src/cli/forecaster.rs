//! From the configured model to something that predicts frames.

use std::path::{Path, PathBuf};

use framecast::config::{Config, ModelSettings};
use framecast::engine::{self, LoadReport};
use framecast::frame::Size;
use framecast::model::{Contract, ModelFile};
use framecast::task::predict::{CopyLast, Direct, Forecaster, Linear, binding};

use super::exit::{self, Failure};

/// A predictor with what is to be said about it.
pub(crate) struct Opened {
    /// The predictor.
    pub(crate) forecaster: Box<dyn Forecaster>,
    /// The file it came from; none for a baseline.
    pub(crate) path: Option<PathBuf>,
    /// Where it runs; none for a baseline.
    pub(crate) report: Option<LoadReport>,
}

/// Opens the configured model, or the baseline of that name, for frames of `size`.
pub(crate) fn open(config: &Config, size: Size) -> Result<Opened, Failure> {
    match config.model.path.as_str() {
        // Copy-last is measured beside every predictor, so alone it is the run without a model.
        "none" | CopyLast::NAME => Ok(baseline(Box::new(CopyLast))),
        Linear::NAME => Ok(baseline(Box::new(Linear::new()))),
        _ => load(config, find(&config.model)?, size),
    }
}

fn baseline(forecaster: Box<dyn Forecaster>) -> Opened {
    Opened { forecaster, path: None, report: None }
}

/// Loads the model of `path`.
pub(crate) fn load(config: &Config, path: PathBuf, size: Size) -> Result<Opened, Failure> {
    let mut file = ModelFile::open(&path)?;
    if let Some(table) = &config.model.contract {
        file.set_contract(contract_of(table)?)?;
    }
    let Some(contract) = file.contract()? else {
        return Err(Failure::new(
            exit::CONFIG,
            anyhow::anyhow!(
                "{} carries no contract; describe it under [model.contract] of a configuration \
                 file",
                path.display()
            ),
        ));
    };
    let mut options = config.load_options();
    let bind = |error| Failure::new(exit::CONFIG, anyhow::Error::new(error));
    let mut sizes = binding(&contract, size).map_err(bind)?;
    sizes.append(&mut options.bind);
    options.bind = sizes;
    let loaded = engine::load(&file, &options)?;
    let identity = file.sha256().to_owned();
    let direct = Direct::new(loaded.session, &contract, identity, size).map_err(bind)?;
    Ok(Opened { forecaster: Box::new(direct), path: Some(path), report: Some(loaded.report) })
}

/// A contract written under `[model.contract]`.
fn contract_of(table: &toml::Table) -> Result<Contract, Failure> {
    toml::Value::Table(table.clone()).try_into().map_err(|error: toml::de::Error| {
        let message = error.message().to_owned();
        Failure::new(exit::CONFIG, anyhow::anyhow!("[model.contract]: {message}"))
    })
}

/// Where the model lies. A path in a configuration file is relative to that file; the shipped
/// default is also searched around the program, so that it is found from any folder.
fn find(model: &ModelSettings) -> Result<PathBuf, Failure> {
    let path = Path::new(&model.path);
    let mut places = Vec::new();
    if let Some(base) = &model.base {
        places.push(base.join(path));
    }
    places.push(path.to_owned());
    if model.is_default
        && let Ok(program) = std::env::current_exe()
    {
        // Beside the program, in an installed tree, and in the source tree it was built in.
        let around = program.ancestors().skip(1).take(4);
        places.extend(around.clone().map(|dir| dir.join(path)));
        places.extend(around.map(|dir| dir.join("share/framecast").join(path)));
    }
    match places.iter().find(|place| place.is_file()) {
        Some(found) => Ok(found.clone()),
        None => {
            let searched: Vec<_> = places.iter().map(|p| p.display().to_string()).collect();
            Err(Failure::new(
                exit::CONFIG,
                anyhow::anyhow!(
                    "no model {:?}; searched {}; give one with --predict FILE.onnx, or measure \
                     without a model with --predict none",
                    model.path,
                    searched.join(", ")
                ),
            ))
        }
    }
}
