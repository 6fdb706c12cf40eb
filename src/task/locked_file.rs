//! A file that only one writer at a time has.

use std::fs::{File, TryLockError};
use std::ops::{Deref, DerefMut};

/// A file whose lock lasts as long as this.
#[derive(Debug)]
pub struct LockedFile(File);

impl LockedFile {
    /// Locks `file`; `None` when another program, or another part of this one, has it. A file system
    /// without locks leaves the care to the user.
    #[must_use]
    pub fn lock(file: File) -> Option<Self> {
        match file.try_lock() {
            Ok(()) | Err(TryLockError::Error(_)) => Some(Self(file)),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl Deref for LockedFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl DerefMut for LockedFile {
    fn deref_mut(&mut self) -> &mut File {
        &mut self.0
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // Closing alone would leave it locked while a process that is being started still holds a
        // copy. It may not have been locked.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_free_when_its_writer_is_gone_whoever_holds_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let open = || File::options().create(true).append(true).open(&path).unwrap();
        let file = open();
        let copy = file.try_clone().unwrap();
        let held = LockedFile::lock(file).unwrap();
        assert!(LockedFile::lock(open()).is_none());
        drop(held);
        assert!(LockedFile::lock(open()).is_some());
        drop(copy);
    }
}
