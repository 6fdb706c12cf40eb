//! The program itself against the driver: what a user types first.

use std::process::Command;

use crate::report::Report;

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
}
