//! What ends a run before its time.

use std::time::Duration;

use crate::source::SourceError;
use crate::task::TaskError;
use crate::vision::VisionError;

/// A run that failed; what was recorded until then is kept and reported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// The source failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The main stage failed.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// A frame that cannot be converted at all (one damaged picture is only counted).
    #[error("frame {seq} cannot be converted: {cause}")]
    Convert {
        /// Its number.
        seq: u64,
        /// Why.
        cause: VisionError,
    },
    /// A thread panicked: a bug, reported as an error so that the results so far survive.
    #[error("the {thread} thread panicked: {message}; please report this")]
    Panicked {
        /// Name of the thread.
        thread: &'static str,
        /// Its last words.
        message: String,
    },
    /// An inference never came back.
    #[error(
        "the engine has not answered for {timeout:?}; raise engine.timeout or try another engine"
    )]
    Stuck {
        /// The limit.
        timeout: Duration,
    },
    /// A thread did not end when asked to.
    #[error("the {thread} thread did not end within {wait:?}")]
    Unresponsive {
        /// Name of the thread.
        thread: &'static str,
        /// How long it was waited for.
        wait: Duration,
    },
    /// A thread could not be started.
    #[error("cannot start the {thread} thread: {cause}")]
    Thread {
        /// Name of the thread.
        thread: &'static str,
        /// The system's answer.
        cause: std::io::Error,
    },
    /// Results could not be written.
    #[error("sink {name}: {cause}")]
    Sink {
        /// Name of the sink.
        name: String,
        /// The system's answer.
        #[source]
        cause: std::io::Error,
    },
}
