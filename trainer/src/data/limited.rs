//! Reads files whole, up to a limit that holds for pipes and devices too: their length says nothing.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// All bytes of `source`, of which there may be `limit`.
///
/// # Errors
/// A sentence when there are more, or they cannot be read.
pub(crate) fn bytes(source: impl Read, limit: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = source.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|e| format!("cannot be read: {e}"))?;
    if bytes.len() as u64 > limit {
        return Err(format!("is larger than {limit} bytes, the limit"));
    }
    Ok(bytes)
}

/// All bytes of the file at `path`, of which there may be `limit`.
///
/// # Errors
/// As [`bytes`].
pub(crate) fn file(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    bytes(File::open(path).map_err(|e| format!("cannot be opened: {e}"))?, limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_as_long_as_the_limit_is_read_and_nothing_longer() {
        assert_eq!(bytes(&b"abc"[..], 3).unwrap(), b"abc");
        assert!(bytes(&b"abcd"[..], 3).unwrap_err().contains("larger than 3 bytes"));
        assert!(bytes(std::io::repeat(7), 1 << 20).unwrap_err().contains("1048576"));
        assert!(file(Path::new("no/such"), 3).unwrap_err().contains("cannot be opened"));
    }
}
