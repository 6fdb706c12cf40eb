//! One line a check, a closing line, and the exit code.

use std::time::{Duration, Instant};

/// Counts checks and prints each as it is decided.
pub(crate) struct Report {
    passed: u32,
    failed: u32,
    start: Instant,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self { passed: 0, failed: 0, start: Instant::now() }
    }

    /// Prints the verdict on `name`; `detail` says what was seen.
    pub(crate) fn check(&mut self, name: &str, ok: bool, detail: impl std::fmt::Display) {
        let verdict = if ok { "PASS" } else { "FAIL" };
        *(if ok { &mut self.passed } else { &mut self.failed }) += 1;
        println!("{verdict} [{:6.1} s] {name}: {detail}", self.elapsed().as_secs_f64());
    }

    /// A check that could not be made counts as failed.
    pub(crate) fn outcome(&mut self, name: &str, outcome: Result<String, String>) {
        match outcome {
            Ok(detail) => self.check(name, true, detail),
            Err(detail) => self.check(name, false, detail),
        }
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Prints the closing line; true when nothing failed.
    pub(crate) fn close(&self) -> bool {
        println!("{} passed, {} failed", self.passed, self.failed);
        self.failed == 0 && self.passed > 0
    }
}
