//! Opening the models of search: a picture tower for frames, a text tower for sentences.

use framecast::config::{Config, ConfigError, RawConfig};
use framecast::engine;
use framecast::frame::{Frame, Size};
use framecast::model::{Contract, ModelFile, registry};
use framecast::task::FrameInput;
use framecast::task::caption::Decoder;
use framecast::task::embed::{FrameEmbedder, TextEmbedder};
use framecast::vision::{FrameConverter, RgbImage};

use super::exit::{self, Failure};
use super::settings::SettingsArgs;
use super::stream_args::set_given;

/// The flags of every command that opens such models.
#[derive(Debug, clap::Args)]
pub(crate) struct EngineArgs {
    #[command(flatten)]
    settings: SettingsArgs,

    /// auto, tract or ort
    #[arg(long, value_name = "ENGINE")]
    engine: Option<String>,

    /// Threads of the engine; 0 for as many as the process may use
    #[arg(long, value_name = "N")]
    threads: Option<u32>,
}

impl EngineArgs {
    /// Defaults, file, `--set`, then these flags; and `more`: key, value and flag.
    pub(crate) fn config(
        &self,
        more: &[(&str, &Option<String>, &str)],
    ) -> Result<Config, ConfigError> {
        let mut raw: RawConfig = self.settings.load()?;
        set_given(&mut raw, &[("engine.name", &self.engine, "--engine")])?;
        set_given(&mut raw, more)?;
        if let Some(threads) = self.threads {
            raw.set_flag("engine.threads", i64::from(threads), "--threads")?;
        }
        Config::from_raw(&raw)
    }
}

/// What an index remembers of the model that made its vectors.
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) sha256: String,
    /// The space its vectors lie in: of a model that names none, its own.
    pub(crate) space: String,
}

fn open(name: &str) -> Result<(ModelFile, Contract, Known), Failure> {
    let file = ModelFile::open(registry::resolve(name, &[])?)?;
    let Some(contract) = file.contract()? else {
        let reason = "carries no contract, which says what its inputs and outputs are; see \
                      docs/model-contract.md";
        return Err(Failure::new(exit::CONFIG, anyhow::anyhow!("{} {reason}", file.name())));
    };
    let sha256 = file.sha256().to_owned();
    let space = contract.space.clone().unwrap_or_else(|| sha256.clone());
    let known = Known { name: contract.name.clone(), sha256, space };
    Ok((file, contract, known))
}

/// Opens the model `name` for frames of `size`, and makes sure that it tells pictures apart.
pub(crate) fn frames(
    config: &Config,
    name: &str,
    size: Size,
) -> Result<(FrameEmbedder, Known), Failure> {
    let (file, contract, known) = open(name)?;
    let mut options = config.load_options();
    options.bind = FrameInput::binding(&contract, size)?;
    let session = engine::load(&file, &options)?.session;
    let mut embedder = FrameEmbedder::new(session, &contract, size)?;
    embedder.check_varies(size)?;
    Ok((embedder, known))
}

/// Opens the model `name` for sentences, and makes sure that it tells words apart.
pub(crate) fn sentences(config: &Config, name: &str) -> Result<(TextEmbedder, Known), Failure> {
    let (file, contract, known) = open(name)?;
    let mut options = config.load_options();
    options.bind.clear();
    let session = engine::load(&file, &options)?.session;
    let mut embedder = TextEmbedder::new(session, &contract)?;
    embedder.check_varies()?;
    Ok((embedder, known))
}

/// Opens the model `name` that makes sentences.
pub(crate) fn decoder(config: &Config, name: &str) -> Result<(Decoder, Known), Failure> {
    let (file, contract, known) = open(name)?;
    let mut options = config.load_options();
    options.bind.clear();
    let session = engine::load(&file, &options)?.session;
    Ok((Decoder::new(session, &contract)?, known))
}

/// Fails when vectors of `known` and of an index lie in different spaces.
pub(crate) fn same_space(
    known: &Known,
    about: &framecast::task::search::About,
    dims: usize,
) -> Result<(), Failure> {
    if known.space == about.space && dims == about.dimension {
        return Ok(());
    }
    Err(Failure::new(
        exit::CONFIG,
        anyhow::anyhow!(
            "{} gives {dims} numbers in the space {:?}, and the index holds {} in {:?}, made by \
             {}; use models that were trained together",
            known.name,
            known.space,
            about.dimension,
            about.space,
            about.model
        ),
    ))
}

/// The picture of `frame`; none, with a warning, when it cannot be decoded.
pub(crate) fn picture(
    converter: &mut FrameConverter,
    frame: &Frame,
    into: &mut RgbImage,
) -> Result<bool, Failure> {
    use framecast::vision::VisionError;
    match converter.to_rgb(frame, into) {
        Ok(()) => Ok(true),
        Err(error @ VisionError::Decode { .. }) => {
            tracing::warn!("frame {} cannot be decoded: {error}", frame.seq());
            Ok(false)
        }
        Err(error) => Err(anyhow::Error::from(error).into()),
    }
}
