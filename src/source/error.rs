//! What can go wrong with a source, by what the caller can do about it.

use std::path::PathBuf;
use std::time::Duration;

use crate::frame::FrameError;

/// A source that cannot be opened, or that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The URI names no source we know: a usage error.
    #[error("cannot use {uri:?} as a source: {reason}")]
    Uri {
        /// What was given, credentials removed.
        uri: String,
        /// What is wrong and what to write instead.
        reason: String,
    },
    /// The device or file does not exist or may not be opened.
    #[error("cannot open {path}: {cause}; {hint}", path = path.display())]
    Open {
        /// Device or file.
        path: PathBuf,
        /// The system's answer.
        cause: std::io::Error,
        /// What to try next.
        hint: String,
    },
    /// Reading failed after the source was open.
    #[error("reading {name} failed: {cause}")]
    Io {
        /// The source.
        name: String,
        /// The system's answer.
        cause: std::io::Error,
    },
    /// The bytes are not what the format promises.
    #[error("{name}: {reason}")]
    Format {
        /// File or stream.
        name: String,
        /// What is wrong, where, and what was expected.
        reason: String,
    },
    /// A limit that protects memory was reached.
    #[error("{name}: {what} is {value}, above the limit of {limit}")]
    Limit {
        /// File or stream.
        name: String,
        /// The quantity.
        what: &'static str,
        /// Its value.
        value: u64,
        /// The limit.
        limit: u64,
    },
    /// The device went away; opening it again may help.
    #[error("{name} is gone: {reason}")]
    Gone {
        /// The device.
        name: String,
        /// What the driver said.
        reason: String,
    },
    /// Open, but nothing came: a writer that stopped, a disk that hangs.
    #[error("{name}: nothing came for {waited:.1?}; see what feeds it, or raise source.timeout")]
    Silent {
        /// The source.
        name: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The device cannot do what is asked.
    #[error("{name}: {reason}")]
    Unsupported {
        /// The device.
        name: String,
        /// What is missing and what it offers instead.
        reason: String,
    },
    /// A helper program is missing or died.
    #[error("{program}: {reason}")]
    Program {
        /// The program, for example `ffmpeg`.
        program: String,
        /// What happened, its last words, and what to do.
        reason: String,
    },
    /// A frame's description is impossible.
    #[error("{name}: {cause}")]
    Frame {
        /// The source.
        name: String,
        /// What is wrong.
        #[source]
        cause: FrameError,
    },
}

impl SourceError {
    /// True when opening the source again may help: the supervisor's question.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Gone { .. } | Self::Io { .. } | Self::Open { .. } | Self::Program { .. }
        )
    }
}
