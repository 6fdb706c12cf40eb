//! `blend/1`: candidates for the next frame, what is known about each, and their mixture.
//!
//! A `blend` predictor does not draw pixels. For each 8x8 block it says how much to trust each of
//! five candidates, given [`Features`] that this module computes: how well each candidate did so
//! far, how the content moves, and how frames repeat. [`Mixer`] then mixes the candidates. All of
//! it is integer arithmetic and fixed by `docs/contract-blend-1.md`; the trainer calls this code.

mod blocks;
mod cadence;
mod candidates;
mod features;
mod logarithm;
mod mean;
mod mixer;
mod observer;
mod prior;

pub use cadence::Cadence;
pub use candidates::Candidates;
pub use features::{FEATURES, Features};
pub use logarithm::log16;
pub use mean::mean7;
pub use mixer::{Mixer, Weights};
pub use observer::Observer;
pub use prior::{PRIOR, PRIOR_RAISE, prior};

/// Candidates in their order: the last frame, it moved on at the velocity, at half of it, the frame
/// before the last, and the 7x7 mean of the last.
pub const CANDIDATES: usize = 5;

/// Side of a block in pixels.
pub const BLOCK: usize = 8;
