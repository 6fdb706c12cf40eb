//! The signal that ends a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const RUN: u8 = 0;
const FINISH: u8 = 1;
const ABORT: u8 = 2;

/// Asks the threads of a run to end; shared by clones, and set from a signal handler too.
///
/// It only moves forward: run, finish (capture nothing more, work off what waits), abort (give up
/// what waits, counted as `shutdown`).
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicU8>);

impl Stop {
    /// A run that goes on.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends capturing; frames that wait are still worked off.
    pub fn finish(&self) {
        self.0.fetch_max(FINISH, Ordering::SeqCst);
    }

    /// Ends as soon as the frame in work is done.
    pub fn abort(&self) {
        self.0.fetch_max(ABORT, Ordering::SeqCst);
    }

    /// True when no further frame is to be captured.
    #[must_use]
    pub fn is_finishing(&self) -> bool {
        self.0.load(Ordering::SeqCst) != RUN
    }

    /// True when frames that wait are to be given up.
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        self.0.load(Ordering::SeqCst) == ABORT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_forward() {
        let stop = Stop::new();
        let other = stop.clone();
        assert!(!other.is_finishing());
        stop.abort();
        stop.finish();
        assert!(other.is_finishing() && other.is_aborted());
    }
}
