//! The configuration of a command: shipped defaults, then `--config`, then `--set`, then flags.

use std::path::PathBuf;

use framecast::config::{ConfigError, RawConfig};

/// Flags of every command that is configured.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct SettingsArgs {
    /// Read the configuration from FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Set one configuration key, for example --set ring.capacity=8
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

impl SettingsArgs {
    /// The layers below the command's own flags.
    pub(crate) fn load(&self) -> Result<RawConfig, ConfigError> {
        let mut raw = RawConfig::defaults()?;
        if let Some(path) = &self.config {
            raw.merge_file(path)?;
        }
        for text in &self.set {
            raw.set(text)?;
        }
        Ok(raw)
    }
}
