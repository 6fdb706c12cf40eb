//! Loading a model again while the stream runs.
//!
//! A thread of its own looks at the file once a second, waits until it has stopped changing, loads
//! and tests it, and leaves it in a slot; the inference thread takes it between two frames. A file
//! that cannot be loaded is reported once and the old model stays. When full (the last model has
//! not been taken yet) nothing is loaded, so at most three models live at once: the one in use, the
//! next, and one being torn down.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::frame::MonoTime;
use crate::ring::LatestSlot;
use crate::task::predict::Forecaster;

use super::PipelineError;

/// Loads the model; the text says why it could not.
pub type Load = Box<dyn FnMut() -> Result<Box<dyn Forecaster>, String> + Send>;

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Watches a model file. Dropping it ends its thread.
pub struct Reloader {
    next: Arc<LatestSlot<Box<dyn Forecaster>>>,
    retired: Sender<Box<dyn Forecaster>>,
}

/// What tells one version of a file from another.
type Stamp = Option<(SystemTime, u64)>;

impl Reloader {
    /// Watches `path` and calls `load` when it has changed.
    ///
    /// # Errors
    /// [`PipelineError::Thread`] when the thread cannot be started.
    pub fn watch(path: PathBuf, load: Load) -> Result<Self, PipelineError> {
        Self::watch_every(path, load, EVERY)
    }

    fn watch_every(path: PathBuf, load: Load, every: Duration) -> Result<Self, PipelineError> {
        let next = Arc::new(LatestSlot::new());
        let (retired, old) = bounded(1);
        // Taken here, so that a change right after the first load is not missed.
        let loaded = stamp(&path);
        let slot = Arc::clone(&next);
        std::thread::Builder::new()
            .name("framecast-reload".to_owned())
            .spawn(move || watch(&path, loaded, load, every, &slot, &old))
            .map_err(|cause| PipelineError::Thread { thread: "reload", cause })?;
        Ok(Self { next, retired })
    }

    /// The model that was loaded since the last call, if any; never waits.
    #[must_use]
    pub fn poll(&self) -> Option<Box<dyn Forecaster>> {
        self.next.take(MonoTime::ZERO)
    }

    /// Gives a model away to be torn down, which may take long, in the watching thread.
    pub fn retire(&self, old: Box<dyn Forecaster>) {
        // Full only when models change faster than they are torn down; then it happens here.
        let _ = self.retired.try_send(old);
    }
}

impl std::fmt::Debug for Reloader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloader").finish_non_exhaustive()
    }
}

fn watch(
    path: &Path,
    mut loaded: Stamp,
    mut load: Load,
    every: Duration,
    slot: &LatestSlot<Box<dyn Forecaster>>,
    retired: &Receiver<Box<dyn Forecaster>>,
) {
    let mut seen = loaded;
    loop {
        match retired.recv_timeout(every) {
            Ok(old) => drop(old),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let now = stamp(path);
        // Loaded only when two looks agree: a file being written is still growing.
        let settled = std::mem::replace(&mut seen, now) == now;
        if now.is_none() || now == loaded || !settled || slot.is_filled() {
            continue;
        }
        loaded = now;
        match load() {
            Ok(model) => {
                tracing::info!(path = %path.display(), "model loaded again");
                slot.put(model);
            }
            Err(reason) => {
                tracing::warn!(path = %path.display(), %reason, "model not loaded again");
            }
        }
    }
}

fn stamp(path: &Path) -> Stamp {
    let about = std::fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

#[cfg(test)]
mod tests {
    use crate::task::predict::CopyLast;

    use super::*;

    #[test]
    fn a_changed_file_brings_a_new_model_and_a_bad_one_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.onnx");
        std::fs::write(&path, "1").unwrap();
        let (said, heard) = bounded(8);
        let file = path.clone();
        let load = move || {
            let text = std::fs::read_to_string(&file).unwrap();
            let outcome = if text == "bad" { Err("broken".to_owned()) } else { Ok(()) };
            said.send(text).unwrap();
            outcome.map(|()| Box::new(CopyLast) as Box<dyn Forecaster>)
        };
        let wait = Duration::from_secs(20);
        let every = Duration::from_millis(2);
        let reloader = Reloader::watch_every(path.clone(), Box::new(load), every).unwrap();
        assert!(reloader.poll().is_none());
        std::fs::write(&path, "bad").unwrap();
        assert_eq!(heard.recv_timeout(wait).unwrap(), "bad");
        std::fs::write(&path, "good one").unwrap();
        assert_eq!(heard.recv_timeout(wait).unwrap(), "good one");
        let model = reloader.next.take(MonoTime::now().after(wait)).unwrap();
        assert_eq!(model.name(), "copy-last");
        reloader.retire(model);
        assert!(reloader.poll().is_none(), "the bad file left nothing behind");
    }
}
