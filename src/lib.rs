//! Framecast: a real-time frame predictor for cameras at the edge.
//!
//! The modules are listed in the order a frame passes them. Each uses only those above it
//! (`frame` < `vision` < {`source`, `ring`, `model`} < `engine` < `task` <
//! `pipeline` with `sink` < `bench` < `cli`); a test reads the `use crate::` lines and holds the order.

pub mod frame;
pub mod vision;

pub mod codec;
pub mod model;
pub mod ring;
pub mod source;

pub mod engine;

pub mod task;

pub mod config;
pub mod pipeline;
pub mod sink;

pub mod bench;
