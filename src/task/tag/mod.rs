//! Labels of what a camera sees: scores of a model, steadied over time, as tags that come and go.
//!
//! A [`TagModel`] scores one frame, or the embedding another model made of it. A [`TagStream`] takes
//! the frames of one stream in order, steadies the scores over a window of time, and reports the
//! best tags and which of them began or ended. [`metrics`] says how good tags are.

mod hysteresis;
pub mod metrics;
mod model;
mod options;
mod rolling;
mod stream;
// They run models of their own.
#[cfg(test)]
#[cfg(feature = "tract")]
mod tests;
mod top;

pub use hysteresis::Hysteresis;
pub use model::TagModel;
pub use options::{Pool, TagOptions};
pub use rolling::RollingMean;
pub use stream::{Tag, TagEvent, TagStream, TagUpdate};
pub use top::top;
