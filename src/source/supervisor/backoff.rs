//! How long to wait before the next attempt.

use std::time::Duration;

use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng as _;

/// Doubling waits with jitter, so that several cameras on one hub do not come back in step.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    max: Duration,
    failures: u32,
    random: Pcg32,
}

impl Backoff {
    pub(super) fn new(first: Duration, max: Duration, seed: u64) -> Self {
        Self { first, max: max.max(first), failures: 0, random: Pcg32::new(seed, 1) }
    }

    /// The wait after one more failure: half to all of `first`, 2 `first`, 4 `first` ... `max`.
    pub(super) fn next(&mut self) -> Duration {
        let whole = self.first.saturating_mul(1 << self.failures.min(20)).min(self.max);
        self.failures = self.failures.saturating_add(1);
        let half = whole / 2;
        // 16 bits of jitter are plenty.
        half + half * (self.random.next_u32() >> 16) / 0xffff
    }

    /// Failures since the last reset.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    /// The stream has proved itself: start from the first wait again.
    pub(super) const fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_within_the_jitter() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(100), ms(1_000), 7);
        for whole in [100, 200, 400, 800, 1_000, 1_000] {
            let wait = backoff.next();
            assert!((ms(whole / 2)..=ms(whole)).contains(&wait), "{wait:?} for {whole} ms");
        }
        for _ in 0..100 {
            assert!(backoff.next() <= ms(1_000));
        }
        backoff.reset();
        assert!(backoff.next() <= ms(100));
    }

    #[test]
    fn seeds_give_different_waits_and_repeat_themselves() {
        let waits = |seed| {
            let mut b = Backoff::new(Duration::from_millis(100), Duration::from_secs(1), seed);
            [b.next(), b.next(), b.next()]
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }
}
