//! One [`Session`] trait over tract, ONNX Runtime and our exact integer kernels.
//!
//! No type of an inference library crosses this module.

mod error;
mod session;

pub use error::EngineError;
pub use session::{ResetReason, Session, SessionSpec, TensorSpec};
