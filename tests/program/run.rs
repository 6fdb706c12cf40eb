//! `framecast run` on the demo camera.

use serde_json::Value;

use crate::program::{balance, framecast};

/// A small, fast run without a model.
const QUICK: &[&str] =
    &["run", "--source", "demo:?size=64x48", "--pace", "fast", "--predict", "none"];

fn quick(more: &[&str]) -> crate::program::Answer {
    framecast(&[QUICK, more].concat())
}

#[test]
fn the_summary_is_one_json_object_that_balances() {
    let answer = quick(&["--frames", "40", "--json"]);
    let json = answer.json();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["outcome"], "complete");
    assert_eq!(
        (&json["frames"]["captured"], &json["frames"]["processed"]),
        (&40.into(), &40.into())
    );
    assert_eq!(json["frames"]["in_flight"], 0);
    assert_eq!(balance(&json["frames"]), 40);
    for reason in ["driver_gap", "corrupt", "decode", "policy", "ring", "deadline", "shutdown"] {
        assert_eq!(json["frames"]["dropped"][reason], 0, "{reason}");
    }
    for name in ["age_ms", "infer_ms"] {
        for part in ["p50", "p90", "p99", "p999", "max"] {
            assert!(json[name][part].as_f64().is_some_and(|ms| ms >= 0.0), "{name}.{part}");
        }
        assert_eq!(json[name]["p999_few_samples"], true);
    }
    assert_eq!(json["engine"], "none");
    assert!(json["providers"].as_array().unwrap().is_empty());
    assert_eq!(json["model"], json["copy_last"], "without a model the model is copy-last");
    assert_eq!((&json["scored"], &json["state_resets"]["start"]), (&39.into(), &1.into()));
    assert_eq!(answer.stderr, "", "--json keeps stderr for problems");
}

#[test]
fn a_summary_for_people_names_the_figures() {
    let text = quick(&["--frames", "10"]).stdout;
    for word in ["captured 10", "age", "inference", "p99.9", "PD", "PSNR", "copy-last", "resets"] {
        assert!(text.contains(word), "{word:?} is missing in:\n{text}");
    }
}

#[test]
fn quiet_shows_nothing_but_the_summary() {
    let answer = quick(&["--frames", "10", "--quiet"]);
    assert_eq!((answer.code, answer.stderr.as_str()), (Some(0), ""));
    assert!(answer.stdout.contains("captured 10"), "{}", answer.stdout);
}

#[test]
fn policies_count_what_they_leave_out() {
    let json = quick(&["--frames", "30", "--policy", "every-3", "--json"]).json();
    assert_eq!(json["frames"]["processed"], 10);
    assert_eq!(json["frames"]["dropped"]["policy"], 20);
    assert_eq!(json["state_resets"]["gap"], 0, "frames left out on purpose are no gap");
}

#[test]
fn the_paced_demo_is_a_camera() {
    let json = framecast(&[
        "run",
        "--source",
        "demo:?size=64x48",
        "--predict",
        "none",
        "--frames",
        "20",
        "--json",
    ])
    .json();
    assert_eq!(json["source"]["live"], true);
    assert!(json["seconds"].as_f64().unwrap() > 0.5, "20 frames at 30 a second");
    assert_eq!(balance(&json["frames"]), json["frames"]["captured"].as_u64().unwrap());
}

#[test]
fn a_duration_ends_the_run() {
    let json = quick(&["--duration", "300ms", "--json"]).json();
    assert_eq!(json["outcome"], "complete");
    assert!(json["frames"]["captured"].as_u64().unwrap() > 0);
}

#[test]
fn results_are_recorded_line_by_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("r.jsonl");
    let path = file.to_str().unwrap();
    let json = quick(&["--frames", "25", "--record-jsonl", path, "--json"]).json();
    assert_eq!(json["sinks"]["jsonl"]["written"], 25);
    let lines = recorded(&file);
    assert_eq!((lines.len(), &lines[0]["type"]), (27, &"run".into()));
    assert_eq!((&lines[1]["type"], &lines[1]["identity"]), (&"model".into(), &"copy-last".into()));
    assert!(lines[2..].iter().all(|line| line["type"] == "frame"));
    assert_eq!((&lines[2]["seq"], &lines[2]["reset"]), (&0.into(), &"start".into()));
    assert!(lines[26]["pd"].as_f64().unwrap() > 0.0);
}

