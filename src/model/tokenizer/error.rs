//! What can go wrong with a sentence or a vocabulary.

use std::path::PathBuf;

/// A sentence that cannot be used, or a vocabulary that cannot be read, written or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// The bytes are not UTF-8.
    #[error("the sentence is not UTF-8: byte {at} begins no character; convert it to UTF-8")]
    NotUtf8 {
        /// Place of the first bad byte.
        at: usize,
    },
    /// The sentence is longer than any question or caption.
    #[error("the sentence has {got} {unit}, above the limit of {limit}; ask a shorter one")]
    TooLong {
        /// What was counted: `bytes` or `words`.
        unit: &'static str,
        /// How many there are.
        got: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Nothing is left of the sentence.
    #[error("the sentence {given:?} has no words; write at least one")]
    Empty {
        /// The sentence.
        given: String,
    },
    /// A vocabulary that contradicts itself.
    #[error("vocabulary {place}: {reason}")]
    Vocabulary {
        /// File, or what it was to be made of.
        place: String,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// A vocabulary file cannot be read or written.
    #[error("cannot {action} {path}: {cause}", path = path.display())]
    Io {
        /// What was tried: `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        cause: std::io::Error,
    },
}
