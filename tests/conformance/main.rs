//! Models x engines: shared third-party models, the ONNX project's operator tests and light models,
//! and chained frames of recurrent models on one engine against the other.
//!
//! Data are looked up in `FRAMECAST_DATA` (default `../shared/data`); without them, and without an
//! ONNX Runtime library, tests are skipped by name - except in CI, where both are required.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]

mod chained;
mod data;
mod integers;
mod operators;
mod shared_models;
