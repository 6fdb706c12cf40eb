//! Vectors as 8-bit codes with one scale: a quarter of the memory, and a bound on the error.

use super::IndexError;
use super::layout::{MAX_DIMENSION, Metric};
use crate::vision::vectorised;

/// A vector as stored: as it is or of unit length, and its codes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Coded {
    /// The vector to compare exactly.
    pub(super) vector: Vec<f32>,
    /// `vector / scale`, rounded to -127..=127, filled up with zeros to the stride.
    pub(super) codes: Vec<i8>,
    /// What one step of a code is worth.
    pub(super) scale: f32,
    /// Length of `vector`.
    pub(super) norm: f32,
}

impl Coded {
    /// Codes `vector` for an index of `dimension` and `metric`.
    pub(super) fn new(
        vector: &[f32],
        dimension: usize,
        stride: usize,
        metric: Metric,
    ) -> Result<Self, IndexError> {
        let bad = |reason: String| Err(IndexError::Vector(reason));
        if vector.len() != dimension || dimension > MAX_DIMENSION {
            return bad(format!("it has {} numbers instead of {dimension}", vector.len()));
        }
        if let Some(at) = vector.iter().position(|v| !v.is_finite()) {
            return bad(format!("number {at} is {}; the model does not fit its input", vector[at]));
        }
        let norm = length(vector);
        let (vector, norm) = match metric {
            Metric::Dot => (vector.to_vec(), norm),
            Metric::Cosine if norm < 1e-12 => {
                return bad("all its numbers are zero, so it has no direction".to_owned());
            }
            Metric::Cosine => (vector.iter().map(|v| (f64::from(*v) / norm) as f32).collect(), 1.0),
        };
        let peak = vector.iter().fold(0f32, |peak, v| peak.max(v.abs()));
        // A zero vector has zero codes at any scale.
        let scale = if peak > 0.0 { (peak / 127.0).max(f32::MIN_POSITIVE) } else { 1.0 };
        let code = |v: &f32| (v / scale).round().clamp(-127.0, 127.0) as i8;
        let mut codes: Vec<i8> = vector.iter().map(code).collect();
        codes.resize(stride, 0);
        if !norm.is_finite() || norm > f64::from(f32::MAX) {
            return bad("its numbers are too large to be compared".to_owned());
        }
        Ok(Self { vector, codes, scale, norm: norm as f32 })
    }

    /// Length of the difference between the vector and what its codes say.
    pub(super) fn error(&self) -> f64 {
        let scale = f64::from(self.scale);
        let pairs = self.vector.iter().zip(&self.codes);
        pairs.map(|(v, c)| (f64::from(*v) - f64::from(*c) * scale).powi(2)).sum::<f64>().sqrt()
    }
}

/// Euclidean length.
fn length(vector: &[f32]) -> f64 {
    vector.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt()
}

vectorised! {
    /// Inner product of a stored vector, as its little-endian bytes, and a query: the score of a
    /// hit, the same bits wherever it is computed.
    pub(super) fn exact(stored: &[u8], query: &[f32]) -> f64 {
        let (groups, rest) = stored.as_chunks::<32>();
        let (queries, query_rest) = query.as_chunks::<8>();
        let mut sums = [0f64; 8];
        for (group, query) in groups.iter().zip(queries) {
            let values = group.as_chunks::<4>().0;
            for ((sum, value), q) in sums.iter_mut().zip(values).zip(query) {
                *sum += f64::from(f32::from_le_bytes(*value)) * f64::from(*q);
            }
        }
        let mut total: f64 = sums.iter().sum();
        for (value, q) in rest.as_chunks::<4>().0.iter().zip(query_rest) {
            total += f64::from(f32::from_le_bytes(*value)) * f64::from(*q);
        }
        total
    }
}

/// [`exact`] of two vectors in memory.
pub(super) fn product(a: &[f32], b: &[f32]) -> f64 {
    let bytes: Vec<u8> = a.iter().flat_map(|v| v.to_le_bytes()).collect();
    exact(&bytes, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_within_half_a_step() {
        let vector: Vec<f32> = (0..100).map(|i| (i as f32 * 0.7).sin()).collect();
        let coded = Coded::new(&vector, 100, 128, Metric::Cosine).unwrap();
        assert_eq!(coded.codes.len(), 128);
        for (v, c) in coded.vector.iter().zip(&coded.codes) {
            assert!((v - f32::from(*c) * coded.scale).abs() <= 0.5001 * coded.scale);
        }
        assert!((length(&coded.vector) - 1.0).abs() < 1e-6);
        assert!(coded.error() <= f64::from(coded.scale) / 2.0 * 10.0);
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let refused = |v: &[f32], metric| Coded::new(v, 3, 64, metric).unwrap_err().to_string();
        assert!(refused(&[1.0, 2.0], Metric::Dot).contains("2 numbers instead of 3"));
        assert!(refused(&[1.0, f32::NAN, 0.0], Metric::Dot).contains("number 1 is NaN"));
        assert!(refused(&[0.0; 3], Metric::Cosine).contains("no direction"));
        assert!(refused(&[f32::MAX; 3], Metric::Dot).contains("too large"));
        assert_eq!(Coded::new(&[0.0; 3], 3, 64, Metric::Dot).unwrap().codes, [0; 64]);
    }

    #[test]
    fn the_exact_product_takes_every_number() {
        for (count, sum) in [(7u32, 140.0), (8, 204.0), (19, 2470.0)] {
            let a: Vec<f32> = (1..=count).map(|v| v as f32).collect();
            assert!((product(&a, &a) - sum).abs() < 1e-12, "{count}");
        }
    }
}
