//! Learning to answer questions about drawn clips.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use burn::tensor::{Device, Tensor};
use framecast::model::tokenizer::{FitOptions, Tokenizer};
use framecast::model::{Answering, ClipMemory, SizeRule, Task};
use rand::RngExt as _;

use super::batch::{doubt, maps_loss, numbers, rows, surprise, tokens};
use super::calibrate::{Judged, best};
use super::clip_net::ClipNet;
use super::clips::{Clip, Trained, answers, by_length, clips, moment};
use super::scene::{Example, FRAMES, RATE, SIDE, Template};
use super::sentence::Sentence;
use super::settings::Settings;
use crate::TrainError;
use crate::data::place;
use crate::export::{about, engines, task_conformance, task_model};
use crate::fit::{
    FitCheckpoint, FitRecipe, Lesson, Measure, Measures, Product, Step, digest_of_words,
};
use crate::net::{Layers as _, Leaf, Params, TaskNet as _, Tensors};
use crate::train::Goal;

/// First seeds of the clips that are learnt from, of validation, and of test.
pub(super) const SEEDS: [u64; 3] = [1_000_000, 2_000_000, 3_000_000];
/// Clips scored together.
const SCORED: usize = 128;
/// Copies that are shown one frame, and which (in halves of the clip).
const CONTROLS: [(&str, usize); 3] = [("first", 0), ("middle", 1), ("last", 2)];
/// How often a copy is shown its frame: the memory has settled by then.
const REPEATS: usize = 4;
/// Steps an exported model is compared over.
const STEPS: usize = 240;

/// Which frames of a clip are shown.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shown {
    /// All, in order.
    All,
    /// One of first, middle and last (in halves of the clip), so many times.
    One { half: usize, times: usize },
}

pub(super) struct ClipLesson {
    net: ClipNet,
    settings: Settings,
    seed: u64,
    answers: Vec<String>,
    tokenizer: Tokenizer,
    trained: Trained,
    train: Vec<Clip>,
    groups: BTreeMap<usize, Vec<usize>>,
    kept: Vec<Clip>,
}

impl ClipLesson {
    pub(super) fn open(recipe: &FitRecipe, settings: Settings) -> Result<Self, TrainError> {
        let trained = Trained::read(Path::new(&place(&settings.encoder)))?;
        let examples = |part: usize| -> Vec<Example> {
            (SEEDS[part]..SEEDS[part] + settings.clips[part]).map(Example::seeded).collect()
        };
        let (train, kept) = (examples(0), examples(1));
        let texts: Vec<String> =
            train.iter().flat_map(|e| e.scene.questions()).map(|q| q.text).collect();
        let options = FitOptions { length: settings.length, ..FitOptions::default() };
        let tokenizer = Tokenizer::fit(texts.iter().map(String::as_str), &options)
            .map_err(|e| recipe.wrong(e.to_string()))?;
        let answers = answers();
        let sentence = Sentence {
            reader: settings.reader,
            words: tokenizer.ids(),
            embedding: settings.embedding,
            size: settings.size,
        };
        let net = ClipNet {
            encoder: trained.encoder,
            sentence,
            length: settings.length,
            answers: answers.len(),
            memory: settings.memory,
            temperature: 1.0,
        };
        let train = clips(train, &trained, &tokenizer, &answers)?;
        let kept = clips(kept, &trained, &tokenizer, &answers)?;
        let groups = by_length(&train);
        let seed = recipe.seed;
        Ok(Self { net, settings, seed, answers, tokenizer, trained, train, groups, kept })
    }

    /// The memory after the clips `of` were shown, all as long as the first.
    fn remember(
        &self,
        leaves: &BTreeMap<String, Leaf>,
        device: &Device,
        of: &[&Clip],
        shown: Shown,
    ) -> Tensor<4> {
        let frames = of.first().map_or(0, |clip| clip.seen.len());
        let order: Vec<usize> = match shown {
            Shown::All => (0..frames).collect(),
            Shown::One { half, times } => vec![frames.saturating_sub(1) * half / 2; times],
        };
        let mut state = self.net.rest(of.len(), device);
        let g = &mut Tensors::new(leaves);
        for frame in order {
            let seen = moment(of.iter().map(|clip| &clip.seen[frame]), device);
            state = self.net.remember(g, &seen, &state[0], &state[1]).into();
        }
        state.swap_remove(0)
    }

