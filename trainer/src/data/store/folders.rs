//! Folders of sequences: `000000/frame_0.png`, ..., and the target `frame_result.png`, which sorts
//! last.

use std::collections::VecDeque;
use std::fs;
use std::io::Error;
use std::path::{Path, PathBuf};

use framecast::vision::RgbImage;
use image::{ExtendedColorType, ImageFormat};
use tempfile::TempDir;

use super::aside::Aside;
use super::{TRUTH, parent, readable};
use crate::TrainError;

/// A folder that is being filled.
pub(super) struct Folders {
    folder: TempDir,
    inputs: usize,
    step: usize,
    /// The newest frames, at most inputs and target.
    newest: VecDeque<RgbImage>,
    /// Frames until the next folder is full.
    missing: usize,
    sequences: u64,
}

impl Folders {
    /// Begins a folder beside `out`, which it becomes in the end.
    pub(super) fn create(out: &Path, inputs: usize, step: usize) -> Result<Self, TrainError> {
        let beside = parent(out);
        let made = fs::create_dir_all(beside).and_then(|()| TempDir::new_in(beside));
        let folder = made.map_err(TrainError::io("create a folder in", beside))?;
        let newest = VecDeque::with_capacity(inputs + 1);
        Ok(Self { folder, inputs, step: step.max(1), newest, missing: inputs + 1, sequences: 0 })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) const fn sequences(&self) -> u64 {
        self.sequences
    }

    pub(super) fn begin(&mut self) {
        self.newest.clear();
        self.missing = self.inputs + 1;
    }

    pub(super) fn push(&mut self, picture: &RgbImage) -> Result<(), TrainError> {
        let mut slot = if self.newest.len() > self.inputs {
            self.newest.pop_front().unwrap_or_default()
        } else {
            RgbImage::default()
        };
        slot.clone_from(picture);
        self.newest.push_back(slot);
        self.missing -= 1;
        if self.missing > 0 {
            return Ok(());
        }
        self.missing = self.step;
        // A step that is longer than a sequence leaves frames out.
        if self.newest.len() <= self.inputs {
            return Ok(());
        }
        self.write()
    }

    fn write(&mut self) -> Result<(), TrainError> {
        let folder = self.folder.path().join(format!("{:06}", self.sequences));
        fs::create_dir(&folder).map_err(TrainError::io("create", &folder))?;
        for (at, picture) in self.newest.iter().enumerate() {
            let name = if at == self.inputs { "result".to_owned() } else { at.to_string() };
            let path = folder.join(format!("frame_{name}.png"));
            let (w, h) = (picture.size().width, picture.size().height);
            let kind = ExtendedColorType::Rgb8;
            image::save_buffer_with_format(&path, picture.data(), w, h, kind, ImageFormat::Png)
                .map_err(|e| TrainError::io("write", &path)(Error::other(e)))?;
        }
        self.sequences += 1;
        Ok(())
    }

    /// Moves the folder to `out`, in place of what is there when `force`.
    pub(super) fn finish(self, out: &Path, force: bool) -> Result<(), TrainError> {
        readable(self.folder.path())?;
        let before = if force {
            // Others may have written there since the beginning.
            check_replaceable(out)?;
            Aside::take(out)?
        } else {
            None
        };
        match (fs::rename(self.folder.path(), out).map_err(TrainError::io("write", out)), before) {
            (Ok(()), before) => {
                // It is no longer there to be removed.
                drop(self.folder.keep());
                before.map_or(Ok(()), Aside::discard)
            }
            (Err(cause), Some(before)) => Err(before.restore(cause)),
            (Err(cause), None) => Err(cause),
        }
    }
}

/// Fails where `out` holds anything but folders as they are written here and what is known of them.
pub(super) fn check_replaceable(out: &Path) -> Result<(), TrainError> {
    let fail = TrainError::io("read", out);
    if out.symlink_metadata().is_err() {
        return Ok(());
    }
    match stranger(out) {
        Ok(None) => Ok(()),
        Ok(Some(path)) => Err(TrainError::io("replace", out)(Error::other(format!(
            "it holds {}, which is no part of a set that this program wrote, and is not replaced; \
             choose another place",
            path.display()
        )))),
        Err(cause) => Err(fail(cause)),
    }
}

/// The first thing in `set` that was not written here.
fn stranger(set: &Path) -> Result<Option<PathBuf>, Error> {
    for entry in fs::read_dir(set)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let name = name.to_string_lossy();
        if kind.is_file() && name == TRUTH {
            continue;
        }
        let number = name.len() >= 6 && name.bytes().all(|b| b.is_ascii_digit());
        if !(kind.is_dir() && number) {
            return Ok(Some(entry.path()));
        }
        for frame in fs::read_dir(entry.path())? {
            let frame = frame?;
            let name = frame.file_name();
            let name = name.to_string_lossy();
            let ours = name.starts_with("frame_") && name.ends_with(".png");
            if !(frame.file_type()?.is_file() && ours) {
                return Ok(Some(frame.path()));
            }
        }
    }
    Ok(None)
}
