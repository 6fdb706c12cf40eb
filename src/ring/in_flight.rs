//! How many frames may be inside the engine at once, and for how long.
//!
//! When full: [`InFlight::try_acquire`] answers `None` at once. A slot held longer than the timeout
//! is stuck: [`InFlight::reap`] frees it and counts it, so that a lost completion cannot stop the
//! stream for ever. The late holder's release is then ignored, never counted twice.
//!
//! Threading: shared by reference; time is passed in, so tests and simulations use their own clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::frame::MonoTime;

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Rises with each use, so that a late release does not free the next holder's slot.
    generation: u64,
    since: Option<MonoTime>,
}

#[derive(Debug)]
struct State {
    slots: Vec<Slot>,
    stuck: u64,
}

/// A limiter of concurrent work with a timeout.
#[derive(Clone, Debug)]
pub struct InFlight {
    state: Arc<Mutex<State>>,
    timeout: Duration,
}

/// The right to have one frame in the engine; dropping it gives the slot back.
#[derive(Debug)]
#[must_use = "the slot is given back when the permit is dropped"]
pub struct Permit {
    state: Arc<Mutex<State>>,
    index: usize,
    generation: u64,
}

impl InFlight {
    /// At most `limit` (at least 1) permits, each for at most `timeout`.
    #[must_use]
    pub fn new(limit: usize, timeout: Duration) -> Self {
        let slots = vec![Slot { generation: 0, since: None }; limit.max(1)];
        Self { state: Arc::new(Mutex::new(State { slots, stuck: 0 })), timeout }
    }

    /// A permit, or `None` when all are out.
    pub fn try_acquire(&self, now: MonoTime) -> Option<Permit> {
        let mut state = lock(&self.state);
        let (index, slot) =
            state.slots.iter_mut().enumerate().find(|(_, slot)| slot.since.is_none())?;
        slot.since = Some(now);
        slot.generation += 1;
        let generation = slot.generation;
        drop(state);
        Some(Permit { state: Arc::clone(&self.state), index, generation })
    }

    /// Frees every slot held longer than the timeout; gives how many there were.
    pub fn reap(&self, now: MonoTime) -> u64 {
        let mut state = lock(&self.state);
        let mut freed = 0;
        for slot in &mut state.slots {
            if slot.since.is_some_and(|since| now.since(since) >= self.timeout) {
                slot.since = None;
                slot.generation += 1;
                freed += 1;
            }
        }
        state.stuck += freed;
        freed
    }

    /// Permits that are out.
    #[must_use]
    pub fn held(&self) -> usize {
        lock(&self.state).slots.iter().filter(|slot| slot.since.is_some()).count()
    }

    /// Slots freed by [`InFlight::reap`] so far.
    #[must_use]
    pub fn stuck(&self) -> u64 {
        lock(&self.state).stuck
    }

    /// How long a permit may be held.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }
}

impl Permit {
    /// False once the slot was freed as stuck: a result that comes now is too late.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        lock(&self.state)
            .slots
            .get(self.index)
            .is_some_and(|slot| slot.generation == self.generation && slot.since.is_some())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        if let Some(slot) = state.slots.get_mut(self.index)
            && slot.generation == self.generation
        {
            slot.since = None;
        }
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

    const MS: u64 = 1_000_000;

    #[test]
    fn a_stuck_slot_is_freed_once() {
        let limiter = InFlight::new(1, Duration::from_millis(100));
        let stuck = limiter.try_acquire(MonoTime::ZERO).unwrap();
        assert!(limiter.try_acquire(MonoTime::ZERO).is_none());
        assert_eq!(limiter.reap(MonoTime::from_nanos(99 * MS)), 0);
        assert_eq!(limiter.reap(MonoTime::from_nanos(100 * MS)), 1);
        let next = limiter.try_acquire(MonoTime::from_nanos(100 * MS)).unwrap();
        assert!(!stuck.is_valid() && next.is_valid());
        drop(stuck);
        assert_eq!(limiter.held(), 1, "a late release must not free the next holder's slot");
        drop(next);
        assert_eq!((limiter.held(), limiter.stuck()), (0, 1));
    }

    proptest! {
        #[test]
        fn never_more_than_the_limit(
            limit in 1..4_usize,
            steps in proptest::collection::vec((0..3_u8, 0..8_usize), 1..200),
        ) {
            let limiter = InFlight::new(limit, Duration::from_millis(10));
            let mut permits = Vec::new();
            let mut now = MonoTime::ZERO;
            for (what, arg) in steps {
                match what {
                    0 => permits.extend(limiter.try_acquire(now)),
                    1 if arg < permits.len() => drop(permits.swap_remove(arg)),
                    _ => {
                        now = now.after(Duration::from_millis(arg as u64));
                        limiter.reap(now);
                    }
                }
                let valid = permits.iter().filter(|p| p.is_valid()).count();
                prop_assert_eq!(valid, limiter.held());
                prop_assert!(limiter.held() <= limit);
            }
        }
    }
}
