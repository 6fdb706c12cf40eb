//! Scheduled sampling (Bengio et al. 2015): now and then a `direct` network goes on from its own
//! prediction instead of the frame that came, as it does when it predicts several frames ahead.
//! The gradient goes through what is fed back.

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

/// The `[train.sampling]` part of a recipe.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// Probability of going on from the own prediction at the end of the run; 0 is never.
    pub probability: f64,
    /// Share of the steps at which the probability begins to rise from 0.
    pub start: f64,
    /// Most own predictions in a row.
    pub longest: usize,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { probability: 0.0, start: 0.6, longest: 4 }
    }
}

impl Sampling {
    /// Fails outside the allowed ranges.
    ///
    /// # Errors
    /// The key, its value and its range.
    pub fn check(&self) -> Result<(), String> {
        for (key, value) in [("probability", self.probability), ("start", self.start)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(format!("train.sampling.{key} = {value} is outside 0 to 1"));
            }
        }
        match self.longest {
            1..=64 => Ok(()),
            other => Err(format!("train.sampling.longest = {other} is outside 1 to 64")),
        }
    }

    /// Whether the network goes on from its own prediction at frame `at` of batch `number`, after
    /// `row` own predictions, when `progress` (0 to 1) of the run is done. A function of the seed
    /// and these, so that a resumed run draws the same.
    #[must_use]
    pub fn own(&self, seed: u64, number: u64, at: usize, row: usize, progress: f64) -> bool {
        let ramp = match 1.0 - self.start {
            rest if rest > 0.0 => ((progress - self.start) / rest).clamp(0.0, 1.0),
            _ => f64::from(u8::from(progress >= 1.0)),
        };
        let probability = self.probability * ramp;
        if probability <= 0.0 || row >= self.longest {
            return false;
        }
        let place = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (at as u64).rotate_left(40);
        let mut random = Pcg64::seed_from_u64(seed.rotate_left(17) ^ place);
        random.random::<f64>() < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_late_grows_and_is_bounded() {
        let sampling = Sampling { probability: 0.5, start: 0.6, longest: 2 };
        let share = |row, progress| {
            (0..1000).filter(|&n| sampling.own(7, n, 3, row, progress)).count() as f64 / 1000.0
        };
        assert_eq!(share(0, 0.6), 0.0);
        assert!((share(0, 0.8) - 0.25).abs() < 0.05, "{}", share(0, 0.8));
        assert!((share(1, 1.0) - 0.5).abs() < 0.05, "{}", share(1, 1.0));
        assert_eq!(share(2, 1.0), 0.0);
        assert!((0..1000).all(|n| !Sampling::default().own(7, n, 3, 0, 1.0)));
    }

    #[test]
    fn values_out_of_range_are_named() {
        let wrong = Sampling { probability: 1.5, ..Sampling::default() };
        assert!(wrong.check().unwrap_err().contains("train.sampling.probability = 1.5"));
        let wrong = Sampling { longest: 0, ..Sampling::default() };
        assert!(wrong.check().unwrap_err().contains("1 to 64"));
    }
}
