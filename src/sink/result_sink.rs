//! What a place for results must do.

use std::io;

use crate::pipeline::side::SideEvent;
use crate::pipeline::{FrameRecord, ModelUse};
use crate::source::StateChange;

/// Takes the result of each frame, in a thread of its own.
pub trait ResultSink: Send {
    /// Name in reports, for example `jsonl`.
    fn name(&self) -> &str;

    /// Writes one result; it may stay in a buffer of the sink until [`ResultSink::flush`].
    ///
    /// # Errors
    /// The system's answer; the sink gets no further results then.
    fn write(&mut self, record: &FrameRecord) -> io::Result<()>;

    /// Writes which model made the results that follow; a sink of pictures leaves it out.
    ///
    /// # Errors
    /// The system's answer; the sink gets no further results then.
    fn write_model(&mut self, _model: &ModelUse) -> io::Result<()> {
        Ok(())
    }

    /// Writes a change of the connection to the source; a sink of pictures leaves it out.
    ///
    /// # Errors
    /// The system's answer; the sink gets no further results then.
    fn write_change(&mut self, _change: &StateChange) -> io::Result<()> {
        Ok(())
    }

    /// Writes what a task beside prediction said; a sink of pictures leaves it out.
    ///
    /// # Errors
    /// The system's answer; the sink gets no further results then.
    fn write_event(&mut self, _event: &SideEvent) -> io::Result<()> {
        Ok(())
    }

    /// Hands everything written so far to the system, which has room for it when this succeeds:
    /// only then results count as written. Called at least twice a second while results come, and
    /// at the end.
    ///
    /// # Errors
    /// The system's answer; the sink gets no further results then.
    fn flush(&mut self) -> io::Result<()>;
}