    /// The logits of the first question of each clip, in the order of the clips.
    fn judge(&self, weights: &Params, of: &[Clip], shown: Shown) -> Judged {
        let logits = self.logits(weights, of, shown, |clip| clip.first.ids.clone());
        Judged { logits, right: of.iter().map(|c| c.first.answer).collect() }
    }

    /// The same of a question of each clip that has no right answer.
    fn doubted(&self, weights: &Params, of: &[Clip]) -> Judged {
        let question = |clip: &Clip| clip.without.first().cloned().unwrap_or_default();
        let logits = self.logits(weights, of, Shown::All, question);
        Judged { right: vec![usize::MAX; logits.len()], logits }
    }

    fn logits(
        &self,
        weights: &Params,
        of: &[Clip],
        shown: Shown,
        question: impl Fn(&Clip) -> Vec<u32>,
    ) -> Vec<Vec<f32>> {
        let device = Device::flex();
        let leaves = weights.by_name(&device);
        let mut found: Vec<Vec<f32>> = vec![Vec::new(); of.len()];
        for places in by_length(of).values() {
            for part in places.chunks(SCORED) {
                let batch: Vec<&Clip> = part.iter().map(|&at| &of[at]).collect();
                let memory = self.remember(&leaves, &device, &batch, shown);
                let ids: Vec<Vec<u32>> = batch.iter().map(|clip| question(clip)).collect();
                let g = &mut Tensors::new(&leaves);
                let logits = self.net.answer(g, &memory, &tokens(&ids, &device));
                for (&at, row) in part.iter().zip(numbers(logits)) {
                    found[at] = row;
                }
            }
        }
        found
    }

    /// Accuracy of always giving the most frequent answer, and of the most frequent one to the same
    /// sentence.
    fn blind(&self, of: &[Clip]) -> [f64; 2] {
        let mut all = vec![0usize; self.answers.len()];
        let mut by_text: HashMap<&str, Vec<usize>> = HashMap::new();
        for question in self.train.iter().map(|c| &c.first) {
            all[question.answer] += 1;
            let counts = by_text.entry(&question.text).or_insert_with(|| vec![0; all.len()]);
            counts[question.answer] += 1;
        }
        let most = |counts: &[usize]| {
            counts.iter().enumerate().rev().max_by_key(|(_, n)| **n).map_or(0, |(at, _)| at)
        };
        let always = most(&all);
        let share = |guess: &dyn Fn(&Clip) -> usize| {
            of.iter().filter(|c| guess(c) == c.first.answer).count() as f64 / of.len().max(1) as f64
        };
        let of_text = |c: &Clip| by_text.get(c.first.text.as_str()).map_or(always, |n| most(n));
        [share(&|_| always), share(&of_text)]
    }

    fn measures(&self, weights: &Params, of: &[Clip], fitted: (f32, f32)) -> (Measures, Judged) {
        let judged = self.judge(weights, of, Shown::All);
        let [majority, text] = self.blind(of);
        let chance: f64 =
            of.iter().map(|c| 1.0 / c.first.template.answers().len() as f64).sum::<f64>()
                / of.len().max(1) as f64;
        let one = |half: usize| {
            [1, FRAMES[1]]
                .map(|times| self.judge(weights, of, Shown::One { half, times }).accuracy())
                .into_iter()
                .fold(0.0, f64::max)
        };
        let mut accuracy = Measure::new("accuracy", judged.accuracy(), Goal::Max)
            .beside("first frame only", one(0))
            .beside("middle frame only", one(1))
            .beside("last frame only", one(2));
        if self.settings.controls {
            for (name, half) in CONTROLS {
                let shown = Shown::One { half, times: REPEATS };
                let found = self.judge(&part_of(weights, Some(name)), of, shown).accuracy();
                accuracy = accuracy.beside(&format!("trained on the {name} frame"), found);
            }
        }
        let accuracy = accuracy
            .beside("question only", text)
            .beside("majority", majority)
            .beside("chance", chance);
        let [given, right, off] = judged.judged(fitted.0, fitted.1);
        let [claimed, _, _] = self.doubted(weights, of).judged(fitted.0, fitted.1);
        let list = vec![
            accuracy,
            Measure::new("withheld where there is no answer", 1.0 - claimed, Goal::Max),
            Measure::new("answered", given, Goal::Max),
            Measure::new("accuracy of answered", right, Goal::Max),
            Measure::new("calibration error", off, Goal::Min),
        ];
        (Measures { list, samples: of.len() }, judged)
    }

