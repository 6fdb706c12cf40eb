//! A contract for somebody else's ONNX file: a few TOML lines over what the file says itself.
#![warn(clippy::indexing_slicing)]

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    ColourOrder, Contract, Layout, PredictKind, Range, Role, SizeRule, StateInit, StatePair, Task,
    Window,
};
use crate::model::{ModelError, ModelFile};

/// What the user says about a model; everything left out is taken from the file's own contract,
/// or inferred from its graph.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Overlay {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) task: Option<Task>,
    pub(super) kind: Option<PredictKind>,
    /// The input that takes the frame, or the main input of a model without pictures.
    pub(super) input: Option<String>,
    /// The output that gives the prediction, the scores or the embedding.
    pub(super) output: Option<String>,
    pub(super) layout: Option<Layout>,
    pub(super) colour: Option<ColourOrder>,
    /// Numbers for black and white.
    pub(super) range: Option<[f32; 2]>,
    pub(super) mean: Option<Vec<f32>>,
    pub(super) std: Option<Vec<f32>>,
    pub(super) size: Option<SizeRule>,
    pub(super) window: Option<Window>,
    pub(super) state: Option<Vec<StateLine>>,
    pub(super) labels: Option<Vec<String>>,
    /// Inputs that always have the same value.
    pub(super) constants: BTreeMap<String, f64>,
    /// Roles of other inputs and outputs.
    pub(super) roles: BTreeMap<String, Role>,
}

/// A state pair as `["in", "out"]` or as a table with `input`, `output`, `init`, `reset`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum StateLine {
    Names([String; 2]),
    Pair(StatePair),
}

impl StateLine {
    pub(super) fn pair(&self) -> StatePair {
        match self {
            Self::Pair(pair) => pair.clone(),
            Self::Names([input, output]) => StatePair {
                input: input.clone(),
                output: output.clone(),
                init: StateInit::default(),
                reset: Vec::new(),
            },
        }
    }
}

impl Overlay {
    /// Reads TOML text: the keys alone, or a configuration file's `[model.contract]` table. `name`
    /// stands for the text in errors.
    ///
    /// # Errors
    /// [`ModelError::Contract`] for bad TOML and unknown keys, with the line.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, ModelError> {
        let wrong = |e: toml::de::Error| Self::wrong(name, &e.to_string());
        let table: toml::Table = toml::from_str(text).map_err(wrong)?;
        match table.get("model").and_then(|m| m.get("contract")).and_then(toml::Value::as_table) {
            Some(inner) => Self::from_table(name, inner.clone()),
            // From the text again, so that errors have a line.
            None => toml::from_str(text).map_err(wrong),
        }
    }

    /// Reads the keys of a table, for example `[model.contract]` of a configuration.
    ///
    /// # Errors
    /// [`ModelError::Contract`] for unknown keys and wrong values.
    pub fn from_table(name: &str, table: toml::Table) -> Result<Self, ModelError> {
        table.try_into().map_err(|e: toml::de::Error| Self::wrong(name, &e.to_string()))
    }

    fn wrong(name: &str, reason: &str) -> ModelError {
        ModelError::Contract {
            model: name.to_owned(),
            field: "toml".to_owned(),
            reason: reason.trim_end().to_owned(),
        }
    }

    /// The contract of `model` with these lines laid over it; checked against the graph.
    ///
    /// # Errors
    /// [`ModelError::Contract`] when a line names what the graph does not have, when something
    /// needed is neither said nor can be inferred, or when the result does not fit the graph.
    pub fn apply(&self, model: &ModelFile) -> Result<Contract, ModelError> {
        let base = model.contract()?;
        let contract = match base {
            Some(base) => self.over(base),
            None => super::infer::contract(self, model)?,
        };
        contract.validate(model)?;
        Ok(contract)
    }

    /// Replaces what these lines say in a contract that is there.
    fn over(&self, mut contract: Contract) -> Contract {
        self.describe(&mut contract);
        if let Some(state) = &self.state {
            contract.state = state.iter().map(StateLine::pair).collect();
        }
        let picture = |role: Role| role.is_image();
        for port in contract.inputs.iter_mut().chain(&mut contract.outputs) {
            if let Some(role) = self.roles.get(&port.name) {
                port.role = *role;
            }
            if let Some(constant) = self.constants.get(&port.name) {
                port.constant = Some(*constant);
            }
            if picture(port.role) {
                port.layout = self.layout.unwrap_or(port.layout);
                port.colour = self.colour.unwrap_or(port.colour);
                port.range = self.range_over(&port.range);
            }
        }
        contract
    }

    /// Sets the fields that are no port.
    pub(super) fn describe(&self, contract: &mut Contract) {
        if let Some(name) = &self.name {
            contract.name.clone_from(name);
        }
        if let Some(text) = &self.description {
            contract.description.clone_from(text);
        }
        if let Some(task) = self.task {
            contract.task = task;
            contract.kind = (task == Task::Predict).then_some(PredictKind::Direct);
        }
        if self.kind.is_some() {
            contract.kind = self.kind;
        }
        if self.size.is_some() {
            contract.size = self.size;
        }
        if self.window.is_some() {
            contract.window = self.window;
        }
        if let Some(labels) = &self.labels {
            contract.labels.clone_from(labels);
        }
    }

    /// The range of a picture whose range would otherwise be `range`.
    pub(super) fn range_over(&self, range: &Range) -> Range {
        let [black, white] = self.range.unwrap_or([range.black, range.white]);
        Range {
            black,
            white,
            mean: self.mean.clone().unwrap_or_else(|| range.mean.clone()),
            std: self.std.clone().unwrap_or_else(|| range.std.clone()),
        }
    }
}
