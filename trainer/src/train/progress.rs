//! What a run tells: a bar with the time left on a terminal, plain lines elsewhere, and one JSON
//! object a step and validation in `log.jsonl`.

use std::fs::{self, File, OpenOptions};
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::replace;
use super::{AdamW, Report, Scores};
use crate::TrainError;

/// Plain lines come this often.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// What a step tells.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    /// Steps done.
    pub(crate) step: u64,
    /// The loss.
    pub(crate) loss: f32,
    /// Length of its gradient.
    pub(crate) gradient: f32,
    /// The learning rate.
    pub(crate) rate: f64,
    /// The discriminator's loss.
    pub(crate) critic: Option<f32>,
}

/// What a validation tells.
pub(super) struct Scored {
    /// On validation data.
    pub(super) report: Report,
    /// On the training sequences that are watched.
    pub(super) training: Option<Report>,
    /// Whether it is the last word on the best checkpoint.
    pub(super) last: bool,
}

/// The log and what is shown on standard error.
pub(crate) struct Progress {
    log: File,
    bar: Option<ProgressBar>,
    started: Instant,
    /// Seconds the run took before it was stopped.
    earlier: f64,
    first: u64,
    steps: u64,
    shown: Instant,
    loss: f32,
}

impl Progress {
    /// Opens the log of a run called `name` in `out` as [`Progress::start`] does, and tells how large
    /// its network is and what its `data` are.
    pub(crate) fn begin(
        out: &Path,
        name: &str,
        steps: u64,
        (optimiser, data): (&AdamW, String),
    ) -> Result<Self, TrainError> {
        let progress = Self::start(&out.join("log.jsonl"), optimiser.steps, steps)?;
        progress.tell(&format!("{name}: {} parameters, {data}", optimiser.weights.len()));
        Ok(progress)
    }

    /// Opens the log at the end of step `first` of `steps`: what a run that was stopped told of
    /// later steps is forgotten, since they are done again.
    fn start(log: &Path, first: u64, steps: u64) -> Result<Self, TrainError> {
        let mut earlier = 0.0;
        if log.exists() {
            let told = fs::read(log).map_err(TrainError::io("read", log))?;
            let kept = before(&String::from_utf8_lossy(&told), first);
            earlier = seconds(&kept);
            replace(log, kept.as_bytes())?;
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
        let loss = f32::NAN;
        Ok(Self { log: file, bar, started: now, earlier, first, steps, shown: now, loss })
    }

    /// Appends a line to the log.
    pub(crate) fn record(&mut self, line: &serde_json::Value) -> Result<(), TrainError> {
        // In one piece, so that a run that is killed leaves whole lines.
        self.log
            .write_all(format!("{line}\n").as_bytes())
            .map_err(TrainError::io("write", "log.jsonl"))
    }

    /// After a step.
    pub(crate) fn step(&mut self, told: &Step) -> Result<(), TrainError> {
        let Step { step, loss, gradient, rate, critic } = *told;
        self.loss = if self.loss.is_nan() { loss } else { 0.98 * self.loss + 0.02 * loss };
        let mut line = json!({ "step": step, "loss": loss, "gradient": gradient, "rate": rate });
        if let (Some(critic), Some(line)) = (critic, line.as_object_mut()) {
            line.insert("critic".to_owned(), json!(critic));
        }
        self.record(&line)?;
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
    pub(super) fn validated(&mut self, step: u64, scored: &Scored) -> Result<(), TrainError> {
        let report = &scored.report;
        let (m, c) = (report.model, report.copy_last);
        let scores = |s: &Scores| {
            let mut scores = json!({ "pd": s.pd, "psnr": s.psnr(), "mse": s.mse });
            if let (false, Some(scores)) = (s.ssim.is_nan(), scores.as_object_mut()) {
                scores.insert("ssim".to_owned(), json!(s.ssim));
            }
            scores
        };
        let mut line = json!({
            "step": step, "frames": report.frames, "gain_db": report.gain(),
            "model": scores(&m), "copy_last": scores(&c),
        });
        let mut watched = String::new();
        if let Some(line) = line.as_object_mut() {
            if let Some(training) = &scored.training {
                // How much better the network does on what it learns from.
                let gap = training.gain() - report.gain();
                line.insert("training_gain_db".to_owned(), json!(training.gain()));
                line.insert("gap_db".to_owned(), json!(gap));
                watched = format!("  training {:+.2} dB", training.gain());
            }
            if let Some([model, copy_last]) = &report.forecast {
                let seconds = self.earlier + self.started.elapsed().as_secs_f64();
                line.insert("seconds".to_owned(), json!(seconds));
                let forecast = json!({ "model": model, "copy_last": copy_last });
                line.insert("forecast".to_owned(), forecast);
            }
            if scored.last {
                line.insert("final".to_owned(), json!(true));
            }
        }
        self.record(&line)?;
        let what = if scored.last { "best: " } else { "" };
        self.tell(&format!(
            "{what}step {step}  PSNR {:.2} dB (copy-last {:.2}, {:+.2})  PD {:.2} (copy-last {:.2}){watched}",
            m.psnr(),
            c.psnr(),
            report.gain(),
            m.pd,
            c.pd
        ));
        Ok(())
    }

    /// A line for the user.
    pub(crate) fn tell(&self, line: &str) {
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

/// The time of the last validation in `log`.
fn seconds(log: &str) -> f64 {
    let told = |line| serde_json::from_str::<serde_json::Value>(line).ok();
    log.lines().rev().filter_map(told).find_map(|v| v.get("seconds")?.as_f64()).unwrap_or(0.0)
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

    #[test]
    fn the_time_goes_on_where_the_log_ends() {
        let log = "{\"step\":2,\"seconds\":7.5}\n{\"step\":4,\"seconds\":9.25}\n{\"step\":5}\n";
        assert_eq!(seconds(log), 9.25);
        assert_eq!(seconds(""), 0.0);
    }
}
