//! The numbers of the NUT container: variable-length integers, and bytes with limits.
#![warn(clippy::indexing_slicing)]

use std::io::{self, Read};

/// What is wrong with a stream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NutError {
    /// The input ended inside a packet.
    #[error("the stream ends inside {0}")]
    Cut(&'static str),
    /// The bytes are not what the format allows.
    #[error("{0}")]
    Format(String),
    /// A quantity is above its limit.
    #[error("{what} is {value}, above the limit of {limit}")]
    Limit {
        /// The quantity.
        what: &'static str,
        /// Its value.
        value: u64,
        /// The limit.
        limit: u64,
    },
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// One byte; `None` at the end of the input.
pub(super) fn byte(input: &mut impl Read) -> Result<Option<u8>, NutError> {
    let mut one = [0];
    loop {
        match input.read(&mut one) {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(Some(u8::from_ne_bytes(one))),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// `v`: seven bits a byte, most significant first, the top bit set in all but the last.
pub(super) fn unsigned(input: &mut impl Read, what: &'static str) -> Result<u64, NutError> {
    let mut value = 0u64;
    // Ten bytes hold 64 bits; more only repeat leading zeros and are refused.
    for _ in 0..10 {
        let byte = byte(input)?.ok_or(NutError::Cut(what))?;
        if value >> 57 != 0 {
            break;
        }
        value = value << 7 | u64::from(byte & 127);
        if byte & 128 == 0 {
            return Ok(value);
        }
    }
    Err(NutError::Format(format!("a number in {what} has more than 64 bits")))
}

/// `s`: a signed number, 0, 1, -1, 2, -2 and so on.
pub(super) fn signed(input: &mut impl Read, what: &'static str) -> Result<i64, NutError> {
    let value = unsigned(input, what)?;
    let half = i64::try_from(value / 2).unwrap_or(i64::MAX);
    Ok(if value % 2 == 1 { half.saturating_add(1) } else { -half })
}

/// `vb`: a length and that many bytes, at most `limit`.
pub(super) fn counted(
    input: &mut impl Read,
    what: &'static str,
    limit: u64,
) -> Result<Vec<u8>, NutError> {
    let len = unsigned(input, what)?;
    let mut out = Vec::new();
    exactly(input, what, len, limit, &mut out)?;
    Ok(out)
}

/// Appends exactly `len` bytes, at most `limit`, growing only as bytes arrive.
pub(super) fn exactly(
    input: &mut impl Read,
    what: &'static str,
    len: u64,
    limit: u64,
    out: &mut Vec<u8>,
) -> Result<(), NutError> {
    if len > limit {
        return Err(NutError::Limit { what, value: len, limit });
    }
    let got = input.take(len).read_to_end(out)?;
    if (got as u64) < len { Err(NutError::Cut(what)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length() {
        let v = |bytes: &[u8]| unsigned(&mut &bytes[..], "a test");
        assert_eq!(v(&[5]).unwrap(), 5);
        assert_eq!(v(&[0x81, 0]).unwrap(), 128);
        assert_eq!(
            v(&[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]).unwrap(),
            u64::MAX
        );
        assert!(matches!(v(&[0x80]), Err(NutError::Cut(_))));
        assert!(matches!(v(&[0xff; 11]), Err(NutError::Format(_))));
        let s = |byte: u8| signed(&mut &[byte][..], "a test").unwrap();
        assert_eq!([0, 1, 2, 3, 4].map(s), [0, 1, -1, 2, -2]);
    }

    #[test]
    fn byte_strings_have_limits() {
        assert_eq!(counted(&mut &[3, 1, 2, 3][..], "x", 3).unwrap(), [1, 2, 3]);
        let long = counted(&mut &[4, 1, 2, 3, 4][..], "x", 3).unwrap_err();
        assert_eq!(long.to_string(), "x is 4, above the limit of 3");
        assert!(matches!(counted(&mut &[4, 1][..], "x", 9), Err(NutError::Cut("x"))));
    }
}
