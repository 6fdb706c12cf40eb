//! Where generated and converted frames go: folders of sequences (N frames and their target), or
//! one Y4M clip; beside them what is known of the frames, one JSON object a line.
//!
//! Everything is written under another name and moved into place when it is complete. What stands
//! at that place is replaced only when asked for, and only then.

mod aside;
mod clip;
mod folders;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use framecast::frame::Rational;
use framecast::vision::RgbImage;
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::TrainError;
use aside::Aside;
use clip::Clip;
use folders::{Folders, check_replaceable};

/// The file of what is known of the frames, in a folder of sequences.
pub const TRUTH: &str = "truth.jsonl";

/// Where and how frames are stored.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// A folder to be made, or a file that ends in `.y4m`.
    pub out: PathBuf,
    /// Frames before the target in each folder.
    pub inputs: usize,
    /// Frames from the beginning of one folder to that of the next.
    pub step: usize,
    /// Frames a second of a clip.
    pub rate: Rational,
    /// Replace what is there: a clip and what is known of it, or a set that was written here.
    pub force: bool,
}

/// What was stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Frames taken.
    pub frames: u64,
    /// Folders written; 1 for a clip.
    pub sequences: u64,
}

/// A place that frames are being stored in. Dropped before [`Store::finish`] it leaves nothing.
pub struct Store {
    options: StoreOptions,
    kind: Kind,
    truth: Option<NamedTempFile>,
    stored: Stored,
}

enum Kind {
    Folders(Folders),
    Clip(Clip),
}

impl Store {
    /// Begins to store.
    ///
    /// # Errors
    /// [`TrainError::Io`] when the place exists and is not to be replaced, holds something else than
    /// what is written here, or cannot be written.
    pub fn create(options: StoreOptions) -> Result<Self, TrainError> {
        let out = &options.out;
        if out.symlink_metadata().is_ok() && !options.force {
            let cause = std::io::Error::other("it exists; choose another place or give --force");
            return Err(TrainError::io("write", out)(cause));
        }
        let clip = out.extension().is_some_and(|e| e.eq_ignore_ascii_case("y4m"));
        if clip == out.is_dir() && out.exists() {
            let what = if clip { "a folder" } else { "no folder" };
            let cause = std::io::Error::other(format!("it is {what} and is not replaced"));
            return Err(TrainError::io("write", out)(cause));
        }
        let known = beside(out);
        if clip && known.symlink_metadata().is_ok() && (!options.force || known.is_dir()) {
            let text = "it exists and would belong to another clip; choose another place or, if it \
                        is a file, give --force";
            return Err(TrainError::io("write", known)(std::io::Error::other(text)));
        }
        if !clip && options.force {
            check_replaceable(out)?;
        }
        let kind = if clip {
            Kind::Clip(Clip::new(out.clone(), options.rate))
        } else {
            Kind::Folders(Folders::create(out, options.inputs, options.step)?)
        };
        Ok(Self { options, kind, truth: None, stored: Stored::default() })
    }

    /// The next frame belongs to another sequence.
    pub fn begin(&mut self) {
        if let Kind::Folders(folders) = &mut self.kind {
            folders.begin();
        }
    }

    /// Stores the next frame of the sequence.
    ///
    /// # Errors
    /// [`TrainError::Io`] when it cannot be written, [`TrainError::Data`] for another size than the
    /// frames before it.
    pub fn push(&mut self, picture: &RgbImage) -> Result<(), TrainError> {
        self.stored.frames += 1;
        match &mut self.kind {
            Kind::Folders(folders) => folders.push(picture),
            Kind::Clip(clip) => clip.push(picture),
        }
    }

    /// Adds a line to what is known of the frames.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn truth(&mut self, line: &Value) -> Result<(), TrainError> {
        let fail = TrainError::io("write", &self.options.out);
        let file = match &mut self.truth {
            Some(file) => file,
            None => match NamedTempFile::new_in(parent(&self.options.out)) {
                Ok(file) => self.truth.insert(file),
                Err(cause) => return Err(fail(cause)),
            },
        };
        writeln!(file, "{line}").map_err(fail)
    }

    /// Moves everything into place.
    ///
    /// # Errors
    /// [`TrainError::Data`] when nothing was stored, [`TrainError::Io`] when it cannot be moved.
    pub fn finish(mut self) -> Result<Stored, TrainError> {
        let out = self.options.out.clone();
        let empty = |reason: &str| TrainError::Data {
            uri: out.display().to_string(),
            reason: reason.to_owned(),
        };
        match self.kind {
            Kind::Folders(folders) => {
                self.stored.sequences = folders.sequences();
                if self.stored.sequences == 0 {
                    let (frames, inputs) = (self.stored.frames, self.options.inputs);
                    return Err(empty(&format!(
                        "{frames} frames make no sequence of {inputs} and a target; nothing was \
                         written; ask for fewer with --frames"
                    )));
                }
                if let Some(truth) = self.truth.take() {
                    persist(truth, &folders.path().join(TRUTH))?;
                }
                folders.finish(&out, self.options.force)?;
            }
            Kind::Clip(clip) => {
                if clip.is_empty() {
                    return Err(empty("there was no frame; nothing was written"));
                }
                self.stored.sequences = 1;
                // The clip comes last, so that none ever stands beside the truth of another.
                let known = beside(&out);
                let before = Aside::take(&known)?;
                let new = self.truth.take();
                let truth = new.map_or(Ok(()), |truth| persist(truth, &known));
                match (truth.and_then(|()| clip.finish()), before) {
                    (Ok(()), before) => before.map_or(Ok(()), Aside::discard)?,
                    (Err(cause), Some(before)) => return Err(before.restore(cause)),
                    (Err(cause), None) => {
                        // It may not be there; the first error is the one to tell.
                        drop(fs::remove_file(&known));
                        return Err(cause);
                    }
                }
            }
        }
        Ok(self.stored)
    }
}

/// The file of what is known of the frames of a clip.
#[must_use]
pub fn beside(clip: &Path) -> PathBuf {
    clip.with_extension(TRUTH)
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn persist(file: NamedTempFile, to: &Path) -> Result<(), TrainError> {
    let kept = file.persist(to).map_err(|e| TrainError::io("write", to)(e.error))?;
    drop(kept);
    readable(to)
}

/// Temporary files are for their owner only; what is kept has the usual rights.
fn readable(path: &Path) -> Result<(), TrainError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = if path.is_dir() { 0o755 } else { 0o644 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .map_err(TrainError::io("write", path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
