//! Folders of sequences: `000000/frame_0.png`, ..., and the target `frame_result.png`, which sorts
//! last.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;

use framecast::vision::RgbImage;
use image::{ExtendedColorType, ImageFormat};
use tempfile::TempDir;

use super::{parent, readable};
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
                .map_err(|e| TrainError::io("write", &path)(std::io::Error::other(e)))?;
        }
        self.sequences += 1;
        Ok(())
    }

    /// Moves the folder to `out`, in place of what is there when `force`.
    pub(super) fn finish(self, out: &Path, force: bool) -> Result<(), TrainError> {
        readable(self.folder.path())?;
        if force && out.exists() {
            // What was there is gone only when the new one stands.
            let old = TempDir::new_in(parent(out)).map_err(TrainError::io("replace", out))?;
            let aside = old.path().join("old");
            fs::rename(out, &aside).map_err(TrainError::io("replace", out))?;
            if let Err(cause) = fs::rename(self.folder.path(), out) {
                // Best effort: the first error is the one to tell.
                drop(fs::rename(&aside, out));
                return Err(TrainError::io("write", out)(cause));
            }
        } else {
            fs::rename(self.folder.path(), out).map_err(TrainError::io("write", out))?;
        }
        // It is no longer there to be removed.
        drop(self.folder.keep());
        Ok(())
    }
}
