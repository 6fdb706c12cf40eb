//! Dense sub-pixel motion between two pictures, in integers: the same bytes on every processor.
//!
//! An inverse search (T. Kroeger et al., "Fast Optical Flow using Dense Inverse Search", 2016) from
//! coarse to fine over a pyramid of luma: each 8x8 patch of the newer picture slides over the older
//! one along its own gradients, neighbours hand good displacements on, and overlapping patches vote
//! with their residual for the displacement of each 4x4 cell. Everything is integer arithmetic with
//! a written order, so that a motion field may stand in a stream.

mod compensate;
mod field;
mod homography;
mod patch;
mod pyramid;
mod search;

pub use compensate::{Compensator, GROUP, Scale, Wanted};
pub use field::{CELL, MotionField, Vector};
pub use homography::Homography;
pub use pyramid::{LumaPyramid, luma};
pub use search::{MotionSearch, SearchOptions};
