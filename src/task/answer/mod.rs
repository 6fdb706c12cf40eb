//! Answers to questions about what a camera sees.
//!
//! A [`Responder`] is shown frames and asked at any time. A model without memory answers about the
//! newest frame; a recurrent one about the last seconds, at a constant cost a frame.

mod lane;
mod reply;
mod responder;
// They run models of their own.
#[cfg(test)]
#[cfg(feature = "tract")]
mod tests;

pub use reply::{Answer, Reply, Withheld};
pub use responder::Responder;
