//! The integer logarithm of the features.

/// `floor(16 * log2(value + 16)) - 64`: 0 for 0, and 16 more each time a large value doubles.
/// Values below 16 are of the size of noise and are told apart the less.
#[must_use]
pub const fn log16(value: u32) -> u8 {
    let value = value.saturating_add(16);
    let whole = 31 - value.leading_zeros();
    // 1.0 <= m < 2.0 with 31 bits behind the point; squaring doubles its logarithm.
    let mut m = (value as u64) << (31 - whole);
    let mut fraction = 0;
    let mut bit = 0;
    while bit < 4 {
        m = (m * m) >> 31;
        fraction *= 2;
        if m >= 1 << 32 {
            m >>= 1;
            fraction += 1;
        }
        bit += 1;
    }
    let result = whole * 16 + fraction - 64;
    if result > 255 { 255 } else { result as u8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_floor_of_the_logarithm() {
        for value in (0..70_000).chain([1 << 20, u32::MAX - 16]) {
            let exact = (16.0 * f64::from(value + 16).log2() - 64.0).min(255.0);
            let got = f64::from(log16(value));
            assert!(got <= exact + 1e-9 && exact < got + 1.0 + 1e-6, "{value}: {got} {exact}");
        }
        assert_eq!(log16(u32::MAX), 255);
    }

    #[test]
    fn golden_values() {
        let golden = [0, 1, 2, 4, 8, 16, 64, 256, 1024, 16_320].map(log16);
        assert_eq!(golden, [0, 1, 2, 5, 9, 16, 37, 65, 96, 159]);
    }
}
