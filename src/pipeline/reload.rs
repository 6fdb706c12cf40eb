//! Loading a model again while the stream runs.
//!
//! A thread of its own looks at the file once a second, waits until it has stopped changing, loads
//! and tests it, and leaves it in a slot; the inference thread takes it between two frames. A file
//! that cannot be loaded is reported once and the old model stays. When full (the last model has
//! not been taken yet) nothing is loaded, so at most three models live at once: the one in use, the
//! next, and one being torn down.
//!
//! A run waits for that thread at its end: inference libraries take themselves apart when the
//! process exits, and crash when a model is just being loaded then.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::engine::LoadReport;
use crate::frame::MonoTime;
use crate::ring::LatestSlot;
use crate::task::predict::Forecaster;

use super::PipelineError;

/// A model that can take over.
pub struct LoadedModel {
    /// What predicts.
    pub forecaster: Box<dyn Forecaster>,
    /// Where it runs; none for a baseline.
    pub report: Option<LoadReport>,
}

/// Loads the model; the text says why it could not.
pub type Load = Box<dyn FnMut() -> Result<LoadedModel, String> + Send>;

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// How long the end of a run waits for a model that is being loaded.
const GRACE: Duration = Duration::from_secs(10);

/// Brings the models that are loaded. Dropping it ends the watching thread.
pub struct Reloader {
    next: Arc<LatestSlot<LoadedModel>>,
    retired: Sender<Box<dyn Forecaster>>,
}

/// What tells one version of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    modified: SystemTime,
    bytes: u64,
    /// Images of whole systems give every file the same time, and two models may be equally long.
    inode: u64,
}

impl Stamp {
    /// That of the file as it is now; none when it is not there.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let about = std::fs::metadata(path).ok()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&about);
        #[cfg(not(unix))]
        let inode = 0;
        Some(Self { modified: about.modified().ok()?, bytes: about.len(), inode })
    }
}

impl Reloader {
    /// Watches `path` and calls `load` when it is no longer the file of `loaded`, which is best
    /// taken before the first load, so that a change during it is not missed.
    ///
    /// # Errors
    /// [`PipelineError::Thread`] when the thread cannot be started.
    pub fn watch(
        path: PathBuf,
        loaded: Option<Stamp>,
        load: Load,
    ) -> Result<(Watching, Self), PipelineError> {
        Self::watch_every(path, loaded, load, EVERY)
    }

    fn watch_every(
        path: PathBuf,
        loaded: Option<Stamp>,
        load: Load,
        every: Duration,
    ) -> Result<(Watching, Self), PipelineError> {
        let next = Arc::new(LatestSlot::new());
        let (retired, old) = bounded(1);
        let slot = Arc::clone(&next);
        let thread = std::thread::Builder::new()
            .name("framecast-reload".to_owned())
            .spawn(move || watch(&path, loaded, load, every, &slot, &old))
            .map_err(|cause| PipelineError::Thread { thread: "reload", cause })?;
        Ok((Watching(thread), Self { next, retired }))
    }

    /// The model that was loaded since the last call, if any; never waits.
    #[must_use]
    pub fn poll(&self) -> Option<LoadedModel> {
        self.next.take(MonoTime::ZERO)
    }

    /// Gives a model away to be torn down, which may take long, in the watching thread.
    pub fn retire(&self, old: Box<dyn Forecaster>) {
        // Full only when models change faster than they are torn down; then it happens here.
        let _ = self.retired.try_send(old);
    }
}

impl std::fmt::Debug for LoadedModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadedModel").field("name", &self.forecaster.name()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Reloader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloader").finish_non_exhaustive()
    }
}

/// The watching thread. Dropped after its [`Reloader`], it waits until the thread has ended.
#[derive(Debug)]
pub struct Watching(JoinHandle<()>);

impl Drop for Watching {
    fn drop(&mut self) {
        let end = MonoTime::now().after(GRACE);
        while !self.0.is_finished() && MonoTime::now() < end {
            std::thread::sleep(Duration::from_millis(2));
        }
        if !self.0.is_finished() {
            tracing::warn!("a model is still being loaded after {GRACE:?}; it is left behind");
        }
    }
}

fn watch(
    path: &Path,
    mut loaded: Option<Stamp>,
    mut load: Load,
    every: Duration,
    slot: &LatestSlot<LoadedModel>,
    retired: &Receiver<Box<dyn Forecaster>>,
) {
    let mut seen = loaded;
    loop {
        match retired.recv_timeout(every) {
            Ok(old) => drop(old),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let now = Stamp::of(path);
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

#[cfg(test)]
mod tests {
    use crate::task::predict::CopyLast;

    use super::*;

    fn copy_last() -> LoadedModel {
        LoadedModel { forecaster: Box::new(CopyLast), report: None }
    }

    #[test]
    fn a_changed_file_brings_a_new_model_and_a_bad_one_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.onnx");
        std::fs::write(&path, "1").unwrap();
        let loaded = Stamp::of(&path);
        let (said, heard) = bounded(8);
        let file = path.clone();
        let load = move || {
            let text = std::fs::read_to_string(&file).unwrap();
            let outcome = if text == "bad" { Err("broken".to_owned()) } else { Ok(()) };
            said.send(text).unwrap();
            outcome.map(|()| copy_last())
        };
        let wait = Duration::from_secs(20);
        let every = Duration::from_millis(2);
        let (_watching, reloader) =
            Reloader::watch_every(path.clone(), loaded, Box::new(load), every).unwrap();
        assert!(reloader.poll().is_none());
        // By renaming: a write empties the file first, which two quick looks may take for a model.
        let put = |text: &str| {
            let new = dir.path().join("new");
            std::fs::write(&new, text).unwrap();
            std::fs::rename(new, &path).unwrap();
        };
        put("bad");
        assert_eq!(heard.recv_timeout(wait).unwrap(), "bad");
        put("good one");
        assert_eq!(heard.recv_timeout(wait).unwrap(), "good one");
        let model = reloader.next.take(MonoTime::now().after(wait)).unwrap().forecaster;
        assert_eq!(model.name(), "copy-last");
        reloader.retire(model);
        assert!(reloader.poll().is_none(), "the bad file left nothing behind");
    }

    #[test]
    fn the_end_waits_for_a_model_that_is_being_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.onnx");
        std::fs::write(&path, "new").unwrap();
        let (begun, begin) = bounded(1);
        let (done, ended) = bounded(1);
        let load = move || {
            begun.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(50));
            done.send(()).unwrap();
            Ok(copy_last())
        };
        let every = Duration::from_millis(2);
        let (watching, reloader) =
            Reloader::watch_every(path, None, Box::new(load), every).unwrap();
        begin.recv_timeout(Duration::from_secs(20)).unwrap();
        drop(reloader);
        drop(watching);
        assert_eq!(ended.try_recv(), Ok(()));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_of_the_same_time_and_length_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("m.onnx"), dir.path().join("n.onnx"));
        let write = |path: &Path, text: &str| {
            std::fs::write(path, text).unwrap();
            std::fs::File::open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        };
        write(&path, "old");
        write(&other, "new");
        let before = Stamp::of(&path);
        assert_eq!(before, Stamp::of(&path));
        std::fs::rename(&other, &path).unwrap();
        assert!(before.is_some() && before != Stamp::of(&path));
        assert_eq!(Stamp::of(&other), None);
    }
}
