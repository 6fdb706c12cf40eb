//! The training loop.
//!
//! A step takes one chunk of a batch of sequences; the state goes on into the next chunk without
//! its history (truncated back-propagation through time). Checkpoints are written between
//! sequences only, where a run is a function of weights, optimiser and step number: a resumed run
//! goes on as if it had never stopped.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

use super::measure;
use super::progress::{Progress, Step};
use super::share::{self, Place, Share};
use super::validation::Validation;
use super::{AdamW, Checkpoint, Options, learning_rate, replace};
use crate::TrainError;
use crate::data::{Batch, Mixture, Prefetch};
use crate::device::open_all;
use crate::net::{integer, patch};
use crate::recipe::{Recipe, Training};

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The best checkpoint by validation.
    pub best: PathBuf,
    /// Its gain over copy-last, in dB; on all validation data when the run is complete.
    pub gain: Option<f64>,
    /// Steps done.
    pub steps: u64,
    /// True when all steps of the recipe are done, or it stopped since it gained no more.
    pub complete: bool,
}

/// Trains `recipe`.
///
/// # Errors
/// [`TrainError`]; what was saved before an error stays intact.
pub fn train(recipe: &Recipe, options: &Options) -> Result<Outcome, TrainError> {
    let out = options.out.as_path();
    let [last, best] = options.checkpoints()?;
    let devices = open_all(&options.devices, recipe.train.threads)?;
    let mut mixture = Mixture::open(&recipe.data, &recipe.augment)?.feeding(&recipe.shape());
    let first = devices.first().cloned().unwrap_or_else(|| Device::flex().autodiff());
    let validation = Validation::new(recipe, &mut mixture, out, &first)?;
    let mut run =
        if options.resume { resumed(recipe, &last)? } else { started(recipe, mixture.describe())? };
    if run.optimiser.steps == 0 {
        // Before anything else: a run that is killed early must not go on from a former one.
        run.write(&last)?;
        forget(out)?;
    }
    replace(&out.join("recipe.toml"), recipe.to_toml()?.as_bytes())?;
    let told = (&run.optimiser, run.data.join("; "));
    let mut progress = Progress::begin(out, &recipe.name, recipe.train.steps, told)?;
    if run.optimiser.steps == 0 {
        measure::measure(&mut run, &mut mixture)?;
        validation.begin(&run, &mut progress)?;
        run.write(&best)?;
    }
    let mut batches = Prefetch::start(mixture, recipe.seed, run.batches, recipe.train.batch)?;
    let limits = options.start(&recipe.train);
    while limits.go_on(run.optimiser.steps, &run.standing) {
        let before = run.optimiser.steps;
        let batch = batches.take()?;
        learn(&mut run, batch, &devices, &mut progress, &best)?;
        let (step, every) = (run.optimiser.steps, recipe.validate.every);
        if step / every > before / every || step >= recipe.train.steps {
            validation.epoch(&mut run, &mut progress)?;
        } else if !limits.in_time() {
            // Not validated: the run would not be the one it is without the stop.
            run.write(&last)?;
        }
    }
    let steps = run.optimiser.steps;
    let tired = limits.tired(&run.standing);
    let complete = steps >= recipe.train.steps || tired;
    if tired {
        let patience = recipe.train.patience;
        progress
            .tell(&format!("stopped at step {steps}: no better validation in the last {patience}"));
    }
    let mut gain = run.standing.gain;
    if complete && gain.is_some() {
        gain = Some(validation.end(&mut progress)?.gain());
    }
    Ok(Outcome { best, gain, steps, complete })
}

/// Removes the named checkpoints of a run that is lost.
fn forget(out: &Path) -> Result<(), TrainError> {
    let list = fs::read_dir(out).map_err(TrainError::io("read", out))?;
    for path in list.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("best-step") && name.ends_with(".ckpt") {
            fs::remove_file(&path).map_err(TrainError::io("remove", &path))?;
        }
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
    let mut run = Checkpoint::new(recipe.clone(), data, AdamW::new(weights));
    run.critic = recipe.adversarial.map(|a| a.begin(recipe.seed));
    Ok(run)
}

fn resumed(recipe: &Recipe, last: &Path) -> Result<Checkpoint, TrainError> {
    let run = Checkpoint::read(last)?;
    // What one changes to go on further, after a loss that was no number, or on another machine;
    // anything else would make it another run.
    let mut same = run.recipe.clone();
    same.train = Training {
        steps: recipe.train.steps,
        learning_rate: recipe.train.learning_rate,
        clip: recipe.train.clip,
        threads: recipe.train.threads,
        patience: recipe.train.patience,
        ..same.train
    };
    if same != *recipe {
        return Err(TrainError::Checkpoint {
            path: last.to_owned(),
            reason:
                "it belongs to another recipe (of [train], steps, learning_rate, clip, patience \
                     and threads may change); restore the recipe or choose another --out"
                    .to_owned(),
        });
    }
    Ok(Checkpoint { recipe: recipe.clone(), ..run })
}

