//! `golden.json`: for each model of a folder the shapes of its inputs, its state pair, and a summary
//! of the outputs of each chained step.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;

use super::compare;
use crate::model::TensorBuf;

/// Largest file read.
const MAX_BYTES: u64 = 64 << 20;
/// Most elements of a tensor it may describe.
const MAX_ELEMENTS: usize = 1 << 28;
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
        let at = |reason: &dyn std::fmt::Display| format!("{}: {reason}", path.display());
        let file = File::open(path).map_err(|e| at(&e))?;
        let mut text = String::new();
        // A pipe or device says nothing about its length, so the reading itself is limited.
        let read = file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|e| at(&e))?;
        if read as u64 > MAX_BYTES {
            return Err(at(&format!("it is longer than {MAX_BYTES} bytes")));
        }
        Self::parse(&text).map_err(|e| at(&e))
    }

    /// Reads the text of the file, and refuses what could not serve as a reference.
    ///
    /// # Errors
    /// A sentence that names the model and the value.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: Self = serde_json::from_str(text).map_err(|e| e.to_string())?;
        for (name, model) in &file.models {
            model.check().map_err(|reason| format!("model {name:?}: {reason}"))?;
        }
        Ok(file)
    }

    /// Compares `got` with what the file holds for an output of a model at a step: the largest
    /// error in units of the tolerance. `step_size` is that of a quantised output.
    ///
    /// # Errors
    /// A sentence when the file holds nothing for it, or when it differs.
    pub fn compare(
        &self,
        model: &str,
        step: usize,
        output: &str,
        got: &TensorBuf,
        step_size: Option<f64>,
    ) -> Result<f64, String> {
        let steps = &self.models.get(model).ok_or_else(|| format!("no model {model:?}"))?.steps;
        let summaries = steps.get(step).map(Vec::as_slice).unwrap_or_default();
        let summary = summaries.iter().find(|s| s.name == output);
        let summary = summary.ok_or_else(|| format!("no output {output:?} at step {step}"))?;
        summary.compare(got, step_size).map(|(worst, _)| worst)
    }
}

impl GoldenModel {
    fn check(&self) -> Result<(), String> {
        for input in &self.inputs {
            elements(&input.name, &input.shape)?;
        }
        if self.steps.is_empty() == self.load_error.is_none() {
            return Err("it needs either steps or a load_error".to_owned());
        }
        if self.state_input.is_some() != self.state_output.is_some() {
            return Err("state_input and state_output come together".to_owned());
        }
        self.steps.iter().flatten().try_for_each(Summary::check)
    }
}

/// The number of elements of a tensor, within the limit.
fn elements(name: &str, shape: &[usize]) -> Result<usize, String> {
    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    count.filter(|n| *n <= MAX_ELEMENTS).ok_or_else(|| {
        format!("{name:?} has shape {shape:?}, above the limit of {MAX_ELEMENTS} elements")
    })
}

impl Summary {
    fn check(&self) -> Result<(), String> {
        let count = elements(&self.name, &self.shape)?;
        if self.sample_index.len() != self.sample_value.len() {
            return Err(format!(
                "output {:?} has {} indices and {} values",
                self.name,
                self.sample_index.len(),
                self.sample_value.len()
            ));
        }
        if self.sample_index.is_empty() || !self.sample_index.is_sorted_by(|a, b| a < b) {
            let name = &self.name;
            return Err(format!("output {name:?} needs at least one sample, at rising indices"));
        }
        match self.sample_index.iter().find(|i| **i >= count) {
            Some(i) => Err(format!("output {:?}: {i} is outside {:?}", self.name, self.shape)),
            None => Ok(()),
        }
    }

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

    /// Known only when every element is sampled and a number.
    fn same_arg_max(&self, values: &[f64]) -> Option<bool> {
        let number = |v: &[f64]| v.iter().all(|v| !v.is_nan());
        if self.sample_index.len() != values.len() || values.is_empty() || !number(values) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_reference_is_refused() {
        let output = |more: &str| {
            format!(
                r#"{{"name": "y", "shape": [2], "sum": 1, "abs_sum": 1, "min": 0, "max": 1, {more}}}"#
            )
        };
        let model =
            |body: &str| GoldenFile::parse(&format!(r#"{{"models": {{"m": {{{body}}}}}}}"#));
        let steps = |more: &str| model(&format!(r#""steps": [[{}]]"#, output(more)));
        assert!(steps(r#""sample_index": [1], "sample_value": [1]"#).is_ok());
        let refused = |outcome: Result<GoldenFile, String>, word: &str| {
            let reason = outcome.unwrap_err();
            assert!(reason.contains(word), "{reason}");
        };
        refused(steps(r#""sample_index": [0, 1], "sample_value": [1]"#), "2 indices and 1 values");
        refused(steps(r#""sample_index": [2], "sample_value": [1]"#), "2 is outside [2]");
        refused(steps(r#""sample_index": [], "sample_value": []"#), "at least one sample");
        refused(steps(r#""sample_index": [1, 0], "sample_value": [1, 0]"#), "rising");
        refused(model(""), "steps or a load_error");
        refused(model(r#""load_error": "no", "state_input": "h""#), "come together");
        let wide =
            r#""load_error": "no", "inputs": [{"name": "x", "shape": [4294967296, 4294967296]}]"#;
        refused(model(wide), "above the limit");
    }

    #[test]
    fn a_quantised_output_of_no_numbers_differs() {
        let text = r#"{"models": {"m": {"steps": [[{"name": "y", "shape": [2], "sum": 2, "abs_sum": 4,
            "min": -1, "max": 3, "sample_index": [0, 1], "sample_value": [-1, 3]}]]}}}"#;
        let file = GoldenFile::parse(text).unwrap();
        let compare = |values: [f32; 2]| {
            let got = TensorBuf::new(&[2], values.to_vec()).unwrap();
            file.compare("m", 0, "y", &got, Some(0.25))
        };
        assert_eq!(compare([-1.0, 3.0]), Ok(0.0));
        assert_eq!(compare([-1.5, 3.0]), Ok(1.0), "two steps away");
        assert_eq!(compare([1.0, 2.0]), Ok(1.0), "the same arg-max");
        assert!(compare([2.0, 1.0]).is_err());
        assert!(compare([f32::NAN; 2]).is_err(), "the last of them is no arg-max");
    }
}
