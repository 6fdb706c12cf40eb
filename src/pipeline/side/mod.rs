//! What is done beside prediction: tags, triggers, answers.
//!
//! The main stage comes first. A copy of a frame goes to the side thread at most `every` so often,
//! and only when that thread has nothing waiting; it works through its tasks one after the other
//! with less of the processor than prediction gets. A task that fails is left out after some tries
//! and reported; prediction goes on.

mod answers;
mod beside;
mod embed;
mod line;
mod report;
#[cfg(unix)]
mod socket;
mod tag;
mod watch;
mod work;

use std::time::Duration;

use serde::Serialize;

use crate::frame::{FrameSeq, MonoTime};
use crate::task::TaskError;
use crate::vision::RgbImage;

pub use beside::{Beside, Guard};
pub use embed::EmbedTask;
pub use line::{Answered, Asker, SideFeed, SideLine, SideOptions};
pub use report::{SideReport, SideReports};
#[cfg(unix)]
pub use socket::{ANSWER_WITHIN, QuestionSocket, Serving, ask_at};
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
    /// The vector of the frame that the run's backbone made, once for all tasks; none without one.
    pub embedding: Option<&'a [f32]>,
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
    /// What it says.
    #[serde(flatten)]
    pub what: serde_json::Map<String, serde_json::Value>,
}

fn milliseconds<S: serde::Serializer>(time: &MonoTime, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(time.as_nanos() as f64 / 1e6)
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

    /// Takes a frame in; what is new goes to `events`.
    ///
    /// # Errors
    /// [`TaskError`]; after some in a row the task is left out.
    fn see(&mut self, seen: &Seen<'_>, events: &mut Vec<SideEvent>) -> Result<(), TaskError>;

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
