//! What can end an experiment.

use std::io;
use std::path::PathBuf;

use crate::source::SourceError;

/// An experiment that cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// A clip that cannot be opened or read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A clip that is not fit for the experiment.
    #[error("{clip}: {reason}")]
    Clip {
        /// The clip's name.
        clip: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The ffmpeg program is missing or failed.
    #[error("{program}: {reason}")]
    Program {
        /// The program.
        program: String,
        /// What it said.
        reason: String,
    },
    /// A codec or predictor that is not known, or cannot do what is asked.
    #[error("{0}")]
    Request(String),
    /// A file that cannot be read or written.
    #[error("cannot {what} {path}: {cause}", path = path.display())]
    Io {
        /// `read` or `write`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        cause: io::Error,
    },
    /// The run was asked to stop.
    #[error("interrupted")]
    Stopped,
}

impl BenchError {
    /// Makes the error of a file that cannot be `what`.
    pub(crate) fn io(what: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::Io { what, path, cause }
    }
}
