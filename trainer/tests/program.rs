//! Drives the built program as a user does.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::process::{Command, Output, Stdio};

fn check_losses(flags: &[&str], stdout: impl Into<Stdio>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_framecast-train"))
        .arg("check-losses")
        .args(flags)
        .stdout(stdout)
        .stderr(Stdio::piped())
        .output()
        .unwrap()
}

#[test]
fn golden_values_are_told_in_lines_and_as_json() {
    let told = check_losses(&[], Stdio::piped());
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(told.status.success() && text.ends_with("golden values hold\n"), "{text}");
    let told = check_losses(&["--json"], Stdio::piped());
    let json: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(json["passed"], true);
    assert_eq!(text.lines().count(), json["checks"].as_array().unwrap().len() + 1);
}

#[test]
fn a_closed_stdout_ends_it_quietly() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let told = check_losses(&[], writer);
    assert!(told.status.success(), "{:?}", told.status);
    assert!(told.stderr.is_empty(), "{}", String::from_utf8_lossy(&told.stderr));
}
