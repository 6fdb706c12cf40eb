//! What can go wrong with pixels.

use crate::frame::{PixelFormat, Size};

/// A picture that cannot be converted, or pictures that do not fit each other.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VisionError {
    /// A compressed picture that cannot be decoded. The frame is lost, the stream is not.
    #[error("cannot decode the JPEG picture of {bytes} bytes: {reason}")]
    Decode {
        /// Length of the compressed picture.
        bytes: usize,
        /// What the decoder met.
        reason: String,
    },
    /// The frame holds fewer planes or bytes than its format needs.
    #[error("the {format} frame of {size} lacks samples; it was not made by Frame::new")]
    Planes {
        /// Pixel format of the frame.
        format: PixelFormat,
        /// Size of the frame.
        size: Size,
    },
    /// Two pictures that must have the same size do not.
    #[error("{what} is {got} but {expected} is needed; scale it first")]
    SizeMismatch {
        /// Which picture is wrong.
        what: &'static str,
        /// Its size.
        got: Size,
        /// The size it should have.
        expected: Size,
    },
    /// A picture without pixels, or too large.
    #[error("{what} is {size}; each side must be 1..={max}", max = crate::frame::MAX_DIMENSION)]
    Size {
        /// Which picture is wrong.
        what: &'static str,
        /// Its size.
        size: Size,
    },
    /// A buffer of the wrong length.
    #[error("{what} holds {got} elements but {needed} are needed")]
    Length {
        /// Which buffer is wrong.
        what: &'static str,
        /// Its length.
        got: usize,
        /// The length it should have.
        needed: usize,
    },
}

impl VisionError {
    /// Fails unless `got` is `expected`.
    pub(super) fn check_size(
        what: &'static str,
        got: Size,
        expected: Size,
    ) -> Result<(), VisionError> {
        if got == expected { Ok(()) } else { Err(Self::SizeMismatch { what, got, expected }) }
    }

    /// Fails unless `got` is `needed`.
    pub(super) const fn check_len(
        what: &'static str,
        got: usize,
        needed: usize,
    ) -> Result<(), VisionError> {
        if got == needed { Ok(()) } else { Err(Self::Length { what, got, needed }) }
    }

    /// Fails unless `size` has pixels and is not too large.
    pub(super) fn check_pixels(what: &'static str, size: Size) -> Result<(), VisionError> {
        size.checked().map(|_| ()).map_err(|_| Self::Size { what, size })
    }
}
