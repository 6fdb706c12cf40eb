//! What stood at a place, moved aside until what replaces it stands.

use std::fs;
use std::io::Error;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::parent;
use crate::TrainError;

/// Something moved aside. It is lost by [`Aside::discard`] only: dropped, it stays where it is.
pub(super) struct Aside {
    place: PathBuf,
    folder: PathBuf,
}

impl Aside {
    /// Moves what is at `place` into a folder beside it; nothing where there is nothing.
    pub(super) fn take(place: &Path) -> Result<Option<Self>, TrainError> {
        if place.symlink_metadata().is_err() {
            return Ok(None);
        }
        let folder = TempDir::new_in(parent(place)).map_err(TrainError::io("replace", place))?;
        fs::rename(place, folder.path().join(OLD)).map_err(TrainError::io("replace", place))?;
        Ok(Some(Self { place: place.to_owned(), folder: folder.keep() }))
    }

    /// Moves it back after `cause`, the error to tell; where that fails too, it says where it is.
    pub(super) fn restore(self, cause: TrainError) -> TrainError {
        let kept = self.folder.join(OLD);
        match fs::rename(&kept, &self.place) {
            Ok(()) => {
                // An empty folder that stays behind hurts nobody.
                drop(fs::remove_dir(&self.folder));
                cause
            }
            Err(second) => {
                let text = format!(
                    "{second}, after: {cause}. What was there is whole in {}; move it back by hand",
                    kept.display()
                );
                TrainError::io("move what was there back to", &self.place)(Error::other(text))
            }
        }
    }

    /// Removes it: what replaces it stands.
    pub(super) fn discard(self) -> Result<(), TrainError> {
        fs::remove_dir_all(&self.folder).map_err(TrainError::io("remove", &self.folder))
    }
}

const OLD: &str = "old";

#[cfg(test)]
mod tests {
    use super::*;

    fn cause() -> TrainError {
        TrainError::Data { uri: "x".to_owned(), reason: "the first error".to_owned() }
    }

    #[test]
    fn what_cannot_be_moved_back_is_kept_and_named() {
        let place = tempfile::tempdir().unwrap();
        let at = place.path().join("set");
        fs::create_dir(&at).unwrap();
        fs::write(at.join("mine"), "1").unwrap();
        let aside = Aside::take(&at).unwrap().unwrap();
        // Something else took its place meanwhile.
        fs::create_dir(&at).unwrap();
        fs::write(at.join("other"), "2").unwrap();
        let kept = aside.folder.join(OLD);
        let error = aside.restore(cause()).to_string();
        assert!(error.contains("the first error"), "{error}");
        assert!(error.contains(&kept.display().to_string()), "{error}");
        assert_eq!(fs::read_to_string(kept.join("mine")).unwrap(), "1");
    }

    #[test]
    fn what_is_moved_back_leaves_nothing_behind() {
        let place = tempfile::tempdir().unwrap();
        let at = place.path().join("set");
        assert!(Aside::take(&at).unwrap().is_none());
        fs::write(&at, "1").unwrap();
        let aside = Aside::take(&at).unwrap().unwrap();
        assert!(!at.exists());
        assert!(aside.restore(cause()).to_string().contains("the first error"));
        assert_eq!(fs::read_to_string(&at).unwrap(), "1");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
