//! The flags of commands that run a predictor over recordings: `predict` and `eval`.

use framecast::config::{Config, ConfigError};

use super::settings::SettingsArgs;

/// Each a layer over one configuration key.
#[derive(Debug, clap::Args)]
pub(crate) struct ForecastArgs {
    #[command(flatten)]
    settings: SettingsArgs,

    /// Predictor: an ONNX file, copy-last or linear; the configured one when not given
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,

    /// auto, tract, ort or exact
    #[arg(long, value_name = "ENGINE")]
    engine: Option<String>,

    /// Threads of the engine; 0 for as many as the process may use
    #[arg(long, value_name = "N")]
    threads: Option<u32>,

    /// Fail with exit code 5 unless this execution provider is in use
    #[arg(long, value_name = "PROVIDER")]
    require_provider: Option<String>,

    /// Size of raw video, or that wanted of a camera or the demo
    #[arg(long, value_name = "WxH")]
    size: Option<String>,

    /// Pixel format of raw video, or that wanted of a camera or the demo
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,

    /// Frames a second of raw video and image folders, or those wanted
    #[arg(long, value_name = "RATE")]
    fps: Option<String>,

    /// What YUV samples mean, for example bt709-full
    #[arg(long, value_name = "COLOUR")]
    colour: Option<String>,
}

impl ForecastArgs {
    /// Defaults, file, `--set`, then these flags.
    pub(crate) fn config(&self) -> Result<Config, ConfigError> {
        let mut raw = self.settings.load()?;
        let texts = [
            ("model.path", &self.model, "--model"),
            ("engine.name", &self.engine, "--engine"),
            ("engine.require_provider", &self.require_provider, "--require-provider"),
            ("source.size", &self.size, "--size"),
            ("source.format", &self.format, "--format"),
            ("source.rate", &self.fps, "--fps"),
            ("source.colour", &self.colour, "--colour"),
        ];
        for (key, value, flag) in texts {
            if let Some(value) = value {
                raw.set_flag(key, value.as_str(), flag)?;
            }
        }
        if let Some(threads) = self.threads {
            raw.set_flag("engine.threads", i64::from(threads), "--threads")?;
        }
        Config::from_raw(&raw)
    }
}
