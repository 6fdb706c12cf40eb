//! The capture side: what a source delivers goes into the ring, and every loss into the ledger.
//!
//! When full: see the ring's policy. Under `block` and `every-n` a file waits as long as it takes
//! (nothing is lost), a live source until its deadline.
//!
//! Threading: driven by the capture thread; a simulation drives the same code with its own time.

use std::sync::Arc;
use std::time::Duration;

use crate::frame::{DropReason, Frame, MonoTime};
use crate::ring::{FrameRing, Pushed};

use super::{FrameLedger, Stop, Ticket};

/// A frame on its way to the main stage.
#[derive(Debug)]
pub struct Captured {
    /// The frame.
    pub frame: Frame,
    /// Its place in the accounts.
    pub ticket: Ticket,
    /// How many times the source had been opened again before it.
    pub reopened: u64,
}

/// The capture side of a run.
#[derive(Debug)]
pub struct Intake {
    ring: Arc<FrameRing<Captured>>,
    ledger: FrameLedger,
    stop: Stop,
    /// How long to wait for a place; `None` for a file, which waits until the run ends.
    patience: Option<Duration>,
    reopened: u64,
}

/// How often a waiting file looks whether the run ends.
const POLL: Duration = Duration::from_millis(100);

impl Intake {
    /// An intake into `ring`. `patience` is how long a frame may wait for a place; `None` waits
    /// until the run ends.
    #[must_use]
    pub const fn new(
        ring: Arc<FrameRing<Captured>>,
        ledger: FrameLedger,
        stop: Stop,
        patience: Option<Duration>,
    ) -> Self {
        Self { ring, ledger, stop, patience, reopened: 0 }
    }

    /// Takes a frame in.
    pub fn accept(&self, frame: Frame, now: MonoTime) {
        let mut captured =
            Captured { frame, ticket: self.ledger.capture(), reopened: self.reopened };
        loop {
            let deadline = now_or_later(now, self.patience);
            match self.ring.push(captured, deadline) {
                Pushed::Stored => return,
                Pushed::Displaced(lost, reason) | Pushed::Refused(lost, reason) => {
                    return lost.ticket.dropped(reason);
                }
                Pushed::Closed(lost) => return lost.ticket.dropped(DropReason::Shutdown),
                Pushed::Full(back) if self.patience.is_some() => {
                    return back.ticket.dropped(DropReason::Ring);
                }
                // Nothing more is to be captured; waiting for a slow model would hold up the end.
                Pushed::Full(back) if self.stop.is_finishing() => {
                    return back.ticket.dropped(DropReason::Shutdown);
                }
                Pushed::Full(back) => captured = back,
            }
        }
    }

    /// Counts frames that never arrived.
    pub fn lost(&self, frames: u64, reason: DropReason) {
        self.ledger.lost(frames, reason);
    }

    /// Counts frames from before the run.
    pub fn before_start(&self, frames: u64) {
        if frames > 0 {
            self.ledger.before_start(frames);
        }
    }

    /// The source was opened again. A count travels with each frame instead of a mark on the next
    /// one, since that one may be dropped.
    pub const fn note_reopened(&mut self) {
        self.reopened += 1;
    }

    /// Frames captured so far, lost ones included.
    #[must_use]
    pub fn captured(&self) -> u64 {
        self.ledger.snapshot().captured
    }
}

fn now_or_later(now: MonoTime, patience: Option<Duration>) -> MonoTime {
    match patience {
        Some(patience) => now.after(patience),
        // A file polls on the real clock, since `now` stands still while it waits.
        None => MonoTime::now().after(POLL),
    }
}

#[cfg(test)]
mod tests {
    use crate::frame::{FrameMeta, Layout, PixelFormat, PooledBuf, Size};
    use crate::ring::{Policy, Popped};

    use super::*;

    fn frame() -> Frame {
        let layout = Layout::packed(PixelFormat::Grey, Size::new(2, 2)).unwrap();
        Frame::new(PooledBuf::unpooled(vec![0; 4]), layout, FrameMeta::default()).unwrap()
    }

    #[test]
    fn a_live_source_gives_up_and_a_file_waits_until_the_end() {
        let ring = Arc::new(FrameRing::new(Policy::Block, 1));
        let (ledger, stop) = (FrameLedger::default(), Stop::new());
        let patience = Some(Duration::from_millis(1));
        let live = Intake::new(ring.clone(), ledger.clone(), stop.clone(), patience);
        live.accept(frame(), MonoTime::now());
        live.accept(frame(), MonoTime::now());
        assert_eq!(ledger.snapshot().dropped.get(DropReason::Ring), 1);
        let file = Intake::new(ring, ledger.clone(), stop.clone(), None);
        stop.abort();
        file.accept(frame(), MonoTime::now());
        let counts = ledger.snapshot();
        assert_eq!((counts.in_flight, counts.dropped.get(DropReason::Shutdown)), (1, 1));
        assert!(counts.balances());
    }

    #[test]
    fn the_newest_frame_replaces_the_waiting_one() {
        let ring = Arc::new(FrameRing::new(Policy::Latest, 4));
        let ledger = FrameLedger::default();
        let mut intake = Intake::new(ring.clone(), ledger.clone(), Stop::new(), None);
        intake.accept(frame(), MonoTime::ZERO);
        intake.note_reopened();
        intake.accept(frame(), MonoTime::ZERO);
        let counts = ledger.snapshot();
        assert_eq!((counts.in_flight, counts.dropped.get(DropReason::Policy)), (1, 1));
        assert!(matches!(ring.try_pop(), Popped::Item(Captured { reopened: 1, .. }, 1)));
    }
}
