//! What is done beside prediction: tags, triggers, answers.
//!
//! The main stage comes first. A copy of a frame goes to the side thread at most `every` so often,
//! and only when that thread has nothing waiting; it works through its tasks one after the other
//! with less of the processor than prediction gets. A task that fails pauses after some tries, is
//! tried again and is reported; prediction goes on. A recording is different: no frame that is due
//! is left out, and the main stage waits.

mod answers;
mod asker;
mod beside;
#[cfg(unix)]
mod client;
mod embed;
mod feed;
mod line;
#[cfg(unix)]
mod patient;
mod report;
mod retry;
#[cfg(unix)]
mod socket;
mod tag;
#[cfg(test)]
mod tests;
mod watch;
mod work;

use std::time::Duration;

use serde::Serialize;

use crate::frame::{FrameSeq, MonoTime};
use crate::model::ResetReason;
use crate::task::TaskError;
use crate::vision::RgbImage;

pub use asker::{Answered, Asker, QuestionCounts, Refusal};
pub use beside::{Beside, Guard};
#[cfg(unix)]
pub use client::ask_at;
pub use embed::EmbedTask;
pub(in crate::pipeline) use feed::PATIENCE;
pub use feed::SideFeed;
pub use line::{SideLine, SideOptions};
pub use report::{SideReport, SideReports, SideSummary};
#[cfg(unix)]
pub use socket::{ANSWER_WITHIN, QuestionSocket, Serving};
pub use tag::TagTask;
pub use watch::WatchTask;

/// What a side task sees of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The picture.
    pub image: &'a RgbImage,
    /// The source's number.
    pub seq: FrameSeq,
    /// When it was captured.
    pub captured: MonoTime,
    /// Its time in the recording, if it comes from one.
    pub position: Option<MonoTime>,
    /// Its time on the stream's own time line: the position in a recording, however fast that is
    /// read, and the time since the first frame of a live stream.
    pub time: MonoTime,
    /// The vector of the frame that the run's backbone made, once for all tasks; none without one.
    pub embedding: Option<&'a [f32]>,
}

impl Seen<'_> {
    /// An event of `task` about this frame.
    #[must_use]
    pub const fn event(
        &self,
        task: &'static str,
        what: serde_json::Map<String, serde_json::Value>,
    ) -> SideEvent {
        let (seq, captured, position) = (self.seq.0, self.captured, self.position);
        SideEvent { task, seq, captured, position, what }
    }
}

/// Something a side task has to say, for sinks and status.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SideEvent {
    /// The task.
    pub task: &'static str,
    /// Number of the frame it is about.
    pub seq: u64,
    /// When that was captured, on the clock of the frames.
    #[serde(rename = "captured_ms", serialize_with = "milliseconds")]
    pub captured: MonoTime,
    /// When that is in the recording, if it comes from one.
    #[serde(
        rename = "position_ms",
        serialize_with = "milliseconds_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    pub position: Option<MonoTime>,
    /// What it says.
    #[serde(flatten)]
    pub what: serde_json::Map<String, serde_json::Value>,
}

fn milliseconds<S: serde::Serializer>(time: &MonoTime, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(time.as_nanos() as f64 / 1e6)
}

#[expect(clippy::ref_option, reason = "what serde calls")]
fn milliseconds_if_any<S: serde::Serializer>(
    time: &Option<MonoTime>,
    to: S,
) -> Result<S::Ok, S::Error> {
    milliseconds(&time.unwrap_or_default(), to)
}

/// Looks at frames beside the main stage. One thread owns it.
pub trait SideTask: Send {
    /// Name in reports, for example `tag`.
    fn name(&self) -> &'static str;

    /// The vector of a frame, from the task that is the run's backbone: it is asked first, and its
    /// answer is what the others see as [`Seen::embedding`].
    fn embedding(&self) -> Option<&[f32]> {
        None
    }

    /// True when it can do nothing with a frame without its vector.
    fn needs_embedding(&self) -> bool {
        false
    }

    /// Begins anew before the frame of `seen`, which does not continue the one before; what ends by
    /// it goes to `events`.
    fn reset(&mut self, reason: ResetReason, seen: &Seen<'_>, events: &mut Vec<SideEvent>);

    /// Takes a frame in; what is new goes to `events`.
    ///
    /// # Errors
    /// [`TaskError`]; after some in a row the task pauses.
    fn see(&mut self, seen: &Seen<'_>, events: &mut Vec<SideEvent>) -> Result<(), TaskError>;

    /// True when it answers questions.
    fn answers(&self) -> bool {
        false
    }

    /// The answer to a question about what was seen; none when the task answers no questions.
    fn ask(&mut self, _question: &str) -> Option<Result<serde_json::Value, TaskError>> {
        None
    }

    /// What it would say now, for status and summary.
    fn newest(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

/// The time from one frame for the side tasks to the next, where nothing else is said.
pub const EVERY: Duration = Duration::from_millis(250);
