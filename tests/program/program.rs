//! The program under test.

use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;

/// How long one call may take before it counts as hung.
pub(crate) const LIMIT: std::time::Duration = std::time::Duration::from_secs(120);

pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs `framecast` with `args`.
pub(crate) fn framecast(args: &[&str]) -> Answer {
    let mut command = Command::cargo_bin("framecast").unwrap();
    command.args(args).timeout(LIMIT).output().unwrap().into()
}

/// Runs `framecast` with one environment variable set.
pub(crate) fn framecast_with(variable: &str, value: &str, args: &[&str]) -> Answer {
    let mut command = Command::cargo_bin("framecast").unwrap();
    command.env(variable, value).args(args).timeout(LIMIT).output().unwrap().into()
}

/// Processed, in flight and dropped frames of a summary: the captured ones, if none is forgotten.
pub(crate) fn balance(frames: &Value) -> u64 {
    let number = |v: &Value| v.as_u64().unwrap();
    let dropped: u64 = frames["dropped"].as_object().unwrap().values().map(number).sum();
    number(&frames["processed"]) + number(&frames["in_flight"]) + dropped
}

impl Answer {
    /// The JSON object on stdout of a call that succeeded.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Fails unless the call ended with `code` and its error holds each of `words`.
    pub(crate) fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "stderr: {}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is missing in: {}", self.stderr);
        }
    }
}
