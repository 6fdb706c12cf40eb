//! Checking a model against reference values on one engine: golden summaries, operator tests of the
//! ONNX project, its light models, and the golden vectors of a contract.
//!
//! The verdict tells a wrong answer from a refusal: an engine may refuse, it may never be wrong.

mod compare;
mod discover;
mod golden_file;
mod reference;
mod run;
#[cfg(test)]
#[cfg(feature = "tract")]
mod tests;

pub use discover::{Case, discover};
pub use golden_file::GoldenFile;
pub use run::check;

use serde::Serialize;

/// What came of one model on one engine.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Verdict {
    /// All values are within tolerance.
    Pass {
        /// Largest error in units of the tolerance; 1 is the limit.
        worst: f64,
        /// What it was compared with, and any rule beside the plain tolerance.
        how: String,
    },
    /// The engine does not take the model, and says why.
    Refused {
        /// Node; empty when the reason is about the whole file.
        node: String,
        /// Operator with its domain.
        operator: String,
        /// The rule or the library's message.
        reason: String,
    },
    /// The engine gave other numbers, or failed after it had accepted the model.
    Wrong {
        /// Where and by how much.
        reason: String,
    },
    /// The file is not a model, or its reference cannot be read.
    Invalid {
        /// Why.
        reason: String,
    },
    /// The engine is not there.
    Unavailable {
        /// Why, and what to do.
        reason: String,
    },
}

impl Verdict {
    /// One word for tables.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pass { .. } => "pass",
            Self::Refused { .. } => "refused",
            Self::Wrong { .. } => "wrong",
            Self::Invalid { .. } => "invalid",
            Self::Unavailable { .. } => "unavailable",
        }
    }

    /// The detail in one line.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Pass { worst, how } => {
                format!("{how}; worst error {:.1}% of tolerance", worst * 100.0)
            }
            Self::Refused { node, operator, reason } if node.is_empty() && operator.is_empty() => {
                reason.clone()
            }
            Self::Refused { node, operator, reason } => {
                format!("node {node:?} ({operator}): {reason}")
            }
            Self::Wrong { reason } | Self::Invalid { reason } | Self::Unavailable { reason } => {
                reason.clone()
            }
        }
    }
}
