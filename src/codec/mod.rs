//! The predictive codec: lossless and bounded-error coding of camera frames, bit-exact everywhere.
//!
//! Knows frames, vision and its own [`Predictor`] trait, nothing of models. All arithmetic that the
//! bitstream depends on is exact; `docs/bitstream.md` says how.

mod band;
mod picture;

pub use picture::{Picture, PlaneBuf, SampleLayout};
