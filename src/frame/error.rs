//! What can be wrong with a frame's description.

use super::{PixelFormat, Size};

/// A frame that cannot exist, or a description that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A dimension is zero or too large.
    #[error("frame size {size} is out of range; each side must be 1..={max}", max = super::MAX_DIMENSION)]
    Size {
        /// What was asked for.
        size: Size,
    },
    /// The buffer holds fewer bytes than the picture needs.
    #[error("{format} {size} needs {needed} bytes but only {got} were given")]
    Short {
        /// Pixel format of the picture.
        format: PixelFormat,
        /// Size of the picture.
        size: Size,
        /// Bytes the layout covers.
        needed: usize,
        /// Bytes at hand.
        got: usize,
    },
    /// A line is shorter than its pixels.
    #[error(
        "line stride {stride} of plane {plane} is below the {needed} bytes of one {format} line"
    )]
    Stride {
        /// Pixel format of the picture.
        format: PixelFormat,
        /// Index of the plane.
        plane: usize,
        /// The stride given.
        stride: usize,
        /// The least stride.
        needed: usize,
    },
    /// A rate with a zero in it.
    #[error("rate {num}/{den} is not a positive number; write for example 30 or 30000/1001")]
    Rate {
        /// Numerator.
        num: u32,
        /// Denominator.
        den: u32,
    },
    /// A rate that cannot be read.
    #[error("cannot read {text:?} as a frame rate; write for example 30, 29.97 or 30000/1001")]
    RateText {
        /// What was given.
        text: String,
    },
    /// A size that cannot be read.
    #[error("cannot read {text:?} as a frame size; write for example 640x360")]
    SizeText {
        /// What was given.
        text: String,
    },
    /// A name that is no pixel format.
    #[error("unknown pixel format {text:?}; known are {known}", known = PixelFormat::names())]
    FormatText {
        /// What was given.
        text: String,
    },
    /// A name that is no colour description.
    #[error(
        "unknown colour {text:?}; write bt601, bt709 or bt2020, with -limited or -full, for example bt709-limited"
    )]
    ColourText {
        /// What was given.
        text: String,
    },
    /// Every buffer of the pool is in use.
    #[error("all {slots} frame buffers are in use")]
    PoolExhausted {
        /// Buffers of the pool.
        slots: usize,
    },
}
