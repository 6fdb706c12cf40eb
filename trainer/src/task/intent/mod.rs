//! What kind of question is asked: heads that send a sentence to the part that can answer it.

mod net;
mod questions;

use burn::tensor::{Device, Tensor, TensorData};
use framecast::model::{Task, Tokenizer, tokenizer};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};

pub use net::{Judge, Kind};

use super::batch::{TOGETHER, largest, nothing, numbers, rows};
use super::product;
use crate::TrainError;
use crate::export::about;
use crate::fit::{
    FitCheckpoint, FitRecipe, Lesson, Measure, Measures, Product, Step, digest_of_words,
};
use crate::loss::cross_entropy;
use crate::net::{Form, Leaf, Params, TaskNet as _};
use crate::train::Goal;
use questions::{Question, Questions};

/// The `[intent]` part of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// The arrangement.
    network: Kind,
    /// The names of the kinds.
    kinds: Vec<String>,
    /// A table of questions of each kind.
    tables: Vec<String>,
    /// Words that occur less often are unknown.
    min_count: usize,
    /// Words of a sentence, 4 to 100.
    length: usize,
}

impl Default for Settings {
    fn default() -> Self {
        let kinds = ["count", "action", "transition", "frameqa"].map(str::to_owned);
        let table = |kind: &String| format!("data:vqa/tgif_Test_{kind}_question.tsv.gz");
        let tables = kinds.iter().map(table).collect();
        Self { network: Kind::Cnn, kinds: kinds.to_vec(), tables, min_count: 2, length: 20 }
    }
}

/// Learns kinds of questions.
pub struct Judging {
    settings: Settings,
    tokenizer: Tokenizer,
    questions: Questions,
    /// Those of `questions.fit` as ids.
    fit: Vec<(Vec<f32>, usize)>,
    net: Judge,
    seed: u64,
}

impl Judging {
    /// Reads the questions of `recipe`.
    ///
    /// # Errors
    /// [`TrainError::Recipe`] and [`TrainError::Data`].
    pub fn open(recipe: &FitRecipe) -> Result<Self, TrainError> {
        recipe.only(&["intent"])?;
        let settings: Settings = recipe.table("intent")?;
        let (kinds, length) = (settings.kinds.len(), settings.length);
        if kinds < 2 || kinds != settings.tables.len() {
            let tables = settings.tables.len();
            return Err(recipe.wrong(format!(
                "intent.kinds has {kinds} and intent.tables {tables} entries; give a table for each \
                 of at least two kinds"
            )));
        }
        if !(4..=100).contains(&length) {
            return Err(recipe.wrong(format!("intent.length = {length} is outside 4 to 100")));
        }
        let questions = Questions::read(&settings.tables)?;
        let fail = |reason: String| TrainError::Data { uri: settings.tables.join(", "), reason };
        if questions.fit.is_empty() || questions.hold_out.is_empty() || questions.test.is_empty() {
            return Err(fail("there are too few questions to learn from and to test".to_owned()));
        }
        let (min_count, options) = (settings.min_count, tokenizer::FitOptions::default());
        let options = tokenizer::FitOptions { min_count, length, ..options };
        let texts = questions.fit.iter().map(|(text, _)| text.as_str());
        let tokenizer = Tokenizer::fit(texts, &options).map_err(|e| fail(e.to_string()))?;
        let fit = ids(&tokenizer, &questions.fit);
        let net = Judge { kind: settings.network, words: tokenizer.ids(), length, kinds };
        Ok(Self { settings, tokenizer, questions, fit, net, seed: recipe.seed })
    }

    fn tensor(&self, ids: Vec<f32>, count: usize, device: &Device) -> Tensor<4> {
        let form = Form::Tokens(self.settings.length).inside(count);
        Tensor::from_data(TensorData::new(ids, form), device)
    }

    fn measures(&self, name: &str, weights: &Params, questions: &[Question]) -> Measures {
        let device = Device::flex();
        let leaves = weights.by_name(&device);
        let mut right = 0;
        for chunk in ids(&self.tokenizer, questions).chunks(TOGETHER) {
            let all: Vec<f32> = chunk.iter().flat_map(|(ids, _)| ids.clone()).collect();
            let x = self.tensor(all, chunk.len(), &device);
            let found = self.net.compute(&leaves, &[x], None).into_iter().next();
            let scores = found.map(numbers).unwrap_or_default();
            let pairs = scores.chunks_exact(self.net.kinds).zip(chunk);
            right += pairs.filter(|(row, (_, kind))| largest(row) == *kind).count();
        }
        let share = |n: usize| n as f64 / questions.len().max(1) as f64;
        let most = net::majority(&self.questions.fit, self.net.kinds);
        let always = questions.iter().filter(|(_, kind)| *kind == most).count();
        let measure = Measure::new(name, share(right), Goal::Max).beside("majority", share(always));
        Measures { list: vec![measure], samples: questions.len() }
    }
}

