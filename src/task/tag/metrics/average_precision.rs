//! Non-interpolated average precision as the public YouTube-8M evaluation computes it.

use std::cmp::Ordering;

use super::shuffle;

/// Average precision of scored entries, each a score and whether it is right, where `positives` are
/// all that could have been found, listed or not: the sum over the right ones, best score first, of
/// the precision down to each, over `positives`. Equal scores stand in the order of the fixed
/// shuffle. 0 when there is nothing to be found.
#[must_use]
pub fn average_precision(entries: &[(f32, bool)], positives: u64) -> f64 {
    if positives == 0 {
        return 0.0;
    }
    let mut order = shuffle::order(entries.len());
    let score = |i: u32| entries.get(i as usize).map_or(f32::NEG_INFINITY, |e| e.0);
    // Stable, as Python's sort is.
    order.sort_by(|a, b| score(*b).partial_cmp(&score(*a)).unwrap_or(Ordering::Equal));
    let (mut hits, mut sum) = (0u64, 0.0);
    for (rank, &i) in (1u64..).zip(&order) {
        if entries.get(i as usize).is_some_and(|e| e.1) {
            hits += 1;
            sum += hits as f64 / rank as f64 * (1.0 / positives as f64);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_cases_by_hand() {
        assert_eq!(average_precision(&[], 0), 0.0);
        assert_eq!(average_precision(&[], 3), 0.0);
        assert_eq!(average_precision(&[(0.9, true), (0.1, false)], 1), 1.0);
        assert_eq!(average_precision(&[(0.1, true), (0.9, false)], 1), 0.5);
        // Two of three positives are listed: (1/1 + 2/3) / 3.
        let entries = [(0.9, true), (0.8, false), (0.7, true)];
        assert!((average_precision(&entries, 3) - 5.0 / 9.0).abs() < 1e-15);
    }

    #[test]
    fn zero_and_minus_zero_are_one_score() {
        let a = average_precision(&[(0.0, true), (-0.0, false), (0.0, false)], 1);
        let b = average_precision(&[(0.0, true), (0.0, false), (0.0, false)], 1);
        assert_eq!(a, b);
    }
}
