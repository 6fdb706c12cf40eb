//! Where pictures lie: in a folder, or as a single file.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::source::open::open_path;
use crate::source::y4m::io_error;
use crate::source::{Limits, SourceError};

/// Encoded pictures in their order.
pub(super) trait Store: Send {
    /// How many there are.
    fn len(&self) -> usize;

    /// Name of one, for messages.
    fn name(&self, index: usize) -> String;

    /// Replaces `out` by the bytes of one.
    fn load(&mut self, index: usize, out: &mut Vec<u8>) -> Result<(), SourceError>;
}

/// True for the file names of pictures; hidden files (such as the `._` ones of macOS) are none.
pub(super) fn is_picture(path: &str) -> bool {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let lower = name.to_ascii_lowercase();
    !name.starts_with('.') && [".png", ".jpg", ".jpeg"].iter().any(|e| lower.ends_with(e))
}

/// Refuses a picture that is larger than the limit.
pub(super) fn check_len(name: &str, value: u64, limits: &Limits) -> Result<(), SourceError> {
    let limit = limits.packet_bytes;
    if value > limit {
        let what = "the size of a picture in bytes";
        return Err(SourceError::Limit { name: name.to_owned(), what, value, limit });
    }
    Ok(())
}

/// Picture files of a folder in natural order, or one file.
pub(super) struct Files {
    paths: Vec<PathBuf>,
    limits: Limits,
}

impl Files {
    pub(super) fn one(path: &Path, limits: Limits) -> Self {
        Self { paths: vec![path.to_owned()], limits }
    }

    pub(super) fn folder(path: &Path, limits: Limits) -> Result<Self, SourceError> {
        let name = path.display().to_string();
        let entries = std::fs::read_dir(path).map_err(|cause| SourceError::Open {
            path: path.to_owned(),
            cause,
            hint: "check the path and its permissions".into(),
        })?;
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(|e| io_error(&name, e))?.path();
            // Reading a pipe of that name would wait for its writer.
            let other = path.metadata().is_ok_and(|meta| !meta.is_file());
            if is_picture(&path.to_string_lossy()) && !other {
                check_count(&name, paths.len(), &limits)?;
                paths.push(path);
            }
        }
        paths.sort_by(|a, b| natord::compare(&a.to_string_lossy(), &b.to_string_lossy()));
        Ok(Self { paths, limits })
    }
}

/// Refuses one picture more than the limit.
pub(super) fn check_count(name: &str, so_far: usize, limits: &Limits) -> Result<(), SourceError> {
    let value = so_far as u64 + 1;
    if value > limits.entries {
        let what = "the number of pictures";
        let name = name.to_owned();
        return Err(SourceError::Limit { name, what, value, limit: limits.entries });
    }
    Ok(())
}

impl Store for Files {
    fn len(&self) -> usize {
        self.paths.len()
    }

    fn name(&self, index: usize) -> String {
        self.paths.get(index).map(|p| p.display().to_string()).unwrap_or_default()
    }

    fn load(&mut self, index: usize, out: &mut Vec<u8>) -> Result<(), SourceError> {
        out.clear();
        let Some(path) = self.paths.get(index) else { return Ok(()) };
        let name = path.display().to_string();
        let file: File = open_path(path)?;
        let len = file.metadata().map_err(|e| io_error(&name, e))?.len();
        check_len(&name, len, &self.limits)?;
        // The file may have grown since: the limit holds for what is read.
        file.take(self.limits.packet_bytes).read_to_end(out).map_err(|e| io_error(&name, e))?;
        Ok(())
    }
}
