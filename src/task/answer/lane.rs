//! One memory of frames: a session that is begun anew when it has seen what a question is about.

use crate::engine::Session;
use crate::frame::MonoTime;
use crate::model::{ResetReason, TensorBuf, TensorView};
use crate::task::TaskError;

/// A session with the frames it has seen.
///
/// The newest frame is run but not taken over: a question runs it again with its words, and only the
/// next frame makes the state go on. So asking changes nothing.
pub(super) struct Lane {
    session: Box<dyn Session>,
    /// Frames seen, the newest included.
    pub(super) frames: usize,
    /// Capture time of the first of them.
    pub(super) first: MonoTime,
    /// The newest was run, so that there is a next state.
    ran: bool,
}

impl Lane {
    pub(super) const fn new(session: Box<dyn Session>) -> Self {
        Self { session, frames: 0, first: MonoTime::ZERO, ran: false }
    }

    pub(super) fn session(&self) -> &dyn Session {
        self.session.as_ref()
    }

    /// Forgets what was seen.
    pub(super) fn forget(&mut self, reason: ResetReason) {
        self.session.reset_state(reason);
        (self.frames, self.ran) = (0, false);
    }

    /// A frame comes, captured at `captured`; `most` is how many are remembered. With a state, the
    /// model is run on `inputs`.
    pub(super) fn see(
        &mut self,
        captured: MonoTime,
        most: usize,
        inputs: &[TensorView<'_>],
        outputs: &mut [TensorBuf],
    ) -> Result<(), TaskError> {
        if self.frames >= most {
            // Begun anew as at the start: every pair is put back, whatever its contract lists.
            self.forget(ResetReason::Start);
        }
        if self.ran {
            self.session.advance_state();
        }
        if self.frames == 0 {
            self.first = captured;
        }
        self.ran = false;
        self.session.run(inputs, outputs)?;
        self.ran = true;
        self.frames += 1;
        Ok(())
    }

    /// Runs the newest frame with the words of `inputs`.
    pub(super) fn ask(
        &mut self,
        inputs: &[TensorView<'_>],
        outputs: &mut [TensorBuf],
    ) -> Result<(), TaskError> {
        self.session.run(inputs, outputs)?;
        Ok(())
    }
}
