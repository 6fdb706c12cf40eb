//! Sums over a stream: how the predictor did, beside copy-last on the same frames.

use crate::model::ResetReason;

/// How far a prediction is from the frame that arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Distance {
    /// Perceptual distance, 0..=764.83.
    pub pd: f64,
    /// Mean squared error of values 0..=1.
    pub mse: f64,
}

impl Distance {
    /// Peak signal-to-noise ratio in dB; `None` when the error is zero (infinite) or not a number.
    #[must_use]
    pub fn psnr(self) -> Option<f64> {
        (self.mse > 0.0).then(|| -10.0 * self.mse.log10())
    }
}

/// The comparison of one frame with what was predicted for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepScore {
    /// How many frames ahead it was predicted.
    pub horizon: u32,
    /// The prediction against the frame.
    pub model: Distance,
    /// The frame at the time of the prediction against the frame.
    pub copy_last: Distance,
}

/// Running totals of a [`Predictor`](super::Predictor).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    scored: u64,
    unscored: u64,
    model: Distance,
    copy_last: Distance,
    better: u64,
    worse: u64,
    resets: [u64; RESET_REASONS.len()],
}

/// The reasons in the order of reports.
const RESET_REASONS: [ResetReason; 6] = [
    ResetReason::Start,
    ResetReason::Gap,
    ResetReason::SceneCut,
    ResetReason::Reconnect,
    ResetReason::Reload,
    ResetReason::NonFinite,
];

impl Totals {
    /// Predictions compared with the frame they were made for.
    #[must_use]
    pub const fn scored(&self) -> u64 {
        self.scored
    }

    /// Predictions whose frame never came.
    #[must_use]
    pub const fn unscored(&self) -> u64 {
        self.unscored
    }

    /// Mean distance of the predictions; `None` before the first comparison.
    #[must_use]
    pub fn model(&self) -> Option<Distance> {
        self.mean(self.model)
    }

    /// Mean distance of copy-last on the same frames.
    #[must_use]
    pub fn copy_last(&self) -> Option<Distance> {
        self.mean(self.copy_last)
    }

    /// Frames on which the prediction had the smaller, and the larger, perceptual distance.
    #[must_use]
    pub const fn better_worse(&self) -> (u64, u64) {
        (self.better, self.worse)
    }

    /// State resets by reason, in a fixed order, zeros included.
    pub fn resets(&self) -> impl Iterator<Item = (ResetReason, u64)> + '_ {
        RESET_REASONS.into_iter().zip(self.resets)
    }

    pub(super) fn add(&mut self, score: &StepScore) {
        self.scored += 1;
        self.model.pd += score.model.pd;
        self.model.mse += score.model.mse;
        self.copy_last.pd += score.copy_last.pd;
        self.copy_last.mse += score.copy_last.mse;
        self.better += u64::from(score.model.pd < score.copy_last.pd);
        self.worse += u64::from(score.model.pd > score.copy_last.pd);
    }

    pub(super) const fn lose(&mut self, predictions: u64) {
        self.unscored += predictions;
    }

    pub(super) fn count_reset(&mut self, reason: ResetReason) {
        let counts = RESET_REASONS.iter().zip(&mut self.resets);
        for (_, count) in counts.filter(|(known, _)| **known == reason) {
            *count += 1;
        }
    }

    fn mean(&self, sum: Distance) -> Option<Distance> {
        let n = self.scored as f64;
        (self.scored > 0).then(|| Distance { pd: sum.pd / n, mse: sum.mse / n })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_pairs() {
        let mut totals = Totals::default();
        assert_eq!(totals.model(), None);
        let near = Distance { pd: 1.0, mse: 0.01 };
        let far = Distance { pd: 3.0, mse: 0.03 };
        totals.add(&StepScore { horizon: 1, model: near, copy_last: far });
        totals.add(&StepScore { horizon: 1, model: near, copy_last: near });
        assert_eq!(totals.better_worse(), (1, 0));
        assert_eq!(totals.model(), Some(near));
        assert_eq!(totals.copy_last().unwrap().pd, 2.0);
        assert_eq!(near.psnr(), Some(20.0));
        assert_eq!(Distance::default().psnr(), None);
    }

    #[test]
    fn every_reason_is_counted() {
        let mut totals = Totals::default();
        for reason in RESET_REASONS {
            totals.count_reset(reason);
        }
        assert!(totals.resets().all(|(_, n)| n == 1));
    }
}
