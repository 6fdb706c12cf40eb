//! JPEG and MJPEG pictures to RGB, with the very numbers of libjpeg.
//!
//! Baseline, extended sequential and progressive Huffman pictures of 8 bits with one or three
//! components (ITU-T T.81). The inverse DCT, the triangle upsampling of halved chroma and the
//! colour conversion round as libjpeg's defaults do, since scores on JPEG frames depend on them.
//! Tables that an MJPEG stream leaves out are the typical ones of T.81 annex K.
//!
//! A picture that is cut short or broken is an error and never a half-grey picture: a predictor
//! must not see what the camera did not. Memory is bounded before it is taken: by
//! [`MAX_PIXELS`], and by the bits at hand, as each block needs at least one. In a running
//! stream nothing is allocated.

mod bits;
mod decoder;
mod fault;
mod header;
mod huffman;
mod idct;
mod planes;
mod progressive;
mod scan;
#[cfg(test)]
mod tests;
mod upsample;

pub use decoder::{JpegDecoder, MAX_PIXELS};
pub use header::size;
