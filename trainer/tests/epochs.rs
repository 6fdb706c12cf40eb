//! What a run does at the end of an epoch: best checkpoints, early stop, sheets, log; and
//! adversarial training. Drives the built program as a user does.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use burn::tensor::{Device, Tensor, TensorData};
use framecast_trainer::loss::hinge;
use framecast_trainer::net::Leaf;
use framecast_trainer::net::patch::{self, Patch};
use framecast_trainer::recipe::Training;
use framecast_trainer::train::{Adversarial, Checkpoint};
use serde_json::Value;

/// A folder of its own with a recipe, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, recipe: &str) -> Self {
        let path = std::env::temp_dir().join(format!("framecast-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("r.toml"), recipe).unwrap();
        Self(path)
    }

    fn train(&self, out: &str, flags: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_framecast-train"));
        command.arg("train").arg(self.0.join("r.toml")).arg("--out").arg(self.0.join(out));
        let told = command.args(flags).output().unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        told
    }

    fn log(&self, out: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.0.join(out).join("log.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn recipe(network: &str, train: &str, validate: &str, rest: &str) -> String {
    format!(
        "name = \"r\"\nnetwork = \"{network}\"\n[data]\nside = 16\nframes = 5\n[[data.demo]]\n\
         worlds = 1\n[train]\nbatch = 2\nchunk = 2\nwarm_up = 2\n{train}\n[validate]\n\
         seeds = [9901, 9902]\nframes = 6\nsize = [16, 16]\n{validate}\n{rest}"
    )
}

fn files(folder: &Path, end: &str) -> Vec<String> {
    let list = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut list: Vec<String> = list.filter(|name| name.ends_with(end)).collect();
    list.sort();
    list
}

#[test]
fn the_best_checkpoints_have_their_score_in_their_names() {
    let text = recipe("nano", "steps = 1000", "metric = \"pd\"\nkeep = 2", "");
    let folder = Folder::new("best", &text);
    let flags = ["--epochs", "4", "--steps-per-epoch", "3", "--val-steps", "2"];
    folder.train("out", &flags);
    let log = folder.log("out");
    let scored: Vec<&Value> = log.iter().filter(|l| l.get("model").is_some()).collect();
    let during: Vec<&&Value> = scored.iter().filter(|l| l.get("final").is_none()).collect();
    let at: Vec<_> = during.iter().map(|l| l["step"].as_u64().unwrap()).collect();
    assert_eq!(at, [0, 3, 6, 9, 12]);
    // Two batches of two during the run; the last word is on all ten.
    assert!(during.iter().all(|l| (4..=6).contains(&l["frames"].as_u64().unwrap())), "{during:?}");
    let last = scored.last().unwrap();
    assert_eq!((&last["final"], &last["frames"]), (&Value::Bool(true), &Value::from(10)));
    assert!(during[1]["training_gain_db"].is_f64() && during[1]["gap_db"].is_f64());

    let mut ranked: Vec<(f64, u64)> = during[1..]
        .iter()
        .map(|l| (l["model"]["pd"].as_f64().unwrap(), l["step"].as_u64().unwrap()))
        .collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut names: Vec<String> =
        ranked[..2].iter().map(|(pd, step)| format!("best-step{step}-pd{pd:.2}.ckpt")).collect();
    names.sort();
    let out = folder.0.join("out");
    let kept = files(&out, ".ckpt");
    let kept: Vec<&String> = kept.iter().filter(|name| name.starts_with("best-step")).collect();
    assert_eq!(kept, names.iter().collect::<Vec<_>>());
    assert_eq!(Checkpoint::read(&out.join("best.ckpt")).unwrap().optimiser.steps, ranked[0].1);
    assert_eq!(last["step"].as_u64().unwrap(), ranked[0].1);
    assert_eq!(files(&out.join("sheets"), ".png").len(), 4);
    assert!(out.join("recipe.toml").exists() && out.join("best.png").exists());

    // A second run, and both in one page.
    let text = recipe("nano", "steps = 6\nlearning_rate = 1e-3", "every = 3", "");
    fs::write(folder.0.join("r.toml"), text).unwrap();
    folder.train("other", &[]);
    let page = folder.0.join("report.html");
    let report = |runs: [&str; 2]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_framecast-train"));
        command.arg("report").args(runs.map(|run| folder.0.join(run))).arg("--out").arg(&page);
        command.output().unwrap()
    };
    assert!(report(["out", "other"]).status.success());
    let html = fs::read_to_string(&page).unwrap();
    for text in [">out<", ">other<", "train.learning_rate", "model.pd by step", "loss by step"] {
        assert!(html.contains(text), "{text}");
    }
    assert_eq!(html.matches("data:image/png;base64,iVBORw0KGgo").count(), 2);
    let told = report(["out", "nothing"]);
    assert_eq!(told.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&told.stderr).contains("no log.jsonl can be read"));
    assert_eq!(fs::read_to_string(&page).unwrap(), html, "the report before is intact");
}

