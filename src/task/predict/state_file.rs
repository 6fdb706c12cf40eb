//! Saving a predictor's state and going on from it.
//!
//! Layout, little-endian: `FCSTATE1`, the length of the identity (u32) and the identity, width and
//! height of the frames (u32 each), the length of the state (u64) and the state, and the SHA-256
//! of all before it. Written beside the target and renamed, so that a reader never sees a half.
#![warn(clippy::indexing_slicing)]

use std::io::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::task::TaskError;

use super::Predictor;

const MAGIC: &[u8; 8] = b"FCSTATE1";
const HASH: usize = 32;
/// The largest state file that is read.
const MAX_BYTES: u64 = 1 << 30;

impl Predictor {
    /// Writes the state to `path`, replacing it at once or not at all.
    ///
    /// # Errors
    /// [`TaskError::State`] when the file cannot be written, [`TaskError::Engine`] when the engine
    /// does not give its state out.
    pub fn save_state(&self, path: &Path) -> Result<(), TaskError> {
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
        let hash = Sha256::digest(&bytes);
        bytes.extend_from_slice(&hash);
        write_atomically(path, &bytes).map_err(|cause| TaskError::State {
            path: path.to_owned(),
            reason: format!("cannot be written: {cause}; choose a place that can be written"),
        })
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

fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
