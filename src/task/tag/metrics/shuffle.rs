//! The fixed shuffle of the public YouTube-8M evaluation: Python's `random.seed(0)` and
//! `random.sample(range(n), n)`, so that equal scores are ordered as they are there.
//!
//! The generator is MT19937 (Matsumoto and Nishimura 1998) seeded by the array `[0]`.

const N: usize = 624;
const M: usize = 397;

/// The generator of CPython's `random` module after `seed(0)`.
struct Mersenne {
    state: [u32; N],
    at: usize,
}

impl Mersenne {
    fn new() -> Self {
        let mut s = [0u32; N];
        let mut last = 19_650_218u32;
        for (i, slot) in s.iter_mut().enumerate() {
            if i > 0 {
                last = 1_812_433_253u32.wrapping_mul(last ^ (last >> 30)).wrapping_add(i as u32);
            }
            *slot = last;
        }
        // The key is one word of value 0, so that neither it nor its place adds anything.
        let mut i = 1;
        for (rounds, factor) in [(N, 1_664_525u32), (N - 1, 1_566_083_941)] {
            for _ in 0..rounds {
                let mixed = (s[i - 1] ^ (s[i - 1] >> 30)).wrapping_mul(factor);
                s[i] ^= mixed;
                if rounds < N {
                    s[i] = s[i].wrapping_sub(i as u32);
                }
                i += 1;
                if i == N {
                    s[0] = s[N - 1];
                    i = 1;
                }
            }
        }
        s[0] = 0x8000_0000;
        Self { state: s, at: N }
    }

    fn next(&mut self) -> u32 {
        if self.at == N {
            for i in 0..N {
                let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
                let twist = if y & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ twist;
            }
            self.at = 0;
        }
        let mut y = self.state[self.at];
        self.at += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// A number below `n`, which is at least 1.
    fn below(&mut self, n: u32) -> u32 {
        let bits = 32 - n.leading_zeros();
        loop {
            let drawn = self.next() >> (32 - bits);
            if drawn < n {
                return drawn;
            }
        }
    }
}

/// The order of `n` entries after the shuffle.
pub(super) fn order(n: usize) -> Vec<u32> {
    let n = u32::try_from(n).unwrap_or(u32::MAX);
    let mut generator = Mersenne::new();
    let mut pool: Vec<u32> = (0..n).collect();
    (0..n)
        .map(|i| {
            let j = generator.below(n - i) as usize;
            let drawn = pool[j];
            pool[j] = pool[(n - i - 1) as usize];
            drawn
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by CPython 3.11: `random.seed(0); random.sample(range(n), n)`.
    #[test]
    fn the_order_is_that_of_python() {
        assert_eq!(order(0), Vec::<u32>::new());
        assert_eq!(order(1), [0]);
        assert_eq!(order(5), [3, 4, 0, 1, 2]);
        assert_eq!(order(12), [6, 11, 0, 4, 7, 3, 2, 10, 5, 8, 9, 1]);
        let mut large = order(1000);
        assert_eq!(large[..8], [864, 394, 776, 911, 430, 41, 265, 988]);
        large.sort_unstable();
        assert!(large.iter().zip(0..).all(|(a, b)| *a == b));
    }
}