fn recorded(file: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a service that is started again and again does to its recording.
#[test]
fn a_recording_outlives_the_next_start_also_one_without_a_source() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("r.jsonl");
    let record = ["--record-jsonl", file.to_str().unwrap()];
    assert_eq!(quick(&[&record[..], &["--frames", "5"]].concat()).code, Some(0));
    let before = std::fs::read(&file).unwrap();
    let gone = framecast(&[&["run", "--source", "/nonexistent.y4m"], &record[..]].concat());
    gone.refused(4, &["/nonexistent.y4m"]);
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert_eq!(quick(&[&record[..], &["--frames", "3"]].concat()).code, Some(0));
    let types = |kind: &str| recorded(&file).iter().filter(|line| line["type"] == kind).count();
    assert_eq!((types("run"), types("frame")), (2, 8));
    assert!(std::fs::read(&file).unwrap().starts_with(&before));
}

#[test]
fn wrong_arguments_name_the_value_and_the_range() {
    quick(&["--json", "--record-jsonl", "-"]).refused(2, &["--json", "--record-jsonl"]);
    quick(&["--frames", "0"]).refused(2, &["--frames", "0"]);
    quick(&["--duration", "soon"]).refused(2, &["soon", "5min"]);
    quick(&["--policy", "newest"]).refused(2, &["--policy", "newest", "drop-oldest"]);
    quick(&["--horizon", "99"]).refused(2, &["--horizon", "99", "auto"]);
    quick(&["--engine", "onnx"]).refused(2, &["--engine", "onnx", "tract"]);
    quick(&["--size", "abc"]).refused(2, &["--size", "abc", "640x360"]);
    quick(&["--threads", "99999"]).refused(2, &["--threads", "99999", "1024"]);
    quick(&["--require-provider", "banana"]).refused(2, &["--require-provider", "banana", "cuda"]);
    quick(&["--set", "ring.capcity=1"]).refused(2, &["ring.capcity", "ring.capacity"]);
    quick(&["--set", "ring.capacity=0"]).refused(2, &["--set ring.capacity", "from 1 to 256"]);
    framecast(&["run", "--source", "ftp://x"]).refused(2, &["ftp://x"]);
    framecast(&["run", "--source", "/nonexistent.y4m"]).refused(4, &["/nonexistent.y4m"]);
    let missing = framecast(&["run", "--predict", "/nonexistent.onnx"]);
    missing.refused(3, &["/nonexistent.onnx"]);
}

