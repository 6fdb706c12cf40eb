//! The live status of a run: one line redrawn on a terminal, a line every few seconds elsewhere.
//! It goes to stderr, so that data on stdout stays clean.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use framecast::pipeline::Status;
use framecast::pipeline::side::SideReport;

use super::summary::About;

/// How often a plain line is written where lines stay.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// What a task says that is shown.
const SHOWN: usize = 5;

/// The status display.
pub(super) struct Live {
    terminal: bool,
    drawn: usize,
    next_plain: Duration,
}

impl Live {
    /// Says what begins. With `--json` only errors and warnings are of interest elsewhere than on a
    /// terminal, with `--quiet` anywhere.
    pub(super) fn start(json: bool, quiet: bool, about: &About) -> Self {
        let terminal = std::io::stderr().is_terminal() && !quiet;
        let plain = !json && !quiet;
        if terminal || plain {
            eprintln!("{}", about.headline());
        }
        let next_plain = if plain { PLAIN_EVERY } else { Duration::MAX };
        Self { terminal, drawn: 0, next_plain }
    }

    /// Shows `status`.
    pub(super) fn show(&mut self, status: &Status) {
        if self.terminal {
            let lines = screen(status);
            let mut text = self.rewind();
            for line in &lines {
                text.push_str("\x1b[2K");
                text.push_str(line);
                text.push('\n');
            }
            self.drawn = lines.len();
            // A terminal that went away is no reason to end the run.
            let _ = std::io::stderr().write_all(text.as_bytes());
        } else if status.elapsed >= self.next_plain {
            self.next_plain = status.elapsed + PLAIN_EVERY;
            let _ = writeln!(std::io::stderr(), "{}", screen(status).join(" | "));
        }
    }

    /// Clears the screen's lines; the summary follows.
    pub(super) fn end(&mut self) {
        if self.terminal && self.drawn > 0 {
            let text = format!("{}\x1b[J", self.rewind());
            let _ = std::io::stderr().write_all(text.as_bytes());
            self.drawn = 0;
        }
    }

    /// Moves the cursor to the first line drawn.
    fn rewind(&self) -> String {
        if self.drawn == 0 { String::new() } else { format!("\x1b[{}A\r", self.drawn) }
    }
}

fn screen(status: &Status) -> Vec<String> {
    let ms = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), |v| format!("{v:.1}"));
    let frames = &status.frames;
    let mut lines = vec![
        format!(
            "{:7.1} s  {:5.1} fps  captured {}  processed {}  dropped {}",
            status.elapsed.as_secs_f64(),
            status.fps(),
            frames.captured,
            frames.processed,
            frames.dropped.total()
        ),
        format!(
            "age ms p50 {} p99 {} max {}  inference p50 {} p99 {}",
            ms(status.age.p50),
            ms(status.age.p99),
            ms(status.age.max),
            ms(status.infer.p50),
            ms(status.infer.p99)
        ),
    ];
    if let (Some(model), Some(copy)) = (status.model, status.copy_last) {
        let db = |v: Option<f64>| v.map_or_else(|| "inf".to_owned(), |v| format!("{v:.2}"));
        let surprise = status.newest.and_then(|r| r.step.surprise);
        lines.push(format!(
            "PD {:.2} (copy-last {:.2})  PSNR {} dB (copy-last {})  surprise {}  events {}",
            model.pd,
            copy.pd,
            db(model.psnr),
            db(copy.psnr),
            ms(surprise),
            status.events
        ));
    }
    lines.extend(status.side.tasks.iter().map(|(name, task)| beside(name, task)));
    lines
}

/// What a task beside prediction did, and what it says now.
fn beside(name: &str, task: &SideReport) -> String {
    let mut line = format!("{name}: frames {}  events {}", task.run, task.events);
    if task.failed > 0 {
        line += &format!("  failed {}", task.failed);
    }
    let said = task.newest.as_array().map(Vec::as_slice).unwrap_or_default().iter();
    let said = said.take(SHOWN).filter_map(|said| {
        let name = said.get("tag").or_else(|| said.get("query"))?.as_str()?;
        Some(format!("{name} {:.2}", said.get("score")?.as_f64()?))
    });
    let said: Vec<_> = said.collect();
    if !said.is_empty() {
        line += &format!("  now {}", said.join(", "));
    }
    line
}

#[cfg(test)]
mod tests {
    use framecast::pipeline::{FrameCounts, RunStats};

    use super::*;

    #[test]
    fn nothing_measured_yet_is_no_number() {
        let status =
            Status::new(Duration::from_secs(1), FrameCounts::default(), &RunStats::default());
        let lines = screen(&status);
        assert_eq!(lines.len(), 2, "without scores there is no quality line");
        assert!(lines[1].starts_with("age ms p50 - p99 -"), "{lines:?}");
    }
}
