//! The end of an epoch: scores on validation data and on training data that are watched, the best
//! checkpoints, and the contact sheet.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use framecast::model::PredictKind;

use super::progress::{Progress, Scored};
use super::{Checkpoint, Report, Validator, sheet};
use crate::TrainError;
use crate::data::Mixture;
use crate::net::base::Base;
use crate::net::blend::Blend;
use crate::net::{Network, Params};
use crate::recipe::Recipe;

/// Another run's draws are watched, not those of one of the batches.
const WATCHED: u64 = 0x5eed_0000_0000;
/// Validations without a better one after which a gain on training data is called over-fitting.
const OVERFIT: u64 = 3;

/// What a run is validated with.
pub(super) struct Validation {
    out: PathBuf,
    device: Device,
    full: Validator,
    /// The part that is scored during the run.
    part: Option<Validator>,
    /// Training sequences that are scored beside it.
    watched: Option<Validator>,
}

impl Validation {
    /// Renders and reads what is scored.
    pub(super) fn new(
        recipe: &Recipe,
        mixture: &mut Mixture,
        out: &Path,
        device: &Device,
    ) -> Result<Self, TrainError> {
        // The runtime's features are there for pictures of any size.
        let multiple = match recipe.network.kind() {
            PredictKind::Blend => 1,
            PredictKind::Direct => recipe.network.multiple_of(),
        };
        let full = Validator::new(&recipe.validate, multiple)?;
        let most = recipe.validate.steps * recipe.train.batch as u64;
        let watched = match recipe.validate.watch {
            0 => None,
            count => {
                let batch = mixture.batch(recipe.seed ^ WATCHED, 0, count)?;
                Some(Validator::watching(batch.sequences().to_vec()))
            }
        };
        let sheets = out.join("sheets");
        fs::create_dir_all(&sheets).map_err(TrainError::io("create", sheets))?;
        Ok(Self {
            out: out.to_owned(),
            device: device.clone().inner(),
            part: (most > 0).then(|| full.part(most)).flatten(),
            full,
            watched,
        })
    }

    /// Scores an untrained network, which must be copy-last where the preset says so.
    pub(super) fn begin(
        &self,
        run: &Checkpoint,
        progress: &mut Progress,
    ) -> Result<(), TrainError> {
        let recipe = &run.recipe;
        let report = self.score(recipe, &run.optimiser.average, self.during(), None)?;
        if recipe.network.copies_last() && recipe.start.is_none() && !same(&report) {
            return Err(TrainError::Network {
                name: recipe.network.to_string(),
                reason: format!(
                    "untrained it has PD {:.4} and MSE {:.7} where copy-last has {:.4} and {:.7}; \
                     they must be equal",
                    report.model.pd, report.model.mse, report.copy_last.pd, report.copy_last.mse
                ),
            });
        }
        progress.validated(0, &Scored { report, training: None, last: false })
    }

    /// Scores `run`, keeps it when it is among the best, and saves it.
    pub(super) fn epoch(
        &self,
        run: &mut Checkpoint,
        progress: &mut Progress,
    ) -> Result<(), TrainError> {
        let recipe = run.recipe.clone();
        let step = run.optimiser.steps;
        let average = &run.optimiser.average;
        let sheets =
            [self.out.join(format!("sheets/step-{step:06}.png")), self.out.join("sheet.png")];
        let report = self.score(&recipe, average, self.during(), Some(&sheets))?;
        let watched = self.watched.as_ref();
        let training = watched.map(|v| self.score(&recipe, average, v, None)).transpose()?;
        progress.validated(step, &Scored { report, training, last: false })?;
        alive(&recipe, step, &report)?;

        let metric = recipe.validate.metric;
        let value = metric.of(&report);
        let standing = &mut run.standing;
        let placing = standing.offer(step, value, recipe.validate.goal(), recipe.validate.keep);
        if placing.best {
            standing.gain = Some(report.gain());
        }
        if let Some(training) = training {
            let better = standing.training.is_none_or(|best| training.gain() > best);
            if better {
                standing.training = Some(training.gain());
            }
            if better && standing.stale >= OVERFIT {
                progress.tell(&format!(
                    "over-fitting? training sequences are at {:+.2} dB and still gain, validation has \
                     not since step {}",
                    training.gain(),
                    standing.best().map_or(0, |best| best.step)
                ));
            }
        }
        if placing.kept {
            let named = self.named(&recipe, step, value);
            run.write(&named)?;
        }
        if placing.best {
            run.write(&self.out.join("best.ckpt"))?;
        }
        run.write(&self.out.join("last.ckpt"))?;
        // Only now: until here, a run that is killed goes on from the checkpoint before.
        for old in placing.dropped.iter().filter(|old| old.step != step) {
            drop(fs::remove_file(self.named(&recipe, old.step, old.value)));
        }
        Ok(())
    }

