//! How good tags are, defined as by the public YouTube-8M evaluation (`eval_util.py`,
//! `average_precision_calculator.py` of google/youtube-8m): GAP, mAP, hit@k and PERR, gathered
//! batch by batch.

mod average_precision;
mod shuffle;

use std::cmp::Ordering;

use serde::Serialize;

use crate::task::TaskError;

pub use average_precision::average_precision;

/// The ranks `k` of hit@k.
pub const HIT_AT: [usize; 3] = [1, 5, 20];

/// What [`TagMetrics::result`] gives; all from 0 to 1, more is better.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TagScores {
    /// Examples seen.
    pub examples: u64,
    /// Global average precision: the best `top_k` scores of every example pooled and ranked
    /// together, over all positives of the truth, also those outside the best.
    pub gap: f64,
    /// Mean over the classes of the average precision of each; a class that never occurs counts 0.
    pub map: f64,
    /// Mean over the classes that occur.
    pub map_of_present: f64,
    /// Share of the examples of which one of the best k scores is right, for each k of [`HIT_AT`].
    pub hit: [f64; 3],
    /// Precision at equal recall: of an example with n labels the share of the best n scores that
    /// are right, those above 0 only.
    pub perr: f64,
    /// Share of all scores on the right side of 0.5.
    pub accuracy: f64,
    /// Average precision of each class.
    pub by_class: Vec<f64>,
}

/// One of the best scores of an example.
#[derive(Clone, Copy, Debug)]
struct Kept {
    class: u32,
    score: f32,
    right: bool,
}

/// Gathers scored examples; memory grows with the examples, by `top_k` entries each.
#[derive(Clone, Debug)]
pub struct TagMetrics {
    classes: usize,
    top_k: usize,
    kept: Vec<Kept>,
    positives: Vec<u64>,
    examples: u64,
    hits: [u64; 3],
    perr: f64,
    correct: u64,
    /// Classes of one example, best score first.
    order: Vec<u32>,
}

impl TagMetrics {
    /// The number of scores of an example that the public evaluation keeps.
    pub const TOP_K: usize = 20;

    /// Gathers scores over `classes`, of which `top_k` an example enter GAP and mAP
    /// ([`TagMetrics::TOP_K`] in the public evaluation).
    #[must_use]
    pub fn new(classes: usize, top_k: usize) -> Self {
        Self {
            classes,
            top_k: top_k.min(classes),
            kept: Vec::new(),
            positives: vec![0; classes],
            examples: 0,
            hits: [0; 3],
            perr: 0.0,
            correct: 0,
            order: Vec::new(),
        }
    }

    /// Adds a batch: `scores` and `truth` hold one row of classes after the other. Nothing is added
    /// when it is refused.
    ///
    /// # Errors
    /// [`TaskError::Data`] when the lengths differ or are no whole rows, and for a score that is no
    /// finite number.
    pub fn add(&mut self, scores: &[f32], truth: &[bool]) -> Result<(), TaskError> {
        let bad = |reason: String| TaskError::Data { place: "tag scores".to_owned(), reason };
        if self.classes == 0 || !scores.len().is_multiple_of(self.classes) {
            return Err(bad(format!(
                "{} scores are no whole rows of {} classes",
                scores.len(),
                self.classes
            )));
        }
        if scores.len() != truth.len() {
            return Err(bad(format!("{} scores for {} labels", scores.len(), truth.len())));
        }
        if let Some(at) = scores.iter().position(|s| !s.is_finite()) {
            return Err(bad(format!("score {at} is {}; finite numbers are needed", scores[at])));
        }
        let from = self.kept.len();
        for (scores, truth) in scores.chunks(self.classes).zip(truth.chunks(self.classes)) {
            self.add_one(scores, truth);
        }
        // The public evaluation lists a batch class by class, which decides where equal scores are
        // put by the shuffle.
        if let Some(batch) = self.kept.get_mut(from..) {
            batch.sort_by_key(|k| k.class);
        }
        Ok(())
    }

    fn add_one(&mut self, scores: &[f32], truth: &[bool]) {
        self.order.clear();
        self.order.extend(0..scores.len() as u32);
        let score = |c: u32| scores.get(c as usize).copied().unwrap_or_default();
        let right = |c: u32| truth.get(c as usize).copied().unwrap_or_default();
        self.order.sort_by(|a, b| score(*b).partial_cmp(&score(*a)).unwrap_or(Ordering::Equal));
        let order = &self.order;
        let best = |k: usize| order.iter().take(k).copied();
        self.kept.extend(best(self.top_k).map(|class| Kept {
            class,
            score: score(class),
            right: right(class),
        }));
        for (hits, k) in self.hits.iter_mut().zip(HIT_AT) {
            *hits += u64::from(best(k).any(right));
        }
        let labels = truth.iter().filter(|t| **t).count();
        if labels > 0 {
            let found = best(labels).filter(|c| right(*c) && score(*c) > 0.0).count();
            self.perr += found as f64 / labels as f64;
        }
        for (sum, &truth) in self.positives.iter_mut().zip(truth) {
            *sum += u64::from(truth);
        }
        let correct = scores.iter().zip(truth).filter(|(s, t)| (**s > 0.5) == **t).count();
        self.correct += correct as u64;
        self.examples += 1;
    }

    /// The scores of all that was added since the beginning or the last [`TagMetrics::clear`].
    #[must_use]
    pub fn result(&self) -> TagScores {
        if self.examples == 0 {
            return TagScores { by_class: vec![0.0; self.classes], ..TagScores::default() };
        }
        let pooled: Vec<(f32, bool)> = self.kept.iter().map(|k| (k.score, k.right)).collect();
        let mut listed = vec![Vec::new(); self.classes];
        for kept in &self.kept {
            if let Some(list) = listed.get_mut(kept.class as usize) {
                list.push((kept.score, kept.right));
            }
        }
        let by_class: Vec<f64> = listed
            .iter()
            .zip(&self.positives)
            .map(|(list, positives)| average_precision(list, *positives))
            .collect();
        let present = self.positives.iter().filter(|p| **p > 0).count();
        let sum: f64 = by_class.iter().sum();
        let examples = self.examples as f64;
        TagScores {
            examples: self.examples,
            gap: average_precision(&pooled, self.positives.iter().sum()),
            map: sum / self.classes as f64,
            map_of_present: if present == 0 { 0.0 } else { sum / present as f64 },
            hit: self.hits.map(|h| h as f64 / examples),
            perr: self.perr / examples,
            accuracy: self.correct as f64 / (examples * self.classes as f64),
            by_class,
        }
    }

    /// Forgets everything that was added.
    pub fn clear(&mut self) {
        *self = Self::new(self.classes, self.top_k);
    }
}

#[cfg(test)]
mod tests;
