//! The mean of vectors over the last stretch of time.
//!
//! One thread owns it. At most [`RollingMean::MOST`] vectors are kept: when it is full the oldest
//! one goes, although it is not too old.

use std::collections::VecDeque;
use std::time::Duration;

use crate::frame::MonoTime;

/// A window of vectors with their times, and their sum.
#[derive(Clone, Debug)]
pub struct RollingMean {
    length: Duration,
    entries: VecDeque<(MonoTime, Vec<f32>)>,
    sum: Vec<f64>,
    mean: Vec<f32>,
    /// Vectors that left the window, to be used again.
    spare: Vec<Vec<f32>>,
}

impl RollingMean {
    /// The most vectors kept.
    pub const MOST: usize = 1024;

    /// A window over vectors of `dims` numbers; one of length zero holds the newest alone.
    #[must_use]
    pub fn new(dims: usize, length: Duration) -> Self {
        Self {
            length,
            entries: VecDeque::new(),
            sum: vec![0.0; dims],
            mean: vec![0.0; dims],
            spare: Vec::new(),
        }
    }

    /// Vectors in the window.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True without vectors.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes in `values` of the time `at` and gives the mean over the window that ends there. A time
    /// before the newest one begins a new window, since it belongs to another stream.
    pub fn push(&mut self, at: MonoTime, values: impl Iterator<Item = f32>) -> &[f32] {
        if self.entries.back().is_some_and(|(newest, _)| *newest > at) {
            self.clear();
        }
        while self.entries.len() >= Self::MOST
            || self.entries.front().is_some_and(|(time, _)| at.since(*time) >= self.length)
        {
            self.drop_oldest();
        }
        let mut entry = self.spare.pop().unwrap_or_default();
        entry.clear();
        entry.extend(values.take(self.sum.len()));
        entry.resize(self.sum.len(), 0.0);
        for (sum, value) in self.sum.iter_mut().zip(&entry) {
            *sum += f64::from(*value);
        }
        self.entries.push_back((at, entry));
        let count = self.entries.len() as f64;
        for (mean, sum) in self.mean.iter_mut().zip(&self.sum) {
            *mean = (sum / count) as f32;
        }
        &self.mean
    }

    /// The mean after the last [`RollingMean::push`].
    #[must_use]
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// Forgets all vectors.
    pub fn clear(&mut self) {
        while !self.entries.is_empty() {
            self.drop_oldest();
        }
        self.mean.fill(0.0);
    }

    fn drop_oldest(&mut self) {
        let Some((_, entry)) = self.entries.pop_front() else { return };
        if self.entries.is_empty() {
            // Begins anew, so that roundings never add up over longer than a window is filled.
            self.sum.fill(0.0);
        } else {
            for (sum, value) in self.sum.iter_mut().zip(&entry) {
                *sum -= f64::from(*value);
            }
        }
        self.spare.push(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> MonoTime {
        MonoTime::from_nanos(n * 1_000_000)
    }

    #[test]
    fn the_mean_is_that_of_the_last_second() {
        let mut window = RollingMean::new(2, Duration::from_secs(1));
        assert_eq!(window.push(ms(0), [1.0, 10.0].into_iter()), [1.0, 10.0]);
        assert_eq!(window.push(ms(500), [3.0, 20.0].into_iter()), [2.0, 15.0]);
        // The first is a whole second old and leaves.
        assert_eq!(window.push(ms(1000), [5.0, 0.0].into_iter()), [4.0, 10.0]);
        assert_eq!(window.push(ms(5000), [7.0, 1.0].into_iter()), [7.0, 1.0]);
        assert_eq!(window.len(), 1);
    }

    #[test]
    fn an_earlier_time_begins_anew_and_length_zero_keeps_one() {
        let mut window = RollingMean::new(1, Duration::from_secs(9));
        window.push(ms(100), [1.0].into_iter());
        assert_eq!(window.push(ms(50), [5.0].into_iter()), [5.0]);
        let mut newest = RollingMean::new(1, Duration::ZERO);
        newest.push(ms(1), [1.0].into_iter());
        assert_eq!(newest.push(ms(1), [3.0].into_iter()), [3.0]);
    }

    #[test]
    fn a_full_window_drops_the_oldest() {
        let mut window = RollingMean::new(1, Duration::from_secs(3600));
        for n in 0..RollingMean::MOST as u64 + 10 {
            window.push(ms(n), [n as f32].into_iter());
        }
        assert_eq!(window.len(), RollingMean::MOST);
        let (first, last) = (10.0, RollingMean::MOST as f32 + 9.0);
        assert_eq!(window.mean(), [(first + last) / 2.0]);
    }

    #[test]
    fn vectors_of_another_length_are_cut_or_filled() {
        let mut window = RollingMean::new(2, Duration::ZERO);
        assert_eq!(window.push(ms(0), [1.0, 2.0, 3.0].into_iter()), [1.0, 2.0]);
        assert_eq!(window.push(ms(1), [4.0].into_iter()), [4.0, 0.0]);
    }
}
