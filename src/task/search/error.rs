//! What can go wrong with an index, by what the caller can do about it.

use std::path::PathBuf;

/// An index that cannot be written or read, or a vector that does not belong into it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The file system refused.
    #[error("cannot {action} {path}: {cause}", path = path.display())]
    Io {
        /// `create`, `read`, ...
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        cause: std::io::Error,
    },
    /// The file is no index, or a damaged one.
    #[error("{path} is no usable index: {reason}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong and where, and what to do.
        reason: String,
    },
    /// The index was made by another model, for other vectors.
    #[error("{path}: {reason}", path = path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What differs and what to do.
        reason: String,
    },
    /// A vector that cannot be compared with others.
    #[error("the embedding cannot be used: {0}")]
    Vector(String),
    /// A setting outside its range.
    #[error("{name} is {value}; {range}")]
    Setting {
        /// Which.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is allowed.
        range: &'static str,
    },
}
