//! Coded recordings (`.fcv`), which are read above sources: a stream may need a model to decode.
//!
//! The program installs the reader once; [`open`](super::open) uses it for `replay:` and for files
//! that hold a coded stream.

use std::path::Path;
use std::sync::OnceLock;

use super::{Recording, SourceError, SourceOptions};

/// The first bytes of a coded stream.
pub(super) const MAGIC: &[u8] = b"\x89FCV\r\n\x1a\n";

/// Opens a coded recording.
pub type ReplayOpener = fn(&Path, &SourceOptions) -> Result<Box<dyn Recording>, SourceError>;

static OPENER: OnceLock<ReplayOpener> = OnceLock::new();

/// Lets [`open`](super::open) read coded recordings from now on; the first opener stays.
pub fn install_replay(opener: ReplayOpener) {
    let _ = OPENER.set(opener);
}

pub(super) fn open(
    path: &Path,
    options: &SourceOptions,
) -> Result<Box<dyn Recording>, SourceError> {
    match OPENER.get() {
        Some(opener) => opener(path, options),
        None => Err(SourceError::Unsupported {
            name: path.display().to_string(),
            reason: "this program was built without a reader of .fcv recordings; decode it with \
                     framecast decode"
                .into(),
        }),
    }
}
