//! The running median of the last values of a duration: frame intervals, ages of results.

use std::time::Duration;

/// Values kept; odd, so that the median is one of them.
const KEPT: usize = 31;

/// The median of the last 31 durations. Nothing is allocated.
#[derive(Clone, Debug)]
pub struct RunningMedian {
    /// In order of arrival; `next` is the oldest once full.
    values: [Duration; KEPT],
    sorted: [Duration; KEPT],
    len: usize,
    next: usize,
}

impl Default for RunningMedian {
    fn default() -> Self {
        Self { values: [Duration::ZERO; KEPT], sorted: [Duration::ZERO; KEPT], len: 0, next: 0 }
    }
}

impl RunningMedian {
    /// Takes in a value.
    pub fn push(&mut self, value: Duration) {
        if let Some(slot) = self.values.get_mut(self.next) {
            *slot = value;
        }
        self.next = (self.next + 1) % KEPT;
        self.len = (self.len + 1).min(KEPT);
        self.sorted = self.values;
        if let Some(used) = self.sorted.get_mut(..self.len) {
            used.sort_unstable();
        }
    }

    /// The median; the lower of the middle two for an even number, `None` without values.
    #[must_use]
    pub fn get(&self) -> Option<Duration> {
        let middle = self.len.checked_sub(1)? / 2;
        self.sorted.get(middle).copied()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outlier_does_not_move_the_median() {
        let mut median = RunningMedian::default();
        assert_eq!(median.get(), None);
        for _ in 0..5 {
            median.push(Duration::from_millis(40));
        }
        median.push(Duration::from_secs(9));
        median.push(Duration::from_millis(1));
        assert_eq!(median.get(), Some(Duration::from_millis(40)));
    }

    #[test]
    fn old_values_leave() {
        let mut median = RunningMedian::default();
        for _ in 0..KEPT {
            median.push(Duration::from_millis(40));
        }
        for _ in 0..KEPT / 2 + 1 {
            median.push(Duration::from_millis(20));
        }
        assert_eq!(median.get(), Some(Duration::from_millis(20)));
    }
}
