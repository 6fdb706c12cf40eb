//! One JSON object a line. Its `type` says what it is: `frame` for the result of a frame,
//! `source_state` for a change of the connection to the source.

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
    /// The line being written; kept for its memory.
    text: Vec<u8>,
}

/// A line by its `type`.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    Frame(FrameLine),
    SourceState(LinkChange),
}

/// The result of a frame; times in milliseconds, distances as in the evaluation protocol.
#[derive(Serialize)]
struct FrameLine {
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
        Self { out: BufWriter::new(out), text: Vec::new() }
    }

    /// Writes a line at once, so that none is torn by an error within it.
    fn put(&mut self, line: &Line) -> io::Result<()> {
        self.text.clear();
        serde_json::to_writer(&mut self.text, line)?;
        self.text.push(b'\n');
        self.out.write_all(&self.text)
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
        let line = FrameLine {
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
        self.put(&Line::Frame(line))
    }

    fn write_change(&mut self, change: &StateChange) -> io::Result<()> {
        self.put(&Line::SourceState(LinkChange::from(change)))
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use crate::frame::{FrameSeq, MonoTime};
    use crate::source::LinkState;
    use crate::task::predict::Step;

    use super::*;

    fn record(event: Option<SurpriseEvent>) -> FrameRecord {
        let infer = Duration::from_millis(3);
        let step = Step { horizon: 1, reset: None, score: None, surprise: None, event, infer };
        FrameRecord {
            seq: FrameSeq(7),
            captured: MonoTime::ZERO,
            position: None,
            age: Duration::ZERO,
            convert: Duration::ZERO,
            step,
        }
    }

    fn change() -> StateChange {
        let reason = Some("pulled".to_owned());
        StateChange { at: MonoTime::ZERO, state: LinkState::Stalled, reason, wait: None }
    }

    fn lines(text: &str) -> Vec<Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn the_type_tells_a_surprise_from_a_change_of_the_source() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r.jsonl");
        let mut sink = Jsonl::create(&path).unwrap();
        sink.write(&record(Some(SurpriseEvent::Started { score: 9.0 }))).unwrap();
        sink.write_change(&change()).unwrap();
        sink.flush().unwrap();
        let lines = lines(&std::fs::read_to_string(&path).unwrap());
        let types: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["frame", "source_state"]);
        assert_eq!((&lines[0]["seq"], &lines[0]["infer_ms"]), (&7.into(), &3.0.into()));
        assert_eq!(lines[0]["event"], "surprise_started");
        assert_eq!((&lines[1]["state"], &lines[1]["event"]), (&"stalled".into(), &Value::Null));
    }
}
