//! One place that holds the newest value: a status line or preview that may skip but never lags.
//!
//! When full: the new value replaces the old one, which goes back to the caller; nobody waits to
//! write.
//!
//! Threading: any number of writers and readers; one lock, held for a move.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::frame::MonoTime;

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    replaced: u64,
    closed: bool,
}

/// A slot for the newest value.
#[derive(Debug)]
pub struct LatestSlot<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
}

impl<T> Default for LatestSlot<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> LatestSlot<T> {
    /// An empty slot.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: Mutex::new(State { value: None, replaced: 0, closed: false }),
            filled: Condvar::new(),
        }
    }

    /// Puts the newest value in and gives back the one nobody took.
    pub fn put(&self, value: T) -> Option<T> {
        let mut state = self.lock();
        let old = state.value.replace(value);
        state.replaced += u64::from(old.is_some());
        drop(state);
        self.filled.notify_one();
        old
    }

    /// Takes the value, waiting until `deadline` at the latest; `None` on timeout or when closed.
    pub fn take(&self, deadline: MonoTime) -> Option<T> {
        let mut state = self.lock();
        loop {
            if state.value.is_some() || state.closed {
                return state.value.take();
            }
            let wait = deadline.since(MonoTime::now());
            if wait.is_zero() {
                return None;
            }
            state = self.filled.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// True when a value waits to be taken.
    #[must_use]
    pub fn is_filled(&self) -> bool {
        self.lock().value.is_some()
    }

    /// How many values were replaced before anyone took them.
    #[must_use]
    pub fn replaced(&self) -> u64 {
        self.lock().replaced
    }

    /// Wakes every reader; nobody waits from now on.
    pub fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // No user code runs under the lock, so a poisoned state is still consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_newest_wins_and_the_old_is_counted() {
        let slot = LatestSlot::new();
        assert_eq!(slot.put(1), None);
        assert_eq!(slot.put(2), Some(1));
        assert_eq!(slot.replaced(), 1);
        assert_eq!(slot.take(MonoTime::ZERO), Some(2));
        assert_eq!(slot.take(MonoTime::ZERO), None);
    }

    #[test]
    fn closing_wakes_a_reader() {
        let slot = Arc::new(LatestSlot::<u8>::new());
        let far = MonoTime::now().after(Duration::from_secs(60));
        let reader = std::thread::spawn({
            let slot = Arc::clone(&slot);
            move || slot.take(far)
        });
        slot.close();
        assert_eq!(reader.join().unwrap(), None);
    }
}
