//! What can go wrong when a model is loaded or run, by what the caller can do about it.

use std::path::PathBuf;

/// A model that cannot be loaded or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The engine or its library is not there.
    #[error("engine {engine} is not available: {reason}")]
    Unavailable {
        /// Engine or library.
        engine: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The library that the caller named cannot be used, and no other is taken in its place.
    #[error(
        "the ONNX Runtime library {library} was asked for: {reason}; correct engine.library, remove it \
         to have one searched for, or choose the engine tract",
        library = library.display()
    )]
    Library {
        /// The file or folder that was named.
        library: PathBuf,
        /// Why it cannot be used.
        reason: String,
    },
    /// The engine would compute this node wrongly or not at all, so it refuses the model.
    #[error("{engine} refuses node {node:?} ({operator}): {reason}")]
    Refused {
        /// Engine.
        engine: String,
        /// Name of the node; its first output when it has none.
        node: String,
        /// Operator type with its domain.
        operator: String,
        /// The rule.
        reason: String,
    },
    /// The file or its contract is not what it should be.
    #[error("model {model}: {reason}")]
    Model {
        /// File or name.
        model: String,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// A tensor given to a session differs from its spec.
    #[error("tensor {name:?}: {reason}")]
    Tensor {
        /// Name of the input or output.
        name: String,
        /// What was given and what is expected.
        reason: String,
    },
    /// A required execution provider could not be used.
    #[error("required provider {provider} is not in use: {reason}")]
    Provider {
        /// Provider.
        provider: String,
        /// Why.
        reason: String,
    },
    /// The library failed while running.
    #[error("{engine} failed: {reason}")]
    Run {
        /// Engine.
        engine: String,
        /// Its message.
        reason: String,
    },
}
