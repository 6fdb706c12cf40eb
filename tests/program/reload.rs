//! `framecast run` while its model file changes: once to a broken file, once to another model.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use framecast::model::onnx::GraphBuilder;
use framecast::model::{Contract, DType, ModelFile};
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{LIMIT, balance};

/// Frames that must come after each change.
const MORE: usize = 20;

/// A run that writes its results, log and summary into a folder; ended when dropped.
struct Running {
    folder: TempDir,
    child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails when it has ended by itself, as it should.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// Starts on a copy of the shipped model.
    fn start(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::copy(shipped(), file("model.onnx")).unwrap();
        let child = Command::new(assert_cmd::cargo::cargo_bin("framecast"))
            .args(["run", "--json", "--threads", "1", "--set", "model.reload=true", "--predict"])
            .arg(file("model.onnx"))
            .arg("--record-jsonl")
            .arg(file("results"))
            .args(more)
            .stdout(fs::File::create(file("summary")).unwrap())
            .stderr(fs::File::create(file("log")).unwrap())
            .spawn()
            .unwrap();
        Self { folder, child }
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    /// The results so far; a line that is still being written is left out.
    fn results(&self) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["type"] == "frame").collect()
    }

    fn lines(&self) -> Vec<Value> {
        let text = self.text("results");
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn wait_until(&mut self, what: &str, is: impl Fn(&Self) -> bool) {
        let begin = Instant::now();
        while !is(self) {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "ended before {what}: {ended:?}\n{}", self.text("log"));
            assert!(begin.elapsed() < LIMIT, "no sign of {what}\n{}", self.text("log"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn wait_for_frames(&mut self, more: usize) {
        let wanted = self.results().len() + more;
        self.wait_until("frames", |run| run.results().len() >= wanted);
    }

    /// Puts another file in the model's place in one step, as an update does.
    fn replace_model(&self, bytes: &[u8]) {
        let new = self.folder.path().join("new");
        fs::write(&new, bytes).unwrap();
        fs::rename(new, self.folder.path().join("model.onnx")).unwrap();
    }

    fn interrupt(&mut self) -> Value {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(130), "{}", self.text("log"));
        serde_json::from_str(&self.text("summary")).unwrap()
    }
}

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/predict-nano-direct.onnx")
}

/// A model that predicts the frame it is given, so that its scores are those of copy-last.
fn repeating() -> Vec<u8> {
    let contract = r#"{
        "version": 1, "name": "repeating", "task": "predict", "kind": "direct",
        "inputs": [{"name": "frame", "role": "frame", "dtype": "f32", "shape": [1, 3, "H", "W"]}],
        "outputs": [{"name": "same", "role": "prediction", "dtype": "f32", "shape": [1, 3, "H", "W"]}]
    }"#;
    let shape = [1.into(), 3.into(), "H".into(), "W".into()];
    let mut graph = GraphBuilder::new("repeating");
    let frame = graph.input("frame", DType::F32, &shape);
    let none = graph.constant("none", &[1], vec![0.0f32]);
    let same = graph.node("Add", &[&frame, &none], &[]);
    graph.output_as(&same, "same", DType::F32, &shape);
    graph.metadata(Contract::KEY, contract);
    ModelFile::from_proto("repeating", &graph.finish().unwrap()).unwrap().bytes().to_vec()
}

/// How far the model's PD is from that of copy-last; none for a frame without a prediction.
fn apart(result: &Value) -> Option<f64> {
    Some((result["pd"].as_f64()? - result["copy_last_pd"].as_f64()?).abs())
}

/// What came of a run through all changes.
struct Told {
    /// Results of the first model, the last `MORE` of them since the broken file was refused.
    old: Vec<Value>,
    /// Results of the model that took over.
    new: Vec<Value>,
    summary: Value,
}

