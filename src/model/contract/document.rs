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
        serde_json::from_str(json).map_err(|e| wrong("document", e.to_string()))
    }

    /// The JSON document, indented.
    ///
    /// # Errors
    /// Never for a contract that [`Contract::validate`] accepts: numbers are finite there.
    pub fn to_json(&self) -> Result<String, ModelError> {
        serde_json::to_string_pretty(self).map_err(|e| ModelError::Contract {
            model: self.name.clone(),
            field: "document".to_owned(),
            reason: e.to_string(),
        })
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
    fn unknown_fields_are_refused_with_their_place() {
        let json = small().to_json().unwrap().replace("\"name\"", "\"nmae\"");
        let error = Contract::from_json("m", &json).unwrap_err().to_string();
        assert!(error.contains("nmae") && error.contains("line"), "{error}");
    }
}
