//! The training loop.
//!
//! A step takes one chunk of a batch of sequences; the state goes on into the next chunk without
//! its history (truncated back-propagation through time). Checkpoints are written between
//! sequences only, where a run is a function of weights, optimiser and step number: a resumed run
//! goes on as if it had never stopped.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use burn::tensor::Device;
use framecast::model::PredictKind;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

use super::measure;
use super::progress::Progress;
use super::share::{self, Share};
use super::{AdamW, Checkpoint, Report, Validator, learning_rate, sheet};
use crate::TrainError;
use crate::data::{Batch, Mixture, Prefetch};
use crate::net::base::Base;
use crate::net::blend::Blend;
use crate::net::{Network, Params, integer};
use crate::recipe::Recipe;

/// Where a run puts its files and how long it may take.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder of checkpoints, log and contact sheets.
    pub out: PathBuf,
    /// Go on from the last checkpoint in `out`.
    pub resume: bool,
    /// Start anew even where `out` holds a run, which is lost.
    pub overwrite: bool,
    /// Stop after this time; `--resume` goes on.
    pub time: Option<Duration>,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The best checkpoint by validation.
    pub best: PathBuf,
    /// Its gain over copy-last, in dB.
    pub gain: Option<f64>,
    /// Steps done.
    pub steps: u64,
    /// True when all steps of the recipe are done.
    pub complete: bool,
}

