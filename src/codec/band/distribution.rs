//! Adaptive distributions of 16 symbols.
//!
//! Each is kept as what symbols up to `i` have had together, out of [`FULL`]. All entries change with
//! each symbol in the same way, so one vector operation serves them all.

use super::lanes::Lanes16;

/// The sum of a distribution.
pub(super) const FULL: u16 = 0x7fff;

/// The least frequency of a symbol, out of 2^16.
const LEAST: u16 = 3;

/// For each symbol the entries that it raises to [`FULL`].
static RAISED: [[u16; 16]; 16] = {
    let mut table = [[0; 16]; 16];
    let mut symbol = 0;
    while symbol < 16 {
        let mut i = symbol;
        while i < 15 {
            table[symbol][i] = FULL;
            i += 1;
        }
        symbol += 1;
    }
    table
};

/// Symbols seen after which a distribution changes at its slowest.
const MANY: u16 = 255;

/// Share of a symbol by how many were seen: 1 / 2^n.
static RATES: [u8; MANY as usize + 1] = {
    let mut rates = [SLOWEST; MANY as usize + 1];
    let mut n = 0;
    while n < MANY as usize {
        rates[n] = match n {
            0..=15 => 4,
            16..=40 => 5,
            41..=100 => 6,
            _ => 7,
        };
        n += 1;
    }
    rates
};

/// Distributions follow a symbol at least by 1 / 2^n.
const SLOWEST: u8 = 8;

/// One adaptive distribution. The last entry, always [`FULL`], is not kept: symbols seen stand in
/// its place.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(super) struct Distribution {
    upper: [u16; 16],
}

/// Frequencies of 16 symbols: those of symbol `i` lie from entry `i` to `i + 1`, out of 2^16.
pub(super) type Frequencies = [u16; 17];

impl Distribution {
    /// One that begins with `upper`, out of [`FULL`].
    pub(super) const fn new(mut upper: [u16; 16]) -> Self {
        upper[15] = 0;
        Self { upper }
    }

    /// What symbols up to each have together, out of [`FULL`].
    pub(super) const fn upper(&self) -> [u16; 16] {
        let mut upper = self.upper;
        upper[15] = FULL;
        upper
    }

    /// Follows `symbol`.
    #[inline(always)]
    pub(super) fn update(&mut self, symbol: usize) {
        let rate = u32::from(RATES[usize::from(self.upper[15] & MANY)]);
        let entries = Lanes16::load(&self.upper);
        // Rounded away from where it is, so that it reaches both ends.
        let raised = Lanes16::load(&RAISED[symbol & 15]);
        let distance = entries.xor(raised);
        let nearer = distance.add(Lanes16::splat((1 << rate) - 1)).shift(rate);
        let next = distance.sub(nearer).xor(raised);
        next.count(entries, MANY).store(&mut self.upper);
    }
}

/// The frequencies that two distributions have together, none of them zero.
#[inline(always)]
pub(super) fn together(a: &Distribution, b: &Distribution) -> Frequencies {
    static FLOOR: [u16; 16] = {
        let mut floor = [0; 16];
        let mut i = 0;
        while i < 16 {
            floor[i] = LEAST * (i as u16 + 1);
            i += 1;
        }
        floor
    };
    let sum = Lanes16::load(&a.upper).add(Lanes16::load(&b.upper));
    let scaled = sum.high_product(Lanes16::splat(u16::MAX - 16 * LEAST + 1));
    let upper = scaled.add(Lanes16::load(&FLOOR));
    let mut frequencies = [0; 17];
    if let Some(to) = frequencies[1..].first_chunk_mut() {
        upper.store(to);
    }
    frequencies[16] = u16::MAX;
    frequencies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_rise_and_follow_what_is_seen() {
        let start = std::array::from_fn(|i| FULL / 16 * (i as u16 + 1));
        let mut one = Distribution::new(start);
        for _ in 0..5000 {
            one.update(3);
        }
        let upper = together(&one, &one);
        assert!(upper.windows(2).all(|w| w[0] < w[1]), "{upper:?}");
        assert!(upper[4] - upper[3] > 65400, "{upper:?}");
        for _ in 0..5000 {
            one.update(15);
        }
        let upper = together(&one, &one);
        assert!(upper.windows(2).all(|w| w[0] < w[1]), "{upper:?}");
        assert!(upper[16] - upper[15] > 65400, "{upper:?}");
    }
}
