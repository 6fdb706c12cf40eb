//! Where the pipeline reads the time, so that tests can hold it still.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::MonoTime;

/// A monotonic clock. The program uses [`SystemClock`]; tests move a [`MockClock`] by hand.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> MonoTime;

    /// Waits until `time`; returns at once when it has passed.
    fn sleep_until(&self, time: MonoTime);
}

/// The machine's monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> MonoTime {
        MonoTime::now()
    }

    fn sleep_until(&self, time: MonoTime) {
        let wait = time.since(MonoTime::now());
        if !wait.is_zero() {
            std::thread::sleep(wait);
        }
    }
}

/// A clock that stands still until it is moved. Clones share the time; sleeping moves it.
#[derive(Clone, Debug, Default)]
pub struct MockClock {
    nanos: Arc<AtomicU64>,
}

impl MockClock {
    /// A clock at `start`.
    #[must_use]
    pub fn new(start: MonoTime) -> Self {
        Self { nanos: Arc::new(AtomicU64::new(start.as_nanos())) }
    }

    /// Moves the time forward by `by`.
    pub fn advance(&self, by: Duration) {
        self.nanos.fetch_add(u64::try_from(by.as_nanos()).unwrap_or(0), Ordering::SeqCst);
    }
}

impl Clock for MockClock {
    fn now(&self) -> MonoTime {
        MonoTime::from_nanos(self.nanos.load(Ordering::SeqCst))
    }

    fn sleep_until(&self, time: MonoTime) {
        self.nanos.fetch_max(time.as_nanos(), Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mock_time_moves_only_when_told() {
        let clock = MockClock::new(MonoTime::from_nanos(5));
        let other = clock.clone();
        clock.advance(Duration::from_nanos(10));
        assert_eq!(other.now(), MonoTime::from_nanos(15));
        other.sleep_until(MonoTime::from_nanos(40));
        other.sleep_until(MonoTime::from_nanos(20));
        assert_eq!(clock.now(), MonoTime::from_nanos(40));
    }
}
