//! How far the board is: a bar with the time left on a terminal, plain lines elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Plain lines come this often.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// Counts frames and sequences over all predictors.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    started: Instant,
    shown: Instant,
    total: u64,
    done: u64,
}

impl Progress {
    pub(super) fn new(total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:30} {percent}%, {eta} left  {msg}");
            let bar = ProgressBar::new(total);
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        let now = Instant::now();
        Self { bar, started: now, shown: now, total, done: 0 }
    }

    /// `count` more are done, of `predictor` on `benchmark`.
    pub(super) fn add(&mut self, predictor: &str, benchmark: &str, count: u64) {
        self.done = (self.done + count).min(self.total);
        let done = self.done;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            bar.set_message(format!("{predictor} on {benchmark}"));
        } else if self.shown.elapsed() >= LINE_EVERY {
            self.shown = Instant::now();
            let left = (self.total - done) as f64 / done.max(1) as f64;
            let left = self.started.elapsed().mul_f64(left).as_secs();
            let percent = 100 * done / self.total.max(1);
            let (minutes, seconds) = (left / 60, left % 60);
            let line =
                format!("{percent}%, {minutes}:{seconds:02} left  {predictor} on {benchmark}");
            // Nothing better can be done when standard error is closed.
            drop(writeln!(std::io::stderr(), "{line}"));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
