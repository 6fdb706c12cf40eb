//! How frames repeat.

/// Differences kept.
const KEPT: usize = 8;

/// How different the last frames were from the ones before them, and which of them repeated.
///
/// Recordings often hold frames twice to keep a rate. Copy-last is right on a repeat and
/// extrapolation otherwise, so a predictor must see the pattern; and a velocity must come from the
/// last *distinct* frame.
#[derive(Clone, Debug, Default)]
pub struct Cadence {
    /// Mean absolute luma differences in 1/256 levels, newest first.
    differences: [u32; KEPT],
}

impl Cadence {
    /// Takes in the difference of the newest frame from the one before; whether the newest frame
    /// repeats it: the difference is below a quarter of the largest of the last four.
    pub fn push(&mut self, difference: u32) -> bool {
        self.differences.rotate_right(1);
        if let Some(newest) = self.differences.first_mut() {
            *newest = difference;
        }
        let largest = self.differences.iter().take(4).max().copied().unwrap_or(0);
        u64::from(difference) * 4 < u64::from(largest)
    }

    /// The last eight differences in 1/256 levels, newest first; 0 where there was none.
    #[must_use]
    pub const fn differences(&self) -> &[u32; KEPT] {
        &self.differences
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_found_against_the_largest_recent_step() {
        let mut cadence = Cadence::default();
        let repeats =
            [1000, 900, 100, 1000, 300, 200, 240, 260, 60, 0, 0, 0, 0, 0].map(|d| cadence.push(d));
        let t = true;
        let f = false;
        assert_eq!(repeats, [f, f, t, f, f, t, t, f, t, t, t, t, f, f]);
        assert_eq!(cadence.differences()[5], 60, "newest first");
    }
}
