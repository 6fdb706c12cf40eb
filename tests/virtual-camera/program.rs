//! The program itself against the driver: what a user types first.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use framecast::source::v4l2::Controls;
use serde_json::Value;

use crate::report::Report;

/// The shipped predictor inside the virtual machine.
const MODEL: &str = "/models/predict-nano-direct.onnx";

/// Runs `framecast` with `args` and holds exit code and output against what is expected.
fn expect(args: &[&str], code: i32, words: &[&str]) -> Result<String, String> {
    let output = Command::new("/bin/framecast").args(args).output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let missing: Vec<&&str> = words.iter().filter(|word| !text.contains(**word)).collect();
    if output.status.code() != Some(code) || !missing.is_empty() {
        return Err(format!("{} without {missing:?}: {text}", output.status));
    }
    let line = text.lines().next().unwrap_or_default();
    Ok(format!("exit {code}, {line}"))
}

/// The main job with the shipped predictor, its camera unplugged and plugged in again meanwhile.
/// An emulated processor takes seconds a frame, so a few predictions are all that can be asked for.
fn run_unplugged(path: &str) -> Result<String, String> {
    let source = format!("v4l2:{path}");
    let mut child = Command::new("/bin/framecast")
        .args(["run", "--source", &source, "--size", "320x180", "--fps", "15"])
        .args(["--predict", MODEL, "--engine", "tract", "--duration", "20s", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // The live status would draw over the report.
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| e.to_string())?;
    std::thread::sleep(Duration::from_secs(8));
    // The handle is closed at once, so the device returns as soon as the program lets go of it.
    let unplug = Controls::open(path).and_then(|c| c.set("disconnect", 1));
    let start = Instant::now();
    while child.try_wait().map_err(|e| e.to_string())?.is_none() {
        if start.elapsed() > Duration::from_secs(60) {
            let _ = child.kill();
            return Err("it did not end".to_owned());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    unplug.map_err(|e| e.to_string())?;
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let summary: Value = serde_json::from_str(&text).map_err(|e| format!("{e}: {text}"))?;
    let number = |pointer: &str| summary.pointer(pointer).and_then(Value::as_u64);
    let frames = ["captured", "processed", "in_flight"].map(|n| number(&format!("/frames/{n}")));
    let dropped: u64 = summary
        .pointer("/frames/dropped")
        .and_then(Value::as_object)
        .map_or(0, |reasons| reasons.values().filter_map(Value::as_u64).sum());
    let reconnects = number("/state_resets/reconnect").unwrap_or(0);
    match frames {
        [Some(captured), Some(processed), Some(0)]
            if output.status.success()
                && processed >= 3
                && captured == processed + dropped
                && reconnects == 1 =>
        {
            Ok(format!(
                "{captured} captured = {processed} processed + {dropped} dropped, 1 reconnect"
            ))
        }
        _ => Err(format!("{}: {text}", output.status)),
    }
}

/// Every command that meets a device. `output` is a node that does not capture.
pub(crate) fn all(report: &mut Report, path: &str, output: &str) {
    let (camera, output) = (format!("v4l2:{path}"), format!("v4l2:{output}"));
    for (name, args, code, words) in [
        ("source list", vec!["source", "list", "--all"], 0, vec![path, "vivid", "brightness"]),
        (
            "source list --json",
            vec!["source", "list", "--json"],
            0,
            vec!["\"schema_version\": 1", "\"unusable\"", "does not capture"],
        ),
        (
            "source probe",
            vec!["source", "probe", &camera, "--size", "640x360", "--fps", "30"],
            0,
            vec!["640x360 at 30 fps", "read      30 frames"],
        ),
        (
            "source probe --json",
            vec!["source", "probe", &camera, "--format", "nv12", "--control", "gain=9", "--json"],
            0,
            vec!["\"format\": \"NV12\"", "\"driver_gap\"", "\"captured\""],
        ),
        (
            "a control out of range",
            vec!["source", "probe", &camera, "--control", "contrast=999"],
            4,
            vec!["contrast = 999 is out of range 0..=255"],
        ),
        (
            "a device without capture",
            vec!["source", "probe", &output],
            4,
            vec!["does not capture video"],
        ),
        (
            "a missing device",
            vec!["source", "probe", "v4l2:/dev/video77"],
            4,
            vec!["/dev/video77", "source list"],
        ),
        (
            "run on a camera",
            vec!["run", "--source", &camera, "--predict", "none", "--frames", "60", "--json"],
            0,
            vec!["\"captured\"", "\"driver_gap\"", "\"in_flight\": 0"],
        ),
    ] {
        report.outcome(name, expect(&args, code, &words));
    }
    report.outcome("run with a predictor, unplugged and back", run_unplugged(path));
}
