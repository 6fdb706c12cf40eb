//! `golden.json`: for each model of a folder the shapes of its inputs, its state pair, and a summary
//! of the outputs of each chained step.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::compare;
use crate::model::TensorBuf;

/// Relative tolerance of all values: |a - b| <= this times max(1, max|b|).
const TOLERANCE: f64 = 1e-4;

/// The file.
#[derive(Clone, Debug, Deserialize)]
pub struct GoldenFile {
    pub(super) models: BTreeMap<String, GoldenModel>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct GoldenModel {
    #[serde(default)]
    pub(super) inputs: Vec<GoldenInput>,
    #[serde(default)]
    pub(super) state_input: Option<String>,
    #[serde(default)]
    pub(super) state_output: Option<String>,
    #[serde(default)]
    pub(super) steps: Vec<Vec<Summary>>,
    /// The reference itself refused the model, so every engine must.
    #[serde(default)]
    pub(super) load_error: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct GoldenInput {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
}

/// An output, summed up.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Summary {
    pub(super) name: String,
    shape: Vec<usize>,
    sum: f64,
    abs_sum: f64,
    min: f64,
    max: f64,
    sample_index: Vec<usize>,
    sample_value: Vec<f64>,
}

impl GoldenFile {
    /// Reads the file.
    ///
    /// # Errors
    /// A sentence when it cannot be read or has another form.
    pub fn open(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
    }
}

impl Summary {
    /// Largest error in units of the tolerance. `step` is the size of one quantisation step of the
    /// output, when the model is quantised: then samples may be two steps away, or the whole
    /// output may instead have the same arg-max.
    pub(super) fn compare(
        &self,
        got: &TensorBuf,
        quantised: Option<f64>,
    ) -> Result<(f64, &'static str), String> {
        if got.shape() != self.shape {
            return Err(format!(
                "output {:?} has shape {:?} instead of {:?}",
                self.name,
                got.shape(),
                self.shape
            ));
        }
        let values = compare::values(got);
        let plain = self.within(&values, TOLERANCE * self.scale());
        match (plain, quantised) {
            (Ok(worst), _) => Ok((worst, "golden")),
            (Err(error), None) => Err(error),
            (Err(error), Some(step)) => {
                if let Ok(worst) = self.samples(&values, 2.0 * step) {
                    return Ok((worst, "golden, quantised: within two output steps"));
                }
                if self.same_arg_max(&values) == Some(true) {
                    return Ok((1.0, "golden, quantised: same arg-max"));
                }
                Err(error)
            }
        }
    }

    fn scale(&self) -> f64 {
        self.min.abs().max(self.max.abs()).max(1.0)
    }

    fn samples(&self, values: &[f64], tolerance: f64) -> Result<f64, String> {
        let mut worst = 0.0f64;
        for (index, expected) in self.sample_index.iter().zip(&self.sample_value) {
            let got = values.get(*index).copied().unwrap_or(f64::NAN);
            let error = (got - expected).abs() / tolerance;
            if error.is_nan() || error > 1.0 {
                return Err(format!(
                    "output {:?} element {index} is {got} instead of {expected}",
                    self.name
                ));
            }
            worst = worst.max(error);
        }
        Ok(worst)
    }

    fn within(&self, values: &[f64], tolerance: f64) -> Result<f64, String> {
        let mut worst = self.samples(values, tolerance)?;
        let sum: f64 = values.iter().sum();
        let abs_sum: f64 = values.iter().map(|v| v.abs()).sum();
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let wide = TOLERANCE * self.abs_sum.max(1.0);
        for (what, got, expected, tolerance) in [
            ("sum", sum, self.sum, wide),
            ("sum of magnitudes", abs_sum, self.abs_sum, wide),
            ("minimum", min, self.min, tolerance),
            ("maximum", max, self.max, tolerance),
        ] {
            let error = (got - expected).abs() / tolerance;
            if error.is_nan() || error > 1.0 {
                return Err(format!("output {:?}: {what} {got} instead of {expected}", self.name));
            }
            worst = worst.max(error);
        }
        Ok(worst)
    }

    /// Known only when every element is sampled.
    fn same_arg_max(&self, values: &[f64]) -> Option<bool> {
        if self.sample_index.len() != values.len() || values.is_empty() {
            return None;
        }
        let arg_max = |v: &[f64]| {
            (0..v.len()).max_by(|a, b| {
                v.get(*a).partial_cmp(&v.get(*b)).unwrap_or(std::cmp::Ordering::Equal)
            })
        };
        Some(arg_max(values) == arg_max(&self.sample_value))
    }
}
