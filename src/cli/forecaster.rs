//! From the configured model to something that predicts frames.

use std::path::PathBuf;

use framecast::config::Config;
use framecast::engine::{self, LoadReport};
use framecast::frame::Size;
use framecast::model::{ModelFile, Overlay, PredictKind, registry};
use framecast::pipeline::Stamp;
use framecast::task::predict::{
    Blend, CopyLast, Direct, Forecaster, Linear, Motion, MotionPriors, binding, blend_binding,
};

use super::exit::{self, Failure};

/// A predictor with what is to be said about it.
pub(crate) struct Opened {
    /// The predictor.
    pub(crate) forecaster: Box<dyn Forecaster>,
    /// The file it came from; none for a baseline.
    pub(crate) path: Option<PathBuf>,
    /// The version of that file.
    pub(crate) stamp: Option<Stamp>,
    /// Where it runs; none for a baseline.
    pub(crate) report: Option<LoadReport>,
}

/// Opens the configured model, or the baseline of that name, for frames of `size`.
pub(crate) fn open(config: &Config, size: Size) -> Result<Opened, Failure> {
    match config.model.path.as_str() {
        // Copy-last is measured beside every predictor, so alone it is the run without a model.
        "none" | CopyLast::NAME => Ok(baseline(Box::new(CopyLast))),
        Linear::NAME => Ok(baseline(Box::new(Linear::new()))),
        Motion::NAME => Ok(baseline(Box::new(Motion::velocity()))),
        Motion::GATE => Ok(baseline(Box::new(Motion::gate()))),
        name => {
            // A path in a configuration file is relative to that file.
            let base: Vec<_> = config.model.base.iter().cloned().collect();
            load(config, registry::resolve(name, &base)?, size)
        }
    }
}

/// The camera's own motion, where a file with it is configured.
pub(crate) fn motion_priors(config: &Config) -> Result<MotionPriors, Failure> {
    match &config.predict.motion_prior {
        Some(path) => Ok(MotionPriors::read(path)?),
        None => Ok(MotionPriors::default()),
    }
}

fn baseline(forecaster: Box<dyn Forecaster>) -> Opened {
    Opened { forecaster, path: None, stamp: None, report: None }
}

/// Loads the model of `path`.
pub(crate) fn load(config: &Config, path: PathBuf, size: Size) -> Result<Opened, Failure> {
    // Before the file is read: a change from here on is seen by who watches it.
    let stamp = Stamp::of(&path);
    let mut file = ModelFile::open(&path)?;
    if let Some(table) = &config.model.contract {
        let lines = Overlay::from_table("[model.contract]", table.clone())?;
        file.set_contract(lines.apply(&file)?)?;
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
    let blend = contract.kind == Some(PredictKind::Blend);
    let sizes = if blend { blend_binding(&contract, size) } else { binding(&contract, size) };
    let mut sizes = sizes.map_err(bind)?;
    sizes.append(&mut options.bind);
    options.bind = sizes;
    let loaded = engine::load(&file, &options)?;
    let identity = file.sha256().to_owned();
    let forecaster: Box<dyn Forecaster> = if blend {
        Box::new(Blend::new(loaded.session, &contract, identity, size).map_err(bind)?)
    } else {
        Box::new(Direct::new(loaded.session, &contract, identity, size).map_err(bind)?)
    };
    Ok(Opened { forecaster, path: Some(path), stamp, report: Some(loaded.report) })
}