    /// Scores the best checkpoint on all validation data.
    pub(super) fn end(&self, progress: &mut Progress) -> Result<Report, TrainError> {
        let best = Checkpoint::read(&self.out.join("best.ckpt"))?;
        let sheet = [self.out.join("best.png")];
        let report = self.score(&best.recipe, &best.optimiser.average, &self.full, Some(&sheet))?;
        let scored = Scored { report, training: None, last: true };
        progress.validated(best.optimiser.steps, &scored)?;
        Ok(report)
    }

    fn named(&self, recipe: &Recipe, step: u64, value: f64) -> PathBuf {
        self.out.join(format!("best-step{step}-{}.ckpt", recipe.validate.metric.label(value)))
    }

    fn during(&self) -> &Validator {
        self.part.as_ref().unwrap_or(&self.full)
    }

    fn score(
        &self,
        recipe: &Recipe,
        weights: &Params,
        validator: &Validator,
        sheets: Option<&[PathBuf]>,
    ) -> Result<Report, TrainError> {
        let (shape, device) = (recipe.shape(), &self.device);
        let (report, examples) = match (shape.base, recipe.network.kind()) {
            (Some(_), _) => {
                validator.run_windowed(&Base::new(&shape, weights, device)?.0, device)?
            }
            (None, PredictKind::Direct) => {
                validator.run(&Network::new(&shape, weights, device)?.0, device)?
            }
            (None, PredictKind::Blend) => {
                validator.run_blend(&Blend::new(&shape, weights, device)?.0, device)?
            }
        };
        if report.frames == 0 {
            return Err(TrainError::Recipe {
                path: "validate".to_owned(),
                reason:
                    "no frame of the validation data can be scored; give it seeds or sequences \
                         of two frames and more"
                        .to_owned(),
            });
        }
        for path in sheets.unwrap_or_default() {
            sheet::write(path, &examples)?;
        }
        Ok(report)
    }
}

/// Whether the network is copy-last, up to rounding.
fn same(report: &Report) -> bool {
    let (model, copy) = (report.model, report.copy_last);
    // Of digits alone there is no perceptual distance.
    let pd = copy.pd.is_nan() || (model.pd - copy.pd).abs() < 1e-3;
    pd && (model.mse - copy.mse).abs() <= 1e-6
}

/// A `blend` network whose logits ran away chooses one candidate everywhere, gets no gradient any
/// more, and will never learn again.
fn alive(recipe: &Recipe, step: u64, report: &Report) -> Result<(), TrainError> {
    let copies = (report.model.pd - report.copy_last.pd).abs() < 1e-9;
    if recipe.network.kind() == PredictKind::Blend && copies && report.copy_last.pd > 0.0 {
        return Err(TrainError::Network {
            name: recipe.network.to_string(),
            reason: format!(
                "by step {step} it has run away and only copies the last frame; lower \
                 train.learning_rate or train.gate_rate; the best checkpoint is kept"
            ),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Scores;

    #[test]
    fn only_an_equal_network_is_copy_last() {
        let scores = |pd, mse| Scores { pd, mse, ssim: f64::NAN };
        let report = |model, copy_last| Report { model, copy_last, frames: 5, forecast: None };
        assert!(same(&report(scores(9.0, 0.01), scores(9.0, 0.01))));
        assert!(!same(&report(scores(9.1, 0.01), scores(9.0, 0.01))));
        // Digits alone, with no perceptual distance.
        assert!(same(&report(scores(f64::NAN, 0.01), scores(f64::NAN, 0.01))));
        assert!(!same(&report(scores(f64::NAN, 0.011), scores(f64::NAN, 0.01))));
    }

    #[test]
    fn a_blend_network_that_only_copies_is_told_to_have_run_away() {
        let recipe = |network: &str| {
            let text =
                format!("name = \"t\"\nnetwork = \"{network}\"\n[data]\nside = 16\nframes = 4\n");
            Recipe::parse("t", &text).unwrap()
        };
        let scores = |pd| Scores { pd, mse: 0.01, ssim: f64::NAN };
        let report =
            |pd| Report { model: scores(pd), copy_last: scores(9.0), frames: 5, forecast: None };
        let error = alive(&recipe("nano"), 250, &report(9.0)).unwrap_err().to_string();
        assert!(error.contains("step 250") && error.contains("gate_rate"), "{error}");
        alive(&recipe("nano"), 250, &report(8.9)).unwrap();
        // An untrained direct network is copy-last, and may be so for a while.
        alive(&recipe("nano-direct"), 2, &report(9.0)).unwrap();
    }
}
