//! Counts of a quantity in classes with fixed limits.

use serde::Serialize;

/// How often a quantity fell into each class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Histogram {
    /// Lower limit of each class; the first takes everything below the second limit too.
    pub from: Vec<f64>,
    /// Values in each class.
    pub count: Vec<u64>,
}

impl Histogram {
    /// With classes from the given limits, which rise.
    pub(super) fn new(from: &[f64]) -> Self {
        Self { from: from.to_vec(), count: vec![0; from.len()] }
    }

    pub(super) fn add(&mut self, value: f64) {
        let class = self.from.iter().rposition(|&from| value >= from).unwrap_or(0);
        if let Some(count) = self.count.get_mut(class) {
            *count += 1;
        }
    }

    /// `0: 3  0.25: 1  ...`, classes without values too.
    pub(super) fn line(&self) -> String {
        let classes = self.from.iter().zip(&self.count);
        classes.map(|(from, count)| format!("{from}+: {count}")).collect::<Vec<_>>().join("  ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_belongs_to_the_class_above() {
        let mut histogram = Histogram::new(&[0.0, 0.5, 2.0]);
        for value in [0.0, 0.49, 0.5, 1.9, 2.0, 90.0, -1.0] {
            histogram.add(value);
        }
        assert_eq!(histogram.count, [3, 2, 2]);
        assert_eq!(histogram.line(), "0+: 3  0.5+: 2  2+: 2");
    }
}
