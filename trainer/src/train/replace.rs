//! Files that are written whole or not at all.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use crate::TrainError;

/// Writes `bytes` under another name, and moves them to `path` when they are safe on the disk.
///
/// # Errors
/// [`TrainError::Io`]; what was at `path` is intact then.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let save = || -> std::io::Result<()> {
        let mut file = fs::File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    save().map_err(|cause| {
        // Half a file is of no use, and may be what the disk has no room for.
        drop(fs::remove_file(&part));
        let kind = cause.kind();
        let cause = match kind {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                let hint = "what was there is intact; make room, then go on with --resume";
                std::io::Error::new(kind, format!("{cause}; {hint}"))
            }
            _ => cause,
        };
        TrainError::io("write", path)(cause)
    })
}
