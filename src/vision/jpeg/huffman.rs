//! Huffman codes (T.81 annex C and F.2.2.3) and the typical ones of annex K.
#![warn(clippy::indexing_slicing)]

use std::sync::LazyLock;

use super::bits::BitReader;
use super::fault::Decoded;

/// Codes up to this length are looked up at once.
const FAST_BITS: u32 = 9;

/// One code table.
#[derive(Clone, Debug)]
pub(super) struct Huffman {
    /// For the next nine bits: length << 8 | symbol, or 0 for a longer code.
    fast: [u16; 1 << FAST_BITS],
    /// For each length, one past the largest code, moved to the top of 16 bits; never falling.
    limits: [u32; 17],
    /// For each length, what to add to a code to get its place among the symbols.
    offsets: [i32; 17],
    symbols: [u8; 256],
}

impl Huffman {
    /// The table with `counts[i]` codes of length `i + 1`, standing for `symbols` in order.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Decoded<Self> {
        let total: usize = counts.iter().map(|&c| usize::from(c)).sum();
        if total > 256 || symbols.len() != total {
            return Err("a Huffman table has a wrong number of codes".into());
        }
        let mut table = Self {
            fast: [0; 1 << FAST_BITS],
            limits: [0; 17],
            offsets: [0; 17],
            symbols: [0; 256],
        };
        for (to, from) in table.symbols.iter_mut().zip(symbols) {
            *to = *from;
        }
        let mut code = 0u32;
        let mut place = 0usize;
        let lengths = (1u32..).zip(counts);
        let ends = table.limits.iter_mut().zip(&mut table.offsets).skip(1);
        for ((length, &count), (limit, offset)) in lengths.zip(ends) {
            *offset = place as i32 - code as i32;
            for &symbol in symbols.iter().skip(place).take(usize::from(count)) {
                if length <= FAST_BITS {
                    let first = (code << (FAST_BITS - length)) as usize;
                    let entries = 1 << (FAST_BITS - length);
                    for entry in table.fast.iter_mut().skip(first).take(entries) {
                        *entry = (length << 8) as u16 | u16::from(symbol);
                    }
                }
                code += 1;
            }
            place += usize::from(count);
            if code > 1 << length {
                return Err("a Huffman table has more codes than fit".into());
            }
            *limit = code << (16 - length);
            code <<= 1;
        }
        Ok(table)
    }

    /// Takes the next symbol; leaves at least 16 bits refilled.
    #[inline(always)]
    pub(super) fn decode(&self, bits: &mut BitReader<'_>) -> Decoded<u8> {
        bits.refill();
        let entry = self.fast.get(bits.peek(FAST_BITS) as usize).copied().unwrap_or_default();
        if entry != 0 {
            bits.skip(u32::from(entry >> 8));
            return Ok(entry as u8);
        }
        self.decode_slowly(bits)
    }

    #[cold]
    fn decode_slowly(&self, bits: &mut BitReader<'_>) -> Decoded<u8> {
        let next = bits.peek(16);
        let lengths = (1u32..).zip(self.limits.iter().zip(&self.offsets).skip(1));
        for (length, (&limit, &offset)) in lengths {
            if next < limit {
                bits.skip(length);
                let place = (next >> (16 - length)) as i32 + offset;
                let symbol = usize::try_from(place).ok().and_then(|p| self.symbols.get(p));
                return symbol.copied().ok_or_else(|| "a Huffman code is out of range".into());
            }
        }
        bits.check()?;
        Err("the data hold a code that the Huffman table lacks".into())
    }
}

/// The typical tables of T.81 K.3: DC luma, DC chroma, AC luma, AC chroma. MJPEG leaves them out.
pub(super) static TYPICAL: LazyLock<[Option<Huffman>; 4]> = LazyLock::new(|| {
    [
        Huffman::new(&[0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &DC_SYMBOLS).ok(),
        Huffman::new(&[0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], &DC_SYMBOLS).ok(),
        Huffman::new(&[0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125], &AC_LUMA).ok(),
        Huffman::new(&[0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119], &AC_CHROMA).ok(),
    ]
});

const DC_SYMBOLS: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
#[rustfmt::skip]
const AC_LUMA: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07,
    0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0,
    0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25, 0x26, 0x27, 0x28,
    0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49,
    0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69,
    0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
    0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
    0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5,
    0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2,
    0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8,
    0xf9, 0xfa,
];
#[rustfmt::skip]
const AC_CHROMA: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71,
    0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0,
    0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26,
    0x27, 0x28, 0x29, 0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
    0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68,
    0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87,
    0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5,
    0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3,
    0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda,
    0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8,
    0xf9, 0xfa,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typical_tables_hold_every_symbol_once() {
        for table in [&AC_LUMA, &AC_CHROMA] {
            let mut sorted = table.to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), 162);
            // Runs of 0..=15 before sizes of 1..=10, end of block, and sixteen zeros.
            assert!(sorted.iter().all(|s| matches!(s & 15, 1..=10) || matches!(s, 0 | 0xF0)));
        }
        assert!(TYPICAL.iter().all(Option::is_some));
    }

    #[test]
    fn codes_of_all_lengths_are_read() {
        // One code of each length 1..=16: 0, 10, 110, ...
        let table = Huffman::new(&[1; 16], &std::array::from_fn::<u8, 16, _>(|i| i as u8)).unwrap();
        // Length 3, then 16, then 1.
        let mut bits = BitReader::new(&[0b1101_1111, 0b1111_1111, 0, 0b1100_0000, 0, 0, 0], 0);
        let mut next = || table.decode(&mut bits).unwrap();
        assert_eq!([next(), next(), next()], [2, 15, 0]);
    }

    #[test]
    fn impossible_tables_are_refused() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(Huffman::new(&counts, &[1, 2, 3]).is_err());
        counts[0] = 1;
        assert!(Huffman::new(&counts, &[1, 2]).is_err());
        let table = Huffman::new(&counts, &[1]).unwrap();
        assert!(table.decode(&mut BitReader::new(&[0x80, 0, 0, 0, 0], 0)).is_err());
    }
}