/// All steps of one batch of sequences.
fn learn(
    run: &mut Checkpoint,
    batch: Batch,
    devices: &[Device],
    progress: &mut Progress,
    best: &Path,
) -> Result<(), TrainError> {
    let Checkpoint { recipe, optimiser, critic, batches, .. } = run;
    let frames = batch.frames();
    let parts = batch.split(devices.len());
    let (seed, first) = (recipe.seed, optimiser.steps);
    let chance = |lane: u64| Pcg64::seed_from_u64(!seed ^ first.rotate_left(32) ^ (lane << 24));
    let mut shares: Vec<Share> = (0..)
        .zip(parts.into_iter().zip(devices))
        .map(|(lane, (part, device))| Share::new(recipe, part, device, chance(lane)))
        .collect();
    loop {
        let step = optimiser.steps;
        let begun = recipe.adversarial.is_some_and(|a| step >= a.start);
        let place = Place {
            recipe,
            weights: &optimiser.weights,
            critic: critic.as_ref().filter(|_| begun).map(|c| &c.weights),
            batch: *batches,
            step,
        };
        let Some(slopes) = share::descend(&mut shares, &place)? else {
            if step == first {
                return Err(TrainError::Data {
                    uri: "the mixture".to_owned(),
                    reason: format!("sequences of {frames} frames have nothing to predict"),
                });
            }
            *batches += 1;
            return Ok(());
        };
        let rate = learning_rate(&recipe.train, step);
        for slope in [Some(&slopes.net), slopes.critic.as_ref()].into_iter().flatten() {
            if !slope.is_finite() {
                let (loss, best) = (slope.loss, best.to_owned());
                return Err(TrainError::NotFinite { step, loss, rate, best });
            }
        }
        let mut net = slopes.net;
        let gradient = optimiser.step(&mut net.gradient, &recipe.train, rate);
        let mut told = Step { step: optimiser.steps, loss: net.loss, gradient, rate, critic: None };
        if let (Some(mut slope), Some(critic), Some(adversarial)) =
            (slopes.critic, critic.as_mut(), &recipe.adversarial)
        {
            critic.step(&mut slope.gradient, &recipe.train, adversarial.learning_rate);
            patch::bound(&mut critic.weights);
            told.critic = Some(slope.loss);
        }
        progress.step(&told)?;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn recipe(steps: u64) -> Recipe {
        Recipe::parse("t", &recipe_text(steps)).unwrap()
    }

    fn recipe_text(steps: u64) -> String {
        format!(
            "name = \"t\"\nnetwork = \"nano-direct\"\nseed = 3\n[data]\nside = 16\nframes = 5\n\
             [[data.demo]]\nworlds = 1\n[train]\nsteps = {steps}\nbatch = 2\nchunk = 2\n\
             warm_up = 2\n[validate]\nevery = 2\nseeds = [9901]\nframes = 4\nsize = [16, 16]\n"
        )
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
                let options = Options { out: out.clone(), resume: i > 0, ..Options::default() };
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

    /// Sequences of three frames in a folder, beside those of five of the demo camera.
    fn of_two_lengths(set: &Path) -> String {
        for (sequence, frame) in (0..4).flat_map(|s| (0..3).map(move |f| (s, f))) {
            let folder = set.join(format!("s{sequence}"));
            fs::create_dir_all(&folder).unwrap();
            let samples: Vec<u8> =
                (0..16 * 16 * 3).map(|i| (i * 7 + sequence * 31) as u8).collect();
            let path = folder.join(format!("{frame}.png"));
            image::save_buffer(path, &samples, 16, 16, image::ExtendedColorType::Rgb8).unwrap();
        }
        format!("together = true\n[[data.sequences]]\nuri = {:?}\n[[data.demo]]", set.display())
    }

    #[test]
    fn a_run_over_sequences_of_two_lengths_resumes_with_the_batch_that_is_next() {
        let set = folder("lengths-set");
        let data = of_two_lengths(&set);
        let text = recipe_text(12).replace("[[data.demo]]", &data);
        let mut recipe = Recipe::parse("t", &text).unwrap();
        recipe.train.floor = 1.0;
        let run = |name: &str, parts: &[u64]| {
            let out = folder(name);
            for (i, &steps) in parts.iter().enumerate() {
                let mut recipe = recipe.clone();
                recipe.train.steps = steps;
                let options = Options { out: out.clone(), resume: i > 0, ..Options::default() };
                train(&recipe, &options).unwrap();
            }
            let checkpoint = Checkpoint::read(&out.join("last.ckpt")).unwrap();
            fs::remove_dir_all(&out).unwrap();
            checkpoint
        };
        let whole = run("lengths-whole", &[12]);
        // Some took one step, some two.
        assert!((7..12).contains(&whole.batches), "{}", whole.batches);
        for half in [3, 5, 7] {
            assert_eq!(run("lengths-parts", &[half, 12]).optimiser, whole.optimiser, "{half}");
        }

        let mut long = recipe.clone();
        (long.train.last_only, long.train.chunk, long.data.frames) = (true, 1, 3);
        let out = folder("lengths-long");
        let error = train(&long, &Options { out: out.clone(), ..Options::default() }).unwrap_err();
        assert!(error.to_string().contains("set it to 2 or more"), "{error}");
        fs::remove_dir_all(&out).unwrap();
        fs::remove_dir_all(&set).unwrap();
    }

    #[test]
    fn a_stop_by_time_saves_but_does_not_validate() {
        let out = folder("time");
        let mut recipe = recipe(2_000);
        recipe.validate.every = 1_000;
        let time = Some(Duration::from_millis(1));
        let options = Options { out: out.clone(), time, ..Options::default() };
        train(&recipe, &options).unwrap();
        // By now the time is up before a step; what is there stays.
        let begun = Checkpoint::read(&out.join("last.ckpt")).unwrap();
        assert!(begun.optimiser.steps < 1_000 && begun.standing.kept.is_empty());
        let log = fs::read_to_string(out.join("log.jsonl")).unwrap();
        assert_eq!(log.lines().filter(|line| line.contains("gain_db")).count(), 1, "{log}");
        assert!(out.join("best.ckpt").exists());
        fs::remove_dir_all(&out).unwrap();
    }

    #[test]
    fn a_run_that_is_lost_is_not_gone_on_from() {
        let out = folder("lost");
        let options = Options { out: out.clone(), ..Options::default() };
        train(&recipe(4), &options).unwrap();
        let mut other = recipe(4);
        (other.seed, other.loss.log_mse) = (4, 3e38);
        // Ends before its first validation.
        train(&other, &Options { overwrite: true, ..options }).unwrap_err();
        let last = Checkpoint::read(&out.join("last.ckpt")).unwrap();
        assert_eq!((last.optimiser.steps, last.recipe.seed), (0, 4));
        fs::remove_dir_all(&out).unwrap();
    }

    #[test]
    fn a_loss_that_is_no_number_stops_the_run_and_keeps_the_best() {
        let out = folder("nan");
        let mut recipe = recipe(8);
        // Overflows: the logarithm of a small error is about -7.
        recipe.loss.log_mse = 3e38;
        let options = Options { out: out.clone(), ..Options::default() };
        let error = train(&recipe, &options).unwrap_err();
        assert!(matches!(error, TrainError::NotFinite { step: 0, .. }), "{error}");
        let best = Checkpoint::read(&out.join("best.ckpt")).unwrap();
        assert_eq!(best.optimiser.steps, 0);
        fs::remove_dir_all(&out).unwrap();
    }

    #[test]
    fn another_recipe_cannot_resume() {
        let out = folder("other");
        let options = Options { out: out.clone(), ..Options::default() };
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
    fn a_blend_run_repeats_to_the_bit() {
        let text = "name = \"t\"\nnetwork = \"nano\"\n[data]\nside = 16\nframes = 4\n[[data.demo]]\n\
                    worlds = 1\n[train]\nsteps = 4\nbatch = 2\nwarm_up = 2\n[validate]\nevery = 2\n\
                    seeds = [9901]\nframes = 4\nsize = [16, 16]\n";
        let recipe = Recipe::parse("t", text).unwrap();
        let run = |name: &str| {
            let out = folder(name);
            train(&recipe, &Options { out: out.clone(), ..Options::default() }).unwrap();
            let checkpoint = Checkpoint::read(&out.join("last.ckpt")).unwrap();
            fs::remove_dir_all(&out).unwrap();
            checkpoint
        };
        let first = run("mix1");
        assert_eq!(run("mix2"), first);
        assert_ne!(first.optimiser.weights, recipe.network.init(1));
    }
}
