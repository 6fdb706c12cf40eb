//! What a file format gives its reader: one picture after the other, however long it takes.
//!
//! A [`Recording`] knows nothing of pools, deadlines or pacing; [`Playback`](super::Playback) and
//! [`Background`](super::Background) make a [`Source`](super::Source) of it.

use crate::frame::{Colour, DropReason, FrameSeq, Layout, MonoTime, PooledBuf};

use super::{DamageLog, SourceError, SourceInfo};

/// A description of the picture a recording has put into a buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Picture {
    /// Its planes.
    pub layout: Layout,
    /// What its samples mean.
    pub colour: Colour,
    /// Time since the first picture, where the format tells.
    pub position: Option<MonoTime>,
}

/// What came next in a recording.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    /// The buffer holds this picture.
    Picture(Picture),
    /// Pictures that are in the recording but cannot be had.
    Lost {
        /// How many.
        frames: u64,
        /// Why.
        reason: DropReason,
    },
    /// The end.
    End,
}

/// A file or stream of pictures, read in order by one thread; a call may block.
pub trait Recording: Send {
    /// What the recording is.
    fn info(&self) -> &SourceInfo;

    /// Bytes the next picture's buffer should have at first; 0 when not known before.
    fn frame_len(&self) -> usize;

    /// Reads the next picture into `buf`, which may be resized.
    ///
    /// # Errors
    /// [`SourceError`]; the recording is not read again after one.
    fn next(&mut self, buf: &mut PooledBuf) -> Result<Next, SourceError>;

    /// Where it writes down what it cannot read although it goes on.
    fn damage(&self) -> DamageLog {
        DamageLog::default()
    }
}

impl Recording for Box<dyn Recording> {
    fn info(&self) -> &SourceInfo {
        (**self).info()
    }

    fn frame_len(&self) -> usize {
        (**self).frame_len()
    }

    fn next(&mut self, buf: &mut PooledBuf) -> Result<Next, SourceError> {
        (**self).next(buf)
    }

    fn damage(&self) -> DamageLog {
        (**self).damage()
    }
}

/// Number and time line of the pictures of a recording.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counter {
    next: u64,
}

impl Counter {
    /// The number of a picture just read.
    pub(super) const fn take(&mut self) -> FrameSeq {
        let seq = FrameSeq(self.next);
        self.next += 1;
        seq
    }

    /// Leaves out the numbers of lost pictures.
    pub(super) const fn skip(&mut self, frames: u64) {
        self.next = self.next.saturating_add(frames);
    }
}
