//! The best few labels.

use std::cmp::Ordering;

/// The labels of the `count` highest scores, best first, up to the first one below `threshold`.
/// Equal scores keep the order of the labels; scores that are no number come last.
///
/// ```
/// use framecast::task::tag::top;
///
/// assert_eq!(top(&[0.2, 0.9, 0.6, 0.7], 3, 0.65), [(1, 0.9), (3, 0.7)]);
/// ```
#[must_use]
pub fn top(scores: &[f32], count: usize, threshold: f32) -> Vec<(usize, f32)> {
    let mut best: Vec<(usize, f32)> = scores.iter().copied().enumerate().collect();
    let order = |a: &(usize, f32), b: &(usize, f32)| {
        let by_score = match (a.1.is_nan(), b.1.is_nan()) {
            (false, false) => b.1.partial_cmp(&a.1).unwrap_or(Ordering::Equal),
            (a, b) => a.cmp(&b),
        };
        by_score.then(a.0.cmp(&b.0))
    };
    if count < best.len() {
        if count > 0 {
            best.select_nth_unstable_by(count - 1, order);
        }
        best.truncate(count);
    }
    best.sort_unstable_by(order);
    let reached = best.iter().take_while(|(_, score)| *score >= threshold).count();
    best.truncate(reached);
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_at_most_and_none_after_the_first_below() {
        let scores = [0.1, 0.9, 0.5, 0.8, 0.3, 0.6, 0.7];
        let labels = |found: Vec<(usize, f32)>| found.iter().map(|f| f.0).collect::<Vec<_>>();
        assert_eq!(labels(top(&scores, 5, 0.0)), [1, 3, 6, 5, 2]);
        assert_eq!(labels(top(&scores, 5, 0.6)), [1, 3, 6, 5]);
        assert_eq!(labels(top(&scores, 5, 0.95)), [] as [usize; 0]);
        assert_eq!(labels(top(&scores, 100, 0.0)), [1, 3, 6, 5, 2, 4, 0]);
        assert!(top(&scores, 0, 0.0).is_empty() && top(&[], 5, 0.0).is_empty());
    }

    #[test]
    fn ties_keep_their_order_and_what_is_no_number_ends_the_list() {
        assert_eq!(top(&[0.5; 4], 2, 0.5), [(0, 0.5), (1, 0.5)]);
        let found = top(&[f32::NAN, 0.2, 0.4, f32::NAN], 4, 0.0);
        assert_eq!(found, [(2, 0.4), (1, 0.2)]);
    }
}
