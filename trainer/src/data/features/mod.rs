//! Labelled feature vectors from files: YouTube-8M TFRecord files, tables, NumPy arrays.
//!
//! No file is trusted: lengths are checked before memory is taken, and every record before it is
//! kept.

mod arrays;
mod example;
mod table;
mod tfrecord;
mod youtube8m;

use std::path::Path;

use crate::TrainError;

pub use youtube8m::{AUDIO, VISUAL, dequantise};

/// The most numbers kept of all records together: 4 GiB.
const MOST_NUMBERS: usize = 1 << 30;

/// One labelled vector.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labelled {
    /// Name of the example; may be empty.
    pub id: String,
    /// Numbers of its labels.
    pub labels: Vec<u32>,
    /// Its features.
    pub features: Vec<f32>,
}

/// Labelled vectors in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureSet {
    dims: usize,
    classes: usize,
    ids: Vec<String>,
    features: Vec<f32>,
    /// Where the labels of each example begin, and the end of the last.
    starts: Vec<usize>,
    labels: Vec<u32>,
}

impl FeatureSet {
    /// An empty set of vectors of `dims` numbers with labels below `classes`.
    #[must_use]
    pub fn new(dims: usize, classes: usize) -> Self {
        Self { dims, classes, starts: vec![0], ..Self::default() }
    }

    /// Reads a file: `.tfrecord` of YouTube-8M (by video or by frame, whose features are averaged),
    /// `.csv` or `.csv.gz` with the columns `id`, `labels` (numbers with spaces between) and one a
    /// feature, or `NAME.npy` (examples x features) with `NAME.labels.npy` beside it (examples x
    /// classes, not 0 where a label is true).
    ///
    /// # Errors
    /// [`TrainError::Data`] naming the file, the record and what is wrong with it.
    pub fn read(path: &Path, dims: usize, classes: usize) -> Result<Self, TrainError> {
        let mut set = Self::new(dims, classes);
        set.add_file(path)?;
        Ok(set)
    }

    /// Adds the examples of another file.
    ///
    /// # Errors
    /// As [`FeatureSet::read`]; the set is as before then.
    pub fn add_file(&mut self, path: &Path) -> Result<(), TrainError> {
        let fail = |reason: String| TrainError::Data { uri: path.display().to_string(), reason };
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let before = (self.ids.len(), self.labels.len());
        let read = if name.ends_with(".tfrecord") {
            youtube8m::read(path, &mut |one| self.push(one))
        } else if name.ends_with(".csv") || name.ends_with(".csv.gz") {
            table::read(path, &mut |one| self.push(one))
        } else if name.ends_with(".npy") {
            arrays::read(path, &mut |one| self.push(one))
        } else {
            Err("features are read from .tfrecord, .csv, .csv.gz and .npy files".to_owned())
        };
        read.map_err(|reason| {
            self.ids.truncate(before.0);
            self.labels.truncate(before.1);
            self.starts.truncate(before.0 + 1);
            self.features.truncate(before.0 * self.dims);
            fail(reason)
        })
    }

    /// Adds an example.
    ///
    /// # Errors
    /// A sentence when it has another number of features, a feature that is not finite, or a label
    /// outside the classes.
    pub fn push(&mut self, one: Labelled) -> Result<(), String> {
        let Labelled { id, mut labels, features } = one;
        let name = if id.is_empty() { self.ids.len().to_string() } else { id.clone() };
        if features.len() != self.dims {
            return Err(format!(
                "example {name} has {} features instead of {}",
                features.len(),
                self.dims
            ));
        }
        if let Some(at) = features.iter().position(|v| !v.is_finite()) {
            return Err(format!("feature {at} of example {name} is {}", features[at]));
        }
        if let Some(label) = labels.iter().find(|l| **l as usize >= self.classes) {
            return Err(format!(
                "example {name} has the label {label}; they are 0 to {}",
                self.classes.saturating_sub(1)
            ));
        }
        if self.features.len() + features.len() > MOST_NUMBERS {
            return Err(format!("more than {MOST_NUMBERS} numbers; give fewer files"));
        }
        labels.sort_unstable();
        labels.dedup();
        self.ids.push(id);
        self.features.extend(features);
        self.labels.extend(labels);
        self.starts.push(self.labels.len());
        Ok(())
    }

    /// Number of examples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True without examples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Numbers of a vector.
    #[must_use]
    pub const fn dims(&self) -> usize {
        self.dims
    }

    /// Number of labels there are.
    #[must_use]
    pub const fn classes(&self) -> usize {
        self.classes
    }

    /// The vector of example `at`.
    #[must_use]
    pub fn features(&self, at: usize) -> &[f32] {
        self.features.get(at * self.dims..(at + 1) * self.dims).unwrap_or_default()
    }

    /// The labels of example `at`, ascending.
    #[must_use]
    pub fn labels(&self, at: usize) -> &[u32] {
        match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(&from), Some(&to)) => self.labels.get(from..to).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Whether each label is true of example `at`.
    #[must_use]
    pub fn truth(&self, at: usize) -> Vec<bool> {
        let mut truth = vec![false; self.classes];
        for label in self.labels(at) {
            if let Some(slot) = truth.get_mut(*label as usize) {
                *slot = true;
            }
        }
        truth
    }

    /// Name of example `at`.
    #[must_use]
    pub fn id(&self, at: usize) -> &str {
        self.ids.get(at).map_or("", String::as_str)
    }

    /// Share of the examples that have each label.
    #[must_use]
    pub fn prior(&self) -> Vec<f32> {
        let mut counts = vec![0u32; self.classes];
        for label in &self.labels {
            if let Some(count) = counts.get_mut(*label as usize) {
                *count += 1;
            }
        }
        counts.iter().map(|c| *c as f32 / self.len().max(1) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_checked_and_come_back() {
        let mut set = FeatureSet::new(2, 3);
        let one = |labels: &[u32], features: &[f32]| Labelled {
            id: "a".into(),
            labels: labels.to_vec(),
            features: features.to_vec(),
        };
        set.push(one(&[2, 0, 2], &[1.0, 2.0])).unwrap();
        set.push(one(&[], &[3.0, 4.0])).unwrap();
        assert_eq!((set.labels(0), set.features(1)), (&[0, 2][..], &[3.0, 4.0][..]));
        assert_eq!((set.truth(0), set.labels(1)), (vec![true, false, true], &[][..]));
        assert_eq!(set.prior(), [0.5, 0.0, 0.5]);
        assert!(set.push(one(&[3], &[1.0, 2.0])).unwrap_err().contains("0 to 2"));
        assert!(set.push(one(&[], &[1.0])).unwrap_err().contains("1 features instead of 2"));
        assert!(set.push(one(&[], &[1.0, f32::NAN])).unwrap_err().contains("NaN"));
        assert_eq!(set.len(), 2);
    }

    #[test]
    fn files_of_other_kinds_are_refused() {
        let error = FeatureSet::read(Path::new("x.parquet"), 2, 3).unwrap_err().to_string();
        assert!(error.contains("x.parquet") && error.contains(".tfrecord"), "{error}");
    }
}
