//! From tensors to meaning: what the runtime does with a model.

mod error;
pub mod evaluate;
pub mod predict;

pub use error::TaskError;
