//! The end record: how many frames there are, and where the key frames stand.
//!
//! It is found from the front, and from the back by its last twelve bytes. A stream without it was
//! cut or never closed; it still plays from the front.

use super::bytes::{Cursor, Trouble, put_crc, put_varint};
use super::frame_header::MAX_INDEX;

/// The first bytes of an end record.
pub(super) const MARKER: [u8; 2] = [0xfc, 0xe0];

/// Stands before the closing CRC.
const TAIL: [u8; 4] = *b"FCVX";

/// Length, tail and CRC.
pub(super) const TAIL_LEN: usize = 12;

/// The most key frames an index takes; of a longer stream it has every n-th.
pub(super) const MAX_ENTRIES: usize = 1 << 16;

/// The longest end record.
pub(super) const MAX_END: usize = MAX_ENTRIES * 20 + 64;

/// The last record of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndRecord {
    /// Frames in the stream.
    pub frames: u64,
    /// Number of each key frame and the byte its record starts at, rising.
    pub keys: Vec<(u64, u64)>,
}

impl EndRecord {
    /// Appends the record of the stream whose records are sealed with `seal` to `out`.
    pub(super) fn write(&self, seal: u32, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&MARKER);
        put_varint(out, self.frames);
        put_varint(out, self.keys.len() as u64);
        let mut before = (0, 0);
        for &(index, offset) in &self.keys {
            put_varint(out, index.saturating_sub(before.0));
            put_varint(out, offset.saturating_sub(before.1));
            before = (index, offset);
        }
        let length = (out.len() - start + TAIL_LEN) as u32;
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&TAIL);
        put_crc(out, start, seal);
    }

    /// Reads a record from the front of `bytes`; also gives its length.
    pub(super) fn parse(bytes: &[u8], seal: u32) -> Result<(Self, usize), Trouble> {
        let mut cursor = Cursor::new(bytes);
        if cursor.take(2)? != MARKER {
            return Err(Trouble::Wrong);
        }
        let frames = cursor.varint()?;
        let count = cursor.varint()?;
        if frames > MAX_INDEX || count > MAX_ENTRIES as u64 {
            return Err(Trouble::Wrong);
        }
        // Two bytes an entry at least: what is not there is not made room for.
        let mut keys = Vec::with_capacity((count as usize).min(bytes.len() / 2));
        let mut before = (0u64, 0u64);
        for entry in 0..count {
            let (index, offset) = (cursor.varint()?, cursor.varint()?);
            if entry > 0 && (index == 0 || offset == 0) {
                return Err(Trouble::Wrong);
            }
            before.0 = before.0.checked_add(index).ok_or(Trouble::Wrong)?;
            before.1 = before.1.checked_add(offset).ok_or(Trouble::Wrong)?;
            if before.0 >= frames {
                return Err(Trouble::Wrong);
            }
            keys.push(before);
        }
        let length = cursor.u32()? as usize;
        if cursor.take(4)? != TAIL || length != cursor.position() + 4 {
            return Err(Trouble::Wrong);
        }
        cursor.crc(seal)?;
        Ok((Self { frames, keys }, cursor.position()))
    }

    /// The length of the record whose last [`TAIL_LEN`] bytes these are.
    pub(super) fn length_from_tail(tail: &[u8]) -> Option<usize> {
        let mut cursor = Cursor::new(tail);
        let length = cursor.u32().ok()? as usize;
        (cursor.take(4).ok()? == TAIL && (TAIL_LEN..=MAX_END).contains(&length)).then_some(length)
    }

    /// The last key frame at or before `frame`, and where its record starts.
    #[must_use]
    pub fn key_before(&self, frame: u64) -> Option<(u64, u64)> {
        let after = self.keys.partition_point(|&(index, _)| index <= frame);
        after.checked_sub(1).and_then(|at| self.keys.get(at)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> EndRecord {
        EndRecord {
            frames: 451,
            keys: vec![(0, 80), (150, 900_000), (151, 900_009), (450, 1 << 40)],
        }
    }

    #[test]
    fn it_comes_back_from_either_end() {
        for record in [record(), EndRecord::default()] {
            let mut bytes = b"frames".to_vec();
            record.write(7, &mut bytes);
            let tail = &bytes[bytes.len() - TAIL_LEN..];
            let length = EndRecord::length_from_tail(tail).unwrap();
            assert_eq!(length, bytes.len() - 6);
            assert_eq!(EndRecord::parse(&bytes[6..], 7), Ok((record, length)));
            assert_eq!(EndRecord::parse(&bytes[6..], 8), Err(Trouble::Wrong), "another stream's");
            for cut in 6..bytes.len() {
                assert_eq!(EndRecord::parse(&bytes[6..cut], 7), Err(Trouble::Short));
            }
            for at in 6..bytes.len() {
                for flip in 1..=255 {
                    let mut damaged = bytes.clone();
                    damaged[at] ^= flip;
                    damaged.extend_from_slice(&[0x33; 30]);
                    assert!(EndRecord::parse(&damaged[6..], 7).is_err(), "byte {at}");
                }
            }
        }
    }

    #[test]
    fn the_key_frame_before_a_frame_is_found() {
        let end = record();
        assert_eq!(end.key_before(0), Some((0, 80)));
        assert_eq!(end.key_before(149), Some((0, 80)));
        assert_eq!(end.key_before(150), Some((150, 900_000)));
        assert_eq!(end.key_before(9999), Some((450, 1 << 40)));
        assert_eq!(EndRecord::default().key_before(5), None);
    }
}
