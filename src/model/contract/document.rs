//! The contract as JSON in `metadata_props`.
#![warn(clippy::indexing_slicing)]

use super::Contract;
use crate::model::ModelError;
use crate::model::onnx::{ModelProto, StringStringEntryProto};

/// Longest document read; a vocabulary of 100,000 words fits.
const LONGEST: usize = 16 << 20;

impl Contract {
    /// Reads the JSON document; `model` is named in errors.
    ///
    /// # Errors
    /// [`ModelError::Contract`] for bad JSON, unknown fields, or a version newer than
    /// [`Contract::VERSION`]; [`ModelError::Limit`] above 16 MiB.
    pub fn from_json(model: &str, json: &str) -> Result<Self, ModelError> {
        if json.len() > LONGEST {
            return Err(ModelError::Limit {
                model: model.to_owned(),
                what: "the contract's size in bytes",
                value: json.len() as u64,
                limit: LONGEST as u64,
            });
        }
        let wrong = |field: &str, reason: String| ModelError::Contract {
            model: model.to_owned(),
            field: field.to_owned(),
            reason,
        };
        let value: serde_json::Value =
            serde_json::from_str(json).map_err(|e| wrong("document", format!("not JSON: {e}")))?;
        // Looked at first: a newer document may have fields that are unknown here.
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(Self::VERSION) => {}
            Some(version) if version > u64::from(Self::VERSION) => {
                return Err(wrong(
                    "version",
                    format!(
                        "{version} is newer than {}, the newest this program reads; update it, or \
                         export the model with version {}",
                        Self::VERSION,
                        Self::VERSION
                    ),
                ));
            }
            _ => {
                return Err(wrong(
                    "version",
                    format!("must be a whole number from 1 to {}", Self::VERSION),
                ));
            }
        }
        // From the text again, so that errors have a line and column.
        let contract: Self =
            serde_json::from_str(json).map_err(|e| wrong("document", e.to_string()))?;
        match contract.unwritable() {
            Some(field) => Err(wrong(field, "a number is beyond the largest real number".into())),
            None => Ok(contract),
        }
    }

    /// The field that holds an infinite number or none at all, which JSON cannot hold. Reading
    /// makes them from numbers above the largest `f32`.
    fn unwritable(&self) -> Option<&'static str> {
        let ports = || self.inputs.iter().chain(&self.outputs);
        let ranges = ports().map(|p| &p.range);
        let mut range =
            ranges.flat_map(|r| [&r.black, &r.white].into_iter().chain(&r.mean).chain(&r.std));
        let golden = self.golden.iter().flat_map(|g| {
            let values = g.outputs.iter().flat_map(|o| o.values.iter().flatten());
            values.chain([&g.tolerance])
        });
        if range.any(|v| !v.is_finite()) {
            Some("range")
        } else if self
            .answering
            .is_some_and(|a| !a.abstain.is_finite() || a.clip.is_some_and(|c| !c.rate.is_finite()))
        {
            Some("answering")
        } else if ports().filter_map(|p| p.constant).any(|v| !v.is_finite()) {
            Some("constant")
        } else if golden.into_iter().any(|v| !v.is_finite()) {
            Some("golden")
        } else if self
            .scores
            .iter()
            .flat_map(|s| [&s.model].into_iter().chain(&s.copy_last).chain(s.baselines.values()))
            .any(|v| !v.is_finite())
        {
            Some("scores")
        } else {
            None
        }
    }

    /// The JSON document, indented.
    ///
    /// # Errors
    /// [`ModelError::Contract`] when a number is infinite or none at all; never for a contract that
    /// [`Contract::validate`] accepts.
    pub fn to_json(&self) -> Result<String, ModelError> {
        let wrong = |field: &str, reason: String| ModelError::Contract {
            model: self.name.clone(),
            field: field.to_owned(),
            reason,
        };
        if let Some(field) = self.unwritable() {
            return Err(wrong(field, "JSON holds finite numbers only".to_owned()));
        }
        serde_json::to_string_pretty(self).map_err(|e| wrong("document", e.to_string()))
    }

    /// Reads the contract of `proto`; `None` when it carries none.
    ///
    /// # Errors
    /// As [`Contract::from_json`].
    pub fn read(model: &str, proto: &ModelProto) -> Result<Option<Self>, ModelError> {
        proto
            .metadata_props
            .iter()
            .find(|p| p.key == Self::KEY)
            .map(|p| Self::from_json(model, &p.value))
            .transpose()
    }

    /// Puts the contract into `proto`, in place of one that is there.
    ///
    /// # Errors
    /// As [`Contract::to_json`].
    pub fn write(&self, proto: &mut ModelProto) -> Result<(), ModelError> {
        let value = self.to_json()?;
        proto.metadata_props.retain(|p| p.key != Self::KEY);
        proto.metadata_props.push(StringStringEntryProto { key: Self::KEY.to_owned(), value });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Task;
    use super::*;

    fn small() -> Contract {
        Contract::new("small", Task::Other)
    }

    #[test]
    fn a_contract_survives_the_way_through_a_model() {
        let mut proto = ModelProto::default();
        small().write(&mut proto).unwrap();
        small().write(&mut proto).unwrap();
        assert_eq!(proto.metadata_props.len(), 1);
        assert_eq!(Contract::read("m", &proto).unwrap(), Some(small()));
    }

    #[test]
    fn newer_and_older_versions_are_refused_with_the_reason() {
        let newer = r#"{"version": 2, "something": "new"}"#;
        let error = Contract::from_json("m", newer).unwrap_err().to_string();
        assert!(error.contains("2 is newer than 1") && error.contains("update"), "{error}");
        for bad in [r#"{"version": 0}"#, r#"{"version": "1"}"#, "{}", "[]", "3"] {
            let error = Contract::from_json("m", bad).unwrap_err().to_string();
            assert!(error.contains("version"), "{bad}: {error}");
        }
    }

    #[test]
    fn numbers_that_json_cannot_hold_are_neither_read_nor_written() {
        let mut contract = small();
        let golden = crate::model::Golden { steps: 1, tolerance: 0.5, ..Default::default() };
        contract.golden = Some(golden);
        let json = contract.to_json().unwrap();
        assert!(Contract::from_json("m", &json).is_ok());
        let error = Contract::from_json("m", &json.replace("0.5", "4e44")).unwrap_err().to_string();
        // The JSON reader refuses it with its place, or our own check with its name.
        let named = error.contains("golden") && error.contains("beyond");
        assert!(named || error.contains("out of range at line"), "{error}");
        contract.golden.as_mut().unwrap().tolerance = f32::NAN;
        assert!(contract.to_json().unwrap_err().to_string().contains("finite"));
    }

    #[test]
    fn numbers_are_read_to_the_last_bit() {
        let mut contract = small();
        contract.scores.push(crate::model::Score::new("d", "pd", 2.266_666_666_666_666_6e119, 1));
        let again = Contract::from_json("m", &contract.to_json().unwrap()).unwrap();
        assert_eq!(again, contract);
    }

    #[test]
    fn unknown_fields_are_refused_with_their_place() {
        let json = small().to_json().unwrap().replace("\"name\"", "\"nmae\"");
        let error = Contract::from_json("m", &json).unwrap_err().to_string();
        assert!(error.contains("nmae") && error.contains("line"), "{error}");
    }
}
