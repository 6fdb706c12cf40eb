//! What a run tells: a bar with the time left on a terminal, plain lines elsewhere, and one JSON
//! object a step and validation in `log.jsonl`.

use std::fs::{self, File, OpenOptions};
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::Report;
use super::checkpoint::replace;
use crate::TrainError;

/// Plain lines come this often.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// The log and what is shown on standard error.
pub(super) struct Progress {
    log: File,
    bar: Option<ProgressBar>,
    started: Instant,
    first: u64,
    steps: u64,
    shown: Instant,
    loss: f32,
}

impl Progress {
    /// Opens the log at the end of step `first` of `steps`: what a run that was stopped told of
    /// later steps is forgotten, since they are done again.
    pub(super) fn start(log: &Path, first: u64, steps: u64) -> Result<Self, TrainError> {
        if log.exists() {
            let told = fs::read(log).map_err(TrainError::io("read", log))?;
            replace(log, before(&String::from_utf8_lossy(&told), first).as_bytes())?;
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .map_err(TrainError::io("open", log))?;
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(steps).with_position(first);
            let style = "{bar:30} {pos}/{len} steps, {eta} left  {msg}";
            bar.set_style(
                ProgressStyle::with_template(style)
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar.reset_eta();
            bar
        });
        let now = Instant::now();
        Ok(Self { log: file, bar, started: now, first, steps, shown: now, loss: f32::NAN })
    }

    fn record(&mut self, line: &serde_json::Value) -> Result<(), TrainError> {
        // In one piece, so that a run that is killed leaves whole lines.
        self.log
            .write_all(format!("{line}\n").as_bytes())
            .map_err(TrainError::io("write", "log.jsonl"))
    }

    /// After a step.
    pub(super) fn step(
        &mut self,
        step: u64,
        loss: f32,
        norm: f32,
        rate: f64,
    ) -> Result<(), TrainError> {
        self.loss = if self.loss.is_nan() { loss } else { 0.98 * self.loss + 0.02 * loss };
        self.record(&json!({ "step": step, "loss": loss, "gradient": norm, "rate": rate }))?;
        let smooth = self.loss;
        if let Some(bar) = &self.bar {
            bar.set_position(step);
            bar.set_message(format!("loss {smooth:.4}"));
        } else if self.shown.elapsed() >= LINE_EVERY {
            self.shown = Instant::now();
            let left = self.left(step);
            self.tell(&format!(
                "step {step}/{}  loss {smooth:.4}  {} left",
                self.steps,
                minutes(left)
            ));
        }
        Ok(())
    }

    /// After a validation.
    pub(super) fn validated(&mut self, step: u64, report: &Report) -> Result<(), TrainError> {
        let (m, c) = (report.model, report.copy_last);
        let mut line = json!({
            "step": step, "frames": report.frames, "gain_db": report.gain(),
            "model": { "pd": m.pd, "psnr": m.psnr() },
            "copy_last": { "pd": c.pd, "psnr": c.psnr() },
        });
        if let Some([model, copy_last]) = &report.forecast {
            let seconds = self.started.elapsed().as_secs_f64();
            line["seconds"] = json!(seconds);
            line["forecast"] = json!({ "model": model, "copy_last": copy_last });
        }
        self.record(&line)?;
        self.tell(&format!(
            "step {step}  PSNR {:.2} dB (copy-last {:.2}, {:+.2})  PD {:.2} (copy-last {:.2})",
            m.psnr(),
            c.psnr(),
            report.gain(),
            m.pd,
            c.pd
        ));
        Ok(())
    }

    /// A line for the user.
    pub(super) fn tell(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            // Nothing better can be done when standard error is closed.
            None => drop(writeln!(std::io::stderr(), "{line}")),
        }
    }

    fn left(&self, step: u64) -> Duration {
        let done = (step - self.first).max(1) as f64;
        self.started.elapsed().mul_f64(self.steps.saturating_sub(step) as f64 / done)
    }
}

/// The whole lines of `log` up to `step`; none of them before the first step.
fn before(log: &str, step: u64) -> String {
    let early = |line: &&str| {
        let told = serde_json::from_str::<serde_json::Value>(line).ok();
        let at = told.and_then(|value| value.get("step")?.as_u64());
        step > 0 && at.is_some_and(|at| at <= step)
    };
    log.lines().filter(early).map(|line| format!("{line}\n")).collect()
}

fn minutes(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_ends_where_a_run_goes_on() {
        let log = "{\"step\":1}\n{\"step\":2,\"loss\":0.5}\n{\"step\":3}\n{\"step\":2,\"lo";
        assert_eq!(before(log, 2), "{\"step\":1}\n{\"step\":2,\"loss\":0.5}\n");
        assert_eq!(before(log, 0), "");
    }
}
