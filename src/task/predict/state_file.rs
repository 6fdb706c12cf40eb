//! Saving a predictor's state and going on from it.
//!
//! Layout, little-endian: `FCSTATE1`, the length of the identity (u32) and the identity, width and
//! height of the frames (u32 each), the length of the state (u64) and the state, and the SHA-256
//! of all before it. Written as `NAME.new` and renamed, so that a reader never sees a half and a
//! program that is killed again and again leaves one file behind and not many.
#![warn(clippy::indexing_slicing)]

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::task::TaskError;

use super::Predictor;

const MAGIC: &[u8; 8] = b"FCSTATE1";
const HASH: usize = 32;
/// The largest state file that is read.
const MAX_BYTES: u64 = 1 << 30;

impl Predictor {
    /// A copy of the state, to be written by another thread.
    ///
    /// # Errors
    /// [`TaskError::Engine`] when the engine does not give its state out.
    pub fn state(&self) -> Result<SavedState, TaskError> {
        let state = self.export_state()?;
        let identity = self.forecaster().identity().as_bytes();
        let mut bytes = Vec::with_capacity(state.len() + identity.len() + 64);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&(identity.len() as u32).to_le_bytes());
        bytes.extend_from_slice(identity);
        bytes.extend_from_slice(&self.size().width.to_le_bytes());
        bytes.extend_from_slice(&self.size().height.to_le_bytes());
        bytes.extend_from_slice(&(state.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&state);
        Ok(SavedState(bytes))
    }

    /// Writes the state to `path`, replacing it at once or not at all.
    ///
    /// # Errors
    /// [`TaskError::StateWrite`] when the file cannot be written, [`TaskError::Engine`] when the
    /// engine does not give its state out.
    pub fn save_state(&self, path: &Path) -> Result<(), TaskError> {
        self.state()?.write(path)
    }

    /// Goes on from the state in `path`.
    ///
    /// # Errors
    /// [`TaskError::State`] when the file cannot be read, is damaged, or belongs to another model
    /// or frame size; the predictor is then as before.
    pub fn load_state(&mut self, path: &Path) -> Result<(), TaskError> {
        let bad = |reason: String| TaskError::State { path: path.to_owned(), reason };
        let unreadable = |cause: std::io::Error| bad(format!("cannot be read: {cause}"));
        let length = std::fs::metadata(path).map_err(unreadable)?.len();
        if length > MAX_BYTES {
            return Err(bad(format!("has {length} bytes, above the limit of {MAX_BYTES}")));
        }
        let bytes = std::fs::read(path).map_err(unreadable)?;
        let parts = parse(&bytes).ok_or_else(|| {
            bad("is not a state file or is damaged; remove it to begin afresh".into())
        })?;
        if parts.identity != self.forecaster().identity().as_bytes() {
            return Err(bad(format!(
                "belongs to model {} but {} ({}) is loaded; use that model or remove the file",
                String::from_utf8_lossy(parts.identity),
                self.forecaster().identity(),
                self.forecaster().name()
            )));
        }
        let size = self.size();
        if parts.size != (size.width, size.height) {
            let (w, h) = parts.size;
            return Err(bad(format!(
                "holds the state of {w}x{h} frames but the source gives {size}; remove the file"
            )));
        }
        self.import_state(parts.state).map_err(|cause| bad(cause.to_string()))
    }
}

/// A state as the content of a file, but for the checksum.
pub struct SavedState(Vec<u8>);

impl SavedState {
    /// Writes the state to `path`, replacing it at once or not at all.
    ///
    /// # Errors
    /// [`TaskError::StateWrite`] when the file cannot be written.
    pub fn write(self, path: &Path) -> Result<(), TaskError> {
        let Self(mut bytes) = self;
        let hash = Sha256::digest(&bytes);
        bytes.extend_from_slice(&hash);
        write_atomically(path, &bytes).map_err(|cause| not_written(path, cause))
    }

    /// Finds out whether a state can be written to `path`, without touching what is there.
    ///
    /// # Errors
    /// [`TaskError::StateWrite`] when it cannot.
    pub fn check_place(path: &Path) -> Result<(), TaskError> {
        let try_place = || {
            if path.is_dir() {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
            }
            let new = beside(path);
            File::create(&new)?;
            fs::remove_file(new)
        };
        try_place().map_err(|cause| not_written(path, cause))
    }
}

impl std::fmt::Debug for SavedState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SavedState({} bytes)", self.0.len())
    }
}

struct Parts<'a> {
    identity: &'a [u8],
    size: (u32, u32),
    state: &'a [u8],
}

fn parse(bytes: &[u8]) -> Option<Parts<'_>> {
    let (body, hash) = bytes.split_at_checked(bytes.len().checked_sub(HASH)?)?;
    if Sha256::digest(body).as_slice() != hash {
        return None;
    }
    let rest = body.strip_prefix(MAGIC)?;
    let (length, rest) = rest.split_first_chunk()?;
    let (identity, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let (width, rest) = rest.split_first_chunk()?;
    let (height, rest) = rest.split_first_chunk()?;
    let (length, state) = rest.split_first_chunk()?;
    (u64::from_le_bytes(*length) == state.len() as u64).then_some(Parts {
        identity,
        size: (u32::from_le_bytes(*width), u32::from_le_bytes(*height)),
        state,
    })
}

fn not_written(path: &Path, cause: io::Error) -> TaskError {
    TaskError::StateWrite { path: path.to_owned(), cause }
}

/// The name a state has until it is complete.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = beside(path);
    let write = || {
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().inspect_err(|_| {
        // Half a state on a full disk only takes room; it may be gone with its folder.
        let _ = fs::remove_file(&new);
    })
}