    /// The accuracy of each kind of question.
    fn by_kind(of: &[Clip], judged: &Judged) -> Vec<Measure> {
        let mut list = Vec::new();
        for template in Template::ALL {
            let hits: Vec<bool> = of
                .iter()
                .zip(&judged.logits)
                .filter(|(c, _)| c.first.template == template)
                .map(|(c, logits)| best(logits).0 == c.first.answer)
                .collect();
            let share = hits.iter().filter(|h| **h).count() as f64 / hits.len().max(1) as f64;
            let chance = 1.0 / template.answers().len() as f64;
            let name = format!("accuracy: {}", template.name());
            list.push(Measure::new(&name, share, Goal::Max).beside("chance", chance));
        }
        list
    }

    /// Temperature and threshold, fitted on the clips of validation; the threshold on as many questions
    /// without an answer too, where a model learns to doubt them.
    fn fitted(&self, weights: &Params) -> (f32, f32) {
        let mut kept = self.judge(weights, &self.kept, Shown::All);
        let temperature = kept.temperature();
        if self.settings.doubt > 0.0 {
            let doubted = self.doubted(weights, &self.kept);
            kept.logits.extend(doubted.logits);
            kept.right.extend(doubted.right);
        }
        (temperature, kept.threshold(temperature))
    }
}

/// The name that a parameter of the control `name` has in the network itself.
fn of_control<'a>(param: &'a str, name: &str) -> Option<&'a str> {
    param.strip_prefix(name)?.strip_prefix('.')
}

/// The parameters of a control, or of the network without its controls.
fn part_of(weights: &Params, control: Option<&str>) -> Params {
    let mut part = Params::default();
    for param in weights.list() {
        let own = match control {
            Some(name) => of_control(&param.name, name),
            None if CONTROLS.iter().any(|(c, _)| of_control(&param.name, c).is_some()) => None,
            None => Some(param.name.as_str()),
        };
        if let Some(own) = own {
            part.add_values(own, &param.shape, param.values.clone());
        }
    }
    part
}

impl Lesson for ClipLesson {
    fn init(&self) -> Params {
        let mut params = self.net.init(self.seed);
        let controls = if self.settings.controls { &CONTROLS[..] } else { &[] };
        for (name, _) in controls {
            for param in self.net.init(self.seed).list() {
                let name = format!("{name}.{}", param.name);
                params.add_values(&name, &param.shape, param.values.clone());
            }
        }
        params
    }

    fn data(&self) -> Vec<String> {
        vec![
            format!("{} drawn clips of coloured shapes", self.train.len()),
            self.trained.from.clone(),
        ]
    }

    fn vocabulary(&self) -> Option<String> {
        Some(digest_of_words(&self.tokenizer, &self.answers))
    }

