//! The loop: batches, steps, validations, checkpoints.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;
use serde_json::json;

use super::{FitCheckpoint, FitRecipe, Lesson, Measures, Step};
use crate::TrainError;
use crate::device::open_all;
use crate::train::{AdamW, Options, Progress, Told, gradient_of, learning_rate, replace};

/// How a run ended.
#[derive(Clone, Debug)]
pub struct FitOutcome {
    /// The best checkpoint by the first measure of the validation.
    pub best: PathBuf,
    /// What that validation said; empty before the first.
    pub measures: Measures,
    /// Steps done.
    pub steps: u64,
}

/// Trains `lesson` by `recipe`.
///
/// # Errors
/// [`TrainError`]; what was saved before an error stays intact.
pub fn fit(
    recipe: &FitRecipe,
    lesson: &mut dyn Lesson,
    options: &Options,
) -> Result<FitOutcome, TrainError> {
    let out = options.out.as_path();
    let [last, best] = options.checkpoints()?;
    let devices = open_all(&options.devices, 1)?;
    let device = devices.into_iter().next().unwrap_or_else(|| Device::flex().autodiff());
    let mut run =
        if options.resume { resumed(recipe, lesson, &last)? } else { begun(recipe, lesson) };
    replace(&out.join("recipe.toml"), recipe.to_toml()?.as_bytes())?;
    let told = (&run.optimiser, run.data.join("; "));
    let mut progress = Progress::begin(out, &recipe.name, recipe.train.steps, told)?;
    let mut measures = Measures::default();
    if run.optimiser.steps == 0 {
        // Before anything else: a run that is killed early must not go on from a former one.
        run.write(&last)?;
        measures = validate(&mut run, lesson, &mut progress, [&last, &best])?;
    } else if best.exists() {
        let kept = FitCheckpoint::read(&best)?;
        kept.belongs(&best, lesson)?;
        measures = lesson.validate(&kept.optimiser.average)?;
    }
    let limits = options.start(&recipe.train);
    while limits.go_on(run.optimiser.steps, &run.standing) {
        learn(&mut run, lesson, &device, &mut progress, &best)?;
        let step = run.optimiser.steps;
        if step % recipe.validate.every == 0 || step >= recipe.train.steps {
            let found = validate(&mut run, lesson, &mut progress, [&last, &best])?;
            if run.standing.stale == 0 {
                measures = found;
            }
        } else if !limits.in_time() {
            // Not validated: the run would not be the one it is without the stop.
            run.write(&last)?;
        }
    }
    Ok(FitOutcome { best, measures, steps: run.optimiser.steps })
}

fn begun(recipe: &FitRecipe, lesson: &dyn Lesson) -> FitCheckpoint {
    FitCheckpoint {
        recipe: recipe.clone(),
        data: lesson.data(),
        vocabulary: lesson.vocabulary(),
        optimiser: AdamW::new(lesson.init()),
        standing: Default::default(),
    }
}

fn resumed(
    recipe: &FitRecipe,
    lesson: &dyn Lesson,
    last: &Path,
) -> Result<FitCheckpoint, TrainError> {
    let run = FitCheckpoint::read(last)?;
    // A longer run or other validations are the same run.
    let mut same = recipe.clone();
    same.train.steps = run.recipe.train.steps;
    same.train.patience = run.recipe.train.patience;
    same.validate.clone_from(&run.recipe.validate);
    if same != run.recipe {
        return Err(TrainError::Checkpoint {
            path: last.to_owned(),
            reason: "it belongs to another recipe; recipe.toml beside it has the one it follows"
                .to_owned(),
        });
    }
    run.belongs(last, lesson)?;
    Ok(FitCheckpoint { recipe: recipe.clone(), ..run })
}