/// Runs, breaks the model, mends it with another.
fn run_through_changes(more: &[&str]) -> Told {
    let mut run = Running::start(more);
    run.wait_for_frames(MORE);
    run.replace_model(&fs::read(shipped()).unwrap()[..10_000]);
    run.wait_until("the refusal", |run| run.text("log").contains("not loaded again"));
    run.wait_for_frames(MORE);
    run.replace_model(&repeating());
    run.wait_until("the new model", |run| run.results().iter().any(|r| r["reset"] == "reload"));
    run.wait_for_frames(MORE);
    let summary = run.interrupt();

    let log = run.text("log");
    let path = run.folder.path().join("model.onnx").display().to_string();
    assert_eq!(log.matches("not loaded again").count(), 1, "{log}");
    for word in [path.as_str(), "not a complete ONNX model"] {
        assert!(log.contains(word), "{word:?} is missing in: {log}");
    }
    let mut old = run.results();
    let frames = &summary["frames"];
    assert_eq!(summary["outcome"], "interrupted");
    assert_eq!((&frames["in_flight"], &summary["state_resets"]["reload"]), (&0.into(), &1.into()));
    assert_eq!(balance(frames), frames["captured"].as_u64().unwrap());
    assert_eq!(frames["processed"], old.len());
    assert!(old.windows(2).all(|r| r[0]["seq"].as_u64() < r[1]["seq"].as_u64()));
    let new = old.split_off(old.iter().position(|r| r["reset"] == "reload").unwrap());
    assert!(new.iter().filter_map(apart).all(|d| d < 0.01), "the new model is not in use");
    named_rightly(&summary, &run.lines(), &new[0]["seq"]);
    Told { old, new, summary }
}

/// Summary and recording must name both models; `first` is the first frame of the second one.
fn named_rightly(summary: &Value, lines: &[Value], first: &Value) {
    let identity = |bytes: Vec<u8>| {
        Value::from(ModelFile::from_bytes("m", bytes).unwrap().sha256().to_owned())
    };
    let (old, new) = (identity(fs::read(shipped()).unwrap()), identity(repeating()));
    let told = &summary["predictor"];
    assert_eq!((&told["name"], &told["identity"]), (&"repeating".into(), &new));
    assert_eq!((&summary["reloads"], summary["models"].as_array().unwrap().len()), (&1.into(), 2));
    let models = &summary["models"];
    // Of a run that is overloaded from the start the very first frame may be left out.
    assert_eq!((&models[0]["identity"], &models[0]["from_seq"]), (&old, &lines[2]["seq"]));
    assert_eq!((&models[1]["identity"], &models[1]["from_seq"]), (&new, first));
    assert_eq!(summary["load"], models[1]["load"]);
    assert!(models[0]["load"]["placement"][0]["nodes"].as_u64() > Some(1), "{}", models[0]);

    let at = |identity: &Value| {
        lines.iter().position(|l| l["type"] == "model" && l["identity"] == *identity).unwrap()
    };
    assert_eq!((at(&old), &lines[2]["type"]), (1, &"frame".into()));
    let after = &lines[at(&new) + 1];
    assert_eq!((&after["type"], &after["seq"]), (&"frame".into(), first));
    assert_eq!(lines.iter().filter(|l| l["type"] == "model").count(), 2);
}

#[test]
fn no_frame_is_lost_when_the_model_changes() {
    // Room for a slow machine: a frame is lost only when the stream stands still.
    let patient = ["--set", "ring.capacity=64", "--set", "ring.block_timeout=1min"];
    let camera = ["--source", "demo:?size=96x64&fps=20", "--set", "source.buffers=8"];
    let args = [&camera[..], &patient[..], &["--policy", "block"]].concat();
    let Told { old, new, summary } = run_through_changes(&args);
    for (reason, count) in summary["frames"]["dropped"].as_object().unwrap() {
        assert!(reason == "shutdown" || count == 0, "{reason}: {count}");
    }
    assert!(old.iter().chain(&new).zip(0u64..).all(|(r, seq)| r["seq"] == seq));
    for (reason, count) in summary["state_resets"].as_object().unwrap() {
        let wanted = u64::from(["start", "reload"].contains(&reason.as_str()));
        assert_eq!(count, wanted, "{reason}");
    }
    let kept = &old[old.len() - MORE..];
    assert!(kept.iter().filter_map(apart).all(|d| d > 0.01), "the old model does not go on");
    assert_eq!(kept.iter().filter_map(apart).count(), MORE);
    assert_eq!(new.iter().filter_map(apart).count(), new.len() - 1, "all but the first are scored");
}

#[test]
fn an_overloaded_run_takes_the_new_model_too() {
    let told = run_through_changes(&["--source", "demo:?size=320x180&fps=500"]);
    let dropped = &told.summary["frames"]["dropped"];
    let left_out = ["policy", "driver_gap"].map(|r| dropped[r].as_u64().unwrap());
    assert!(left_out.iter().sum::<u64>() > 0, "the run was not overloaded: {dropped}");
    for reason in ["corrupt", "decode", "ring", "deadline"] {
        assert_eq!(dropped[reason], 0, "{reason}");
    }
}
