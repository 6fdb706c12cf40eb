//! TFRecord files: records between checksums.
//!
//! A record is its length (u64, little-endian), the masked CRC-32C of these eight bytes, the bytes,
//! and their masked CRC-32C.
#![warn(clippy::indexing_slicing)]

use std::io::{ErrorKind, Read};

/// The most bytes of a record.
pub(super) const LONGEST: u64 = 64 << 20;

/// The table of CRC-32C (Castagnoli), reflected polynomial 0x82f63b78.
#[expect(clippy::indexing_slicing, reason = "a constant: an index out of range would not compile")]
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
};

/// CRC-32C of `bytes`, rotated and shifted as the format wants it.
pub(super) fn masked_crc(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        let entry = TABLE.get(usize::from(crc as u8 ^ byte)).copied().unwrap_or_default();
        crc = entry ^ (crc >> 8);
    }
    (!crc).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Reads records one by one.
#[derive(Debug)]
pub(super) struct Records<R> {
    source: R,
    count: u64,
}

impl<R: Read> Records<R> {
    pub(super) const fn new(source: R) -> Self {
        Self { source, count: 0 }
    }

    /// The number of records read.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// The next record into `bytes`; false at the end.
    pub(super) fn read(&mut self, bytes: &mut Vec<u8>) -> Result<bool, String> {
        let mut head = [0u8; 12];
        let mut got = 0;
        while got < head.len() {
            match self.source.read(head.get_mut(got..).unwrap_or_default()) {
                Ok(0) if got == 0 => return Ok(false),
                Ok(0) => return Err(self.wrong("the file ends within a length")),
                Ok(n) => got += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(self.wrong(&e.to_string())),
            }
        }
        let [a, b, c, d, e, f, g, h, i, j, k, l] = head;
        let length = [a, b, c, d, e, f, g, h];
        if masked_crc(&length) != u32::from_le_bytes([i, j, k, l]) {
            return Err(self.wrong("the checksum of its length is wrong; is this a TFRecord file?"));
        }
        let length = u64::from_le_bytes(length);
        if length > LONGEST {
            return Err(self.wrong(&format!("{length} bytes are above the limit of {LONGEST}")));
        }
        bytes.clear();
        // Grows with what is there, not with what the length claims.
        let taken = (&mut self.source).take(length).read_to_end(bytes);
        taken.map_err(|e| self.wrong(&e.to_string()))?;
        let mut check = [0; 4];
        if (bytes.len() as u64) < length || self.source.read_exact(&mut check).is_err() {
            return Err(self.wrong("the file ends within it"));
        }
        if masked_crc(bytes) != u32::from_le_bytes(check) {
            return Err(self.wrong("its checksum is wrong; the file is damaged"));
        }
        self.count += 1;
        Ok(true)
    }

    fn wrong(&self, reason: &str) -> String {
        format!("record {}: {reason}", self.count)
    }
}

/// A record as it stands in a file.
#[cfg(test)]
pub(super) fn framed(record: &[u8]) -> Vec<u8> {
    let length = (record.len() as u64).to_le_bytes();
    let mut bytes = length.to_vec();
    bytes.extend(masked_crc(&length).to_le_bytes());
    bytes.extend(record);
    bytes.extend(masked_crc(record).to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        let mut records = Records::new(bytes);
        let (mut found, mut record) = (Vec::new(), Vec::new());
        while records.read(&mut record)? {
            found.push(record.clone());
        }
        Ok(found)
    }

    /// The check value of CRC-32C over "123456789" is 0xe3069283 (RFC 3720, appendix B.4, has more).
    #[test]
    fn checksums_are_those_of_the_standard() {
        let unmasked = |masked: u32| masked.wrapping_sub(0xa282_ead8).rotate_left(15);
        assert_eq!(unmasked(masked_crc(b"123456789")), 0xe306_9283);
        assert_eq!(unmasked(masked_crc(&[0; 32])), 0x8a91_36aa);
        assert_eq!(unmasked(masked_crc(&[0xff; 32])), 0x62a8_ab43);
    }

    #[test]
    fn records_come_back_and_damage_is_told() {
        let file = [framed(b"one"), framed(b""), framed(&[7; 1000])].concat();
        assert_eq!(all(&file).unwrap(), [b"one".to_vec(), vec![], vec![7; 1000]]);
        assert!(all(b"").unwrap().is_empty());
        let whole = [19, 35];
        for cut in 1..file.len() {
            let error = all(&file[..cut]);
            assert_eq!(error.is_ok(), whole.contains(&cut), "cut at {cut}: {error:?}");
        }
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 0x10;
            assert!(all(&damaged).is_err(), "flipped at {at}");
        }
        // A length that lies, with a right checksum.
        let length = (1u64 << 40).to_le_bytes();
        let mut lying = length.to_vec();
        lying.extend(masked_crc(&length).to_le_bytes());
        assert!(all(&lying).unwrap_err().contains("above the limit"));
    }
}
