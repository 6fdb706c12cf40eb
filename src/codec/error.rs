//! What can go wrong with a stream, by what the caller can do about it.

use crate::frame::{FrameError, PixelFormat, Size};

use super::picture::SampleLayout;

/// A stream that cannot be made or read. Damage inside a stream is no error: frames carry it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// A setting is out of range.
    #[error("{name} is {value}; {allowed}")]
    Config {
        /// The setting.
        name: &'static str,
        /// What was asked for.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// A picture is not of the stream's layout and size, or its planes were resized.
    #[error("a picture of {got_size} {got:?} came into a stream of {size} {layout:?}{}",
        if (size, layout) == (got_size, got) { ", with planes of other sizes" } else { "" })]
    Picture {
        /// The stream's planes.
        layout: SampleLayout,
        /// The stream's size.
        size: Size,
        /// The picture's planes.
        got: SampleLayout,
        /// The picture's size.
        got_size: Size,
    },
    /// A pixel format that is not coded as it is.
    #[error("{format} frames cannot be coded as they are; decode them to I420 or RGB24 first")]
    PixelFormat {
        /// The format.
        format: PixelFormat,
    },
    /// The bytes are no stream, or its header is damaged.
    #[error("not a framecast stream that can be read: {reason}")]
    Format {
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// A stream of another version.
    #[error("{what} {version} of the stream is not known; this program reads {known}")]
    Version {
        /// Of what.
        what: &'static str,
        /// The version found.
        version: u32,
        /// The version read.
        known: u32,
    },
    /// A declared size is above a limit that protects memory.
    #[error("{what} is {value}, above the limit of {limit}")]
    Limit {
        /// The quantity.
        what: &'static str,
        /// Its value.
        value: u64,
        /// The limit.
        limit: u64,
    },
    /// The predictor given is not the one the stream needs, or does not fit the stream.
    #[error("{reason}")]
    Predictor {
        /// What differs, and what to do.
        reason: String,
    },
    /// The predictor failed on a frame.
    #[error("the predictor {name:?} failed: {cause}")]
    Prediction {
        /// The predictor.
        name: String,
        /// What it said.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// This thread rounds or flushes floating-point numbers in a way of its own.
    #[error(
        "floating-point arithmetic is not in its default mode ({what}) and cannot be set to it, so \
         streams would differ; use another processor"
    )]
    Arithmetic {
        /// What was found.
        what: &'static str,
    },
    /// A frame was sent before the last packet was received.
    #[error("the last packet was not received yet; call receive_packet after each send_frame")]
    Full,
    /// The encoder found a sample beyond the error bound: a defect of this program.
    #[error(
        "the coded frame differs by {difference} where {allowed} is allowed: \
         a defect of this program, please report it; the frame was not written"
    )]
    Bound {
        /// The largest difference found.
        difference: u8,
        /// The bound.
        allowed: u8,
    },
    /// The encoder failed at an earlier frame.
    #[error("an earlier frame could not be coded, so the stream ends there; begin another one")]
    Ended,
    /// A frame's description is impossible.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Reading or writing failed.
    #[error("{what}: {cause}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The system's answer.
        #[source]
        cause: std::io::Error,
    },
}
