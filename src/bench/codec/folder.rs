//! The folder of a report: its own, so that nothing of anyone else's is overwritten or removed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::task::LockedFile;

use super::BenchError;

/// Its presence says that the folder is one of a report.
const MARK: &str = "cells/codec-report";

/// Streams while they are measured.
const WORK: &str = "work";

/// A folder that holds a report, or is about to; no other process works in it meanwhile.
#[derive(Debug)]
pub struct ReportFolder {
    path: PathBuf,
    /// Held until this folder is given back.
    _mark: LockedFile,
}

impl ReportFolder {
    /// Takes `path`: a new folder, an empty one, or that of an earlier report.
    ///
    /// # Errors
    /// [`BenchError::Request`] when it holds other things or another report is being made in it,
    /// [`BenchError::Io`] when it cannot be made.
    pub fn open(path: &Path) -> Result<Self, BenchError> {
        fs::create_dir_all(path).map_err(BenchError::io("make the folder", path))?;
        let mark = path.join(MARK);
        let mut there = fs::read_dir(path).map_err(BenchError::io("read", path))?;
        if !mark.is_file() && there.next().is_some() {
            return Err(BenchError::Request(format!(
                "--out {} holds other things, which a report could overwrite; name a new folder, an \
                 empty one, or that of an earlier report",
                path.display()
            )));
        }
        let cells = path.join("cells");
        fs::create_dir_all(&cells).map_err(BenchError::io("make the folder", &cells))?;
        let file = File::options().create(true).append(true).open(&mark);
        let file = file.map_err(BenchError::io("write", &mark))?;
        let mark = LockedFile::lock(file).ok_or_else(|| {
            BenchError::Request(format!(
                "another codec-report is working in {}; let it end, or name another folder",
                path.display()
            ))
        })?;
        let folder = Self { path: path.to_owned(), _mark: mark };
        // A run that was killed left its streams.
        folder.clear();
        Ok(folder)
    }

    /// Where the report's files go.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the clips lie as they are coded.
    #[must_use]
    pub fn clips(&self) -> PathBuf {
        self.path.join("clips")
    }

    /// Where measurements are kept.
    #[must_use]
    pub fn cells(&self) -> PathBuf {
        self.path.join("cells")
    }

    /// Where streams lie while they are measured, of the report in `path`.
    #[must_use]
    pub fn work(path: &Path) -> PathBuf {
        path.join(WORK)
    }

    fn clear(&self) {
        // It is absent, or of no more use.
        let _ = fs::remove_dir_all(Self::work(&self.path));
    }
}

impl Drop for ReportFolder {
    fn drop(&mut self) {
        // The mark is unlocked after this.
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_reports_are_taken() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/report");
        let folder = ReportFolder::open(&path).unwrap();
        let busy = ReportFolder::open(&path).unwrap_err().to_string();
        assert!(busy.contains("another codec-report"), "{busy}");
        fs::create_dir_all(ReportFolder::work(&path).join("deep")).unwrap();
        fs::write(path.join("report.json"), "{}").unwrap();
        drop(folder);
        assert!(!ReportFolder::work(&path).exists(), "streams are removed");
        drop(ReportFolder::open(&path).unwrap());
        assert!(path.join("report.json").is_file());
    }

    #[test]
    fn a_folder_with_other_things_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let own = ReportFolder::work(folder.path()).join("thesis.txt");
        fs::create_dir_all(own.parent().unwrap()).unwrap();
        fs::write(&own, "precious").unwrap();
        let error = ReportFolder::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("holds other things"), "{error}");
        assert_eq!(fs::read_to_string(&own).unwrap(), "precious");
        assert!(!folder.path().join("cells").exists());
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        let error = ReportFolder::open(&file.join("x")).unwrap_err();
        assert!(matches!(error, BenchError::Io { .. }), "{error}");
    }
}
