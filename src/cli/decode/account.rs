//! What came out of a stream, and what is wrong with it.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use framecast::codec::stream::{Ending, StreamReader};
use framecast::codec::{DecodedFrame, Decoder, FrameStatus};
use serde::Serialize;

/// Counted while frames pass.
#[derive(Debug, Serialize)]
pub(super) struct Account {
    schema_version: u32,
    source: String,
    out: String,
    /// Frames decoded and written.
    frames: u64,
    /// Of them, those of which bands were concealed, and the number of the first.
    repaired: u64,
    first_repaired: Option<u64>,
    /// Frames that are not there, and how many of them were filled in by the one before.
    lost: u64,
    filled: u64,
    /// Bytes that belong to no record.
    damaged_bytes: u64,
    /// Frames that came again.
    stale: u64,
    ending: &'static str,
    /// Samples are written as they were decoded.
    output_is_exact: bool,
    /// The first frame wanted, which the stream does not reach.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_reached: Option<u64>,
}

impl Account {
    pub(super) fn new(source: &Path, out: &Path, output_is_exact: bool) -> Self {
        Self {
            schema_version: 1,
            source: source.display().to_string(),
            out: out.display().to_string(),
            frames: 0,
            repaired: 0,
            first_repaired: None,
            lost: 0,
            filled: 0,
            damaged_bytes: 0,
            stale: 0,
            ending: name(Ending::NotYet),
            output_is_exact,
            not_reached: None,
        }
    }

    /// Frames written that were in the stream.
    pub(super) const fn frames(&self) -> u64 {
        self.frames
    }

    pub(super) fn add(&mut self, frame: &DecodedFrame<'_>) {
        self.frames += 1;
        if let FrameStatus::Repaired(bands) = frame.status {
            self.repaired += 1;
            self.first_repaired.get_or_insert(frame.index);
            tracing::info!("frame {} is repaired in bands {bands}", frame.index);
        }
    }

    /// Counts frames that are not there.
    pub(super) const fn lose(&mut self, frames: u64, filled: u64) {
        self.lost = self.lost.saturating_add(frames);
        self.filled = self.filled.saturating_add(filled);
    }

    /// Takes in how it ended, before `not_reached` if that is a frame.
    pub(super) fn close<R: io::Read>(
        &mut self,
        reader: &StreamReader<R>,
        decoder: &Decoder,
        not_reached: Option<u64>,
    ) {
        self.damaged_bytes = reader.skipped();
        self.stale = decoder.stale();
        self.ending = name(reader.ending());
        self.not_reached = not_reached;
    }

    /// Prints it to stdout, or to stderr when the video goes to stdout.
    pub(super) fn print(&self, stdout_taken: bool) -> io::Result<()> {
        let text = format!("{}\n", serde_json::to_string_pretty(self)?);
        if stdout_taken {
            io::stderr().write_all(text.as_bytes())
        } else {
            io::stdout().write_all(text.as_bytes())
        }
    }

    /// What is wrong with the stream; none when nothing is.
    pub(super) fn complaint(&self) -> Option<String> {
        let mut text = String::new();
        let mut say = |part: std::fmt::Arguments<'_>| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{}{part}", if text.is_empty() { "" } else { "; " });
        };
        if self.repaired > 0 {
            let first = self.first_repaired.unwrap_or(0);
            say(format_args!("{} repaired, the first is {first}", frames(self.repaired)));
        }
        if self.lost > 0 && self.filled == self.lost {
            say(format_args!("{} lost and filled with the one before", frames(self.lost)));
        } else if self.lost > 0 {
            let (lost, filled) = (frames(self.lost), self.filled);
            say(format_args!("{lost} lost, {filled} of them filled with the one before"));
        }
        if self.damaged_bytes > 0 {
            say(format_args!("{} bytes are damaged", self.damaged_bytes));
        }
        if self.stale > 0 {
            say(format_args!("{} twice in the stream", frames(self.stale)));
        }
        match self.ending {
            "cut" => say(format_args!("the stream is cut inside of a frame")),
            "open" => say(format_args!("the stream was cut or never closed")),
            "followed" => say(format_args!("what follows the end of the stream is left out")),
            _ => {}
        }
        if let Some(first) = self.not_reached {
            say(format_args!("the stream ends before frame {first}, the first wanted"));
        }
        let exact = self.frames - self.repaired;
        (!text.is_empty()).then(|| format!("{text}; {} exact and written", frames(exact)))
    }
}

/// How a stream ended, as it is printed; one that was not read to its end has none.
const fn name(ending: Ending) -> &'static str {
    match ending {
        Ending::NotYet => "not read",
        Ending::Closed => "closed",
        Ending::Followed => "followed",
        Ending::Open => "open",
        Ending::Cut => "cut",
    }
}

/// A number of frames, with the verb that goes with it.
fn frames(count: u64) -> String {
    if count == 1 { "1 frame is".to_owned() } else { format!("{count} frames are") }
}
