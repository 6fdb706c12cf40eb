//! Feeds a predictor and looks as far ahead as is asked.

use std::collections::VecDeque;

use crate::model::ResetReason;
use crate::task::TaskError;
use crate::task::evaluate::{FrameScore, Scores};
use crate::task::predict::Forecaster;
use crate::vision::scene::SceneChange;
use crate::vision::{FloatImage, RgbImage, metrics};

/// What is fed to the predictor, with the resets of a run.
pub(super) struct Feed {
    forecaster: Box<dyn Forecaster>,
    scene: SceneChange,
    due: Option<ResetReason>,
    /// Frames taken in since the last reset.
    fed: u64,
    ahead: FloatImage,
}

impl Feed {
    pub(super) fn new(forecaster: Box<dyn Forecaster>) -> Self {
        Self {
            forecaster,
            scene: SceneChange::new(),
            due: Some(ResetReason::Start),
            fed: 0,
            ahead: FloatImage::default(),
        }
    }

    /// Before the next frame; the first reason stands.
    pub(super) fn restart(&mut self, reason: ResetReason) {
        self.due.get_or_insert(reason);
        if reason == ResetReason::Reconnect {
            self.scene.reset();
        }
    }

    /// Feeds the first picture of `window` and scores what is ahead against the others.
    pub(super) fn step(
        &mut self,
        window: &VecDeque<RgbImage>,
        scores: &mut [Scores],
    ) -> Result<(), TaskError> {
        let mut pictures = window.iter();
        let Some(newest) = pictures.next() else { return Ok(()) };
        let cut = self.scene.step(newest).is_some_and(|c| c.is_cut()) && self.fed > 0;
        if let Some(reason) = self.due.take().or(cut.then_some(ResetReason::SceneCut))
            && self.forecaster.reset(reason)
        {
            self.fed = 0;
        }
        self.fed += 1;
        let mut finite = true;
        for (at, (target, scores)) in pictures.zip(scores).enumerate() {
            if finite {
                finite = match at {
                    0 => self.forecaster.observe(newest, &mut self.ahead)?,
                    _ => self.forecaster.extend(&mut self.ahead)?,
                };
            }
            let copied = FrameScore {
                pd: metrics::pd_rgb(target, newest)?,
                mse: metrics::mse_rgb(target, newest)?,
                ssim: None,
            };
            // A single frame shows no motion.
            let model = if finite && self.fed > 1 { score(target, &self.ahead)? } else { copied };
            scores.add(&model, &copied);
        }
        self.forecaster.settle();
        if !finite {
            // The state may hold the same nonsense for ever, so it begins anew.
            self.forecaster.reset(ResetReason::NonFinite);
            self.fed = 0;
        }
        Ok(())
    }
}

fn score(target: &RgbImage, prediction: &FloatImage) -> Result<FrameScore, TaskError> {
    let pd = metrics::pd(target, prediction)?;
    Ok(FrameScore { pd, mse: metrics::mse(target, prediction)?, ssim: None })
}
