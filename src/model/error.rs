//! What can go wrong with a model file or its contract, by what the caller can do about it.

use std::path::PathBuf;

/// A model file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The file cannot be read or written.
    #[error("cannot {action} {path}: {cause}", path = path.display())]
    Io {
        /// What was tried: `open`, `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        cause: std::io::Error,
    },
    /// A model name that stands for no file.
    #[error("no model {name:?}; searched {}", .searched.join(", "))]
    NotFound {
        /// What was asked for.
        name: String,
        /// Where it was looked for.
        searched: Vec<String>,
    },
    /// The bytes are not a whole ONNX model.
    #[error("{model} is not a complete ONNX model: {reason}")]
    Format {
        /// File or name.
        model: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// A limit that protects memory was reached.
    #[error("{model}: {what} is {value}, above the limit of {limit}")]
    Limit {
        /// File or name.
        model: String,
        /// The quantity.
        what: &'static str,
        /// Its value.
        value: u64,
        /// The limit.
        limit: u64,
    },
    /// An operator set that is missing or not known.
    #[error("{model}: {reason}")]
    Opset {
        /// File or name.
        model: String,
        /// Which operator set, what is known, and the next step.
        reason: String,
    },
    /// Weights that lie outside the file cannot be read.
    #[error("{model}: weights of {tensor:?} lie in {file:?}: {reason}")]
    External {
        /// File or name.
        model: String,
        /// The tensor.
        tensor: String,
        /// Location as written in the model.
        file: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// A list of labels that cannot be used.
    #[error("labels {list}: {reason}")]
    Labels {
        /// The list.
        list: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// A part of the graph that contradicts itself.
    #[error("{model}: {place}: {reason}")]
    Graph {
        /// File or name.
        model: String,
        /// Tensor, node or value.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// The contract is unreadable or does not fit the graph.
    #[error("contract of {model}: {field}: {reason}")]
    Contract {
        /// File or name.
        model: String,
        /// Field of the document.
        field: String,
        /// What is wrong and what was expected.
        reason: String,
    },
}
