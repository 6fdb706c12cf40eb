//! Frame accounting: `captured = processed + in_flight + sum(dropped{reason})` at every moment.
//!
//! Each captured frame carries a [`Ticket`]; a ticket is settled exactly once, as processed or
//! dropped, and one that is merely let go (a panic, a closed queue) counts as `shutdown`. So no
//! path through the program can lose a frame silently.
//!
//! Threading: one small mutex, because a snapshot must see all counts of the same moment and
//! separate atomics cannot give that. It is taken twice a frame, for a few additions.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Serialize, Serializer};

use crate::frame::DropReason;

/// All counts of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FrameCounts {
    /// Frames delivered by the source plus those known to be lost before.
    pub captured: u64,
    /// Frames the main stage finished.
    pub processed: u64,
    /// Frames waiting or being worked on.
    pub in_flight: u64,
    /// Frames dropped, by reason.
    pub dropped: DropCounts,
    /// Frames a live source had filmed or lost before the run began; no part of `captured`.
    pub before_start: u64,
}

/// Dropped frames by reason; every reason is present in a report, also at zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DropCounts([u64; DropReason::ALL.len()]);

impl DropCounts {
    /// Frames dropped for `reason`.
    #[must_use]
    pub fn get(&self, reason: DropReason) -> u64 {
        self.0.get(reason.index()).copied().unwrap_or(0)
    }

    /// Frames dropped in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    fn add(&mut self, reason: DropReason, frames: u64) {
        if let Some(count) = self.0.get_mut(reason.index()) {
            *count = count.saturating_add(frames);
        }
    }
}

impl Serialize for DropCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(DropReason::ALL.map(|reason| (reason.name(), self.get(reason))))
    }
}

impl FrameCounts {
    /// The identity of the accounting.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.captured == self.processed + self.in_flight + self.dropped.total()
    }
}

#[derive(Debug, Default)]
struct State {
    counts: FrameCounts,
    closed: bool,
}

/// The accounts of a run, shared by clones.
#[derive(Clone, Debug, Default)]
pub struct FrameLedger {
    state: Arc<Mutex<State>>,
}

/// One frame in flight.
#[derive(Debug)]
#[must_use = "a ticket that is let go counts its frame as dropped at shutdown"]
pub struct Ticket {
    state: Arc<Mutex<State>>,
    settled: bool,
}

impl FrameLedger {
    /// Counts a frame the source delivered.
    pub fn capture(&self) -> Ticket {
        let mut state = lock(&self.state);
        state.counts.captured += 1;
        // After the end nothing is in flight any more; a frame still delivered is a late one.
        let settled = state.closed;
        if settled {
            state.counts.dropped.add(DropReason::Shutdown, 1);
        } else {
            state.counts.in_flight += 1;
        }
        drop(state);
        Ticket { state: Arc::clone(&self.state), settled }
    }

    /// Counts frames that were captured but never reached us.
    pub fn lost(&self, frames: u64, reason: DropReason) {
        let mut state = lock(&self.state);
        state.counts.captured = state.counts.captured.saturating_add(frames);
        state.counts.dropped.add(reason, frames);
    }

    /// Counts frames from before the run, which are let go.
    pub fn before_start(&self, frames: u64) {
        let mut state = lock(&self.state);
        state.counts.before_start = state.counts.before_start.saturating_add(frames);
    }

    /// All counts of this moment.
    #[must_use]
    pub fn snapshot(&self) -> FrameCounts {
        lock(&self.state).counts
    }

    /// Ends the accounts: what is still in flight is dropped for `reason`, and tickets settled
    /// later (by a thread that hangs in a library) change nothing.
    pub fn close(&self, reason: DropReason) -> FrameCounts {
        let mut state = lock(&self.state);
        state.closed = true;
        let left = std::mem::take(&mut state.counts.in_flight);
        state.counts.dropped.add(reason, left);
        state.counts
    }
}

impl Ticket {
    /// The main stage finished the frame.
    pub fn processed(mut self) {
        self.settle(None);
    }

    /// The frame is given up.
    pub fn dropped(mut self, reason: DropReason) {
        self.settle(Some(reason));
    }

    fn settle(&mut self, dropped: Option<DropReason>) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        let mut state = lock(&self.state);
        if state.closed {
            return;
        }
        state.counts.in_flight -= 1;
        match dropped {
            None => state.counts.processed += 1,
            Some(reason) => state.counts.dropped.add(reason, 1),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.settle(Some(DropReason::Shutdown));
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // No user code runs under the lock, so a poisoned state is still consistent.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_forgotten_ticket_is_a_shutdown_loss() {
        let ledger = FrameLedger::default();
        ledger.capture().processed();
        drop(ledger.capture());
        ledger.lost(3, DropReason::DriverGap);
        let counts = ledger.snapshot();
        assert!(counts.balances());
        assert_eq!((counts.captured, counts.processed, counts.in_flight), (5, 1, 0));
        assert_eq!(counts.dropped.get(DropReason::Shutdown), 1);
    }

    #[test]
    fn late_tickets_change_nothing() {
        let ledger = FrameLedger::default();
        let hung = ledger.capture();
        let end = ledger.close(DropReason::Deadline);
        assert_eq!((end.in_flight, end.dropped.get(DropReason::Deadline)), (0, 1));
        hung.processed();
        assert_eq!(ledger.snapshot(), end);
        ledger.capture().processed();
        let after = ledger.snapshot();
        assert!(after.balances());
        assert_eq!(after.dropped.get(DropReason::Shutdown), 1);
    }

    #[test]
    fn every_reason_is_in_the_report() {
        let json = serde_json::to_value(FrameCounts::default()).unwrap();
        for reason in DropReason::ALL {
            assert_eq!(json["dropped"][reason.name()], 0);
        }
    }

    #[test]
    fn holds_while_threads_work() {
        let ledger = FrameLedger::default();
        let workers: Vec<_> = (0..3_usize)
            .map(|worker| {
                let ledger = ledger.clone();
                std::thread::spawn(move || {
                    for i in 0..3_000_usize {
                        let ticket = ledger.capture();
                        match (worker + i) % 3 {
                            0 => ticket.processed(),
                            1 => ticket.dropped(DropReason::ALL[i % 7]),
                            _ => ledger.lost(2, DropReason::DriverGap),
                        }
                    }
                })
            })
            .collect();
        while workers.iter().any(|w| !w.is_finished()) {
            let counts = ledger.snapshot();
            assert!(counts.balances(), "{counts:?}");
        }
        workers.into_iter().for_each(|w| w.join().unwrap());
        assert_eq!(ledger.snapshot().in_flight, 0);
    }

    proptest! {
        #[test]
        fn holds_after_each_step(steps in proptest::collection::vec((0..4_u8, 0..7_usize), 1..200)) {
            let ledger = FrameLedger::default();
            let mut open = Vec::new();
            for (what, arg) in steps {
                let reason = DropReason::ALL[arg];
                match (what, open.is_empty()) {
                    (0, _) => open.push(ledger.capture()),
                    (1, _) => ledger.lost(arg as u64, reason),
                    (2, false) => open.swap_remove(arg % open.len()).processed(),
                    (3, false) => open.swap_remove(arg % open.len()).dropped(reason),
                    _ => {}
                }
                let counts = ledger.snapshot();
                prop_assert!(counts.balances());
                prop_assert_eq!(counts.in_flight, open.len() as u64);
            }
        }
    }
}
