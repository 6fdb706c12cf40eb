//! A live source without what it filmed before anybody was ready.
//!
//! A camera streams from the moment it is opened, and a model may take seconds to load after that.
//! What queued up meanwhile, and what was lost for want of a buffer, would show as old frames and
//! as gaps of a stream that had not begun, so it is let go here, and counted apart. That is:
//!
//! - frames captured before the start;
//! - losses that were waiting at the start, which are those read without a wait;
//! - the hole in the frame numbers between what was let go and the first frame.
//!
//! Everything else passes, a frame damaged after the start for instance. A recording is untouched.
//!
//! Threading: driven by the thread that reads. It never waits longer than the source itself.

use std::sync::Arc;
use std::time::Duration;

use crate::frame::{Clock, DropReason, FrameSeq, MonoTime, SystemClock};
use crate::source::{Damage, Read, Source, SourceError, SourceInfo};

/// The longest time for which old frames are let go, should the time stamps of a device be wrong.
const SETTLE: Duration = Duration::from_secs(1);

/// A source that begins with its first read.
pub struct Fresh {
    source: Box<dyn Source>,
    clock: Arc<dyn Clock>,
    begun: Option<MonoTime>,
    /// A read had to wait, so nothing from before the start is left in the source.
    drained: bool,
    /// Number of the first frame delivered, from which a live stream counts; none before it.
    first: Option<u64>,
    let_go: u64,
}

impl Fresh {
    /// Reads `source` from now on; to be made when everything else is ready.
    #[must_use]
    pub fn new(source: Box<dyn Source>) -> Self {
        let clock = Arc::new(SystemClock);
        Self { source, clock, begun: None, drained: false, first: None, let_go: 0 }
    }

    /// The same on another clock, for tests.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Frames let go since the last call: filmed or lost before the start.
    pub const fn take_let_go(&mut self) -> u64 {
        std::mem::replace(&mut self.let_go, 0)
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
        let begun = *self.begun.get_or_insert_with(|| self.clock.now());
        loop {
            let now = self.clock.now();
            let settling = self.first.is_none() && now.since(begun) < SETTLE;
            let emptying = settling && !self.drained;
            let read = self.source.read(if emptying { now.min(deadline) } else { deadline })?;
            match read {
                Read::Frame(frame) if settling && frame.captured() < begun => self.let_go += 1,
                Read::Lost { frames, reason } if emptying || (settling && is_hole(reason)) => {
                    self.let_go = self.let_go.saturating_add(frames);
                }
                Read::Timeout if emptying => self.drained = true,
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

    fn damage(&self) -> Damage {
        self.source.damage()
    }
}

/// Losses that are told with the frame after them, by its number: they may lie long before it.
const fn is_hole(reason: DropReason) -> bool {
    matches!(reason, DropReason::DriverGap | DropReason::Policy | DropReason::Ring)
}

impl std::fmt::Debug for Fresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fresh").field("begun", &self.begun).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::MockClock;
    use crate::pipeline::tests::scripted::{frame, script};

    /// One read of the script: what comes, and whether it was there already.
    #[derive(Clone, Copy)]
    enum Has {
        /// A frame of this number, captured at this many milliseconds.
        Frame(u64, u64),
        Lost(u64, DropReason),
        Nothing,
    }
    use Has::{Frame as F, Lost as L, Nothing};

    const START: u64 = 1_000;

    fn at(ms: u64) -> MonoTime {
        MonoTime::ZERO.after(Duration::from_millis(ms))
    }

    /// What a reader gets of `reads`, each 10 ms after the one before, and how much was let go.
    fn through(live: bool, reads: &'static [Has]) -> (Vec<String>, u64) {
        let clock = MockClock::new(at(START));
        let ticks = clock.clone();
        let source = script(live, move |i| {
            ticks.advance(Duration::from_millis(10));
            Ok(match reads.get(i as usize) {
                Some(F(seq, ms)) => Read::Frame(frame(*seq, at(*ms))),
                Some(L(frames, reason)) => Read::Lost { frames: *frames, reason: *reason },
                Some(Nothing) => Read::Timeout,
                None => Read::End,
            })
        });
        let mut fresh = Fresh::new(source).with_clock(Arc::new(clock));
        let (mut seen, mut let_go) = (Vec::new(), 0);
        loop {
            let read = fresh.read(at(60_000)).unwrap();
            let_go += fresh.take_let_go();
            match read {
                Read::Frame(frame) => seen.push(frame.seq().to_string()),
                Read::Lost { frames, reason } => seen.push(format!("{frames} {reason}")),
                Read::Timeout => seen.push("timeout".to_owned()),
                Read::Reopened => seen.push("reopened".to_owned()),
                Read::End => return (seen, let_go),
            }
        }
    }

    #[test]
    fn what_waited_at_the_start_is_let_go_and_counted() {
        const READS: &[Has] = &[
            F(7, 100),
            L(2, DropReason::Corrupt),
            F(10, 130),
            Nothing,
            L(90, DropReason::DriverGap),
            F(101, START + 50),
            L(3, DropReason::DriverGap),
            F(105, START + 70),
        ];
        let (seen, let_go) = through(true, READS);
        assert_eq!((seen.join(", "), let_go), ("#0, 3 driver_gap, #4".to_owned(), 94));
        let (seen, let_go) = through(false, READS);
        assert_eq!((seen.len(), let_go), (READS.len(), 0), "a recording is untouched");
    }

    #[test]
    fn what_is_damaged_after_the_start_passes() {
        let reads = &[
            F(3, 900),
            Nothing,
            L(1, DropReason::Corrupt),
            Nothing,
            L(1, DropReason::Decode),
            F(6, START + 60),
        ];
        let (seen, let_go) = through(true, reads);
        assert_eq!((seen.join(", "), let_go), ("1 corrupt, timeout, 1 decode, #0".to_owned(), 1));
    }

    #[test]
    fn a_frame_begun_before_the_start_is_let_go_when_it_arrives_later() {
        let (seen, let_go) = through(true, &[Nothing, F(1, START - 5), F(2, START + 20)]);
        assert_eq!((seen.join(", "), let_go), ("#0".to_owned(), 1));
    }

    #[test]
    fn wrong_time_stamps_cost_a_second_and_no_more() {
        const OLD: [Has; 150] = [F(0, 5); 150];
        let (seen, let_go) = through(true, &OLD);
        assert_eq!((seen.len(), let_go), (50, 100));
    }
}
