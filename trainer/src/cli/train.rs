//! `framecast-train train`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use framecast_trainer::TrainError;
use framecast_trainer::device::DeviceChoice;
use framecast_trainer::fit::{FitRecipe, fit};
use framecast_trainer::recipe::Recipe;
use framecast_trainer::task::open;
use framecast_trainer::train::{Options, train};

#[derive(Args)]
pub(crate) struct Train {
    /// The recipe
    recipe: PathBuf,
    /// Folder for the run's files [default: runs/NAME]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Go on from the folder's last checkpoint
    #[arg(long)]
    resume: bool,
    /// Start anew in a folder that holds a run, which is lost
    #[arg(long, conflicts_with = "resume")]
    overwrite: bool,
    /// Where to compute, each device a share of every batch: cpu, tch, cuda:0,cuda:1, wgpu
    #[arg(long, value_name = "DEVICE", value_delimiter = ',')]
    device: Vec<DeviceChoice>,
    /// Steps between validations and checkpoints, instead of the recipe's validate.every
    #[arg(long, value_name = "N")]
    steps_per_epoch: Option<u64>,
    /// Train this many epochs, instead of the recipe's train.steps
    #[arg(long, value_name = "N")]
    epochs: Option<u64>,
    /// Score at most N batches in validations during the run, instead of validate.steps
    #[arg(long, value_name = "N")]
    val_steps: Option<u64>,
    /// Stop after N validations without a better one, instead of train.patience
    #[arg(long, value_name = "N")]
    patience: Option<u64>,
    /// Stop after this many minutes, more than 0; --resume goes on
    #[arg(long, value_parser = minutes, allow_negative_numbers = true)]
    minutes: Option<Duration>,
}

impl Train {
    /// Trains, and says how it ended.
    pub(crate) fn run(self) -> Result<String, TrainError> {
        if let Some(recipe) = self.other()? {
            return self.fit(&recipe);
        }
        let recipe = self.recipe()?;
        let options = self.options(&recipe.name, recipe.train.threads);
        let outcome = train(&recipe, &options)?;
        let best = outcome.gain.map_or("not validated yet; untrained".to_owned(), |gain| {
            format!("best {gain:+.2} dB over copy-last")
        });
        let (done, all) = (outcome.steps, recipe.train.steps);
        Ok(format!("{done} of {all} steps; {best} in {}", outcome.best.display()))
    }

    /// What a run called `name` is told, and the pool of its threads.
    fn options(self, name: &str, threads: usize) -> Options {
        // Fails only when a pool exists already, which has the wanted size then.
        drop(rayon::ThreadPoolBuilder::new().num_threads(threads).build_global());
        Options {
            out: self.out.unwrap_or_else(|| PathBuf::from("runs").join(name)),
            resume: self.resume,
            overwrite: self.overwrite,
            time: self.minutes,
            devices: self.device,
        }
    }

    /// The recipe of a family other than prediction, with what the flags say instead.
    fn other(&self) -> Result<Option<FitRecipe>, TrainError> {
        let path = &self.recipe;
        let text = std::fs::read_to_string(path).map_err(TrainError::io("read", path))?;
        if !FitRecipe::is_one(&text) {
            return Ok(None);
        }
        let mut recipe = FitRecipe::parse(&path.display().to_string(), &text)?;
        let (train, every) = (&mut recipe.train, &mut recipe.validate.every);
        *every = self.steps_per_epoch.unwrap_or(*every).max(1);
        train.patience = self.patience.unwrap_or(train.patience);
        train.steps = self.epochs.map_or(train.steps, |n| n.saturating_mul(*every));
        Ok(Some(recipe))
    }

    fn fit(self, recipe: &FitRecipe) -> Result<String, TrainError> {
        if self.val_steps.is_some() {
            let reason = "--val-steps is for predictors; other families validate on all".to_owned();
            return Err(recipe.wrong(reason));
        }
        let options = self.options(&recipe.name, recipe.train.threads);
        let mut lesson = open(recipe)?;
        let outcome = fit(recipe, lesson.as_mut(), &options)?;
        Ok(format!(
            "{} of {} steps; best in {}:\n{}",
            outcome.steps,
            recipe.train.steps,
            outcome.best.display(),
            outcome.measures.text().trim_end()
        ))
    }

    /// The recipe with what the flags say instead.
    fn recipe(&self) -> Result<Recipe, TrainError> {
        let mut recipe = Recipe::read(&self.recipe)?;
        let (train, validate) = (&mut recipe.train, &mut recipe.validate);
        validate.every = self.steps_per_epoch.unwrap_or(validate.every);
        validate.steps = self.val_steps.unwrap_or(validate.steps);
        train.patience = self.patience.unwrap_or(train.patience);
        train.steps = self.epochs.map_or(train.steps, |n| n.saturating_mul(validate.every));
        recipe.checked(&self.recipe.display().to_string())
    }
}

/// Minutes on the command line.
fn minutes(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time; give minutes, more than 0, such as 20 or 0.5");
    let minutes: f64 = text.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(minutes * 60.0).ok().filter(|d| !d.is_zero()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_more_than_nothing() {
        assert_eq!(minutes("0.5").unwrap(), Duration::from_secs(30));
        for text in ["-5", "nan", "0", "inf", "1e300", "soon"] {
            assert!(minutes(text).unwrap_err().contains("no time"), "{text}");
        }
    }
}
