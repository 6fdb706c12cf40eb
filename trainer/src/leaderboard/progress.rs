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
    /// Of the parts that are done.
    done: u64,
    /// Of the part in work.
    within: u64,
    doing: String,
}

impl Progress {
    pub(super) fn new(total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:30} {percent}%, {eta} left  {msg}");
            let bar = ProgressBar::new(total);
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        let now = Instant::now();
        let doing = String::new();
        Self { bar, started: now, shown: now, total, done: 0, within: 0, doing }
    }

    /// A part begins.
    pub(super) fn begin(&mut self, doing: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(doing.clone());
        }
        self.doing = doing;
    }

    /// The part in work is at `within` of its frames.
    pub(super) fn at(&mut self, within: u64) {
        self.within = within;
        let done = (self.done + within).min(self.total);
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if self.shown.elapsed() >= LINE_EVERY {
            self.shown = Instant::now();
            let left = (self.total - done) as f64 / done.max(1) as f64;
            let left = self.started.elapsed().mul_f64(left).as_secs();
            let percent = 100 * done / self.total.max(1);
            let line = format!("{percent}%, {}:{:02} left  {}", left / 60, left % 60, self.doing);
            // Nothing better can be done when standard error is closed.
            drop(writeln!(std::io::stderr(), "{line}"));
        }
    }

    /// The part in work is over; it was `length` long, whatever was read of it.
    pub(super) fn end(&mut self, length: u64) {
        self.done += length;
        self.at(0);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
