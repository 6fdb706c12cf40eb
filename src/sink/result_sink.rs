//! What a place for results must do.

use std::io;

use crate::pipeline::FrameRecord;
use crate::source::StateChange;

/// Takes the result of each frame, in a thread of its own.
pub trait ResultSink: Send {
    /// Name in reports, for example `jsonl`.
    fn name(&self) -> &str;

    /// Writes one result.
    ///
    /// # Errors
    /// The system's answer; the sink gets no further results then.
    fn write(&mut self, record: &FrameRecord) -> io::Result<()>;

    /// Writes a change of the connection to the source; a sink of pictures leaves it out.
    ///
    /// # Errors
    /// The system's answer; the sink gets no further results then.
    fn write_change(&mut self, _change: &StateChange) -> io::Result<()> {
        Ok(())
    }

    /// Makes everything written so far durable; called when the queue runs empty and at the end.
    ///
    /// # Errors
    /// The system's answer.
    fn flush(&mut self) -> io::Result<()>;
}
