//! The tables of a recipe of the family `tag`.

use serde::{Deserialize, Serialize};

use super::net::{Preset, TagNet};

/// The `[tag]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TagRecipe {
    /// How features become scores.
    pub preset: Preset,
    /// Widths of hidden layers.
    pub hidden: Vec<usize>,
    /// Experts of a label; only of `mixture-of-experts`.
    pub mixtures: usize,
    /// Share of hidden values that are dropped in training.
    pub dropout: f32,
    /// Labels are learned as this much less than sure.
    pub label_smoothing: f32,
    /// What features are multiplied by.
    pub scale: f32,
    /// The list of labels: names, and links where it has them.
    pub labels: Option<String>,
}

impl Default for TagRecipe {
    fn default() -> Self {
        Self {
            preset: Preset::Mlp,
            hidden: Vec::new(),
            mixtures: 4,
            dropout: 0.0,
            label_smoothing: 0.0,
            scale: 1.0,
            labels: None,
        }
    }
}

impl TagRecipe {
    /// A sentence when a number is out of range.
    pub(super) fn check(&self) -> Result<(), String> {
        for (key, value, high) in [
            ("tag.dropout", self.dropout, 0.95),
            ("tag.label_smoothing", self.label_smoothing, 0.5),
        ] {
            if !(0.0..=high).contains(&value) {
                return Err(format!("{key} = {value} is outside 0 to {high}"));
            }
        }
        if !(1e-3..=1e3).contains(&self.scale) {
            return Err(format!("tag.scale = {} is outside 0.001 to 1000", self.scale));
        }
        if !(1..=64).contains(&self.mixtures) {
            return Err(format!("tag.mixtures = {} is outside 1 to 64", self.mixtures));
        }
        if self.hidden.len() > 8 || self.hidden.iter().any(|w| !(1..=16_384).contains(w)) {
            return Err("tag.hidden takes up to 8 widths of 1 to 16384".to_owned());
        }
        Ok(())
    }
}

impl TagRecipe {
    /// The head of vectors of `features` numbers and scores of `classes` labels.
    pub(super) fn net(&self, features: usize, classes: usize) -> TagNet {
        TagNet {
            preset: self.preset,
            features,
            hidden: self.hidden.clone(),
            mixtures: self.mixtures,
            dropout: self.dropout,
            scale: self.scale,
            classes,
        }
    }
}

/// The `[features]` table: labelled vectors in files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesRecipe {
    /// Numbers of a vector; 1152 of YouTube-8M with sound.
    pub dims: usize,
    /// Number of labels.
    pub classes: usize,
    /// Files that are learned from.
    pub train: Vec<String>,
    /// Files by which the best checkpoint is chosen.
    pub validate: Vec<String>,
    /// Files of the last word, which nothing is chosen by. Without any it is said about those of
    /// `validate`, and named so.
    #[serde(default)]
    pub test: Vec<String>,
}

impl FilesRecipe {
    /// A sentence when a number is out of range.
    pub(super) fn check(&self) -> Result<(), String> {
        for (key, value) in [("features.dims", self.dims), ("features.classes", self.classes)] {
            if !(1..=100_000).contains(&value) {
                return Err(format!("{key} = {value} is outside 1 to 100000"));
            }
        }
        Ok(())
    }
}

/// The `[embedded]` table: the labelled scenes, as a backbone sees them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmbeddedRecipe {
    /// The backbone, an ONNX file with an output of role `embedding`.
    pub backbone: String,
    /// Frames of each scene of the training part.
    pub frames: u64,
}

impl Default for EmbeddedRecipe {
    fn default() -> Self {
        Self { backbone: "models/embed-frame.onnx".to_owned(), frames: 1 }
    }
}

/// The `[generated]` table: made-up features, to try a head without any data. Every label has a
/// direction of its own, and a vector is the sum of those of its labels in noise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GeneratedRecipe {
    /// Numbers of a vector.
    pub dims: usize,
    /// Number of labels.
    pub classes: usize,
    /// Labels of a vector, on average; frequent ones come first, as in the public set.
    pub labels: f32,
    /// Standard deviation of the noise of each number, beside a direction of length one.
    pub noise: f32,
    /// Vectors that are learned from.
    pub train: usize,
    /// Vectors of validation and of test, each.
    pub validate: usize,
}

impl Default for GeneratedRecipe {
    fn default() -> Self {
        Self { dims: 1152, classes: 3862, labels: 3.4, noise: 0.03, train: 4000, validate: 500 }
    }
}

impl GeneratedRecipe {
    /// A sentence when a number is out of range.
    pub(super) fn check(&self) -> Result<(), String> {
        let numbers = (self.train.saturating_add(self.validate)).saturating_mul(self.dims);
        if self.dims == 0 || self.classes == 0 || self.validate == 0 || self.train == 0 {
            return Err("generated.dims, classes, train and validate must be at least 1".to_owned());
        }
        if numbers > 1 << 28 || self.classes.saturating_mul(self.dims) > 1 << 28 {
            return Err("generated features would take more than 1 GiB; ask for fewer".to_owned());
        }
        if !(0.1..=50.0).contains(&self.labels) || !(0.0..=10.0).contains(&self.noise) {
            return Err("generated.labels is 0.1 to 50 and generated.noise 0 to 10".to_owned());
        }
        Ok(())
    }
}
