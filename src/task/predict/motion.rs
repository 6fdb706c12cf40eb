//! Predictors of motion without a network: constant velocity, and the causal gate.

use crate::model::ResetReason;
use crate::task::TaskError;
use crate::vision::blend::{Candidates, Mixer, Observer, Weights, prior};
use crate::vision::motion::{Homography, luma};
use crate::vision::{FloatImage, RgbImage};

use super::Forecaster;
use super::baseline::expect_length;

/// What to do with the candidates of `blend/1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// Candidate 1 everywhere.
    Velocity,
    /// Each block by how the candidates did so far.
    Prior,
}

/// Every pixel goes on as it moved, or as far as that paid so far.
///
/// The state is not saved: a stream of a second is enough to build it anew.
#[derive(Clone, Debug)]
pub struct Motion {
    choice: Choice,
    luma: Vec<u8>,
    observer: Observer,
    hint: Option<Homography>,
    candidates: Candidates,
    logits: Vec<i32>,
    weights: Weights,
    mixer: Mixer,
    mixed: RgbImage,
    /// How far the last prediction looks, in intervals.
    horizon: u32,
}

impl Motion {
    /// Constant velocity, on the command line and in reports.
    pub const NAME: &'static str = "motion";

    /// The causal gate, on the command line and in reports.
    pub const GATE: &'static str = "gate";

    /// Constant velocity: candidate 1 of `blend/1`.
    #[must_use]
    pub fn velocity() -> Self {
        Self::with(Choice::Velocity)
    }

    /// The causal gate: the candidates of `blend/1`, weighted by their past errors alone. An
    /// untrained `blend` network is the same.
    #[must_use]
    pub fn gate() -> Self {
        Self::with(Choice::Prior)
    }

    fn with(choice: Choice) -> Self {
        Self {
            choice,
            luma: Vec::new(),
            observer: Observer::new(),
            hint: None,
            candidates: Candidates::default(),
            logits: Vec::new(),
            weights: Weights::default(),
            mixer: Mixer::default(),
            mixed: RgbImage::default(),
            horizon: 1,
        }
    }

    fn predict(&mut self, next: &mut FloatImage) {
        match self.choice {
            Choice::Velocity => {
                let [_, moved, ..] = self.candidates.images();
                self.mixed.reshape(self.candidates.size());
                self.mixed.data_mut().copy_from_slice(moved);
            }
            Choice::Prior => self.mixer.mix(&self.candidates, &self.weights, &mut self.mixed),
        }
        next.copy_from_rgb(&self.mixed);
    }
}

impl Forecaster for Motion {
    fn name(&self) -> &str {
        match self.choice {
            Choice::Velocity => Self::NAME,
            Choice::Prior => Self::GATE,
        }
    }

    fn identity(&self) -> &str {
        self.name()
    }

    fn hint(&mut self, prior: Option<Homography>) {
        self.hint = prior;
    }

    fn observe(&mut self, frame: &RgbImage, next: &mut FloatImage) -> Result<bool, TaskError> {
        luma(frame, &mut self.luma);
        self.observer.observe_with(&self.luma, frame.size(), self.hint.take().as_ref());
        self.horizon = 1;
        self.candidates.push(frame, &self.observer);
        match self.choice {
            Choice::Velocity => self.candidates.extend(&self.observer, 1),
            Choice::Prior => {
                let features = self.observer.features();
                prior(features, &mut self.logits);
                self.weights.from_logits(&self.logits, features.columns(), features.rows());
                self.candidates.make_where(&self.observer, 1, &self.weights);
            }
        }
        self.predict(next);
        Ok(true)
    }

    fn extend(&mut self, ahead: &mut FloatImage) -> Result<bool, TaskError> {
        self.horizon += 1;
        match self.choice {
            Choice::Velocity => self.candidates.extend(&self.observer, self.horizon),
            Choice::Prior => {
                self.candidates.extend_where(&self.observer, self.horizon, &self.weights);
            }
        }
        self.predict(ahead);
        Ok(true)
    }

    fn settle(&mut self) {
        self.horizon = 1;
    }

    fn reset(&mut self, _reason: ResetReason) -> bool {
        self.observer.reset();
        true
    }

    fn export_state(&self) -> Result<Vec<u8>, TaskError> {
        Ok(Vec::new())
    }

    fn import_state(&mut self, bytes: &[u8]) -> Result<(), TaskError> {
        expect_length(self.name(), bytes, 0)?;
        self.observer.reset();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;
    use crate::vision::metrics::mse_rgb;

    /// A textured picture seen through a window that moves 3 pixels right and 1 down a frame.
    fn frame(t: usize) -> RgbImage {
        let size = Size::new(64, 48);
        let wave = |v: f64, f: f64| (v * f).sin();
        let mut data = Vec::new();
        for y in 0..48 {
            for x in 0..64 {
                let (x, y) = ((x + 3 * t) as f64, (y + t) as f64);
                let v = 128.0
                    + 40.0 * wave(x, 0.31) * wave(y, 0.23)
                    + 30.0 * wave(x + 2.0 * y, 0.17)
                    + 20.0 * wave(3.0 * x - y, 0.11);
                data.extend([v as u8, (255.0 - v) as u8, v as u8 / 2]);
            }
        }
        RgbImage::from_vec(size, data).unwrap()
    }

    fn run(mut forecaster: Motion, horizon: usize) -> f64 {
        let mut next = FloatImage::default();
        for t in 0..6 {
            forecaster.observe(&frame(t), &mut next).unwrap();
        }
        for _ in 1..horizon {
            forecaster.extend(&mut next).unwrap();
        }
        let mut rounded = RgbImage::default();
        next.round_to_rgb(&mut rounded);
        mse_rgb(&frame(5 + horizon), &rounded).unwrap()
    }

    #[test]
    fn a_moving_picture_is_foreseen() {
        for horizon in [1, 2, 3] {
            let copy = mse_rgb(&frame(5), &frame(5 + horizon)).unwrap();
            for forecaster in [Motion::velocity(), Motion::gate()] {
                let name = forecaster.name().to_owned();
                let error = run(forecaster, horizon);
                assert!(error * 4.0 < copy, "{name} at {horizon}: {error} against {copy}");
            }
        }
    }

    #[test]
    fn a_reset_forgets_the_motion() {
        let mut motion = Motion::velocity();
        let mut next = FloatImage::default();
        for t in 0..3 {
            motion.observe(&frame(t), &mut next).unwrap();
        }
        motion.reset(ResetReason::Gap);
        motion.observe(&frame(9), &mut next).unwrap();
        assert_eq!(next, FloatImage::from(&frame(9)));
    }
}
