//! The share of pairs in which what was liked stands above what was not.

/// The area under the ROC curve over all candidates: how often a wanted one has a higher score than
/// another, ties counting half. None where there is nothing to compare.
///
/// # Panics
/// Never; candidates without a score are left out.
#[must_use]
pub fn full_auc(scores: &[f32], candidates: impl Iterator<Item = (usize, bool)>) -> Option<f64> {
    let mut ranked: Vec<(f32, bool)> =
        candidates.filter_map(|(item, wanted)| Some((*scores.get(item)?, wanted))).collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let wanted = ranked.iter().filter(|(_, wanted)| *wanted).count() as u64;
    let others = ranked.len() as u64 - wanted;
    if wanted == 0 || others == 0 {
        return None;
    }
    // Twice the number of pairs in order, so that ties are whole numbers.
    let (mut below, mut twice) = (0, 0);
    for ties in ranked.chunk_by(|a, b| a.0 == b.0) {
        let here = ties.iter().filter(|(_, wanted)| *wanted).count() as u64;
        let rest = ties.len() as u64 - here;
        twice += here * (2 * below + rest);
        below += rest;
    }
    Some(twice as f64 / 2.0 / (wanted * others) as f64)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    #[test]
    fn it_is_that_of_counting_all_pairs() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(1);
        for _ in 0..200 {
            let n = random.random_range(2..30);
            let scores: Vec<f32> = (0..n).map(|_| random.random_range(0..6) as f32).collect();
            let wanted: Vec<bool> = (0..n).map(|_| random.random_range(0..3) == 0).collect();
            let (mut sum, mut pairs) = (0.0, 0);
            for i in (0..n).filter(|&i| wanted[i]) {
                for j in (0..n).filter(|&j| !wanted[j]) {
                    pairs += 1;
                    sum += match scores[i].total_cmp(&scores[j]) {
                        std::cmp::Ordering::Greater => 1.0,
                        std::cmp::Ordering::Equal => 0.5,
                        std::cmp::Ordering::Less => 0.0,
                    };
                }
            }
            let found = full_auc(&scores, wanted.iter().copied().enumerate());
            let plain = (pairs > 0).then(|| sum / f64::from(pairs));
            assert!(
                found.zip(plain).map_or(found == plain, |(a, b)| (a - b).abs() < 1e-12),
                "{found:?} {plain:?}"
            );
        }
    }
}