    fn loss(&mut self, step: Step<'_>) -> Result<Tensor<1>, TrainError> {
        let Step { leaves, device, batch, data, .. } = step;
        // A length as likely as there are clips of it.
        let any = data.random_range(0..self.train.len());
        let length = self.train[any].seen.len();
        let group = self.groups.get(&length).map_or(&[][..], Vec::as_slice);
        let chosen: Vec<&Clip> =
            (0..batch).map(|_| &self.train[group[data.random_range(0..group.len())]]).collect();
        let (mut row, mut ids, mut right) = (Vec::new(), Vec::new(), Vec::new());
        let mut events = Vec::new();
        for (at, clip) in chosen.iter().enumerate() {
            for question in 0..self.settings.questions {
                let other = data.random_range(0..clip.others.len());
                let asked = if question == 0 { &clip.first } else { &clip.others[other] };
                row.push(at);
                ids.push(asked.ids.clone());
                right.push(asked.answer);
            }
            events.extend_from_slice(&clip.events);
        }
        let ids = tokens(&ids, device);
        let learnt = |leaves: &BTreeMap<String, Leaf>, shown: Shown| {
            let memory = self.remember(leaves, device, &chosen, shown);
            let g = &mut Tensors::new(leaves);
            let found = g.linear(&memory, "memory.events");
            let events = maps_loss(&found, events.clone());
            let logits = self.net.answer(g, &rows(&memory, &row), &ids);
            (surprise(&logits, &right) + events * self.settings.beside as f32, memory)
        };
        let (mut loss, memory) = learnt(leaves, Shown::All);
        if self.settings.controls {
            for (name, half) in CONTROLS {
                let own = leaves.iter().filter_map(|(at, leaf)| {
                    Some((of_control(at, name)?.to_owned(), leaf.clone()))
                });
                loss = loss + learnt(&own.collect(), Shown::One { half, times: REPEATS }).0;
            }
        }
        let g = &mut Tensors::new(leaves);
        if self.settings.doubt == 0.0 {
            return Ok(loss);
        }
        let without: Vec<Vec<u32>> = chosen
            .iter()
            .map(|clip| clip.without[data.random_range(0..clip.without.len())].clone())
            .collect();
        let unanswerable = self.net.answer(g, &memory, &tokens(&without, device));
        Ok(loss + doubt(&unanswerable) * self.settings.doubt as f32)
    }

    fn validate(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        let fitted = self.fitted(weights);
        Ok(self.measures(weights, &self.kept, fitted).0)
    }

    fn test(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        let [_, _, from] = SEEDS;
        let examples: Vec<Example> =
            (from..from + self.settings.clips[2]).map(Example::seeded).collect();
        let test = clips(examples, &self.trained, &self.tokenizer, &self.answers)?;
        let fitted = self.fitted(weights);
        let (mut measures, judged) = self.measures(weights, &test, fitted);
        measures.list.extend(Self::by_kind(&test, &judged));
        Ok(measures)
    }

    fn export(
        &mut self,
        checkpoint: &FitCheckpoint,
        scores: &Measures,
    ) -> Result<Vec<Product>, TrainError> {
        if checkpoint.data != self.data() {
            let (was, is) = (checkpoint.data.join("; "), self.data().join("; "));
            return Err(TrainError::Export {
                name: checkpoint.recipe.name.clone(),
                reason: format!("it was trained with {was}; now there is {is}"),
            });
        }
        let own = &part_of(&checkpoint.optimiser.average, None);
        let (temperature, abstain) = self.fitted(own);
        let net = ClipNet { temperature, ..self.net };
        let mut weights = self.trained.params.clone();
        for param in own.list() {
            weights.add_values(&param.name, &param.shape, param.values.clone());
        }
        let mut contract = about(checkpoint, &checkpoint.recipe.name, Task::Answer)?;
        contract.size = Some(SizeRule::Fixed { width: SIDE as u32, height: SIDE as u32 });
        contract.labels.clone_from(&self.answers);
        contract.tokenizer = Some(self.tokenizer.clone());
        let clip = Some(ClipMemory { rate: RATE, frames: FRAMES[1] });
        contract.answering = Some(Answering { abstain, clip });
        contract.scores = scores.scores("drawn clips, test");
        let model = task_model(&net, &weights, contract)?;
        let checked = engines(None)
            .0
            .into_iter()
            .map(|engine| task_conformance(&net, &weights, &model, engine, STEPS))
            .collect::<Result<_, _>>()?;
        Ok(vec![Product { model, checked }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_no_part_of_the_network() {
        let mut weights = Params::default();
        for (at, name) in ["look.kinds", "first.look.kinds", "last.look.kinds"].iter().enumerate() {
            weights.add_values(name, &[1], vec![at as f32]);
        }
        let values = |control: Option<&str>| {
            let part = part_of(&weights, control);
            part.list().iter().map(|p| (p.name.clone(), p.values[0])).collect::<Vec<_>>()
        };
        assert_eq!(values(None), [("look.kinds".to_owned(), 0.0)]);
        assert_eq!(values(Some("last")), [("look.kinds".to_owned(), 2.0)]);
        assert!(values(Some("middle")).is_empty());
    }
}
