//! A recording as a source, read by the caller's thread: for files on disk.
//!
//! When the pool is empty the recording waits: no frame of a file is ever dropped here. Paced, a
//! frame is held back until its time has come; a late reader gets the next frame at once.

use std::sync::Arc;

use super::recording::{Counter, Next, Picture, Recording};
use super::{Damage, Read, Source, SourceError, SourceInfo};
use crate::frame::{
    Clock, Frame, FrameMeta, FramePool, FrameSeq, MonoTime, PooledBuf, SystemClock,
};

/// Plays a [`Recording`].
pub struct Playback<R> {
    recording: R,
    pool: FramePool,
    counter: Counter,
    pacer: Pacer,
    /// A picture read before its time.
    early: Option<(PooledBuf, Picture, FrameSeq)>,
    /// Set after the end or an error, when there is nothing more to read.
    over: bool,
}

impl<R: Recording> Playback<R> {
    /// Plays `recording` into buffers of `pool`, by the clock when `paced`.
    pub fn new(recording: R, pool: &FramePool, paced: bool) -> Self {
        let rate = recording.info().rate;
        Self {
            recording,
            pool: pool.clone(),
            counter: Counter::default(),
            pacer: Pacer::new(paced, rate),
            early: None,
            over: false,
        }
    }

    /// The same playback on another clock, for tests.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.pacer.clock = clock;
        self
    }
}

impl<R: Recording> Source for Playback<R> {
    fn info(&self) -> &SourceInfo {
        self.recording.info()
    }

    fn read(&mut self, deadline: MonoTime) -> Result<Read, SourceError> {
        let (buf, picture, seq) = match self.early.take() {
            Some(early) => early,
            None => {
                if self.over {
                    return Ok(Read::End);
                }
                let len = self.recording.frame_len();
                let Ok(mut buf) = self.pool.take_until(len, deadline) else {
                    return Ok(Read::Timeout);
                };
                match self.recording.next(&mut buf) {
                    Ok(Next::Picture(picture)) => (buf, picture, self.counter.take()),
                    Ok(Next::Lost { frames, reason }) => {
                        self.counter.skip(frames);
                        return Ok(Read::Lost { frames, reason });
                    }
                    Ok(Next::End) => {
                        self.over = true;
                        return Ok(Read::End);
                    }
                    Err(error) => {
                        self.over = true;
                        return Err(error);
                    }
                }
            }
        };
        if !self.pacer.wait(seq, picture.position, deadline) {
            self.early = Some((buf, picture, seq));
            return Ok(Read::Timeout);
        }
        let captured = self.pacer.clock.now();
        frame(self.info(), buf, picture, seq, captured).map(Read::Frame)
    }

    fn damage(&self) -> Damage {
        self.recording.damage().so_far()
    }
}

/// Makes a frame of a picture just delivered.
pub(super) fn frame(
    info: &SourceInfo,
    buf: PooledBuf,
    picture: Picture,
    seq: FrameSeq,
    captured: MonoTime,
) -> Result<Frame, SourceError> {
    let meta = FrameMeta { colour: picture.colour, seq, captured, position: picture.position };
    Frame::new(buf, picture.layout, meta)
        .map_err(|cause| SourceError::Frame { name: info.uri.clone(), cause })
}

/// Holds frames back until their time on the recording's own time line.
pub(super) struct Pacer {
    pub(super) clock: Arc<dyn Clock>,
    paced: bool,
    rate: Option<crate::frame::Rational>,
    start: Option<MonoTime>,
}

impl Pacer {
    pub(super) fn new(paced: bool, rate: Option<crate::frame::Rational>) -> Self {
        Self { clock: Arc::new(SystemClock), paced, rate, start: None }
    }

    /// Waits for the frame's time or the deadline; true when the frame may go.
    pub(super) fn wait(
        &mut self,
        seq: FrameSeq,
        position: Option<MonoTime>,
        deadline: MonoTime,
    ) -> bool {
        if !self.paced {
            return true;
        }
        let position = position.or_else(|| Some(at_rate(seq.0, self.rate?)));
        let Some(position) = position else { return true };
        let now = self.clock.now();
        let offset = position.since(MonoTime::ZERO);
        let start = *self.start.get_or_insert_with(|| {
            // The first frame goes at once, wherever its time line starts.
            MonoTime::from_nanos(now.as_nanos().saturating_sub(position.as_nanos()))
        });
        let due = start.after(offset);
        if due > now {
            self.clock.sleep_until(due.min(deadline));
        }
        due <= self.clock.now()
    }
}

/// The time of picture `index` of a recording with a constant rate.
pub(super) fn at_rate(index: u64, rate: crate::frame::Rational) -> MonoTime {
    let nanos = u128::from(index) * u128::from(rate.den()) * 1_000_000_000 / u128::from(rate.num());
    MonoTime::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::MockClock;
    use crate::source::SourceOptions;
    use crate::source::y4m::Y4m;
    use std::time::Duration;

    #[test]
    fn paced_frames_come_at_their_time_and_a_late_reader_waits_for_none() {
        let clock = MockClock::new(MonoTime::from_nanos(5));
        let bytes = b"YUV4MPEG2 W1 H1 F10:1 Cmono\nFRAME\naFRAME\nbFRAME\nc";
        let y4m = Y4m::new(&bytes[..], "a", &SourceOptions::default()).unwrap();
        let pool = FramePool::new(2);
        let mut source = Playback::new(y4m, &pool, true).with_clock(Arc::new(clock.clone()));
        let far = MonoTime::from_nanos(u64::MAX);
        let after = |ms| MonoTime::from_nanos(5).after(Duration::from_millis(ms));
        let mut read = |deadline| match source.read(deadline).unwrap() {
            Read::Frame(frame) => Some((frame.bytes()[0], frame.captured())),
            Read::Timeout => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(read(far), Some((b'a', after(0))));
        assert_eq!(read(after(99)), None);
        assert_eq!(clock.now(), after(99));
        assert_eq!(read(far), Some((b'b', after(100))));
        clock.advance(Duration::from_secs(1));
        assert_eq!(read(far), Some((b'c', after(1100))));
    }
}
