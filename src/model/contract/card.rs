//! Where a model comes from and how good it is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where a model comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Program and version that made it.
    #[serde(default)]
    pub producer: String,
    /// Licence of the weights.
    #[serde(default)]
    pub licence: String,
    /// Data it was trained on, in words.
    #[serde(default)]
    pub data: Vec<String>,
    /// The training configuration as it was used.
    #[serde(default)]
    pub config: String,
    /// Seed of the training run.
    #[serde(default)]
    pub seed: u64,
}

/// A measured score of the model beside copy-last, or other baselines, on the same samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// Data it was measured on.
    pub data: String,
    /// Metric, for example `pd` or `psnr`.
    pub metric: String,
    /// The model's value.
    pub model: f64,
    /// Copy-last's value on the same frames, when the metric has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_last: Option<f64>,
    /// Other baselines' values on the same samples, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub baselines: BTreeMap<String, f64>,
    /// Number of frames, or of other samples.
    pub frames: u64,
}

impl Score {
    /// A score beside no baseline.
    #[must_use]
    pub fn new(data: &str, metric: &str, model: f64, samples: u64) -> Self {
        Self {
            data: data.to_owned(),
            metric: metric.to_owned(),
            model,
            copy_last: None,
            baselines: BTreeMap::new(),
            frames: samples,
        }
    }
}
