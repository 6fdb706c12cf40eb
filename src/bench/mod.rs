//! Experiments over recordings: what is measured, how, and the report of it.
//!
//! The highest module of the library: it may use all others and nothing uses it but the program.

pub mod codec;
