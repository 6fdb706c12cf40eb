//! `[sink.record]`: where frames are recorded, and how they are coded.

use std::path::PathBuf;
use std::time::Duration;

use crate::codec::{EncoderConfig, MAX_ERROR_LIMIT};

use super::ConfigError;
use super::read::Reader;
use super::settings::{HOUR, MS, unsigned};

/// `[sink.record]`, when it names a file.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordSettings {
    /// The file; it must not be there yet.
    pub path: PathBuf,
    /// How frames are coded.
    pub coding: EncoderConfig,
    /// The longest time between two syncs of the file.
    pub sync: Duration,
}

pub(super) fn record(read: &Reader<'_>) -> Result<Option<RecordSettings>, ConfigError> {
    let most = i64::from(MAX_ERROR_LIMIT);
    let coding = EncoderConfig {
        profile: read.parsed("sink.record.profile")?,
        max_error: unsigned(read.integer("sink.record.max_error", 0..=most)?) as u8,
        key_interval: unsigned(read.integer("sink.record.key_interval", 1..=100_000)?) as u32,
        threads: unsigned(read.integer("sink.record.threads", 1..=64)?) as usize,
        ..EncoderConfig::default()
    };
    let sync = read.duration("sink.record.sync", 100 * MS..=HOUR)?;
    let path = read.optional_text("sink.record.path")?;
    Ok(path.map(|path| RecordSettings { path: PathBuf::from(path), coding, sync }))
}
