//! Text character by character, with a state that is kept between calls: lines of an event log.

mod corpus;
mod net;

use std::collections::HashMap;

use burn::tensor::{Device, Tensor, TensorData};
use framecast::model::{Task, Tokenizer, tokenizer};
use rand::SeedableRng as _;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

pub use net::Writer;

use super::batch::{nothing, rows};
use super::product;
use crate::TrainError;
use crate::export::about;
use crate::fit::{
    FitCheckpoint, FitRecipe, Lesson, Measure, Measures, Product, Step, digest_of_words,
};
use crate::loss::cross_entropy;
use crate::net::{Form, Params, TaskNet as _};
use crate::train::Goal;

/// Characters that are scored.
const SCORED: usize = 20_000;
/// Texts side by side while they are scored.
const SIDE_BY_SIDE: usize = 20;
/// Salts of the texts that are held out and tested.
const HELD_OUT: u64 = 0x5eed_0001;
const TESTED: u64 = 0x5eed_0002;

/// The `[phrases]` part of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// Numbers that are kept, 4 to 1024.
    state: usize,
    /// Characters that are back-propagated through, 4 to 512.
    chunk: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { state: 96, chunk: 64 }
    }
}

/// Learns to write.
pub struct Writing {
    settings: Settings,
    tokenizer: Tokenizer,
    net: Writer,
    seed: u64,
}

impl Writing {
    /// Makes the vocabulary of `recipe`.
    ///
    /// # Errors
    /// [`TrainError::Recipe`].
    pub fn open(recipe: &FitRecipe) -> Result<Self, TrainError> {
        recipe.only(&["phrases"])?;
        let settings: Settings = recipe.table("phrases")?;
        for (key, value, low, high) in
            [("state", settings.state, 4, 1024), ("chunk", settings.chunk, 4, 512)]
        {
            if !(low..=high).contains(&value) {
                let reason = format!("phrases.{key} = {value} is outside {low} to {high}");
                return Err(recipe.wrong(reason));
            }
        }
        // Lines enough for every character to occur.
        let text = corpus::text(&mut Pcg64::seed_from_u64(0), 100_000);
        let kind = tokenizer::TokenKind::Characters;
        let options = tokenizer::FitOptions { kind, ..tokenizer::FitOptions::default() };
        let tokenizer = Tokenizer::fit([text.as_str()], &options);
        let tokenizer = tokenizer.map_err(|e| recipe.wrong(e.to_string()))?;
        let net = Writer { characters: tokenizer.ids(), state: settings.state };
        Ok(Self { settings, tokenizer, net, seed: recipe.seed })
    }

    /// The first `length` ids of a text, which begins with a line.
    fn ids(&self, random: &mut Pcg64, length: usize) -> Vec<usize> {
        let id = |c: char| {
            let id = self.tokenizer.vocabulary.get(c.encode_utf8(&mut [0; 4]) as &str);
            id.copied().unwrap_or(Tokenizer::UNKNOWN) as usize
        };
        corpus::text(random, length).chars().map(id).take(length).collect()
    }

    /// The mean cross-entropy of each next character of `texts`, all as long, in nats.
    fn score(
        &self,
        leaves: &std::collections::BTreeMap<String, crate::net::Leaf>,
        texts: &[Vec<usize>],
        device: &Device,
    ) -> Result<Tensor<1>, TrainError> {
        let length = texts.first().map_or(0, Vec::len);
        let mut state = self.net.rest(texts.len(), device);
        let mut logits = Vec::new();
        let mut wanted = Vec::new();
        for at in 0..length.saturating_sub(1) {
            let ids = texts.iter().map(|t| t.get(at).copied().unwrap_or_default() as f32);
            let form = Form::Tokens(1).inside(texts.len());
            let mut inputs =
                vec![Tensor::from_data(TensorData::new(ids.collect::<Vec<f32>>(), form), device)];
            inputs.append(&mut state);
            let mut found = self.net.compute(leaves, &inputs, None).into_iter();
            logits.push(rows(&found.next().ok_or_else(|| nothing("phrases"))?));
            state = found.collect();
            wanted.extend(texts.iter().filter_map(|t| t.get(at + 1).copied()));
        }
        Ok(cross_entropy::of_classes(&Tensor::cat(logits, 0), &wanted))
    }

