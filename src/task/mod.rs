//! From tensors to meaning: what the runtime does with a model.

pub mod answer;
pub mod caption;
pub mod embed;
mod error;
pub mod evaluate;
mod frame_input;
mod locked_file;
pub mod predict;
pub mod rank;
pub mod replay;
pub mod search;
pub mod tag;

pub use error::TaskError;
pub use frame_input::FrameInput;
pub use locked_file::LockedFile;
