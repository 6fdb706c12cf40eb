//! One JSON object a frame, one frame a line; changes of the source have lines of their own.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use crate::pipeline::{FrameRecord, LinkChange};
use crate::source::StateChange;
use crate::task::predict::SurpriseEvent;

use super::ResultSink;

/// Writes results as JSON lines.
pub struct Jsonl {
    out: BufWriter<Box<dyn Write + Send>>,
}

/// The fields of a line; times in milliseconds, distances as in the evaluation protocol.
#[derive(Serialize)]
struct Line {
    seq: u64,
    captured_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    position_ms: Option<f64>,
    age_ms: f64,
    infer_ms: f64,
    horizon: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    reset: Option<&'static str>,
    pd: Option<f64>,
    mse: Option<f64>,
    copy_last_pd: Option<f64>,
    copy_last_mse: Option<f64>,
    surprise: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
}

/// A line without a frame: told apart by its `event`, which no frame has.
#[derive(Serialize)]
struct ChangeLine {
    event: &'static str,
    #[serde(flatten)]
    change: LinkChange,
}

impl Jsonl {
    /// Creates or empties the file; `-` is stdout.
    ///
    /// # Errors
    /// The system's answer, with the path.
    pub fn create(path: &Path) -> io::Result<Self> {
        let out: Box<dyn Write + Send> = if path == Path::new("-") {
            Box::new(io::stdout())
        } else {
            Box::new(File::create(path).map_err(|error| {
                let text = format!("cannot write {}: {error}; choose another file", path.display());
                io::Error::new(error.kind(), text)
            })?)
        };
        Ok(Self::new(out))
    }

    /// Writes into `out`.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out: BufWriter::new(out) }
    }
}

impl ResultSink for Jsonl {
    fn name(&self) -> &str {
        "jsonl"
    }

    fn write(&mut self, record: &FrameRecord) -> io::Result<()> {
        let ms = |d: std::time::Duration| (d.as_secs_f64() * 1e6).round() / 1e3;
        let since_origin = |t: crate::frame::MonoTime| t.as_nanos() as f64 / 1e6;
        let score = record.step.score;
        let line = Line {
            seq: record.seq.0,
            captured_ms: since_origin(record.captured),
            position_ms: record.position.map(since_origin),
            age_ms: ms(record.age),
            infer_ms: ms(record.step.infer),
            horizon: record.step.horizon,
            reset: record.step.reset.map(|reason| reason.name()),
            pd: score.map(|s| s.model.pd),
            mse: score.map(|s| s.model.mse),
            copy_last_pd: score.map(|s| s.copy_last.pd),
            copy_last_mse: score.map(|s| s.copy_last.mse),
            surprise: record.step.surprise,
            event: record.step.event.map(|event| match event {
                SurpriseEvent::Started { .. } => "surprise_started",
                SurpriseEvent::Ended { .. } => "surprise_ended",
            }),
        };
        serde_json::to_writer(&mut self.out, &line)?;
        self.out.write_all(b"\n")
    }

    fn write_change(&mut self, change: &StateChange) -> io::Result<()> {
        let line = ChangeLine { event: "source_state", change: LinkChange::from(change) };
        serde_json::to_writer(&mut self.out, &line)?;
        self.out.write_all(b"\n")
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl std::fmt::Debug for Jsonl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Jsonl")
    }
}
