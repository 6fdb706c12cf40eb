//! The metrics against a plain reference, and against numbers of the public evaluation's own code.

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use super::*;

/// GAP written out: every rank counted over all pairs, without sorting and without running sums.
/// Of equal scores the one earlier in `rank` stands first.
fn plain_gap(scores: &[Vec<f32>], truth: &[Vec<bool>], k: usize) -> f64 {
    let classes = scores[0].len();
    let mut pairs = Vec::new();
    for class in 0..classes {
        for (row, truth) in scores.iter().zip(truth) {
            let better = |c: usize| (row[c] > row[class]) || (row[c] == row[class] && c < class);
            if (0..classes).filter(|&c| better(c)).count() < k {
                pairs.push((row[class], truth[class]));
            }
        }
    }
    let total = truth.iter().flatten().filter(|t| **t).count();
    if total == 0 {
        return 0.0;
    }
    let shuffled = shuffle::order(pairs.len());
    let pairs: Vec<_> = shuffled.iter().map(|&i| pairs[i as usize]).collect();
    let mut sum = 0.0;
    for (i, (score, right)) in pairs.iter().enumerate().filter(|(_, p)| p.1) {
        let before =
            |(j, other): &(usize, &(f32, bool))| other.0 > *score || (other.0 == *score && *j <= i);
        let rank = pairs.iter().enumerate().filter(before).count();
        let found = pairs.iter().enumerate().filter(before).filter(|(_, p)| p.1).count();
        assert!(*right);
        sum += found as f64 / rank as f64;
    }
    sum / total as f64
}

#[test]
fn gap_equals_the_written_out_reference_on_ten_thousand_cases() {
    let mut random = Pcg64::seed_from_u64(20);
    let mut worst = 0f64;
    let (mut ties, mut cut) = (0, 0);
    for _ in 0..10_000 {
        let (videos, classes) = (random.random_range(1..5), random.random_range(1..12usize));
        let k = random.random_range(1..8usize);
        // Few levels make equal scores, many make none.
        let levels = if random.random_bool(0.5) { 5.0 } else { 1e6 };
        let scores: Vec<Vec<f32>> = (0..videos)
            .map(|_| (0..classes).map(|_| (random.random::<f32>() * levels).round()).collect())
            .collect();
        let share = random.random::<f64>();
        let truth: Vec<Vec<bool>> = (0..videos)
            .map(|_| (0..classes).map(|_| random.random_bool(share)).collect())
            .collect();
        ties += usize::from(levels < 10.0);
        cut += usize::from(k < classes);
        let mut metrics = TagMetrics::new(classes, k);
        metrics.add(&scores.concat(), &truth.concat()).unwrap();
        let got = metrics.result().gap;
        worst = worst.max((got - plain_gap(&scores, &truth, k)).abs());
    }
    assert!(ties > 4_000 && cut > 4_000, "{ties} {cut}");
    assert!(worst < 1e-9, "{worst:e}");
}

#[test]
fn batches_are_gathered_and_cleared() {
    let (a, b) = ([0.9, 0.1, 0.4], [0.2, 0.7, 0.3]);
    let mut one = TagMetrics::new(3, 20);
    one.add(&a, &[true, false, false]).unwrap();
    one.add(&b, &[false, false, true]).unwrap();
    let gathered = one.result();
    assert_eq!(gathered.examples, 2);
    // Ranked: 0.9 right, 0.7 wrong, 0.4 wrong, 0.3 right: (1 + 2/4) / 2.
    assert!((gathered.gap - 0.75).abs() < 1e-12, "{gathered:?}");
    assert_eq!(gathered.hit, [0.5, 1.0, 1.0]);
    assert_eq!(gathered.perr, 0.5);
    // Class 0: 1; class 1 never occurs: 0; class 2: the right one is second of two: 1/2.
    assert_eq!(gathered.by_class, [1.0, 0.0, 0.5]);
    assert_eq!((gathered.map, gathered.map_of_present), (0.5, 0.75));
    assert!((gathered.accuracy - 4.0 / 6.0).abs() < 1e-12);
    one.clear();
    assert_eq!(one.result(), TagMetrics::new(3, 20).result());
    one.add(&a, &[true, false, false]).unwrap();
    assert_eq!(one.result().gap, 1.0);
}

#[test]
fn rows_that_cannot_be_scored_are_refused_and_leave_nothing() {
    let mut metrics = TagMetrics::new(2, 20);
    let refused = |metrics: &mut TagMetrics, scores: &[f32], truth: &[bool]| {
        metrics.add(scores, truth).unwrap_err().to_string()
    };
    assert!(refused(&mut metrics, &[0.1; 3], &[true; 3]).contains("whole rows of 2"));
    assert!(refused(&mut metrics, &[0.1; 2], &[true; 4]).contains("2 scores for 4 labels"));
    let text = refused(&mut metrics, &[0.1, 0.2, 0.3, f32::NAN], &[true; 4]);
    assert!(text.contains("score 3 is NaN"), "{text}");
    assert_eq!(metrics.result().examples, 0);
}

/// A case with ties across videos, scored by the definitions of the public code under CPython.
#[test]
fn numbers_of_the_public_evaluation() {
    let mut state = 7u64;
    let mut draw = || {
        state = (state * 1_103_515_245 + 12_345) % (1 << 31);
        state >> 16
    };
    let (videos, classes) = (40, 30);
    let mut scores: Vec<f32> =
        (0..videos * classes).map(|_| (draw() % 997) as f32 / 1024.0).collect();
    for row in scores.chunks_mut(classes) {
        row.iter_mut().step_by(3).for_each(|s| *s = (*s * 8.0).floor() / 8.0);
    }
    let truth: Vec<bool> = (0..videos * classes).map(|_| draw().is_multiple_of(10)).collect();
    let mut whole = TagMetrics::new(classes, TagMetrics::TOP_K);
    whole.add(&scores, &truth).unwrap();
    let mut halves = whole.clone();
    halves.clear();
    let (a, b) = (16 * classes, videos * classes);
    halves.add(&scores[..a], &truth[..a]).unwrap();
    halves.add(&scores[a..b], &truth[a..b]).unwrap();
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} instead of {b}");
    let (whole, halves) = (whole.result(), halves.result());
    near(whole.gap, 0.052532434272110386);
    near(halves.gap, 0.052316283509350865);
    near(whole.map, 0.0880516704827244);
    near(halves.map, 0.0880516704827244);
    near(whole.perr, 0.09261904761904761);
    for (got, expected) in whole.hit.into_iter().zip([0.05, 0.4, 0.825]) {
        near(got, expected);
    }
}
