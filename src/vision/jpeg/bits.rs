//! The bits of entropy-coded data: byte stuffing removed, markers respected.
#![warn(clippy::indexing_slicing)]

use super::fault::{CUT_SHORT, Decoded};

/// Reads bits, most significant first, up to the next marker; beyond it, zeros.
///
/// Zeros that were invented are counted, so that [`BitReader::check`] can tell a picture that was
/// cut short; readers call it once a unit of work rather than at each bit.
#[derive(Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bits not yet read, at the top.
    window: u64,
    /// How many of them there are, invented ones included.
    count: u32,
    /// How many bits were invented.
    invented: u32,
}

impl<'a> BitReader<'a> {
    pub(super) const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, window: 0, count: 0, invented: 0 }
    }

    /// Makes sure that at least 32 bits can be peeked or skipped.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        if self.count >= 32 {
            return;
        }
        if let Some(next) = self.bytes.get(self.at..).and_then(|b| b.first_chunk::<4>()) {
            let next = u32::from_be_bytes(*next);
            // No byte is FF: the usual case, taken four bytes at a time.
            let inverted = !next;
            if inverted.wrapping_sub(0x0101_0101) & !inverted & 0x8080_8080 == 0 {
                self.window |= u64::from(next) << (32 - self.count);
                self.count += 32;
                self.at += 4;
                return;
            }
        }
        self.refill_slowly();
    }

    #[cold]
    fn refill_slowly(&mut self) {
        while self.count <= 56 {
            let byte = match (self.bytes.get(self.at), self.bytes.get(self.at + 1)) {
                (Some(0xFF), Some(0)) => {
                    self.at += 2;
                    0xFF
                }
                (Some(0xFF), _) | (None, _) => {
                    self.invented = self.invented.saturating_add(8);
                    0
                }
                (Some(&byte), _) => {
                    self.at += 1;
                    byte
                }
            };
            self.window |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// The next `n` bits, 1..=16, without taking them; [`BitReader::refill`] comes before.
    #[inline(always)]
    pub(super) const fn peek(&self, n: u32) -> u32 {
        (self.window >> (64 - n)) as u32
    }

    /// Takes `n` bits, at most as many as were refilled.
    #[inline(always)]
    pub(super) const fn skip(&mut self, n: u32) {
        self.window <<= n;
        self.count -= n;
    }

    /// Takes `n` bits, 0..=16, as a number; [`BitReader::refill`] comes before.
    #[inline(always)]
    pub(super) const fn take(&mut self, n: u32) -> u32 {
        // Two shifts, so that n = 0 is no shift by 64.
        let value = (self.window >> 32 >> (32 - n)) as u32;
        self.skip(n);
        value
    }

    /// Takes one bit.
    #[inline(always)]
    pub(super) fn bit(&mut self) -> bool {
        self.refill();
        self.take(1) == 1
    }

    /// Takes a signed value of `n` bits in JPEG's code (T.81 F.2.2.1): below half the range it
    /// stands for the negative numbers.
    #[inline(always)]
    pub(super) const fn signed(&mut self, n: u32) -> i32 {
        let value = self.take(n) as i32;
        if n > 0 && value >> (n - 1) == 0 { value - (1 << n) + 1 } else { value }
    }

    /// Fails when bits were read that the data do not hold.
    #[inline(always)]
    pub(super) fn check(&self) -> Decoded<()> {
        if self.count < self.invented { Err(CUT_SHORT.into()) } else { Ok(()) }
    }

    /// Passes the restart marker `RSTn` with `n` = `number % 8`.
    pub(super) fn restart(&mut self, number: usize) -> Decoded<()> {
        self.check()?;
        let at = self.end();
        let rest = self.bytes.get(at..).unwrap_or_default();
        let expected = 0xD0 + (number % 8) as u8;
        // Fill bytes FF may stand before a marker.
        let fill = rest.iter().take_while(|&&b| b == 0xFF).count();
        if fill == 0 || rest.get(fill) != Some(&expected) {
            return Err("a restart marker is missing".into());
        }
        *self = Self::new(self.bytes, at + fill + 1);
        Ok(())
    }

    /// Where the next marker stands, if the data were read to their end.
    pub(super) fn end(&self) -> usize {
        let mut at = self.at;
        // A few bytes of padding may be left between the last bit and the marker.
        while let Some(&byte) = self.bytes.get(at) {
            if byte == 0xFF && self.bytes.get(at + 1) != Some(&0) {
                break;
            }
            at += 1;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuffing_is_removed_and_markers_end_the_data() {
        let data = [0xA5, 0xFF, 0x00, 0x3C, 0xFF, 0xD9, 0x77];
        let mut bits = BitReader::new(&data, 0);
        bits.refill();
        assert_eq!((bits.peek(16), bits.take(8), bits.take(8)), (0xA5FF, 0xA5, 0xFF));
        bits.refill();
        assert_eq!(bits.take(8), 0x3C);
        bits.check().unwrap();
        assert_eq!((bits.take(1), bits.end()), (0, 4));
        assert!(bits.check().is_err());
    }

    #[test]
    fn signed_values_follow_the_standard() {
        let mut bits = BitReader::new(&[0b0100_0110, 0b1100_0011, 0, 0, 0, 0], 0);
        bits.refill();
        let mut signed = |n| bits.signed(n);
        assert_eq!([signed(1), signed(1)], [-1, 1]);
        assert_eq!([signed(2), signed(2), signed(2), signed(2)], [-3, -2, 2, 3]);
        assert_eq!([signed(0), signed(4)], [0, -15]);
    }

    #[test]
    fn restarts_are_found() {
        let data = [0x12, 0xFF, 0xFF, 0xD3, 0x80];
        let mut bits = BitReader::new(&data, 0);
        bits.refill();
        bits.skip(5);
        assert!(BitReader::new(&data, 0).restart(2).is_err());
        bits.restart(11).unwrap();
        assert!(bits.bit());
    }
}
