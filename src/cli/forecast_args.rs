//! The flags of commands that run a predictor over recordings: `predict` and `eval`.

use framecast::config::{Config, ConfigError};
use framecast::task::predict::Horizon;

use super::settings::SettingsArgs;
use super::stream_args::{StreamArgs, set_given};

/// Each a layer over one configuration key.
#[derive(Debug, clap::Args)]
pub(crate) struct ForecastArgs {
    #[command(flatten)]
    settings: SettingsArgs,

    /// Predictor: an ONNX file, copy-last, linear, motion or gate; the configured one when not given
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,

    #[command(flatten)]
    stream: StreamArgs,
}

impl ForecastArgs {
    /// Defaults, file, `--set`, then these flags.
    pub(crate) fn config(&self) -> Result<Config, ConfigError> {
        let mut raw = self.settings.load()?;
        set_given(&mut raw, &[("model.path", &self.model, "--model")])?;
        self.stream.set(&mut raw)?;
        Config::from_raw(&raw)
    }
}

/// Reads a horizon for the command line.
pub(super) fn parse_horizon(text: &str) -> Result<Horizon, String> {
    text.parse().map_err(|e: framecast::task::TaskError| e.to_string())
}
