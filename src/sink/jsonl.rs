//! One JSON object a line. Its `type` says what it is: `run` for the beginning of a run, `model`
//! for the model of the results that follow, `frame` for the result of a frame, `event` for what a
//! task beside prediction said, `source_state` for a change of the connection to the source.
//!
//! A file is appended to and never emptied: a service that is started again must not wipe what it
//! recorded before. The `run` line, written before the first other one, divides the runs.

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::frame::MonoTime;
use crate::pipeline::side::SideEvent;
use crate::pipeline::{FrameRecord, LinkChange, ModelUse};
use crate::source::StateChange;
use crate::task::predict::SurpriseEvent;

use super::ResultSink;

/// Writes results as JSON lines.
pub struct Jsonl {
    out: BufWriter<Box<dyn Write + Send>>,
    /// The line being written; kept for its memory.
    text: Vec<u8>,
    begun: bool,
    /// The file ends within a line: an earlier run was cut off.
    torn: bool,
}

/// The buffer holds many lines, so that what reaches the system is decided by `flush`.
const BUFFER: usize = 1 << 16;

/// A line by its `type`.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line<'a> {
    Run(RunLine),
    Model(&'a ModelUse),
    Frame(FrameLine),
    Event(&'a SideEvent),
    SourceState(LinkChange),
}

/// The beginning of a run: one moment on the clock of the wall and on that of the frames.
#[derive(Serialize)]
struct RunLine {
    unix_ms: u64,
    clock_ms: f64,
    version: &'static str,
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
    /// Opens the file for more lines, or creates it; `-` is stdout. Nothing is written yet.
    ///
    /// # Errors
    /// The system's answer, with the path.
    pub fn append(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::new(Box::new(io::stdout())));
        }
        let torn = ends_within_a_line(path);
        let file = File::options().append(true).create(true).open(path).map_err(|error| {
            let text = format!("cannot write {}: {error}; choose another file", path.display());
            io::Error::new(error.kind(), text)
        })?;
        Ok(Self { torn, ..Self::new(Box::new(file)) })
    }

    /// Writes into `out`.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>) -> Self {
        let out = BufWriter::with_capacity(BUFFER, out);
        Self { out, text: Vec::new(), begun: false, torn: false }
    }

    /// Writes a line at once, so that none is torn by an error within it.
    fn put(&mut self, line: &Line<'_>) -> io::Result<()> {
        self.text.clear();
        if std::mem::take(&mut self.torn) {
            self.text.push(b'\n');
        }
        if !std::mem::replace(&mut self.begun, true) {
            add(&mut self.text, &Line::Run(RunLine::now()))?;
        }
        add(&mut self.text, line)?;
        self.out.write_all(&self.text)
    }
}

impl RunLine {
    fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self {
            unix_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            clock_ms: clock_ms(MonoTime::now()),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

fn add(text: &mut Vec<u8>, line: &Line<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *text, line)?;
    text.push(b'\n');
    Ok(())
}

fn clock_ms(time: MonoTime) -> f64 {
    time.as_nanos() as f64 / 1e6
}

/// True for a regular file whose last byte ends no line. Only such a file is looked into: opening
/// a pipe to read would take what another waits for.
fn ends_within_a_line(path: &Path) -> bool {
    let last = || -> io::Result<bool> {
        let about = std::fs::metadata(path)?;
        if !about.is_file() || about.len() == 0 {
            return Ok(false);
        }
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(-1))?;
        let mut byte = [0];
        file.read_exact(&mut byte)?;
        Ok(byte != *b"\n")
    };
    last().unwrap_or(false)
}

impl ResultSink for Jsonl {
    fn name(&self) -> &str {
        "jsonl"
    }

    fn write(&mut self, record: &FrameRecord) -> io::Result<()> {
        let ms = |d: Duration| (d.as_secs_f64() * 1e6).round() / 1e3;
        let score = record.step.score;
        let line = FrameLine {
            seq: record.seq.0,
            captured_ms: clock_ms(record.captured),
            position_ms: record.position.map(clock_ms),
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

    fn write_model(&mut self, model: &ModelUse) -> io::Result<()> {
        self.put(&Line::Model(model))
    }

    fn write_event(&mut self, event: &SideEvent) -> io::Result<()> {
        self.put(&Line::Event(event))
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
    use serde_json::Value;

    use crate::source::LinkState;

    use super::super::sample::record;
    use super::*;

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
        let mut sink = Jsonl::append(&path).unwrap();
        let (name, identity) = ("m".to_owned(), "hash".to_owned());
        sink.write_model(&ModelUse { from_seq: 7, name, identity, load: None }).unwrap();
        let mut surprise = record();
        surprise.step.event = Some(SurpriseEvent::Started { score: 9.0 });
        sink.write(&surprise).unwrap();
        sink.write_change(&change()).unwrap();
        sink.flush().unwrap();
        let lines = lines(&std::fs::read_to_string(&path).unwrap());
        let types: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["run", "model", "frame", "source_state"]);
        assert!(lines[0]["unix_ms"].as_u64().unwrap() > 1_000_000_000_000, "{}", lines[0]);
        assert_eq!((&lines[1]["from_seq"], &lines[1]["identity"]), (&7.into(), &"hash".into()));
        assert_eq!((&lines[2]["seq"], &lines[2]["infer_ms"]), (&7.into(), &3.0.into()));
        assert_eq!(lines[2]["event"], "surprise_started");
        assert_eq!((&lines[3]["state"], &lines[3]["event"]), (&"stalled".into(), &Value::Null));
    }

    #[test]
    fn an_earlier_recording_is_kept_and_its_torn_line_ended() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r.jsonl");
        drop(Jsonl::append(&path).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"", "nothing happened, nothing is written");
        for before in ["{\"type\":\"frame\"}\n", "{\"type\":\"frame\"}\n{\"type\":\"fra"] {
            std::fs::write(&path, before).unwrap();
            drop(Jsonl::append(&path).unwrap());
            assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
            let mut sink = Jsonl::append(&path).unwrap();
            sink.write(&record()).unwrap();
            sink.flush().unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            let added = text.strip_prefix(before).unwrap().trim_start();
            assert!(text.starts_with(before) && added.starts_with("{\"type\":\"run\""), "{text}");
            let whole = text.lines().filter(|l| serde_json::from_str::<Value>(l).is_ok()).count();
            assert_eq!(whole, 3, "{text}");
        }
    }
}
