//! The flags of every command that streams frames through a predictor: engine and video.

use framecast::config::{ConfigError, RawConfig};

/// Each a layer over one configuration key.
#[derive(Debug, clap::Args)]
pub(crate) struct StreamArgs {
    /// auto, tract, ort or exact
    #[arg(long, value_name = "ENGINE")]
    engine: Option<String>,

    /// Threads of the engine; 0 for as many as the process may use
    #[arg(long, value_name = "N")]
    threads: Option<u32>,

    /// Fail with exit code 5 unless this execution provider is in use
    #[arg(long, value_name = "PROVIDER")]
    require_provider: Option<String>,

    /// The camera's own motion: lines `frame,h11,...,h33` of the homography from a frame to the one
    /// before; motion is searched from there
    #[arg(long, value_name = "FILE")]
    motion_prior: Option<String>,

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

impl StreamArgs {
    /// Puts what was given over `raw`.
    pub(crate) fn set(&self, raw: &mut RawConfig) -> Result<(), ConfigError> {
        set_given(
            raw,
            &[
                ("engine.name", &self.engine, "--engine"),
                ("engine.require_provider", &self.require_provider, "--require-provider"),
                ("predict.motion_prior", &self.motion_prior, "--motion-prior"),
                ("source.size", &self.size, "--size"),
                ("source.format", &self.format, "--format"),
                ("source.rate", &self.fps, "--fps"),
                ("source.colour", &self.colour, "--colour"),
            ],
        )?;
        match self.threads {
            Some(threads) => raw.set_flag("engine.threads", i64::from(threads), "--threads"),
            None => Ok(()),
        }
    }
}

/// Sets the keys whose flags were given; each entry is key, value and flag.
pub(crate) fn set_given(
    raw: &mut RawConfig,
    flags: &[(&str, &Option<String>, &str)],
) -> Result<(), ConfigError> {
    for (key, value, flag) in flags {
        if let Some(value) = value {
            raw.set_flag(key, value.as_str(), flag)?;
        }
    }
    Ok(())
}
