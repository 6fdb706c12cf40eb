//! The predictor of a coded stream, by name.

use std::path::{Component, Path};

use framecast::codec::StreamHeader;
use framecast::codec::{self, PredictorId, PredictorKind, StreamSpec};
use framecast::config::{Config, RawConfig};
use framecast::engine::EngineChoice;
use framecast::model::registry;
use framecast::source::install_replay;
use framecast::task::predict::{CodedBlend, CodedForecast};
use framecast::task::replay::Replay;

use super::exit::{self, Failure};
use super::forecaster;

/// A predictor for the codec, or none.
pub(crate) type Slot = Option<Box<dyn codec::Predictor>>;

/// The predictor `name` stands for: none, copy, motion, or a model. An integer model of kind blend
/// is exact; any other runs on `engine` and ties the stream to this build.
pub(crate) fn by_name(
    name: &str,
    engine: EngineChoice,
    spec: &StreamSpec,
) -> Result<Slot, Failure> {
    Ok(match name {
        "none" => None,
        codec::CopyLast::NAME => Some(Box::new(codec::CopyLast::new())),
        codec::Motion::NAME => Some(Box::new(codec::Motion::new())),
        name => Some(model(&registry::resolve(name, &[])?, engine, spec)?),
    })
}

/// Lets sources read coded recordings, with every predictor that `decode` takes too.
pub(crate) fn install() {
    install_replay(|path, options| {
        let make = |header: &StreamHeader| {
            let id = header.predictor.as_ref();
            of_stream(id, None, EngineChoice::Auto, &header.spec).map_err(|e| e.to_string())
        };
        Ok(Box::new(Replay::open_with(path, options, &make)?))
    });
}

/// The predictor a stream names, from the file `given` if it is a model.
pub(crate) fn of_stream(
    id: Option<&PredictorId>,
    given: Option<&str>,
    engine: EngineChoice,
    spec: &StreamSpec,
) -> Result<Slot, Failure> {
    let Some(id) = id else { return Ok(None) };
    let name = match (id.kind, given) {
        (PredictorKind::CopyLast, _) => codec::CopyLast::NAME,
        (PredictorKind::Motion, _) => codec::Motion::NAME,
        (PredictorKind::Model, Some(given)) => given,
        (PredictorKind::Model, None) => installed(&id.name)?,
    };
    by_name(name, engine, spec)
}

/// The name of a model as a stream gives it: where its file is, is not for the stream to say.
fn installed(name: &str) -> Result<&str, Failure> {
    let mut parts = Path::new(name).components();
    if let (Some(Component::Normal(_)), None) = (parts.next(), parts.next()) {
        return Ok(name);
    }
    let text = format!("the stream calls its model {name:?}, which is no name; give its file");
    Err(Failure::new(exit::CONFIG, anyhow::anyhow!(text)))
}

fn model(
    path: &Path,
    engine: EngineChoice,
    spec: &StreamSpec,
) -> Result<Box<dyn codec::Predictor>, Failure> {
    let exact = match CodedBlend::open(path, spec.size) {
        Ok(exact) => return Ok(Box::new(exact)),
        Err(why) if engine == EngineChoice::Exact => return Err(why.into()),
        Err(why) => why,
    };
    tracing::info!("{} is not exact: {exact}", path.display());
    let mut raw = RawConfig::defaults()?;
    // Sums of several threads may come in any order.
    raw.set_flag("engine.threads", 1, "--predict")?;
    raw.set_flag("engine.name", engine.to_string(), "--engine")?;
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

#[cfg(test)]
mod tests {
    use super::installed;

    #[test]
    fn a_stream_names_models_and_no_files() {
        assert_eq!(installed("predict-nano-int").unwrap(), "predict-nano-int");
        for name in ["", "/etc/x.onnx", "../x", "a/b", "."] {
            let error = installed(name).unwrap_err().to_string();
            assert!(error.contains("give its file"), "{error}");
        }
    }
}
