//! Predicting the next frame of a stream, and keeping score.
//!
//! A [`Predictor`] takes the frames of one stream in order. For each it compares what it had
//! predicted with what arrived, beside copy-last on the same frame, and predicts anew. What makes
//! the prediction is a [`Forecaster`]: a `direct` or `blend` model, or one of the baselines.

mod baseline;
mod blend;
mod coded;
mod coded_forecast;
mod direct;
pub(in crate::task) mod fit;
mod forecaster;
mod horizon;
mod interval;
mod motion;
mod motion_prior;
pub(in crate::task) mod packing;
mod pending;
mod predictor;
pub(in crate::task) mod sample;
#[cfg(test)]
mod scripted;
mod state_file;
mod surprise;
#[cfg(test)]
mod tests;
mod totals;
mod view;
mod window;

pub use baseline::{CopyLast, Linear};
pub use blend::{Blend, FEATURE_SET, blend_binding};
pub use coded::CodedBlend;
pub use coded_forecast::CodedForecast;
pub use direct::Direct;
pub use fit::{Fit, binding};
pub use forecaster::Forecaster;
pub use horizon::{Horizon, MAX_HORIZON};
pub use interval::RunningMedian;
pub use motion::Motion;
pub use motion_prior::MotionPriors;
pub use predictor::{Predictor, PredictorOptions, Step};
pub use state_file::SavedState;
pub use surprise::{Surprise, SurpriseEvent, SurpriseOptions};
pub use totals::{Distance, StepScore, Totals};
pub use view::View;
