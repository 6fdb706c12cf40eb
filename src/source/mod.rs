//! Where frames come from: one file or folder a kind of source, chosen by URI.
//!
//! A [`Source`] is driven by one thread. It never blocks past the deadline it is given, fills
//! buffers of the [`FramePool`](crate::frame::FramePool) it was opened with, and reports each frame
//! it knows to be lost, so that the accounting identity holds from the first frame.

mod background;
mod damage;
pub mod demo;
mod error;
pub mod ffmpeg;
pub mod gif;
#[cfg(any(target_os = "macos", windows, all(target_os = "linux", feature = "nokhwa")))]
mod nokhwa;
pub mod nut;
mod open;
mod options;
pub mod pictures;
mod playback;
pub mod raw;
mod recording;
mod replay;
mod supervisor;
pub mod uri;
#[cfg(all(target_os = "linux", target_pointer_width = "64", target_endian = "little"))]
pub mod v4l2;
pub mod y4m;

pub use background::Background;
pub use damage::{Damage, DamageLog};
pub use error::SourceError;
pub use open::open;
pub use options::{Limits, SourceOptions};
pub use playback::Playback;
pub use recording::{Next, Picture, Recording};
pub use replay::{ReplayOpener, install_replay};
pub use supervisor::{LinkState, Opener, StateChange, Supervised, SupervisorOptions};

use crate::frame::{DropReason, Frame, MonoTime, PixelFormat, Rational, Size};

/// What a source is, known once it is open.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceInfo {
    /// The URI it was opened by, with credentials removed.
    pub uri: String,
    /// Kind and driver in words, for example `v4l2 vivid (platform:vivid-000)`.
    pub description: String,
    /// Format of the frames as delivered.
    pub format: PixelFormat,
    /// Size of the frames.
    pub size: Size,
    /// Nominal rate, when known.
    pub rate: Option<Rational>,
    /// True for a camera or network stream, which does not wait for us; false for a file.
    pub live: bool,
    /// Number of frames, when the container says so.
    pub frames: Option<u64>,
}

/// What one call of [`Source::read`] brought.
#[derive(Debug)]
#[non_exhaustive]
pub enum Read {
    /// A frame.
    Frame(Frame),
    /// Frames that were captured but will never come, and why. Counted as captured and dropped.
    Lost {
        /// How many.
        frames: u64,
        /// Why.
        reason: DropReason,
    },
    /// Nothing until the deadline; the source is still alive. A recording that stays silent fails
    /// after [`SourceOptions::timeout`], so a reader need not count.
    Timeout,
    /// A live source was opened again. What was filmed in between is unknown and not counted; the
    /// next frame does not continue the last one, so predictors start anew.
    Reopened,
    /// The recording is over.
    End,
}

/// A stream of frames, driven by one thread.
pub trait Source: Send {
    /// What the source is.
    fn info(&self) -> &SourceInfo;

    /// Waits for the next frame until `deadline` at the latest.
    ///
    /// # Errors
    /// [`SourceError`]; a source that failed is dropped and, when live, opened again by the
    /// supervisor.
    fn read(&mut self, deadline: MonoTime) -> Result<Read, SourceError>;

    /// What could not be read so far although the source went on; complete once it has ended. The
    /// frames that are missing for it are counted where they are known.
    fn damage(&self) -> Damage {
        Damage::default()
    }
}
