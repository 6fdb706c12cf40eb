//! What a place for results must do.

use std::io;

use crate::pipeline::FrameRecord;

/// Takes the result of each frame, in a thread of its own.
pub trait ResultSink: Send {
    /// Name in reports, for example `jsonl`.
    fn name(&self) -> &str;

    /// Writes one result.
    ///
    /// # Errors
    /// The system's answer; the sink gets no further results then.
    fn write(&mut self, record: &FrameRecord) -> io::Result<()>;

    /// Makes everything written so far durable; called when the queue runs empty and at the end.
    ///
    /// # Errors
    /// The system's answer.
    fn flush(&mut self) -> io::Result<()>;
}
