//! The range coder: a 64-bit low and range, 32-bit words, frequencies out of 2^16.

use super::Damaged;
use super::distribution::Frequencies;
use super::lanes::Lanes16;

/// Bits of a frequency: all of a distribution add up to `1 << FREQUENCY_BITS`.
pub(super) const FREQUENCY_BITS: u32 = 16;

/// One side of the coder. Both sides run the same code around it; `known` matters to the encoder
/// alone, and what is returned is the same on both sides.
pub(super) trait Coder: Sized {
    /// True for the encoder.
    const ENCODER: bool;

    /// Codes one of 16 symbols.
    fn symbol<L: Lanes16>(&mut self, frequencies: &Frequencies, known: usize) -> usize;

    /// Codes a bit that is one with frequency `one` of 2^16, which is neither 0 nor 2^16.
    fn bit(&mut self, one: u32, known: bool) -> bool;

    /// Codes `count` bits, 0..=16, that are as likely one as zero.
    fn plain(&mut self, count: u32, known: u32) -> u32;
}

/// Appends to a slice.
#[derive(Debug)]
pub(super) struct Encoder<'a> {
    low: u64,
    range: u64,
    out: &'a mut Vec<u8>,
    /// Where this slice begins in `out`.
    start: usize,
}

impl<'a> Encoder<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        Self { low: 0, range: u64::MAX, out, start }
    }

    #[inline(always)]
    fn narrow(&mut self, lower: u64, width: u64) {
        let step = self.range >> FREQUENCY_BITS;
        let (low, carry) = self.low.overflowing_add(step * lower);
        self.low = low;
        self.range = step * width;
        if carry {
            add_one(&mut self.out[self.start..]);
        }
        if self.range < 1 << 32 {
            self.out.extend_from_slice(&((self.low >> 32) as u32).to_be_bytes());
            self.low <<= 32;
            self.range <<= 32;
        }
    }

    /// Ends the slice with as few bytes as tell it from all others; a decoder reads zeros behind.
    pub(super) fn finish(self) {
        // The number with the most zeros at its end within low..low + range.
        for kept in (0..=64).step_by(8) {
            let mask = u64::MAX.checked_shr(kept as u32).unwrap_or(0);
            let (sum, carry) = self.low.overflowing_add(mask);
            let value = sum & !mask;
            let distance = value.wrapping_sub(self.low);
            if distance < self.range {
                if carry {
                    add_one(&mut self.out[self.start..]);
                }
                self.out.extend_from_slice(&value.to_be_bytes()[..kept / 8]);
                break;
            }
        }
    }
}

/// Adds one to the last byte of a number, most significant byte first.
#[cold]
fn add_one(number: &mut [u8]) {
    for byte in number.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            break;
        }
    }
}

impl Coder for Encoder<'_> {
    const ENCODER: bool = true;

    #[inline(always)]
    fn symbol<L: Lanes16>(&mut self, frequencies: &Frequencies, known: usize) -> usize {
        let (lower, upper) = frequencies.of(known);
        self.narrow(lower, upper - lower);
        known & 15
    }

    #[inline(always)]
    fn bit(&mut self, one: u32, known: bool) -> bool {
        let one = u64::from(one);
        if known {
            self.narrow(0, one);
        } else {
            self.narrow(one, (1 << FREQUENCY_BITS) - one);
        }
        known
    }

    #[inline(always)]
    fn plain(&mut self, count: u32, known: u32) -> u32 {
        if count > 0 {
            let shift = FREQUENCY_BITS - count;
            self.narrow(u64::from(known) << shift, 1 << shift);
        }
        known
    }
}

/// Reads a slice.
#[derive(Debug)]
pub(super) struct Decoder<'a> {
    /// What was read, less the encoder's low.
    code: u64,
    range: u64,
    bytes: &'a [u8],
    /// Bytes taken, zeros behind the end among them.
    taken: usize,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let mut decoder = Self { code: 0, range: u64::MAX, bytes, taken: 0 };
        decoder.code = u64::from(decoder.word()) << 32 | u64::from(decoder.word());
        decoder
    }

    #[inline(always)]
    fn word(&mut self) -> u32 {
        let at = self.taken;
        self.taken += 4;
        match self.bytes.get(at..at + 4) {
            Some(word) => u32::from_be_bytes([word[0], word[1], word[2], word[3]]),
            None => last_word(self.bytes, at),
        }
    }

    #[inline(always)]
    fn narrow(&mut self, step: u64, lower: u64, width: u64) {
        self.code = self.code.wrapping_sub(step * lower);
        self.range = step * width;
        if self.range < 1 << 32 {
            self.code = self.code << 32 | u64::from(self.word());
            self.range <<= 32;
        }
    }

    /// The step of a frequency, and the frequency that the code stands at.
    #[inline(always)]
    fn target(&self) -> (u64, u64) {
        let step = self.range >> FREQUENCY_BITS;
        (step, (self.code / step).min((1 << FREQUENCY_BITS) - 1))
    }

    /// # Errors
    /// [`Damaged`] unless the slice ended where its last symbol did.
    pub(super) fn finish(self) -> Result<(), Damaged> {
        // Eight bytes are read ahead, of which an encoder writes as many as it needs.
        let written = self.taken - 8..=self.taken;
        if written.contains(&self.bytes.len()) { Ok(()) } else { Err(Damaged) }
    }
}

/// The word at `at`, with zeros behind the end of `bytes`.
#[cold]
fn last_word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    let rest = bytes.get(at..).unwrap_or_default();
    word[..rest.len()].copy_from_slice(rest);
    u32::from_be_bytes(word)
}

impl Coder for Decoder<'_> {
    const ENCODER: bool = false;

    #[inline(always)]
    fn symbol<L: Lanes16>(&mut self, frequencies: &Frequencies, _known: usize) -> usize {
        let (step, at) = self.target();
        // The last value of 16 bits belongs to no symbol; a damaged stream may stand there, and reads
        // the last one.
        let symbol = frequencies.symbol::<L>(at as u16);
        let (lower, upper) = frequencies.of(symbol);
        self.narrow(step, lower, upper - lower);
        symbol
    }

    #[inline(always)]
    fn bit(&mut self, one: u32, _known: bool) -> bool {
        let one = u64::from(one);
        let step = self.range >> FREQUENCY_BITS;
        let bit = self.code < step * one;
        if bit {
            self.narrow(step, 0, one);
        } else {
            self.narrow(step, one, (1 << FREQUENCY_BITS) - one);
        }
        bit
    }

    #[inline(always)]
    fn plain(&mut self, count: u32, _known: u32) -> u32 {
        if count == 0 {
            return 0;
        }
        let shift = FREQUENCY_BITS - count;
        let (step, at) = self.target();
        let value = at >> shift;
        self.narrow(step, value << shift, 1 << shift);
        value as u32
    }
}
