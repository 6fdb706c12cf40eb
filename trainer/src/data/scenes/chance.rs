//! Chance as a function of a seed: the same on every machine, whatever a generator's crate does.

/// A stream of random numbers (SplitMix64, Steele et al. 2014).
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    /// The stream of `seed` for the purpose `salt`.
    pub(super) const fn new(seed: u64, salt: u64) -> Self {
        let mut own = Self(seed ^ salt.wrapping_mul(0xd6e8_feb8_6659_fd93));
        // Neighbouring seeds begin far apart.
        own.0 = own.next();
        own
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to below 1.
    pub(super) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / 16_777_216.0
    }

    /// A number from `low` to below `high`.
    pub(super) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A whole number below `n`.
    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// True with this probability.
    pub(super) fn happens(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// About a normal number: the sum of four uniform ones, of variance 1.
    pub(super) fn normal(&mut self) -> f32 {
        let word = self.next();
        let part = |shift: u32| ((word >> shift) & 0xffff) as f32 / 65_536.0;
        (part(0) + part(16) + part(32) + part(48) - 2.0) * 1.732_050_8
    }
}
