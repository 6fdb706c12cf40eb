//! Which models a run used, and from which frame on: figures and recorded lines belong to the model
//! that made them.
//!
//! Written by the inference thread at a change, under the lock of the measurements; bounded, so
//! that a model that is replaced every night cannot fill memory over years.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::engine::LoadReport;

/// Models kept for the summary; the newest ones stay.
const KEPT: usize = 32;

/// A model in use.
#[derive(Clone, Debug, Serialize)]
pub struct ModelUse {
    /// Number of the first frame it worked on.
    pub from_seq: u64,
    /// The model's name, or that of the baseline.
    pub name: String,
    /// SHA-256 of the file, or the name of the baseline.
    pub identity: String,
    /// Where it runs; null for a baseline.
    pub load: Option<LoadReport>,
}

/// The models of a run, oldest first.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ModelLog {
    /// How often another model took over.
    pub reloads: u64,
    /// The last models with the one in use at the end.
    #[serde(serialize_with = "each")]
    pub models: VecDeque<Arc<ModelUse>>,
}

impl ModelLog {
    /// Another model is in use from now on.
    pub fn add(&mut self, model: Arc<ModelUse>) {
        self.reloads += u64::from(!self.models.is_empty());
        if self.models.len() == KEPT {
            self.models.pop_front();
        }
        self.models.push_back(model);
    }
}

fn each<S: Serializer>(models: &VecDeque<Arc<ModelUse>>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(models.iter().map(|model| &**model))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_counted_and_memory_is_bounded() {
        let mut log = ModelLog::default();
        for from_seq in 0..100 {
            let (name, identity) = ("m".to_owned(), format!("hash {from_seq}"));
            log.add(Arc::new(ModelUse { from_seq, name, identity, load: None }));
        }
        assert_eq!((log.reloads, log.models.len()), (99, KEPT));
        let json = serde_json::to_value(&log).unwrap();
        assert_eq!(json["models"][KEPT - 1]["identity"], "hash 99");
        assert_eq!(json["models"][KEPT - 1]["from_seq"], 99);
    }
}
