//! `framecast run --record`, what is left of a recording that ends badly, and playing it again.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::cargo::CommandCargoExt as _;

use crate::program::{balance, framecast};

fn record(folder: &Path, frames: &str) -> (PathBuf, serde_json::Value) {
    let path = folder.join("camera.fcv");
    let text = path.to_str().unwrap();
    let source = ["run", "--source", "demo:?size=64x48", "--pace", "fast", "--predict", "none"];
    let wishes = ["--frames", frames, "--record", text, "--json"];
    let json = framecast(&[&source[..], &wishes].concat()).json();
    (path, json)
}

#[test]
fn a_run_is_recorded_and_plays_again() {
    let folder = tempfile::tempdir().unwrap();
    let (path, json) = record(folder.path(), "40");
    let sink = &json["sinks"]["record"];
    let offered = sink["offered"].as_u64().unwrap();
    assert_eq!(offered, 40);
    let (written, dropped) = (sink["written"].as_u64().unwrap(), sink["dropped"].as_u64().unwrap());
    assert_eq!(written + dropped, 40, "{sink}");
    let stream = path.to_str().unwrap();
    // Frames the recording lost are gaps of the stream, so that both balance.
    let replay = format!("replay:{stream}");
    let again = ["run", "--source", &replay, "--predict", "none", "--json"];
    let json = framecast(&again).json();
    assert_eq!(json["frames"]["processed"], written);
    assert_eq!(balance(&json["frames"]), json["frames"]["captured"].as_u64().unwrap());
    let scored = framecast(&["eval", stream, "--model", "copy-last", "--json"]).json();
    assert_eq!(scored["frames"], written - 1);
    let y4m = folder.path().join("a.y4m");
    let out = y4m.to_str().unwrap();
    let predicted = framecast(&["predict", stream, "--model", "copy-last", "--out", out]);
    assert_eq!(predicted.code, Some(0), "{}", predicted.stderr);
    // A recording is never overwritten.
    let again = ["run", "--source", "demo:?size=64x48", "--frames", "3", "--record", stream];
    framecast(&again).refused(1, &["camera.fcv", "choose another name"]);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), std::fs::metadata(stream).unwrap().len());
}

#[test]
fn a_service_that_starts_again_records_into_the_next_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("camera-{n}.fcv");
    let wishes = ["--predict", "none", "--record", path.to_str().unwrap()];
    let missing = [&["run", "--source", "no-such.y4m"][..], &wishes].concat();
    framecast(&missing).refused(4, &["no-such.y4m"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no empty file is left");
    for number in [1, 2] {
        let run = ["run", "--source", "demo:?size=64x48", "--pace", "fast", "--frames", "3"];
        assert_eq!(framecast(&[&run[..], &wishes].concat()).code, Some(0));
        assert!(folder.path().join(format!("camera-{number}.fcv")).exists());
    }
}

#[test]
fn a_killed_run_loses_the_frame_being_written_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("killed.fcv");
    let mut child = Command::cargo_bin("framecast")
        .unwrap()
        .args(["run", "--source", "demo:?size=64x48", "--predict", "none", "--json", "--record"])
        .arg(&path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    let long = |path: &Path| std::fs::metadata(path).is_ok_and(|m| m.len() > 30_000);
    while !long(&path) && began.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let out = folder.path().join("a.raw");
    let (stream, raw) = (path.to_str().unwrap(), out.to_str().unwrap());
    let answer = framecast(&["decode", stream, raw]);
    // Without an end the stream opens and says that it was not closed; all of it is exact.
    answer.refused(1, &["the stream", "frames are exact and written"]);
    assert!(!answer.stderr.contains("repaired") && !answer.stderr.contains("lost"));
    let frames = std::fs::metadata(&out).unwrap().len() / (64 * 48 * 3 / 2);
    assert!(frames >= 2, "{frames} frames, {}", answer.stderr);
    let words: Vec<&str> = answer.stderr.split_whitespace().collect();
    assert!(words.contains(&frames.to_string().as_str()), "{}", answer.stderr);
}

#[test]
fn a_power_cut_costs_what_was_not_synced() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = record(folder.path(), "40");
    let whole = std::fs::read(&path).unwrap();
    let raw = folder.path().join("a.raw");
    let decode = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let answer = framecast(&["decode", path.to_str().unwrap(), raw.to_str().unwrap()]);
        (answer, std::fs::read(&raw).unwrap())
    };
    let (_, all) = decode(&whole);
    // What was not synced is missing, or reads as zeros, which file systems leave behind.
    let synced = whole.len() * 2 / 3;
    let (cut, shorter) = decode(&whole[..synced]);
    assert!(all.starts_with(&shorter) && shorter.len() * 2 > all.len());
    cut.refused(1, &["frames are exact and written"]);
    let mut zeroed = whole;
    zeroed[synced..].fill(0);
    let (answer, same) = decode(&zeroed);
    answer.refused(1, &["frames are exact and written"]);
    // The frame across the edge is there with its time, and marked; nothing else is lost.
    assert!(same.starts_with(&shorter), "what was synced is exact");
    let frame = 64 * 48 * 3 / 2;
    assert!(same.len() <= shorter.len() + frame, "{} after {}", same.len(), shorter.len());
}
