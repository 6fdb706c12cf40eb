//! Trains and exports the ONNX models that Framecast streams through.
//!
//! Data come through the runtime's own sources and conversions, scores through its own metrics, and
//! exported files are checked on its own engines: a model is trained for the very code that runs it.

pub mod data;
pub mod describe;
pub mod device;
mod error;
pub mod evaluate;
pub mod export;
pub mod fit;
pub mod forecast;
pub mod horizons;
pub mod insert;
pub mod leaderboard;
pub mod loss;
pub mod net;
pub mod plot;
pub mod recipe;
pub mod report;
pub mod scores;
pub mod task;
pub mod train;

pub use error::TrainError;
