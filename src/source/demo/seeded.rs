//! Random numbers that are functions of a seed and a place, so that frame `n` can be made without
//! the frames before it. Integer arithmetic only: the same on every machine.

/// Mixes 32 bits (the `lowbias32` construction: two multiplications, three shifts).
pub(super) const fn mix32(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// Mixes a seed and two coordinates to 32 bits.
pub(super) const fn hash(seed: u64, a: u64, b: u64) -> u32 {
    let mut x =
        seed ^ a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b.wrapping_mul(0xd1b5_4a32_d192_ed03);
    x = (x ^ (x >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    x = (x ^ (x >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (x ^ (x >> 32)) as u32
}

/// A number in `0.0..1.0` for a seed and two coordinates.
pub(super) fn unit(seed: u64, a: u64, b: u64) -> f32 {
    (hash(seed, a, b) >> 8) as f32 / 16_777_216.0
}

/// A number in `low..high` for a seed and two coordinates.
pub(super) fn between(seed: u64, a: u64, b: u64, low: f32, high: f32) -> f32 {
    low + (high - low) * unit(seed, a, b)
}

/// A smooth curve through random values in `-1.0..1.0` at the integers (quintic, so that speed and
/// acceleration are continuous).
pub(super) fn curve(seed: u64, channel: u64, t: f64) -> f64 {
    let whole = t.floor();
    let f = t - whole;
    let at = |i: f64| f64::from(unit(seed, 0x00C0_FFEE ^ channel, i as i64 as u64)) * 2.0 - 1.0;
    let s = f * f * f * (f * (f * 6.0 - 15.0) + 10.0);
    let (a, b) = (at(whole), at(whole + 1.0));
    a + (b - a) * s
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_smooth_and_bounded() {
        let mut last = curve(7, 1, 0.0);
        for i in 1..5_000 {
            let value = curve(7, 1, f64::from(i) / 100.0);
            assert!(value.abs() <= 1.0 && (value - last).abs() < 0.05, "{i}: {last} {value}");
            last = value;
        }
    }

    #[test]
    fn units_fill_their_range() {
        let mean: f32 = (0..10_000).map(|i| unit(3, i, 0)).sum::<f32>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }
}
