//! The predictor of a coded stream, by name.

use std::path::Path;

use framecast::codec::{self, PredictorId, PredictorKind, StreamSpec};
use framecast::config::{Config, RawConfig};
use framecast::model::registry;
use framecast::task::predict::{CodedBlend, CodedForecast};

use super::exit::{self, Failure};
use super::forecaster;

/// A predictor for the codec, or none.
pub(crate) type Slot = Option<Box<dyn codec::Predictor>>;

/// The predictor `name` stands for: none, copy, motion, or a model. An integer model of kind blend
/// is exact; any other ties the stream to this build.
pub(crate) fn by_name(name: &str, spec: &StreamSpec) -> Result<Slot, Failure> {
    Ok(match name {
        "none" => None,
        codec::CopyLast::NAME => Some(Box::new(codec::CopyLast::new())),
        codec::Motion::NAME => Some(Box::new(codec::Motion::new())),
        name => Some(model(&registry::resolve(name, &[])?, spec)?),
    })
}

/// The predictor a stream names, from the file `given` if it is a model.
pub(crate) fn of_stream(
    id: Option<&PredictorId>,
    given: Option<&str>,
    spec: &StreamSpec,
) -> Result<Slot, Failure> {
    match id.map(|id| (id.kind, id)) {
        None => Ok(None),
        Some((PredictorKind::CopyLast, _)) => by_name(codec::CopyLast::NAME, spec),
        Some((PredictorKind::Motion, _)) => by_name(codec::Motion::NAME, spec),
        Some((PredictorKind::Model, id)) => by_name(given.unwrap_or(&id.name), spec),
    }
}

fn model(path: &Path, spec: &StreamSpec) -> Result<Box<dyn codec::Predictor>, Failure> {
    let exact = match CodedBlend::open(path, spec.size) {
        Ok(exact) => return Ok(Box::new(exact)),
        Err(why) => why,
    };
    tracing::info!("{} is not exact: {exact}", path.display());
    let mut raw = RawConfig::defaults()?;
    // Sums of several threads may come in any order.
    raw.set_flag("engine.threads", 1, "--predict")?;
    let opened = forecaster::load(&Config::from_raw(&raw)?, path.to_owned(), spec.size)?;
    let name = path.file_stem().map(|name| name.to_string_lossy()).unwrap_or_default();
    let sha256 = PredictorId::sha256_from_text(opened.forecaster.identity());
    let (Some(sha256), Some(report)) = (sha256, &opened.report) else {
        let error = anyhow::anyhow!("{} has no hash to be known by", path.display());
        return Err(Failure::new(exit::CONFIG, error));
    };
    let coded = CodedForecast::new(opened.forecaster, &name, sha256, report, spec.colour)?;
    Ok(Box::new(coded))
}
