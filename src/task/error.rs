//! What can go wrong in a task, by what the caller can do about it.

use std::path::PathBuf;

use crate::engine::EngineError;
use crate::frame::Size;
use crate::model::{ModelError, TokenizerError};
use crate::source::SourceError;
use crate::vision::VisionError;

/// A task that cannot be set up, or a frame it cannot handle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The model's contract does not fit the task.
    #[error("model {model}: {reason}")]
    Contract {
        /// Name of the model.
        model: String,
        /// What does not fit, and what would.
        reason: String,
    },
    /// The model file cannot be read.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The source failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// An index of embeddings cannot be written, read or searched.
    #[error(transparent)]
    Index(#[from] super::search::IndexError),
    /// A picture could not be converted.
    #[error(transparent)]
    Vision(#[from] VisionError),
    /// A question that cannot be asked.
    #[error(transparent)]
    Question(#[from] TokenizerError),
    /// A question before the first frame.
    #[error("nothing was seen yet that a question could be about; ask when a frame has come")]
    NothingSeen,
    /// A frame has another size than the task was set up for.
    #[error("the frame is {got} but the stream began with {expected}; set the task up again")]
    FrameSize {
        /// Size the task was set up for.
        expected: Size,
        /// Size of the frame.
        got: Size,
    },
    /// A model that gave infinity or no number at all.
    #[error("model {model}: output {at} is not a finite number; check what it is fed")]
    NotFinite {
        /// Name of the model.
        model: String,
        /// Place of the first such number.
        at: usize,
    },
    /// Frames so large that not one prediction may wait for the frame it was made for.
    #[error(
        "frames of {size} are too large to predict: one prediction keeps {need} MiB, above the limit \
         of {limit} MiB; use a smaller picture, of at most {pixels} pixels"
    )]
    FrameTooLarge {
        /// Size of the frames.
        size: Size,
        /// What a prediction and the frame it was made from take.
        need: usize,
        /// What all of them may take.
        limit: usize,
        /// The most pixels that fit.
        pixels: usize,
    },
    /// A horizon that cannot be read.
    #[error(
        "cannot use {text:?} as a horizon; write a number of frames (1..={max}), a time such as 100ms (at most 10s), or auto",
        max = super::predict::MAX_HORIZON
    )]
    Horizon {
        /// What was given.
        text: String,
    },
    /// An option out of its range.
    #[error("{name} is {value}; allowed is {range}")]
    Option {
        /// Name of the option.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is allowed.
        range: &'static str,
    },
    /// A state file that cannot be used.
    #[error("state file {path}: {reason}", path = path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A state file that cannot be written.
    #[error(
        "state file {path} cannot be written: {cause}; choose a place that can be written",
        path = path.display()
    )]
    StateWrite {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        cause: std::io::Error,
    },
    /// The data to evaluate are not laid out as expected.
    #[error("{place}: {reason}")]
    Data {
        /// File or folder.
        place: String,
        /// What is wrong and what is expected.
        reason: String,
    },
}
