//! The causal prior: trust each candidate by how it did so far.

use super::CANDIDATES;
use super::features::{Features, plane};

/// Logits in 1/64 for each step of [`log16`](super::log16): an error twice as large makes the
/// weight sixteen times smaller.
pub const PRIOR: i32 = 11;

/// The prior's leaning to candidate 1, in 1/64.
pub const PRIOR_RAISE: i32 = 100;

/// Logits in 1/64 of each candidate and block, from the running mean of its past errors:
/// `-11 * PAST_k`, with the logit of candidate 1 raised by 100.
pub fn prior(features: &Features, out: &mut Vec<i32>) {
    let n = features.columns() * features.rows();
    out.clear();
    for k in 0..CANDIDATES {
        let from = (plane::PAST + k) * n;
        let raise = if k == 1 { PRIOR_RAISE } else { 0 };
        let past = features.data().get(from..from + n).unwrap_or_default();
        out.extend(past.iter().map(|&v| raise - PRIOR * i32::from(v)));
    }
}
