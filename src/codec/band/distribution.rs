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
        while i < 16 {
            table[symbol][i] = FULL;
            i += 1;
        }
        symbol += 1;
    }
    table
};

/// Symbols seen after which a distribution changes at its slowest.
const MANY: u8 = 255;

/// Share of a symbol by how many were seen: 1 / 2^n; and what rounds it up.
static RATES: [(u16, u16); MANY as usize + 1] = {
    let mut rates = [(0, 0); MANY as usize + 1];
    let mut n = 0;
    while n <= MANY as usize {
        let rate = match n {
            0..=15 => 4,
            16..=40 => 5,
            41..=100 => 6,
            101..=254 => 7,
            _ => SLOWEST,
        };
        rates[n] = (rate, (1 << rate) - 1);
        n += 1;
    }
    rates
};

/// Distributions follow a symbol at least by 1 / 2^n.
const SLOWEST: u16 = 8;

/// One adaptive distribution: what symbols up to each have together, the last entry being [`FULL`].
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(super) struct Distribution {
    upper: [u16; 16],
}

/// Frequencies of two distributions together.
#[repr(align(64))]
pub(super) struct Frequencies {
    /// Entry 15 is zero; those of symbol `i` lie from entry `15 + i` to `16 + i`, out of 2^16.
    edges: [u16; 32],
}

impl Frequencies {
    /// Where symbol `symbol` begins and ends.
    #[inline(always)]
    pub(super) fn of(&self, symbol: usize) -> (u64, u64) {
        let symbol = symbol & 15;
        (u64::from(self.edges[15 + symbol]), u64::from(self.edges[16 + symbol]))
    }

    /// The symbol that `at` lies in.
    #[inline(always)]
    pub(super) fn symbol<L: Lanes16>(&self, at: u16) -> usize {
        self.edges.last_chunk().map_or(0, |upper| L::load(upper).at_most(at))
    }
}

impl Distribution {
    /// One that begins with `upper`, out of [`FULL`].
    pub(super) const fn new(mut upper: [u16; 16]) -> Self {
        upper[15] = FULL;
        Self { upper }
    }

    /// What symbols up to each have together, out of [`FULL`].
    pub(super) const fn upper(&self) -> [u16; 16] {
        self.upper
    }

    /// Follows `symbol`, `seen` symbols having come before.
    #[inline(always)]
    pub(super) fn update<L: Lanes16>(&mut self, symbol: usize, seen: &mut u8) {
        let (rate, round) = RATES[usize::from(*seen)];
        *seen += u8::from(*seen < MANY);
        // Rounded away from where it is, so that it reaches both ends.
        let raised = L::load(&RAISED[symbol & 15]);
        let distance = L::load(&self.upper).xor(raised);
        let nearer = distance.add(L::splat(round)).shift(u32::from(rate));
        distance.sub(nearer).xor(raised).store(&mut self.upper);
    }
}

/// The frequencies that two distributions have together, none of them zero.
#[inline(always)]
pub(super) fn together<L: Lanes16>(a: &Distribution, b: &Distribution) -> Frequencies {
    static FLOOR: [u16; 16] = {
        let mut floor = [0; 16];
        let mut i = 0;
        while i < 16 {
            floor[i] = LEAST * (i as u16 + 1);
            i += 1;
        }
        // The last entry becomes 2^16 - 1.
        floor[15] += 1;
        floor
    };
    let sum = L::load(&a.upper).add(L::load(&b.upper));
    let scaled = sum.high_product(L::splat(u16::MAX - 16 * LEAST + 1));
    let mut frequencies = Frequencies { edges: [0; 32] };
    if let Some(upper) = frequencies.edges.last_chunk_mut() {
        scaled.add(L::load(&FLOOR)).store(upper);
    }
    frequencies
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::band::lanes::Base;

    #[test]
    fn frequencies_rise_and_follow_what_is_seen() {
        let start = std::array::from_fn(|i| FULL / 16 * (i as u16 + 1));
        let mut one = Distribution::new(start);
        for symbol in [3, 15] {
            let mut seen = 0;
            for _ in 0..5000 {
                one.update::<Base>(symbol, &mut seen);
            }
            let both = together::<Base>(&one, &one);
            let edges = &both.edges[15..];
            assert!(edges.windows(2).all(|w| w[0] < w[1]), "{edges:?}");
            assert_eq!((edges[0], edges[16]), (0, u16::MAX));
            let (from, to) = both.of(symbol);
            assert!(to - from > 65400, "{edges:?}");
            assert_eq!(both.symbol::<Base>(from as u16), symbol);
            assert_eq!(both.symbol::<Base>(to as u16 - 1), symbol);
        }
    }
}
