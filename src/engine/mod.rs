//! One [`Session`] trait over tract, ONNX Runtime and our exact integer kernels.
//!
//! No type of an inference library crosses this module.
#![cfg_attr(
    not(any(feature = "tract", feature = "ort")),
    allow(dead_code, reason = "what the engines share is idle in a build without them")
)]

mod backend;
pub mod check;
mod error;
mod exact;
mod library_call;
mod load;
mod observed;
mod options;
#[cfg(feature = "ort")]
mod ort;
mod ports;
mod refusal;
mod report;
mod self_test;
mod session;
mod state_bytes;
mod state_session;
#[cfg(test)]
mod tests;
#[cfg(feature = "tract")]
mod tract;

pub use error::EngineError;
pub use exact::wants_exact;
pub use library_call::inside_library;
pub use load::{Loaded, load};
pub use options::{EngineChoice, LoadOptions, Provider, UnknownName};
#[cfg(feature = "ort")]
pub use ort::{OLDEST_MINOR, Origin, Tried, search};
pub use report::{Attempt, LoadReport, Placement, SelfTest};
pub use session::{ResetReason, Session, SessionSpec, TensorSpec};
