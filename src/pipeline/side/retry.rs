//! When a task that fails is tried again.

use std::time::Duration;

use crate::frame::MonoTime;

/// Failures in a row after which a task pauses.
pub(super) const TRIES: u32 = 5;

/// The first pause; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(1);

/// The longest pause: a stream may run for months, and what failed may work again.
const LONGEST: Duration = Duration::from_secs(300);

/// The failures of a task in a row, and its pause.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Retry {
    failures: u32,
    /// Until when it pauses.
    until: Option<MonoTime>,
}

impl Retry {
    /// True when the task may run.
    pub(super) fn is_due(&self, now: MonoTime) -> bool {
        self.until.is_none_or(|until| now >= until)
    }

    /// How long the pause lasts yet, in whole seconds.
    pub(super) fn left(&self, now: MonoTime) -> Duration {
        let left = self.until.map_or(Duration::ZERO, |until| until.since(now));
        Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0))
    }

    /// The task runs; true when a pause is over with it.
    pub(super) const fn begin(&mut self) -> bool {
        self.until.take().is_some()
    }

    /// It did what it should.
    pub(super) const fn worked(&mut self) {
        self.failures = 0;
    }

    /// It failed; the pause that begins with it, if one does.
    pub(super) fn failed(&mut self, now: MonoTime) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        let times = self.failures.checked_sub(TRIES)?;
        let pause = FIRST.saturating_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX)).min(LONGEST);
        self.until = Some(now.after(pause));
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit_and_begin_anew_when_it_works() {
        let mut retry = Retry::default();
        let now = MonoTime::ZERO;
        let mut pauses = |n: u32| -> Vec<u64> {
            (0..n).map(|_| retry.failed(now).map_or(0, |pause| pause.as_secs())).collect()
        };
        assert_eq!(pauses(14), [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert_eq!(pauses(40).last(), Some(&300));
        assert!(!retry.is_due(now) && retry.left(now) == LONGEST);
        let later = now.after(LONGEST);
        assert!(retry.is_due(later) && retry.begin() && !retry.begin());
        retry.worked();
        assert_eq!(retry.failed(later), None);
    }
}