    /// Bits a character, beside what tables of one and of three characters before give.
    fn measure(&self, name: &str, weights: &Params, salt: u64) -> Result<Measures, TrainError> {
        let mut random = Pcg64::seed_from_u64(salt);
        let length = SCORED / SIDE_BY_SIDE;
        let texts: Vec<_> = (0..SIDE_BY_SIDE).map(|_| self.ids(&mut random, length)).collect();
        let device = Device::flex();
        let nats = self.score(&weights.by_name(&device), &texts, &device)?;
        let bits = f64::from(nats.into_scalar::<f32>()) / std::f64::consts::LN_2;
        // As many characters as the tables need to be good.
        let learned = self.ids(&mut Pcg64::seed_from_u64(self.seed ^ 1), 400_000);
        let mut measure = Measure::new(name, bits, Goal::Min);
        for (name, order) in [("no character before", 0), ("one before", 1), ("three before", 3)] {
            measure = measure.beside(name, self.table_bits(&learned, &texts, order));
        }
        Ok(Measures { list: vec![measure], samples: SCORED })
    }

    /// Bits a character by how often each came after the `order` before it; one is added to counts.
    fn table_bits(&self, learned: &[usize], texts: &[Vec<usize>], order: usize) -> f64 {
        let mut counts: HashMap<&[usize], HashMap<usize, f64>> = HashMap::new();
        for window in learned.windows(order + 1) {
            let Some((next, before)) = window.split_last() else { continue };
            *counts.entry(before).or_default().entry(*next).or_default() += 1.0;
        }
        let (mut bits, mut scored) = (0.0, 0.0);
        for window in texts.iter().flat_map(|t| t.windows(order + 1)) {
            let Some((next, before)) = window.split_last() else { continue };
            let seen = counts.get(before);
            let count = seen.and_then(|s| s.get(next)).copied().unwrap_or_default();
            let all: f64 = seen.map_or(0.0, |s| s.values().sum());
            bits -= ((count + 1.0) / (all + self.net.characters as f64)).log2();
            scored += 1.0;
        }
        bits / f64::max(scored, 1.0)
    }
}

impl Lesson for Writing {
    fn init(&self) -> Params {
        self.net.init(self.seed)
    }

    fn data(&self) -> Vec<String> {
        vec![format!("made-up lines of an event log, {} characters", self.net.characters)]
    }

    fn vocabulary(&self) -> Option<String> {
        Some(digest_of_words(&self.tokenizer, [""; 0]))
    }

    fn loss(&mut self, step: Step<'_>) -> Result<Tensor<1>, TrainError> {
        let length = self.settings.chunk + 1;
        let texts: Vec<_> = (0..step.batch).map(|_| self.ids(step.data, length)).collect();
        self.score(step.leaves, &texts, step.device)
    }

    fn validate(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        self.measure("bits a character (held out)", weights, HELD_OUT)
    }

    fn test(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        self.measure("bits a character (test)", weights, TESTED)
    }

    fn export(
        &mut self,
        checkpoint: &FitCheckpoint,
        scores: &Measures,
    ) -> Result<Vec<Product>, TrainError> {
        let mut contract = about(checkpoint, &checkpoint.recipe.name, Task::Other)?;
        contract.tokenizer = Some(Tokenizer { length: 1, ..self.tokenizer.clone() });
        let weights = &checkpoint.optimiser.average;
        Ok(vec![product(&self.net, weights, contract, scores, "made-up event log")?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::fit;
    use crate::train::Options;

    #[test]
    fn it_writes_better_than_a_table_of_one_character_and_keeps_its_state_on_every_engine() {
        let text = "task = \"phrases\"\nname = \"p\"\n[train]\nsteps = 160\nbatch = 12\n\
                    learning_rate = 0.02\nwarm_up = 4\nema = 0.5\n[validate]\nevery = 160\n\
                    [phrases]\nstate = 24\nchunk = 24\n";
        let recipe = FitRecipe::parse("r", text).unwrap();
        let mut lesson = Writing::open(&recipe).unwrap();
        let place = tempfile::tempdir().unwrap();
        let out = place.path().to_owned();
        let found = fit(&recipe, &mut lesson, &Options { out, ..Default::default() }).unwrap();
        let checkpoint = FitCheckpoint::read(&found.best).unwrap();
        let scores = lesson.test(&checkpoint.optimiser.average).unwrap();
        let measure = scores.first().unwrap();
        let beside: Vec<f64> = measure.baselines.iter().map(|b| b.1).collect();
        assert!(beside.is_sorted_by(|a, b| a > b), "{}", scores.text());
        assert!(measure.value < beside[1], "{}", scores.text());
        let products = lesson.export(&checkpoint, &scores).unwrap();
        let checked = &products[0].checked;
        assert!(checked.iter().all(|c| c.worst < 1e-4 && c.frames >= 200));
    }
}
