//! Pixels against other programs and real data: swscale, and the catz sequences.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod catz;
mod data;
mod libjpeg;
mod swscale;
