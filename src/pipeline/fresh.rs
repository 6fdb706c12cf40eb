//! A live source without what it filmed before anybody was ready.
//!
//! A camera streams from the moment it is opened, and a model may take seconds to load after that.
//! What queued up meanwhile, and what was lost for want of a buffer, is let go here: it would
//! show as old frames and as gaps of a stream that had not begun. A recording passes untouched.
//!
//! Threading: driven by the thread that reads. It never waits longer than the source itself.

use std::time::Duration;

use crate::frame::{FrameSeq, MonoTime};
use crate::source::{Read, Source, SourceError, SourceInfo};

/// The longest time for which old frames are let go, should the time stamps of a device be wrong.
const SETTLE: Duration = Duration::from_secs(1);

/// A source that begins with its first read.
pub struct Fresh {
    source: Box<dyn Source>,
    begun: Option<MonoTime>,
    /// Number of the first frame delivered, from which a live stream counts; none before it.
    first: Option<u64>,
}

impl Fresh {
    /// Reads `source` from now on; to be made when everything else is ready.
    #[must_use]
    pub const fn new(source: Box<dyn Source>) -> Self {
        Self { source, begun: None, first: None }
    }
}

impl Source for Fresh {
    fn info(&self) -> &SourceInfo {
        self.source.info()
    }

    fn read(&mut self, deadline: MonoTime) -> Result<Read, SourceError> {
        if !self.source.info().live {
            return self.source.read(deadline);
        }
        let begun = *self.begun.get_or_insert_with(MonoTime::now);
        loop {
            let read = self.source.read(deadline)?;
            let waiting = self.first.is_none() && MonoTime::now().since(begun) < SETTLE;
            match read {
                Read::Frame(frame) if waiting && frame.captured() < begun => {}
                Read::Lost { .. } if waiting => {}
                Read::Frame(mut frame) => {
                    let seq = frame.seq().0;
                    let first = *self.first.get_or_insert(seq);
                    frame.meta_mut().seq = FrameSeq(seq.wrapping_sub(first));
                    return Ok(Read::Frame(frame));
                }
                other => return Ok(other),
            }
        }
    }
}

impl std::fmt::Debug for Fresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fresh").field("begun", &self.begun).finish_non_exhaustive()
    }
}
