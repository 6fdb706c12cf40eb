//! Scores of a model and of the baselines beside it.

use framecast::model::Score;
use serde::{Deserialize, Serialize};

use crate::train::Goal;

/// One number about a model, and the same of what it must beat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// What is measured, and on what, for example `accuracy (easy-VQA test)`.
    pub name: String,
    /// The model's.
    pub value: f64,
    /// Which values are better.
    pub goal: Goal,
    /// Names and values of the baselines on the same data.
    #[serde(default)]
    pub baselines: Vec<(String, f64)>,
}

impl Measure {
    /// A measure without baselines.
    #[must_use]
    pub fn new(name: &str, value: f64, goal: Goal) -> Self {
        Self { name: name.to_owned(), value, goal, baselines: Vec::new() }
    }

    /// The same with a baseline more.
    #[must_use]
    pub fn beside(mut self, name: &str, value: f64) -> Self {
        self.baselines.push((name.to_owned(), value));
        self
    }
}

/// What a validation or test says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// The measures; the first decides.
    pub list: Vec<Measure>,
    /// Samples that were scored.
    pub samples: usize,
}

impl Measures {
    /// The measure that decides.
    #[must_use]
    pub fn first(&self) -> Option<&Measure> {
        self.list.first()
    }

    /// One line a measure.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for Measure { name, value, baselines, .. } in &self.list {
            text.push_str(&format!("{name}  {value:.4}"));
            let beside: Vec<String> =
                baselines.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
            if !beside.is_empty() {
                text.push_str(&format!("  ({})", beside.join(", ")));
            }
            text.push('\n');
        }
        text
    }

    /// As the contract of a model has them.
    #[must_use]
    pub fn scores(&self, source: &str) -> Vec<Score> {
        self.list
            .iter()
            .map(|m| {
                let mut score = Score::new(source, &m.name, m.value, self.samples as u64);
                score.baselines = m.baselines.iter().cloned().collect();
                score
            })
            .collect()
    }
}
