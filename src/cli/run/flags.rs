//! The flags of `framecast run`, each a layer over one configuration key.

use std::time::Duration;

use framecast::config::{ConfigError, RawConfig, duration};

use crate::cli::settings::SettingsArgs;

/// Arguments of `framecast run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,

    /// Where frames come from: demo:, v4l2:PATH, a file, a folder, rtsp://..., or - for Y4M on stdin
    #[arg(long, value_name = "URI")]
    source: Option<String>,

    /// Predictor: an ONNX file, copy-last, linear, or none
    #[arg(long, value_name = "MODEL")]
    predict: Option<String>,

    /// End after this many captured frames
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) frames: Option<u64>,

    /// End after this time, for example 30s or 5min
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(super) duration: Option<Duration>,

    /// How far ahead to predict: frames, a time such as 100ms, or auto
    #[arg(long, value_name = "AHEAD")]
    horizon: Option<String>,

    /// auto, tract, ort or exact
    #[arg(long, value_name = "ENGINE")]
    engine: Option<String>,

    /// Threads of the engine; 0 for as many as the process may use
    #[arg(long, value_name = "N")]
    threads: Option<u32>,

    /// Fail with exit code 5 unless this execution provider is in use
    #[arg(long, value_name = "PROVIDER")]
    require_provider: Option<String>,

    /// realtime, fast, or auto (the demo in real time, files fast)
    #[arg(long, value_name = "PACE")]
    pace: Option<String>,

    /// latest, drop-oldest, drop-newest, block, every-N, or auto
    #[arg(long, value_name = "POLICY")]
    policy: Option<String>,

    /// Drop a frame that is older than this when its turn comes
    #[arg(long, value_name = "TIME")]
    max_age: Option<String>,

    /// Size wanted, or that of raw video
    #[arg(long, value_name = "WxH")]
    size: Option<String>,

    /// Pixel format wanted, or that of raw video
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,

    /// Frames a second wanted, or those of raw video
    #[arg(long, value_name = "RATE")]
    fps: Option<String>,

    /// What YUV samples mean, for example bt709-full
    #[arg(long, value_name = "COLOUR")]
    colour: Option<String>,

    /// Keep the recurrent state in this file between runs
    #[arg(long, value_name = "FILE")]
    state_file: Option<String>,

    /// Append one JSON object a frame to this file; - is stdout
    #[arg(long, value_name = "FILE")]
    record_jsonl: Option<String>,

    /// Print the summary as one JSON object on stdout
    #[arg(long)]
    pub(super) json: bool,
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    duration(text)
        .filter(|d| !d.is_zero())
        .ok_or_else(|| "write a time such as 40ms, 30s or 5min".to_owned())
}

impl Args {
    /// Defaults, file, `--set`, then these flags.
    pub(super) fn raw_config(&self) -> Result<RawConfig, ConfigError> {
        let mut raw = self.settings.load()?;
        let texts = [
            ("source.uri", &self.source, "--source"),
            ("model.path", &self.predict, "--predict"),
            ("predict.horizon", &self.horizon, "--horizon"),
            ("predict.state_file", &self.state_file, "--state-file"),
            ("engine.name", &self.engine, "--engine"),
            ("engine.require_provider", &self.require_provider, "--require-provider"),
            ("source.pace", &self.pace, "--pace"),
            ("source.size", &self.size, "--size"),
            ("source.format", &self.format, "--format"),
            ("source.rate", &self.fps, "--fps"),
            ("source.colour", &self.colour, "--colour"),
            ("ring.policy", &self.policy, "--policy"),
            ("ring.max_age", &self.max_age, "--max-age"),
            ("sink.jsonl.path", &self.record_jsonl, "--record-jsonl"),
        ];
        for (key, value, flag) in texts {
            if let Some(value) = value {
                raw.set_flag(key, value.as_str(), flag)?;
            }
        }
        if let Some(threads) = self.threads {
            raw.set_flag("engine.threads", i64::from(threads), "--threads")?;
        }
        Ok(raw)
    }
}
