//! Keeping the state file of a run up to date, so that a power failure costs seconds of it.
//!
//! Every so often the inference thread takes a copy of the state between two frames; a thread of
//! its own adds the checksum, writes and renames. When full (the last copy is still being written)
//! no copy is taken. A write that fails is logged, once until one succeeds again, and the run goes
//! on; at the end it is an error.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::frame::MonoTime;
use crate::task::TaskError;
use crate::task::predict::SavedState;

use super::PipelineError;

/// How long the end of a run waits for the disk; shorter than a run waits for its threads.
const PATIENCE: Duration = Duration::from_secs(4);

/// A state file with the thread that writes it.
#[derive(Debug)]
pub struct StateKeeper {
    path: PathBuf,
    every: Duration,
    due: MonoTime,
    states: Sender<SavedState>,
    /// What became of the last state, once the thread has ended.
    last: Receiver<Result<(), TaskError>>,
}

impl StateKeeper {
    /// Keeps `path`, with a state taken every `every` at most; to be called before anything
    /// expensive, since it finds out whether the place can be written.
    ///
    /// # Errors
    /// [`TaskError::StateWrite`] when it cannot, [`PipelineError::Thread`] when the thread cannot
    /// be started.
    pub fn open(path: PathBuf, every: Duration) -> Result<Self, PipelineError> {
        SavedState::check_place(&path)?;
        let (states, wanted) = bounded(1);
        let (end, last) = bounded(1);
        let file = path.clone();
        std::thread::Builder::new()
            .name("framecast-state".to_owned())
            .spawn(move || {
                let _ = end.send(write_each(&wanted, &file));
            })
            .map_err(|cause| PipelineError::Thread { thread: "state", cause })?;
        Ok(Self { path, every, due: MonoTime::now().after(every), states, last })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// True when it is time for a state and the last one has been taken up; asked once, it is not
    /// time again for a while.
    pub fn is_due(&mut self, now: MonoTime) -> bool {
        if now < self.due {
            return false;
        }
        self.due = now.after(self.every);
        self.states.is_empty()
    }

    /// Hands a state over; never waits.
    pub fn keep(&self, state: SavedState) {
        // Full only when it was not due.
        let _ = self.states.try_send(state);
    }

    /// Writes the last state and waits until it is on the disk.
    ///
    /// # Errors
    /// [`TaskError::StateWrite`] when it could not be written, or not in time.
    pub fn finish(self, state: SavedState) -> Result<(), TaskError> {
        let Self { path, states, last, .. } = self;
        let end = MonoTime::now().after(PATIENCE);
        let sent = states.send_timeout(state, PATIENCE);
        drop(states);
        let cause = match last.recv_timeout(end.since(MonoTime::now())) {
            Ok(outcome) if sent.is_ok() => return outcome,
            Err(RecvTimeoutError::Disconnected) => io::Error::other("its thread has panicked"),
            _ => {
                let text = format!("the disk has not answered for {PATIENCE:?}");
                io::Error::new(io::ErrorKind::TimedOut, text)
            }
        };
        Err(TaskError::StateWrite { path, cause })
    }
}

/// Writes what comes; the outcome is that of the last.
fn write_each(states: &Receiver<SavedState>, path: &Path) -> Result<(), TaskError> {
    let mut last = Ok(());
    for state in states {
        let failed_before = last.is_err();
        last = state.write(path);
        match &last {
            Ok(()) if failed_before => {
                tracing::info!(path = %path.display(), "the state file is written again");
            }
            Err(error) if !failed_before => tracing::warn!("{error}"),
            _ => {}
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use crate::frame::Size;
    use crate::task::predict::{CopyLast, Predictor, PredictorOptions};

    use super::*;

    fn predictor() -> Predictor {
        let options = PredictorOptions::default();
        Predictor::new(Box::new(CopyLast), Size::new(8, 8), options).unwrap()
    }

    fn state() -> SavedState {
        predictor().state().unwrap()
    }

    #[test]
    fn a_place_that_cannot_be_written_is_known_at_once() {
        let dir = tempfile::tempdir().unwrap();
        for path in [dir.path().join("missing/s.state"), dir.path().to_owned()] {
            let error = StateKeeper::open(path.clone(), Duration::ZERO).unwrap_err();
            let text = error.to_string();
            assert!(matches!(error, PipelineError::Task(TaskError::StateWrite { .. })), "{text}");
            assert!(text.contains(path.to_str().unwrap()), "{text}");
        }
        let path = dir.path().join("s.state");
        std::fs::write(&path, "old").unwrap();
        drop(StateKeeper::open(path.clone(), Duration::ZERO).unwrap());
        assert_eq!(std::fs::read_to_string(path).unwrap(), "old", "trying it changes nothing");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_last_state_is_on_the_disk_at_the_end_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.state");
        let keeper = StateKeeper::open(path.clone(), Duration::ZERO).unwrap();
        keeper.keep(state());
        keeper.finish(state()).unwrap();
        predictor().load_state(&path).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_write_that_fails_is_an_error_at_the_end_only() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("f");
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("s.state");
        let open = || StateKeeper::open(path.clone(), Duration::ZERO).unwrap();
        let (gone, back) = (open(), open());
        std::fs::remove_dir(&folder).unwrap();
        let error = gone.finish(state()).unwrap_err().to_string();
        assert!(error.contains("cannot be written"), "{error}");
        back.keep(state());
        while !back.states.is_empty() {
            std::thread::yield_now();
        }
        std::fs::create_dir_all(&folder).unwrap();
        back.finish(state()).unwrap();
        assert!(path.exists(), "it is written once it can be");
    }

    #[test]
    fn a_state_is_due_once_an_interval() {
        let dir = tempfile::tempdir().unwrap();
        let every = Duration::from_secs(30);
        let mut keeper = StateKeeper::open(dir.path().join("s.state"), every).unwrap();
        let begin = keeper.due;
        assert!(!keeper.is_due(MonoTime::from_nanos(begin.as_nanos() - 1)));
        assert!(keeper.is_due(begin) && !keeper.is_due(begin));
        assert!(keeper.is_due(begin.after(every)));
    }
}