/// One step.
fn learn(
    run: &mut FitCheckpoint,
    lesson: &mut dyn Lesson,
    device: &Device,
    progress: &mut Progress,
    best: &Path,
) -> Result<(), TrainError> {
    let FitRecipe { train, seed, .. } = run.recipe.clone();
    let number = run.optimiser.steps;
    let stream = |salt: u64| {
        Pcg64::seed_from_u64(seed ^ salt ^ (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    };
    let (mut data, mut chance) = (stream(0), stream(0xd1b5_4a32_d192_ed03));
    let weights = &run.optimiser.weights;
    let leaves = weights.by_name(device);
    let step = Step {
        leaves: &leaves,
        device,
        number,
        batch: train.batch,
        data: &mut data,
        chance: &mut chance,
    };
    let loss = lesson.loss(step)?;
    let value = loss.clone().into_data().try_to_vec::<f32>().ok();
    let value = value.and_then(|v| v.first().copied()).unwrap_or(f32::NAN);
    let rate = learning_rate(&train, number);
    let not_finite =
        || TrainError::NotFinite { step: number, loss: value, rate, best: best.to_owned() };
    if !value.is_finite() {
        return Err(not_finite());
    }
    let grads = loss.backward();
    let ordered: Vec<_> =
        weights.list().iter().filter_map(|p| leaves.get(&p.name).cloned()).collect();
    let mut gradient = gradient_of(&ordered, &grads, weights);
    if !gradient.iter().flatten().all(|g| g.is_finite()) {
        return Err(not_finite());
    }
    let length = run.optimiser.step(&mut gradient, &train, rate);
    let told = Told { step: number + 1, loss: value, gradient: length, rate, critic: None };
    progress.step(&told)
}

/// Scores the run, and writes its checkpoints.
fn validate(
    run: &mut FitCheckpoint,
    lesson: &mut dyn Lesson,
    progress: &mut Progress,
    [last, best]: [&Path; 2],
) -> Result<Measures, TrainError> {
    let measures = lesson.validate(&run.optimiser.average)?;
    let step = run.optimiser.steps;
    let mut is_best = false;
    if let Some(first) = measures.first() {
        is_best = run.standing.offer(step, first.value, first.goal, 1).best;
    }
    let list: serde_json::Map<String, serde_json::Value> = measures
        .list
        .iter()
        .map(|m| (m.name.clone(), json!({ "model": m.value, "baselines": m.baselines })))
        .collect();
    progress.record(&json!({ "step": step, "validation": list, "samples": measures.samples }))?;
    let said: Vec<String> =
        measures.list.iter().map(|m| format!("{} {:.4}", m.name, m.value)).collect();
    progress.tell(&format!("step {step}  {}", said.join("  ")));
    if is_best {
        run.write(best)?;
    }
    run.write(last)?;
    Ok(measures)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use burn::tensor::{Tensor, TensorData};
    use rand::RngExt as _;

    use super::*;
    use crate::fit::{Measure, Product};
    use crate::net::{Form, Layers, Params, Slot, TaskNet};
    use crate::train::Goal;
    use framecast::model::Role;

    /// Learns `y = 3 x - 1`.
    struct Line;

    impl TaskNet for Line {
        fn inputs(&self) -> Vec<Slot> {
            vec![Slot::new("x", Role::Features, Form::Vector(1))]
        }

        fn outputs(&self) -> Vec<Slot> {
            vec![Slot::new("y", Role::Scores, Form::Vector(1))]
        }

        fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
            let x = g.dropout(&inputs[0], 0.1);
            vec![g.linear(&x, "line")]
        }
    }

    impl Lesson for Line {
        fn init(&self) -> Params {
            let mut params = Params::default();
            params.add_conv("line", [1, 1, 1, 1], 1.0, &mut Pcg64::seed_from_u64(1));
            params
        }

        fn data(&self) -> Vec<String> {
            vec!["a line".to_owned()]
        }

        fn loss(&mut self, step: Step<'_>) -> Result<Tensor<1>, TrainError> {
            let x: Vec<f32> = (0..step.batch).map(|_| step.data.random_range(-1.0..1.0)).collect();
            let y: Vec<f32> = x.iter().map(|x| 3.0 * x - 1.0).collect();
            let form = [step.batch, 1, 1, 1];
            let tensor = |v| Tensor::<4>::from_data(TensorData::new(v, form), step.device);
            let (x, y) = (tensor(x), tensor(y));
            let found = self.compute(step.leaves, &[x], Some(step.chance)).remove(0);
            Ok((found - y).powf_scalar(2.0).mean())
        }

        fn validate(&mut self, weights: &Params) -> Result<Measures, TrainError> {
            let value = |name: &str| f64::from(weights.get(name).unwrap().values[0]);
            let off = (value("line.weight") - 3.0).abs() + (value("line.bias") + 1.0).abs();
            let list = vec![Measure::new("off", off, Goal::Min).beside("zero", 4.0)];
            Ok(Measures { list, samples: 1 })
        }

        fn export(&mut self, _: &FitCheckpoint, _: &Measures) -> Result<Vec<Product>, TrainError> {
            Ok(Vec::new())
        }
    }

    fn recipe(steps: u64) -> FitRecipe {
        let text = format!(
            "task = \"line\"\nname = \"line\"\nseed = 3\n[train]\nsteps = {steps}\nbatch = 16\n\
             learning_rate = 0.1\nwarm_up = 5\nema = 0.9\nweight_decay = 0.0\n\
             [validate]\nevery = 20\n"
        );
        FitRecipe::parse("r", &text).unwrap()
    }

    #[test]
    fn it_learns_and_a_run_that_was_stopped_ends_in_the_same_bytes() {
        let place = tempfile::tempdir().unwrap();
        let options = |name: &str| Options { out: place.path().join(name), ..Options::default() };
        let whole = fit(&recipe(200), &mut Line, &options("whole")).unwrap();
        let off = whole.measures.first().unwrap().value;
        assert!(off < 0.5, "{off}");

        let halves = options("halves");
        let short = Options { time: Some(Duration::from_millis(15)), ..halves.clone() };
        fit(&recipe(200), &mut Line, &short).unwrap();
        let resumed = Options { resume: true, ..halves.clone() };
        fit(&recipe(200), &mut Line, &resumed).unwrap();
        for file in ["last.ckpt", "best.ckpt", "log.jsonl"] {
            let read = |run: &str| fs::read(place.path().join(run).join(file)).unwrap();
            assert!(read("whole") == read("halves"), "{file} differs");
        }

        let again = fit(&recipe(200), &mut Line, &halves).unwrap_err().to_string();
        assert!(again.contains("--resume") && again.contains("--overwrite"), "{again}");
        let mut other = recipe(200);
        other.seed = 4;
        let foreign = fit(&other, &mut Line, &resumed).unwrap_err().to_string();
        assert!(foreign.contains("another recipe"), "{foreign}");
    }

    #[test]
    fn a_loss_that_is_no_number_ends_the_run_and_keeps_the_best() {
        let place = tempfile::tempdir().unwrap();
        let options = Options { out: place.path().to_owned(), ..Options::default() };
        fit(&recipe(20), &mut Line, &options).unwrap();
        let best = fs::read(place.path().join("best.ckpt")).unwrap();
        let mut run = FitCheckpoint::read(&place.path().join("last.ckpt")).unwrap();
        run.optimiser.weights.list_mut()[0].values[0] = f32::NAN;
        run.write(&place.path().join("last.ckpt")).unwrap();
        let resumed = Options { resume: true, ..options };
        let error = fit(&recipe(40), &mut Line, &resumed).unwrap_err();
        assert!(matches!(error, TrainError::NotFinite { .. }), "{error}");
        assert_eq!(fs::read(place.path().join("best.ckpt")).unwrap(), best);
    }
}