/// Questions as ids.
fn ids(tokenizer: &Tokenizer, questions: &[Question]) -> Vec<(Vec<f32>, usize)> {
    let row = |(text, kind): &Question| {
        let encoded = tokenizer.encode(text).map(|e| e.ids).ok()?;
        Some((encoded.into_iter().map(|id| id as f32).collect(), *kind))
    };
    questions.iter().filter_map(row).collect()
}

impl Lesson for Judging {
    fn init(&self) -> Params {
        self.net.init(self.seed, &self.fit)
    }

    fn data(&self) -> Vec<String> {
        let Questions { fit, hold_out, test } = &self.questions;
        vec![format!(
            "{}: {} different questions learned from, {} held out, {} tested",
            self.settings.tables.join(", "),
            fit.len(),
            hold_out.len(),
            test.len()
        )]
    }

    fn vocabulary(&self) -> Option<String> {
        Some(digest_of_words(&self.tokenizer, &self.settings.kinds))
    }

    fn loss(&mut self, step: Step<'_>) -> Result<Tensor<1>, TrainError> {
        let (mut all, mut kinds) = (Vec::new(), Vec::new());
        while kinds.len() < step.batch {
            let at = step.data.random_range(0..self.fit.len().max(1));
            let (ids, kind) = self.fit.get(at).ok_or_else(|| nothing("intent"))?;
            all.extend_from_slice(ids);
            kinds.push(*kind);
        }
        let x = self.tensor(all, step.batch, step.device);
        let mut leaves = step.leaves.clone();
        if self.net.kind == Kind::Windows {
            // What was counted stays; the stacker alone learns.
            for (_, leaf) in leaves.iter_mut().filter(|(name, _)| !name.starts_with("scores")) {
                *leaf = match leaf {
                    Leaf::Kernel(tensor) => Leaf::Kernel(tensor.clone().detach()),
                    Leaf::Bias(tensor) => Leaf::Bias(tensor.clone().detach()),
                };
            }
        }
        let found = net::Logits(&self.net).compute(&leaves, &[x], Some(step.chance));
        let logits = found.first().ok_or_else(|| nothing("intent"))?;
        Ok(cross_entropy::of_classes(&rows(logits), &kinds))
    }

    fn validate(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        Ok(self.measures("accuracy (held out)", weights, &self.questions.hold_out))
    }

    fn test(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        Ok(self.measures("accuracy (test)", weights, &self.questions.test))
    }

    fn export(
        &mut self,
        checkpoint: &FitCheckpoint,
        scores: &Measures,
    ) -> Result<Vec<Product>, TrainError> {
        let mut contract = about(checkpoint, &checkpoint.recipe.name, Task::Other)?;
        contract.labels.clone_from(&self.settings.kinds);
        contract.tokenizer = Some(self.tokenizer.clone());
        let weights = &checkpoint.optimiser.average;
        Ok(vec![product(&self.net, weights, contract, scores, &self.settings.tables.join(", "))?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::fit;
    use crate::train::Options;

    #[test]
    fn all_three_tell_questions_apart_and_are_exported() {
        let place = tempfile::tempdir().unwrap();
        let things = ["dog", "cat", "man", "car", "bird", "ball", "girl", "boat"];
        let verbs = ["jump", "turn", "fall", "wave", "blink", "roll"];
        let mut tables = Vec::new();
        for (name, begin, end) in [("a", "how many times does", ""), ("b", "what does", "after it")]
        {
            let mut text = String::from("gif\tquestion\n");
            for thing in things {
                verbs.iter().for_each(|v| text += &format!("g\t{begin} the {thing} {v} {end}\n"));
            }
            let file = place.path().join(name);
            std::fs::write(&file, text).unwrap();
            tables.push(file.display().to_string());
        }
        for (kind, steps) in [("cnn", 30), ("lstm", 40), ("windows", 60)] {
            let text = format!(
                "task = \"intent\"\nname = \"i-{kind}\"\n[train]\nsteps = {steps}\nbatch = 24\n\
                 learning_rate = 0.02\nwarm_up = 4\nema = 0.2\nweight_decay = 0.0\n\
                 [validate]\nevery = {steps}\n[intent]\nnetwork = \"{kind}\"\n\
                 kinds = [\"count\", \"do\"]\ntables = {tables:?}\nlength = 9\n"
            );
            let recipe = FitRecipe::parse("r", &text).unwrap();
            let mut lesson = Judging::open(&recipe).unwrap();
            let out = place.path().join(kind);
            let found = fit(&recipe, &mut lesson, &Options { out, ..Default::default() }).unwrap();
            let checkpoint = FitCheckpoint::read(&found.best).unwrap();
            let scores = lesson.test(&checkpoint.optimiser.average).unwrap();
            let measure = scores.first().unwrap();
            assert!(
                measure.value > 0.95 && measure.baselines[0].1 < 0.8,
                "{kind} {}",
                scores.text()
            );
            let products = lesson.export(&checkpoint, &scores).unwrap();
            assert!(products[0].checked.iter().all(|c| c.worst < 1e-4), "{kind}");
            if kind == "windows" {
                let kept = checkpoint.optimiser.weights.get("words.weight").unwrap();
                assert_eq!(kept.values, lesson.init().get("words.weight").unwrap().values);
            }
        }
    }
}
