//! What can be wrong with a configuration.

use std::path::PathBuf;

use super::Origin;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {cause}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        cause: std::io::Error,
    },
    /// The file is larger than any configuration.
    #[error("the configuration {path} has {bytes} bytes, above the limit of {limit}", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The text is not TOML.
    #[error("{origin}: {message}")]
    Syntax {
        /// File and line.
        origin: Origin,
        /// What the parser says.
        message: String,
    },
    /// A key that means nothing.
    #[error("{origin}: unknown key {key:?}; {hint}")]
    UnknownKey {
        /// Where it stands.
        origin: Origin,
        /// The key.
        key: String,
        /// The nearest known key, or where to find them.
        hint: String,
    },
    /// A value out of range or of the wrong type.
    #[error("{origin}: {key} = {value} cannot be used; expected {expected}")]
    Value {
        /// Where it stands.
        origin: Origin,
        /// The key.
        key: String,
        /// The value as written.
        value: String,
        /// Type, range and an example.
        expected: String,
    },
    /// An argument of `--set` without `=`.
    #[error("--set {text:?} has no value; write for example --set ring.capacity=8")]
    Set {
        /// The argument.
        text: String,
    },
}

impl ConfigError {
    /// True when the mistake stands on the command line, in a flag or in `--set`, and not in a file.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        match self {
            Self::Read { .. } | Self::TooLarge { .. } => false,
            Self::Set { .. } => true,
            Self::Syntax { origin, .. }
            | Self::UnknownKey { origin, .. }
            | Self::Value { origin, .. } => matches!(origin, Origin::Flag(_)),
        }
    }
}
