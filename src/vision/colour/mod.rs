//! From the formats cameras deliver to packed RGB.
//!
//! One line at a time: the chroma lines around it are blended vertically, then widened to the
//! luma's width, then the matrix is applied. All of it is integer arithmetic with one rounding at
//! the end, so every machine gives the same bytes.

mod chroma;
mod converter;
mod matrix;

pub use converter::FrameConverter;