/// Trains `recipe`.
///
/// # Errors
/// [`TrainError`]; what was saved before an error stays intact.
pub fn train(recipe: &Recipe, options: &Options) -> Result<Outcome, TrainError> {
    let out = options.out.as_path();
    fs::create_dir_all(out).map_err(TrainError::io("create", out))?;
    let (last, best) = (out.join("last.ckpt"), out.join("best.ckpt"));
    if !options.resume && !options.overwrite && last.exists() {
        return Err(TrainError::Checkpoint {
            path: last,
            reason:
                "the folder holds a run already; go on with --resume, choose another --out, or \
                     let it be lost with --overwrite"
                    .to_owned(),
        });
    }
    let mut mixture = Mixture::open(&recipe.data, &recipe.augment)?;
    let validator = Validator::new(&recipe.validate)?;
    let mut run =
        if options.resume { resumed(recipe, &last)? } else { started(recipe, mixture.describe())? };
    let mut progress =
        Progress::start(&out.join("log.jsonl"), run.optimiser.steps, recipe.train.steps)?;
    progress.tell(&format!(
        "{}: {} parameters, {}",
        recipe.name,
        run.optimiser.weights.len(),
        run.data.join("; ")
    ));
    if run.optimiser.steps == 0 {
        measure::measure(&mut run, &mut mixture)?;
        let report = score(recipe, &run.optimiser.average, &validator, None)?;
        let same = (report.model.pd - report.copy_last.pd).abs() < 1e-3;
        if recipe.network.copies_last() && recipe.start.is_none() && !same {
            return Err(TrainError::Network {
                name: recipe.network.to_string(),
                reason: format!(
                    "untrained it has PD {:.4} where copy-last has {:.4}; they must be equal",
                    report.model.pd, report.copy_last.pd
                ),
            });
        }
        progress.validated(0, &report)?;
        run.write(&best)?;
    }
    // A batch is computed in as many shares as there are threads.
    let devices = vec![Device::flex().autodiff(); recipe.train.threads];
    let started = Instant::now();
    let chunks = match recipe.network.kind() {
        PredictKind::Direct if recipe.shape().base.is_some() => 1,
        PredictKind::Direct => (recipe.data.frames - 1).div_ceil(recipe.train.chunk) as u64,
        PredictKind::Blend => 1,
    };
    let mut validated = run.optimiser.steps;
    let in_time = || options.time.is_none_or(|limit| started.elapsed() < limit);
    let first = run.optimiser.steps / chunks;
    let mut batches = Prefetch::start(mixture, recipe.seed, first, recipe.train.batch)?;
    while run.optimiser.steps < recipe.train.steps && in_time() {
        let batch = batches.take()?;
        learn(recipe, &mut run.optimiser, batch, &devices, &mut progress, &best)?;
        let step = run.optimiser.steps;
        if step - validated >= recipe.validate.every || step >= recipe.train.steps || !in_time() {
            validated = step;
            let sheet = out.join("sheet.png");
            let report = score(recipe, &run.optimiser.average, &validator, Some(&sheet))?;
            progress.validated(step, &report)?;
            alive(recipe, step, &report)?;
            if run.best.is_none_or(|best| report.gain() > best) {
                run.best = Some(report.gain());
                run.write(&best)?;
            }
            run.write(&last)?;
        }
    }
    let steps = run.optimiser.steps;
    Ok(Outcome { best, gain: run.best, steps, complete: steps >= recipe.train.steps })
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

/// A run at step 0: untrained, or with the weights of another run, whose data it then names too.
fn started(recipe: &Recipe, mut data: Vec<String>) -> Result<Checkpoint, TrainError> {
    let untrained = recipe.init();
    let weights = match &recipe.start {
        None => untrained,
        Some(path) => {
            let before = Checkpoint::read(path)?;
            data.extend(before.data);
            let mut weights = before.optimiser.average;
            if recipe.network.is_integer() && !before.recipe.network.is_integer() {
                integer::without_standard(&mut weights);
            }
            weights
        }
    };
    Ok(Checkpoint { recipe: recipe.clone(), data, optimiser: AdamW::new(weights), best: None })
}

fn resumed(recipe: &Recipe, last: &Path) -> Result<Checkpoint, TrainError> {
    let run = Checkpoint::read(last)?;
    // What one changes to go on further, after a loss that was no number, or on another machine;
    // anything else would make it another run.
    let mut same = run.recipe.clone();
    same.train.steps = recipe.train.steps;
    same.train.learning_rate = recipe.train.learning_rate;
    same.train.clip = recipe.train.clip;
    same.train.threads = recipe.train.threads;
    if same != *recipe {
        return Err(TrainError::Checkpoint {
            path: last.to_owned(),
            reason: "it belongs to another recipe (of [train], steps, learning_rate, clip and \
                     threads may change); restore the recipe or choose another --out"
                .to_owned(),
        });
    }
    Ok(Checkpoint { recipe: recipe.clone(), ..run })
}

/// All steps of one batch of sequences.
fn learn(
    recipe: &Recipe,
    optimiser: &mut AdamW,
    batch: Batch,
    devices: &[Device],
    progress: &mut Progress,
    best: &Path,
) -> Result<(), TrainError> {
    let parts = batch.split(devices.len());
    let (seed, step) = (recipe.seed, optimiser.steps);
    let chance = |lane: u64| Pcg64::seed_from_u64(!seed ^ step.rotate_left(32) ^ (lane << 24));
    let mut shares: Vec<Share> = (0..)
        .zip(parts.into_iter().zip(devices))
        .map(|(lane, (part, device))| Share::new(recipe, part, device, chance(lane)))
        .collect();
    while let Some(slope) = share::descend(&mut shares, recipe, optimiser)? {
        let rate = learning_rate(&recipe.train, optimiser.steps);
        let mut gradient = slope.gradient;
        if !slope.loss.is_finite() || !gradient.iter().flatten().all(|g| g.is_finite()) {
            return Err(TrainError::NotFinite {
                step: optimiser.steps,
                loss: slope.loss,
                rate,
                best: best.to_owned(),
            });
        }
        let norm = optimiser.step(&mut gradient, &recipe.train, rate);
        progress.step(optimiser.steps, slope.loss, norm, rate)?;
    }
    Ok(())
}

fn score(
    recipe: &Recipe,
    weights: &Params,
    validator: &Validator,
    sheet: Option<&Path>,
) -> Result<Report, TrainError> {
    let device = Device::flex();
    let shape = recipe.shape();
    let (report, examples) = match (shape.base, recipe.network.kind()) {
        (Some(_), _) => validator.run_windowed(&Base::new(&shape, weights, &device)?.0, &device)?,
        (None, PredictKind::Direct) => {
            validator.run(&Network::new(&shape, weights, &device)?.0, &device)?
        }
        (None, PredictKind::Blend) => {
            validator.run_blend(&Blend::new(&shape, weights, &device)?.0, &device)?
        }
    };
    if let Some(path) = sheet {
        sheet::write(path, &examples)?;
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Scores;

    fn recipe(steps: u64) -> Recipe {
        let text = format!(
            "name = \"t\"\nnetwork = \"nano-direct\"\nseed = 3\n[data]\nside = 16\nframes = 5\n\
             [[data.demo]]\nworlds = 1\n[train]\nsteps = {steps}\nbatch = 2\nchunk = 2\n\
             warm_up = 2\n[validate]\nevery = 2\nseeds = [9901]\nframes = 4\nsize = [16, 16]\n"
        );
        Recipe::parse("t", &text).unwrap()
    }

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("framecast-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        path
    }

    #[test]
    fn a_run_repeats_to_the_bit_and_resumes_as_if_never_stopped() {
        let run = |name: &str, parts: &[u64]| {
            let out = folder(name);
            for (i, &steps) in parts.iter().enumerate() {
                let options =
                    Options { out: out.clone(), resume: i > 0, overwrite: false, time: None };
                // The schedule depends on the number of steps; keep it flat for this test.
                let mut recipe = recipe(steps);
                recipe.train.floor = 1.0;
                let outcome = train(&recipe, &options).unwrap();
                assert!(outcome.complete && outcome.best.exists());
            }
            let checkpoint = Checkpoint::read(&out.join("last.ckpt")).unwrap();
            fs::remove_dir_all(&out).unwrap();
            checkpoint
        };
        let whole = run("whole", &[8]);
        assert_eq!(run("again", &[8]), whole);
        assert_eq!(run("parts", &[4, 8]).optimiser, whole.optimiser);
        assert_ne!(whole.optimiser.weights, whole.recipe.network.init(3));
    }

    #[test]
    fn a_loss_that_is_no_number_stops_the_run_and_keeps_the_best() {
        let out = folder("nan");
        let mut recipe = recipe(8);
        // Overflows: the logarithm of a small error is about -7.
        recipe.loss.log_mse = 3e38;
        let options = Options { out: out.clone(), resume: false, overwrite: false, time: None };
        let error = train(&recipe, &options).unwrap_err();
        assert!(matches!(error, TrainError::NotFinite { step: 0, .. }), "{error}");
        let best = Checkpoint::read(&out.join("best.ckpt")).unwrap();
        assert_eq!(best.optimiser.steps, 0);
        fs::remove_dir_all(&out).unwrap();
    }

    #[test]
    fn another_recipe_cannot_resume() {
        let out = folder("other");
        let options = Options { out: out.clone(), resume: false, overwrite: false, time: None };
        train(&recipe(2), &options).unwrap();
        let again = train(&recipe(2), &options).unwrap_err().to_string();
        assert!(again.contains("--resume") && again.contains("--overwrite"), "{again}");
        train(&recipe(2), &Options { overwrite: true, ..options.clone() }).unwrap();
        let mut other = recipe(4);
        other.train.batch = 1;
        let error = train(&other, &Options { resume: true, ..options }).unwrap_err();
        assert!(error.to_string().contains("another recipe"), "{error}");
        fs::remove_dir_all(&out).unwrap();
    }

    #[test]
    fn a_blend_network_that_only_copies_is_told_to_have_run_away() {
        let text = "name = \"t\"\nnetwork = \"nano\"\n[data]\nside = 16\nframes = 4\n";
        let blend = Recipe::parse("t", text).unwrap();
        let scores = |pd| Scores { pd, mse: 0.01 };
        let report =
            |pd| Report { model: scores(pd), copy_last: scores(9.0), frames: 5, forecast: None };
        let error = alive(&blend, 250, &report(9.0)).unwrap_err().to_string();
        assert!(error.contains("step 250") && error.contains("gate_rate"), "{error}");
        alive(&blend, 250, &report(8.9)).unwrap();
        // An untrained direct network is copy-last, and may be so for a while.
        alive(&recipe(2), 2, &report(9.0)).unwrap();
    }

    #[test]
    fn a_blend_run_repeats_to_the_bit() {
        let text = "name = \"t\"\nnetwork = \"nano\"\n[data]\nside = 16\nframes = 4\n[[data.demo]]\n\
                    worlds = 1\n[train]\nsteps = 4\nbatch = 2\nwarm_up = 2\n[validate]\nevery = 2\n\
                    seeds = [9901]\nframes = 4\nsize = [16, 16]\n";
        let recipe = Recipe::parse("t", text).unwrap();
        let run = |name: &str| {
            let out = folder(name);
            train(
                &recipe,
                &Options { out: out.clone(), resume: false, overwrite: false, time: None },
            )
            .unwrap();
            let checkpoint = Checkpoint::read(&out.join("last.ckpt")).unwrap();
            fs::remove_dir_all(&out).unwrap();
            checkpoint
        };
        let first = run("mix1");
        assert_eq!(run("mix2"), first);
        assert_ne!(first.optimiser.weights, recipe.network.init(1));
    }
}
