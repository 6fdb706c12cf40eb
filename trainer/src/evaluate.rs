//! Scores of an exported model, by the runtime's own evaluation (protocol eval/1).

use std::collections::BTreeMap;

use framecast::engine::{LoadOptions, load};
use framecast::frame::{FramePool, Size};
use framecast::model::{Contract, ModelFile, PredictKind, Score};
use framecast::source::{self, SourceOptions};
use framecast::task::TaskError;
use framecast::task::evaluate::{EvalOptions, EvalReport, Evaluator};
use framecast::task::predict::{Blend, Direct, Forecaster, binding, blend_binding};

use crate::TrainError;

/// Scores `model` on `sources`, of each at most `frames` frames.
///
/// # Errors
/// [`TrainError::Data`] for a source that cannot be read, [`TrainError::Export`] for a model that
/// cannot be run.
pub fn evaluate(
    model: &ModelFile,
    sources: &[String],
    frames: u64,
    load_options: &LoadOptions,
) -> Result<EvalReport, TrainError> {
    let contract = contract(model)?;
    let mut make = |size: Size| forecaster(model, &contract, load_options, size);
    let options = EvalOptions { frames: Some(frames), ..EvalOptions::default() };
    let mut evaluator = Evaluator::new(options, &mut make);
    let mut rows = Vec::new();
    for uri in sources {
        let data = |reason: String| TrainError::Data { uri: uri.clone(), reason };
        let pool = FramePool::new(4);
        let mut source =
            source::open(uri, &SourceOptions::default(), &pool).map_err(|e| data(e.to_string()))?;
        let row = evaluator.clip(uri, source.as_mut(), &mut |_, _| true);
        rows.push(row.map_err(|Failure(reason)| data(reason))?);
    }
    Ok(EvalReport::new(&contract.name, &options, rows))
}

/// The contract of `model`.
///
/// # Errors
/// [`TrainError::Export`] when it has none, or a damaged one.
pub fn contract(model: &ModelFile) -> Result<Contract, TrainError> {
    let fail = |reason: String| TrainError::Export { name: model.name().to_owned(), reason };
    let contract = model.contract().map_err(|e| fail(e.to_string()))?;
    contract.ok_or_else(|| fail("it carries no contract".to_owned()))
}

/// The values of the open sizes of a predictor's graph for frames of `size`.
pub(crate) fn sizes(contract: &Contract, size: Size) -> Result<BTreeMap<String, usize>, TaskError> {
    match contract.kind {
        Some(PredictKind::Blend) => blend_binding(contract, size),
        _ => binding(contract, size),
    }
}

/// Loads `model` for frames of `size`.
pub(crate) fn forecaster(
    model: &ModelFile,
    contract: &Contract,
    load_options: &LoadOptions,
    size: Size,
) -> Result<Box<dyn Forecaster>, Failure> {
    let mut options = load_options.clone();
    options.bind.extend(sizes(contract, size)?);
    let loaded = load(model, &options).map_err(|e| Failure(e.to_string()))?;
    let identity = model.sha256().to_owned();
    Ok(match contract.kind {
        Some(PredictKind::Blend) => Box::new(Blend::new(loaded.session, contract, identity, size)?),
        _ => Box::new(Direct::new(loaded.session, contract, identity, size)?),
    })
}

/// What a source or a model failed with, in words.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl From<TaskError> for Failure {
    fn from(error: TaskError) -> Self {
        Self(error.to_string())
    }
}

/// The scores of a report as a contract carries them: PSNR, PD and SSIM of each source.
#[must_use]
pub fn scores(report: &EvalReport) -> Vec<Score> {
    let mut list = Vec::new();
    for row in &report.sources {
        let (m, c) = (row.model, row.copy_last);
        for (metric, model, copy_last) in
            [("psnr", m.psnr, c.psnr), ("pd", m.pd, c.pd), ("ssim", m.ssim, c.ssim)]
        {
            let Some(model) = model else { continue };
            let metric = metric.to_owned();
            let data = row.source.rsplit('/').next().unwrap_or_default().to_owned();
            list.push(Score { copy_last, ..Score::new(&data, &metric, model, row.frames) });
        }
    }
    list
}
