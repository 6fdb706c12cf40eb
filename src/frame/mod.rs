//! Frames and time: what a camera delivers and when.
//!
//! A [`Frame`] owns one buffer of a [`FramePool`]; dropping the frame gives the buffer back, so a
//! running stream allocates nothing per frame. Time is always a type ([`MonoTime`], [`FrameSeq`],
//! [`Rational`]), never a bare integer.

mod clock;
mod colour;
mod error;
#[expect(clippy::module_inception, reason = "the file is named after the type it holds")]
mod frame;
mod layout;
mod loss;
mod pixel_format;
mod pool;
mod time;

pub use clock::{Clock, MockClock, SystemClock};
pub use colour::{ChromaSiting, Colour, ColourMatrix, ColourRange};
pub use error::FrameError;
pub use frame::{Frame, FrameMeta, Plane};
pub use layout::{Layout, MAX_DIMENSION, PlaneLayout, Size};
pub use loss::DropReason;
pub use pixel_format::PixelFormat;
pub use pool::{FramePool, PooledBuf};
pub use time::{FrameSeq, MonoTime, Rational};
