//! The form of checkpoint files of both kinds of runs: a magic, the header's length (u32,
//! little-endian), the header (JSON), then of each optimiser all weights, their averages, first and
//! second moments (f32, little-endian), then the SHA-256 of all before it.
#![warn(clippy::indexing_slicing)]

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::{AdamW, replace};
use crate::TrainError;

const HASH: usize = 32;

/// Numbers a parameter's element takes: itself, its average and two moments.
const SETS: usize = 4;

/// What makes a checkpoint of its kind.
pub(crate) type Magic = [u8; 8];

/// Writes a file under another name and moves it into place, so that a run that dies leaves the
/// former file intact.
///
/// # Errors
/// [`TrainError::Io`].
pub(crate) fn write<'o>(
    path: &Path,
    magic: &Magic,
    header: &impl Serialize,
    optimisers: impl IntoIterator<Item = &'o AdamW>,
) -> Result<(), TrainError> {
    let header = serde_json::to_vec(header)
        .map_err(|e| wrong(path, format!("its header cannot be written: {e}")))?;
    let mut bytes = magic.to_vec();
    bytes.extend((header.len() as u32).to_le_bytes());
    bytes.extend(header);
    for o in optimisers {
        for params in [&o.weights, &o.average, &o.first, &o.second] {
            for value in params.list().iter().flat_map(|p| &p.values) {
                bytes.extend(value.to_le_bytes());
            }
        }
    }
    let hash = Sha256::digest(&bytes);
    bytes.extend(hash.as_slice());
    replace(path, &bytes)
}

/// Reads a file as `parse` understands it; of one without `magic` no more than that.
///
/// # Errors
/// [`TrainError::Io`], and [`TrainError::Checkpoint`] with what `parse` says.
pub(crate) fn read<T>(
    path: &Path,
    magic: &Magic,
    parse: impl FnOnce(&[u8]) -> Result<T, String>,
) -> Result<T, TrainError> {
    let bytes = || {
        let mut file = File::open(path)?;
        let mut bytes = Vec::new();
        file.by_ref().take(magic.len() as u64).read_to_end(&mut bytes)?;
        if bytes == magic {
            file.read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    };
    let bytes = bytes().map_err(TrainError::io("read", path))?;
    parse(&bytes).map_err(|reason| wrong(path, reason))
}

/// The header of a file that is whole, and the numbers behind it.
///
/// # Errors
/// A sentence when it is of another kind, or damaged.
pub(crate) fn open<'b, H: DeserializeOwned>(
    bytes: &'b [u8],
    magic: &Magic,
) -> Result<(H, Numbers<'b>), String> {
    let damaged = || "it is damaged or incomplete; use another checkpoint".to_owned();
    let body = bytes.strip_prefix(magic).ok_or("it is no checkpoint of framecast-train")?;
    let end = body.len().checked_sub(HASH).ok_or_else(damaged)?;
    let (body, hash) = body.split_at_checked(end).ok_or_else(damaged)?;
    if Sha256::new().chain_update(magic).chain_update(body).finalize().as_slice() != hash {
        return Err(damaged());
    }
    let (len, rest) = body.split_first_chunk::<4>().ok_or_else(damaged)?;
    let len = u32::from_le_bytes(*len) as usize;
    let (header, numbers) = rest.split_at_checked(len).ok_or_else(damaged)?;
    let header = serde_json::from_slice(header).map_err(|e| e.to_string())?;
    Ok((header, Numbers(numbers)))
}

/// The numbers of a file, not yet those of any parameter.
pub(crate) struct Numbers<'b>(&'b [u8]);

impl Numbers<'_> {
    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.0.len() / 4
    }

    /// Of how many elements of parameters they would be.
    pub(crate) const fn elements(&self) -> usize {
        self.len() / SETS
    }

    /// Whether they are those of just so many elements.
    pub(crate) fn are_of(&self, elements: usize) -> bool {
        elements.checked_mul(SETS * 4) == Some(self.0.len())
    }

    /// Them in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = f32> {
        self.0.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b))
    }
}

fn wrong(path: &Path, reason: String) -> TrainError {
    TrainError::Checkpoint { path: path.to_owned(), reason }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A file with `header` and no numbers.
    pub(crate) fn bare(magic: &Magic, header: &[u8]) -> Vec<u8> {
        let mut bytes = magic.to_vec();
        bytes.extend((header.len() as u32).to_le_bytes());
        bytes.extend(header);
        let hash = Sha256::digest(&bytes);
        bytes.extend(hash.as_slice());
        bytes
    }

    #[test]
    fn the_bytes_are_as_they_are_described() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.ckpt");
        let mut params = crate::net::Params::default();
        params.add_values("w", &[2], vec![1.5, -2.0]);
        write(&path, b"MAGIC...", &"hi", [&AdamW::new(params)]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let mut want = b"MAGIC...\x04\0\0\0\"hi\"".to_vec();
        for value in [1.5f32, -2.0, 1.5, -2.0, 0.0, 0.0, 0.0, 0.0] {
            want.extend(value.to_le_bytes());
        }
        want.extend(Sha256::digest(&want).as_slice());
        assert_eq!(bytes, want);
        let (header, numbers) = open::<String>(&bytes, b"MAGIC...").unwrap();
        assert_eq!((header.as_str(), numbers.len(), numbers.elements()), ("hi", 8, 2));
        assert!(numbers.are_of(2) && !numbers.are_of(usize::MAX));
        assert!(open::<String>(&bytes, b"MAGIC..2").err().unwrap().contains("no checkpoint"));
        assert!(open::<String>(b"MAGIC...", b"MAGIC...").err().unwrap().contains("damaged"));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_of_another_kind_is_not_read_to_its_end() {
        let zeros = Path::new("/dev/zero");
        let read =
            read(zeros, b"MAGIC...", |bytes| open::<String>(bytes, b"MAGIC...").map(|f| f.0));
        assert!(read.unwrap_err().to_string().contains("no checkpoint"));
    }
}
