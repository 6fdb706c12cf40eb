//! Numbers in streams: little-endian, and those of varying length in groups of seven bits.

/// The longest number of varying length.
pub(super) const MAX_VARINT: usize = 10;

/// Appends `value` in groups of seven bits, the lowest first; the top bit says that more follow.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Why bytes could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// They end too early.
    Short,
    /// They cannot be.
    Wrong,
}

/// Reads numbers from the front of bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Trouble> {
        let end = self.at.checked_add(len).ok_or(Trouble::Wrong)?;
        let taken = self.bytes.get(self.at..end).ok_or(Trouble::Short)?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Trouble> {
        self.take(N)?.try_into().map_err(|_| Trouble::Short)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Trouble> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, Trouble> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Trouble> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Trouble> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number written by [`put_varint`]; longer forms of a number are wrong, so that each has one.
    pub(super) fn varint(&mut self) -> Result<u64, Trouble> {
        let mut value = 0u64;
        for group in 0..MAX_VARINT {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if group == MAX_VARINT - 1 && bits > 1 {
                return Err(Trouble::Wrong);
            }
            value |= bits << (7 * group);
            if byte < 0x80 {
                return if byte == 0 && group > 0 { Err(Trouble::Wrong) } else { Ok(value) };
            }
        }
        Err(Trouble::Wrong)
    }

    /// A text behind its length, at most `limit` bytes.
    pub(super) fn text(&mut self, limit: usize) -> Result<String, Trouble> {
        let len = usize::try_from(self.varint()?).map_err(|_| Trouble::Wrong)?;
        if len > limit {
            return Err(Trouble::Wrong);
        }
        let text = std::str::from_utf8(self.take(len)?).map_err(|_| Trouble::Wrong)?;
        Ok(text.to_owned())
    }

    /// The CRC-32C of all bytes read so far behind those that `seed` is the CRC of, which must stand
    /// next. A fuzzer, which would never find it, need not.
    pub(super) fn crc(&mut self, seed: u32) -> Result<(), Trouble> {
        let computed = crc32c::crc32c_append(seed, self.bytes.get(..self.at).unwrap_or_default());
        if self.u32()? == computed || cfg!(fuzzing) { Ok(()) } else { Err(Trouble::Wrong) }
    }
}

/// Appends the CRC-32C of `out` from `start` on, behind bytes whose CRC is `seed`.
pub(super) fn put_crc(out: &mut Vec<u8>, start: usize, seed: u32) {
    let crc = crc32c::crc32c_append(seed, out.get(start..).unwrap_or_default());
    out.extend_from_slice(&crc.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_come_back() {
        for shift in 0..64 {
            for value in [1u64 << shift, (1 << shift) - 1, u64::MAX >> shift] {
                let mut bytes = Vec::new();
                put_varint(&mut bytes, value);
                assert!(bytes.len() <= MAX_VARINT);
                let mut cursor = Cursor::new(&bytes);
                assert_eq!(cursor.varint(), Ok(value));
                assert_eq!(cursor.position(), bytes.len());
                bytes.pop();
                assert_eq!(Cursor::new(&bytes).varint(), Err(Trouble::Short));
            }
        }
    }

    #[test]
    fn numbers_have_one_form_and_a_largest() {
        for wrong in [&[0x80, 0][..], &[0xff, 0x80, 0], &[0xff; 11]] {
            assert_eq!(Cursor::new(wrong).varint(), Err(Trouble::Wrong));
        }
        let above = [&[0xff; 9][..], &[2]].concat();
        assert_eq!(Cursor::new(&above).varint(), Err(Trouble::Wrong));
    }

    #[test]
    fn texts_are_limited_and_utf8() {
        assert_eq!(Cursor::new(b"\x03abcd").text(3).unwrap(), "abc");
        assert_eq!(Cursor::new(b"\x03abcd").text(2), Err(Trouble::Wrong));
        assert_eq!(Cursor::new(b"\x03ab").text(3), Err(Trouble::Short));
        assert_eq!(Cursor::new(b"\x01\xff").text(3), Err(Trouble::Wrong));
    }

    #[test]
    fn a_crc_follows_what_it_covers() {
        let mut bytes = b"xx123456789".to_vec();
        put_crc(&mut bytes, 2, 0);
        assert_eq!(bytes[11..], 0xE306_9283u32.to_le_bytes(), "the check value of CRC-32C");
        let mut cursor = Cursor::new(&bytes[2..]);
        cursor.take(9).unwrap();
        assert_eq!(cursor.crc(0), Ok(()));
        bytes.truncate(11);
        put_crc(&mut bytes, 6, crc32c::crc32c(b"1234"));
        assert_eq!(bytes[11..], 0xE306_9283u32.to_le_bytes(), "in two parts");
    }
}