#[test]
fn an_output_that_cannot_be_written_is_known_before_the_start() {
    let answer = quick(&["--frames", "5", "--record-jsonl", "/nonexistent/dir/r.jsonl"]);
    answer.refused(1, &["cannot write /nonexistent/dir/r.jsonl"]);
    assert_eq!(answer.stdout, "");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported_and_the_run_goes_on() {
    // Fewer results than fit into a buffer, and more.
    for frames in [30, 400] {
        let answer =
            quick(&["--frames", &frames.to_string(), "--record-jsonl", "/dev/full", "--json"]);
        assert_eq!(answer.code, Some(1), "{}", answer.stderr);
        let json: Value = serde_json::from_str(&answer.stdout).unwrap();
        assert_eq!(json["frames"]["processed"], frames, "prediction needs no recording");
        let sink = &json["sinks"]["jsonl"];
        assert_eq!((&sink["offered"], &sink["written"]), (&frames.into(), &0.into()));
        assert_eq!(sink["dropped"], frames);
        assert!(answer.stderr.contains("jsonl"), "{}", answer.stderr);
    }
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_ends_the_run_quietly() {
    use std::io::BufRead as _;
    use std::process::{Command, Stdio};
    let program = assert_cmd::cargo::cargo_bin("framecast");
    let mut child = Command::new(program)
        .args(QUICK)
        .args(["--record-jsonl", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("{\"type\":\"run\","), "{first}");
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_with_a_whole_summary() {
    use std::io::{BufRead as _, Read as _};
    use std::process::{Command, Stdio};
    let program = assert_cmd::cargo::cargo_bin("framecast");
    let mut child = Command::new(program)
        .args(QUICK)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The headline comes once everything is open and the handler is in place.
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut headline = String::new();
    stderr.read_line(&mut headline).unwrap();
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let mut summary = String::new();
    child.stdout.take().unwrap().read_to_string(&mut summary).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(summary.contains("interrupted") && summary.contains("in flight 0"), "{summary}");
}

/// The reader of the results holds the pipe open and reads nothing.
#[cfg(unix)]
#[test]
fn an_interrupt_ends_a_run_whose_output_is_stuck() {
    use std::process::{Command, Stdio};
    let program = assert_cmd::cargo::cargo_bin("framecast");
    let mut child = Command::new(program)
        .args(QUICK)
        .args(["--frames", "100000", "--record-jsonl", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let unread = child.stdout.take().unwrap();
    // Long enough for the pipe, the sink's queue and the ring to fill.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let ended = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("interrupted") && stderr.contains("in flight 0"), "{stderr}");
    drop(unread);
}

#[test]
fn a_state_file_is_kept_between_runs_and_set_aside_when_it_does_not_fit() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("s.state");
    let path = file.to_str().unwrap();
    let linear = |more: &[&str]| {
        let args = ["run", "--pace", "fast", "--frames", "5", "--json", "--state-file", path];
        framecast(&[&args[..], more].concat())
    };
    let small = ["--source", "demo:?size=64x48", "--predict", "linear"];
    assert_eq!(linear(&small).json()["state_resets"]["start"], 1);
    assert_eq!(linear(&small).json()["state_resets"]["start"], 0, "the second goes on");
    let other = ["--source", "demo:?size=32x32", "--predict", "linear"];
    let old = dir.path().join("s.state.old");
    let afresh = |answer: crate::program::Answer, words: &[&str]| {
        assert_eq!(answer.json()["state_resets"]["start"], 1);
        for word in words {
            assert!(answer.stderr.contains(word), "{word:?} is missing in: {}", answer.stderr);
        }
    };
    afresh(linear(&other), &["64x48", "32x32", "s.state.old"]);
    assert!(old.exists());
    assert_eq!(linear(&other).json()["state_resets"]["start"], 0, "the new state is kept");
    std::fs::write(&file, b"FCSTATE1 and nonsense").unwrap();
    afresh(linear(&small), &[path, "damaged"]);
    assert_eq!(std::fs::read(&old).unwrap(), b"FCSTATE1 and nonsense");
}

/// A writer that stops in the middle and keeps the pipe open.
#[cfg(unix)]
#[test]
fn a_pipe_that_falls_silent_ends_every_command() {
    use std::io::Write as _;
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("camera.y4m");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let path = pipe.to_str().unwrap();
    let out = dir.path().join("out.y4m");
    let wait = ["--set", "source.timeout=500ms"];
    let commands: [&[&str]; 3] = [
        &["run", "--source", path, "--predict", "none", "--json"],
        &["predict", path, "--model", "copy-last", "--out", out.to_str().unwrap()],
        &["eval", path, "--model", "copy-last", "--json"],
    ];
    for command in commands {
        let writer = std::thread::spawn({
            let pipe = pipe.clone();
            move || {
                let mut pipe = std::fs::File::options().write(true).open(pipe).unwrap();
                pipe.write_all(b"YUV4MPEG2 W16 H16 F25:1 Cmono\n").unwrap();
                for _ in 0..3 {
                    pipe.write_all(b"FRAME\n").unwrap();
                    pipe.write_all(&[80; 256]).unwrap();
                }
                pipe
            }
        });
        let answer = framecast(&[command, &wait].concat());
        answer.refused(4, &["camera.y4m", "nothing came for", "source.timeout"]);
        if command[0] == "run" {
            let json: Value = serde_json::from_str(&answer.stdout).unwrap();
            assert_eq!(
                (&json["outcome"], &json["frames"]["processed"]),
                (&"failed".into(), &3.into())
            );
        }
        drop(writer.join().unwrap());
    }
}

#[test]
fn a_state_file_that_cannot_be_written_is_known_before_the_camera_starts() {
    let args = ["run", "--source", "/nonexistent.y4m", "--state-file", "/nonexistent/s.state"];
    let answer = framecast(&args);
    answer.refused(1, &["state file /nonexistent/s.state cannot be written", "choose a place"]);
}

#[cfg(unix)]
#[test]
fn a_killed_run_has_kept_its_state() {
    use std::process::{Command, Stdio};
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("s.state");
    let path = file.to_str().unwrap();
    let linear =
        ["run", "--source", "demo:?size=64x48", "--predict", "linear", "--state-file", path];
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("framecast"))
        .args(linear)
        .args(["--set", "predict.state_interval=1s"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !file.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it runs until it is killed");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let more = ["--pace", "fast", "--frames", "5", "--json"];
    let json = framecast(&[&linear[..], &more[..]].concat()).json();
    assert_eq!(json["state_resets"]["start"], 0, "the second goes on");
}

#[test]
fn a_state_that_cannot_be_saved_at_the_end_is_a_failure_to_try_again() {
    use std::io::BufRead as _;
    use std::process::{Command, Stdio};
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("f");
    std::fs::create_dir(&folder).unwrap();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("framecast"))
        .args(["run", "--source", "demo:?size=64x48", "--predict", "linear", "--duration", "1s"])
        .arg("--state-file")
        .arg(folder.join("s.state"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The headline comes once everything is open.
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    stderr.read_line(&mut text).unwrap();
    std::fs::remove_dir(&folder).unwrap();
    std::io::Read::read_to_string(&mut stderr, &mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{text}");
    assert!(text.contains("s.state cannot be written"), "{text}");
}
