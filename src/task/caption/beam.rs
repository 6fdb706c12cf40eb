//! Beam search, apart from the network that scores words.

use std::cmp::Ordering;

/// A sentence that is being made.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Beam {
    pub(super) words: Vec<u32>,
    /// Sum of the logarithms of the words' probabilities.
    pub(super) sum: f64,
    /// What the network remembers of it.
    pub(super) state: Vec<u8>,
}

impl Beam {
    /// Mean logarithm a word, and its end where it is `ended`: a sum alone favours short sentences.
    pub(super) fn mean(&self, ended: bool) -> f64 {
        self.sum / (self.words.len() + usize::from(ended)).max(1) as f64
    }
}

/// How many sentences are followed side by side, and how long they get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beams {
    /// Sentences side by side; 1 takes the likeliest word each time.
    pub width: usize,
    /// Words of a sentence at most.
    pub longest: usize,
}

impl Default for Beams {
    fn default() -> Self {
        Self { width: 1, longest: 16 }
    }
}

/// Logarithms of the probabilities that `scores` stand for; words in `never` have none.
pub(super) fn log_softmax(scores: &[f32], never: &[u32]) -> Vec<f64> {
    let allowed = |i: usize| !never.iter().any(|n| *n as usize == i);
    let value = |(i, v): (usize, &f32)| if allowed(i) { f64::from(*v) } else { f64::NEG_INFINITY };
    let values: Vec<f64> = scores.iter().enumerate().map(value).collect();
    let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum = values.iter().map(|v| (v - top).exp()).sum::<f64>().ln();
    values.iter().map(|v| v - top - sum).collect()
}

/// The `width` likeliest ways to go on with `beams`: place of the beam, word, sum; of equal ones the
/// first beam and the smaller id.
pub(super) fn best(beams: &[Beam], logs: &[Vec<f64>], width: usize) -> Vec<(usize, u32, f64)> {
    let mut all: Vec<(usize, u32, f64)> = Vec::new();
    for (place, (beam, logs)) in beams.iter().zip(logs).enumerate() {
        let finite = logs.iter().enumerate().filter(|(_, l)| l.is_finite());
        all.extend(finite.map(|(id, log)| (place, id as u32, beam.sum + log)));
    }
    let order = |a: &(usize, u32, f64), b: &(usize, u32, f64)| -> Ordering {
        b.2.total_cmp(&a.2).then(a.0.cmp(&b.0)).then(a.1.cmp(&b.1))
    };
    if all.len() > width && width > 0 {
        all.select_nth_unstable_by(width - 1, order);
        all.truncate(width);
    }
    all.sort_unstable_by(order);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beam(sum: f64) -> Beam {
        Beam { words: vec![], sum, state: vec![] }
    }

    #[test]
    fn words_that_may_not_come_take_no_share() {
        let logs = log_softmax(&[5.0, 1.0, 1.0], &[0]);
        assert_eq!(logs[0], f64::NEG_INFINITY);
        assert!((logs[1] - 0.5f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn the_likeliest_ways_on_are_taken_in_order() {
        let beams = [beam(-1.0), beam(-0.5)];
        let logs = [vec![-0.1, -3.0], vec![-0.6, -2.0]];
        let found = best(&beams, &logs, 3);
        assert_eq!(found.iter().map(|f| (f.0, f.1)).collect::<Vec<_>>(), [(0, 0), (1, 0), (1, 1)]);
        assert_eq!(best(&beams, &[vec![-1.0], vec![-1.5]], 1)[0].0, 0);
        assert!(best(&[], &[], 2).is_empty());
    }
}
