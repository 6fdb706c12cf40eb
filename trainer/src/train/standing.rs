//! How a run stands: its best checkpoints, and how long ago there was a better one.

use serde::{Deserialize, Serialize};

use super::metric::Goal;

/// A checkpoint that is kept under a name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The step it was taken at.
    pub step: u64,
    /// The value of the metric.
    pub value: f64,
}

/// The best checkpoints of a run, best first, and what early stopping needs to know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The best checkpoints, best first.
    #[serde(default)]
    pub kept: Vec<Kept>,
    /// Gain over copy-last of the best one, in dB.
    #[serde(default)]
    pub gain: Option<f64>,
    /// Validations since the best one.
    #[serde(default)]
    pub stale: u64,
    /// Largest gain so far on the training sequences that are watched.
    #[serde(default)]
    pub training: Option<f64>,
}

/// What became of a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Placing {
    /// It is the best so far.
    pub best: bool,
    /// It is among the best.
    pub kept: bool,
    /// Those that are no longer.
    pub dropped: Vec<Kept>,
}

impl Standing {
    /// The best value so far.
    #[must_use]
    pub fn best(&self) -> Option<Kept> {
        self.kept.first().copied()
    }

    /// Takes the checkpoint of `step` in, when it is among the `keep` best ones.
    pub fn offer(&mut self, step: u64, value: f64, goal: Goal, keep: usize) -> Placing {
        let keep = keep.max(1);
        // Of equals, the earlier one is better.
        let at = self.kept.iter().take_while(|k| !goal.better(value, k.value)).count();
        let best = at == 0;
        self.stale = if best { 0 } else { self.stale + 1 };
        if at < keep {
            self.kept.insert(at, Kept { step, value });
        }
        let dropped = self.kept.split_off(keep.min(self.kept.len()));
        Placing { best, kept: at < keep, dropped }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_are_kept_and_the_rest_dropped() {
        let mut standing = Standing::default();
        let mut offer = |step, value| standing.offer(step, value, Goal::Min, 2);
        assert!(offer(1, 9.0).best);
        let second = offer(2, 9.5);
        assert!(!second.best && second.kept && second.dropped.is_empty());
        let third = offer(3, 8.0);
        assert!(third.best);
        assert_eq!(third.dropped, [Kept { step: 2, value: 9.5 }]);
        let equal = offer(4, 9.0);
        assert!(!equal.kept && equal.dropped.is_empty(), "of equals the earlier one stays");
        assert!(!offer(5, f64::NAN).kept);
        assert_eq!(standing.stale, 2);
        assert_eq!(standing.best(), Some(Kept { step: 3, value: 8.0 }));
    }

    #[test]
    fn more_can_be_better() {
        let mut standing = Standing::default();
        for (step, value) in [(1, 0.5), (2, 0.7), (3, 0.6)] {
            standing.offer(step, value, Goal::Max, 5);
        }
        assert_eq!(standing.kept.iter().map(|k| k.step).collect::<Vec<_>>(), [2, 3, 1]);
    }
}