#[test]
fn a_run_that_gains_no_more_stops() {
    let text = recipe(
        "nano-direct",
        "steps = 500\npatience = 2",
        "every = 4\nmetric = \"psnr\"\ngoal = \"min\"",
        "",
    );
    let folder = Folder::new("stop", &text);
    // As if a lower PSNR were better: once it rises, it is no better any more.
    let told = folder.train("out", &[]);
    let said = String::from_utf8_lossy(&told.stderr);
    let run = Checkpoint::read(&folder.0.join("out/last.ckpt")).unwrap();
    assert!(run.optimiser.steps < 500, "{said}");
    assert!(said.contains("no better validation in the last 2"), "{said}");
    assert_eq!(run.standing.stale, 2);
    let steps = run.optimiser.steps;
    folder.train("out", &["--resume"]);
    let again = Checkpoint::read(&folder.0.join("out/last.ckpt")).unwrap();
    assert_eq!(again.optimiser.steps, steps, "it stays stopped");
}

#[test]
fn a_discriminator_learns_to_tell_pictures_apart() {
    let device = Device::flex().autodiff();
    let flat = Tensor::<4>::full([2, 3, 16, 16], 0.5, &device);
    let stripes: Vec<f32> = (0..2 * 3 * 16 * 16).map(|i| 0.2 + 0.6 * (i / 2 % 2) as f32).collect();
    let stripes = Tensor::<4>::from_data(TensorData::new(stripes, [2, 3, 16, 16]), &device);
    let settings = Adversarial { channels: 4, ..Adversarial::default() };
    let mut critic = settings.begin(7);
    let mut losses = Vec::new();
    for _ in 0..80 {
        let (net, leaves) = Patch::new(&critic.weights, true, &device).unwrap();
        let (came, predicted) = (net.scores(&flat, &stripes), net.scores(&flat, &flat));
        let loss = hinge::discriminator(&came, &predicted);
        let grads = loss.backward();
        let mut gradient: Vec<Vec<f32>> = leaves
            .iter()
            .map(|leaf| match leaf {
                Leaf::Kernel(k) => k.grad(&grads).unwrap().into_data(),
                Leaf::Bias(b) => b.grad(&grads).unwrap().into_data(),
            })
            .map(|data| data.try_to_vec::<f32>().unwrap())
            .collect();
        losses.push(loss.into_scalar::<f32>());
        critic.step(&mut gradient, &Training::default(), 1e-2);
        patch::bound(&mut critic.weights);
    }
    assert!((losses[0] - 2.0).abs() < 0.5 && losses[79] < 0.5, "{losses:?}");
}

#[test]
fn own_predictions_and_a_discriminator_train_and_stay_out_of_the_export() {
    let train = "steps = 16\nfloor = 1.0\nsampling = { probability = 1.0, start = 0.0 }";
    let rest = "[adversarial]\nweight = 0.1\nchannels = 4\nstart = 4\n";
    let folder = Folder::new("gan", &recipe("nano-direct", train, "every = 8", rest));
    folder.train("whole", &[]);
    let whole = Checkpoint::read(&folder.0.join("whole/last.ckpt")).unwrap();
    let critic = whole.critic.as_ref().unwrap();
    assert_eq!(critic.steps, 12);
    let untrained = whole.recipe.adversarial.unwrap().begin(whole.recipe.seed);
    assert_ne!(critic.weights, untrained.weights);
    let log = folder.log("whole");
    let hinge: Vec<f64> = log.iter().filter_map(|l| l["critic"].as_f64()).collect();
    assert_eq!(hinge.len(), 12);
    // An untrained discriminator scores about 0, for a hinge loss of 2.
    assert!(hinge.iter().all(|h| (0.0..4.0).contains(h)), "{hinge:?}");

    let plain = recipe("nano-direct", "steps = 16\nfloor = 1.0", "every = 8", "");
    fs::write(folder.0.join("r.toml"), plain).unwrap();
    folder.train("plain", &[]);
    let plain = Checkpoint::read(&folder.0.join("plain/last.ckpt")).unwrap();
    assert_ne!(plain.optimiser.weights, whole.optimiser.weights);

    let export = |name: &str| {
        let model = framecast_trainer::export::export(
            &Checkpoint::read(&folder.0.join(name).join("best.ckpt")).unwrap(),
            Vec::new(),
        );
        model.unwrap().bytes().to_vec()
    };
    let (with, without) = (export("whole"), export("plain"));
    assert!(!with.windows(5).any(|w| w == b"patch"), "a discriminator's layer is in the file");
    // Recipe and scores differ by some bytes, a discriminator would be thousands.
    assert!(with.len().abs_diff(without.len()) < 1_000, "{} {}", with.len(), without.len());
}
