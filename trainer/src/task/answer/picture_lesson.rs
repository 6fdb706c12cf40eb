//! Learning to answer questions about pictures: easy-VQA, and beside it drawn pictures that say
//! where their shapes are.

use std::collections::HashMap;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use framecast::model::tokenizer::{FitOptions, Tokenizer};
use framecast::model::{Answering, SizeRule, Task};
use rand::RngExt as _;
use rand_pcg::Pcg64;

use super::batch::{maps_loss, numbers, pictures, rows, surprise, tokens};
use super::calibrate::Judged;
use super::easy_vqa::{EasyVqa, Part};
use super::encoder::Encoder;
use super::picture_net::PictureNet;
use super::scene::{SIDE, Scene};
use super::sentence::Sentence;
use super::settings::{MAP, Settings};
use crate::TrainError;
use crate::data::place;
use crate::export::{about, engines, task_conformance, task_model};
use crate::fit::{
    FitCheckpoint, FitRecipe, Lesson, Measure, Measures, Product, Step, digest_of_words,
};
use crate::net::{Params, Tensors};
use crate::train::Goal;

/// Every how many pictures of the training data one is kept for validation.
const KEPT: usize = 10;
/// Pictures scored at a time.
const SCORED: usize = 64;
/// Steps an exported model is compared over.
const STEPS: usize = 200;

/// A question ready for the network.
struct Ready {
    ids: Vec<u32>,
    text: String,
    answer: usize,
    picture: usize,
}

pub(super) struct PictureLesson {
    net: PictureNet,
    settings: Settings,
    seed: u64,
    answers: Vec<String>,
    tokenizer: Tokenizer,
    train: Vec<Vec<u8>>,
    test: Vec<Vec<u8>>,
    /// Questions of each picture that is learnt from.
    learnt: Vec<Vec<Ready>>,
    kept: Vec<Ready>,
    asked: Vec<Ready>,
}

impl PictureLesson {
    pub(super) fn open(recipe: &FitRecipe, settings: Settings) -> Result<Self, TrainError> {
        let EasyVqa { answers, train, test } = EasyVqa::read(Path::new(&place(&settings.data)))?;
        let learns = |picture: usize| picture % KEPT != KEPT - 1;
        let texts = train.questions.iter().filter(|q| learns(q.picture)).map(|q| q.text.as_str());
        let options = FitOptions { length: settings.length, ..FitOptions::default() };
        let data_error = |reason: String| TrainError::Data { uri: settings.data.clone(), reason };
        let tokenizer = Tokenizer::fit(texts, &options).map_err(|e| data_error(e.to_string()))?;
        let ready = |part: &Part| -> Result<Vec<Ready>, TrainError> {
            let each = part.questions.iter().map(|q| {
                let ids = tokenizer.encode(&q.text).map_err(|e| data_error(e.to_string()))?.ids;
                let (text, answer, picture) = (q.text.clone(), q.answer, q.picture);
                Ok(Ready { ids, text, answer, picture })
            });
            each.collect()
        };
        let (all, asked) = (ready(&train)?, ready(&test)?);
        let mut learnt: HashMap<usize, Vec<Ready>> = HashMap::new();
        let mut kept = Vec::new();
        for question in all {
            if learns(question.picture) {
                learnt.entry(question.picture).or_default().push(question);
            } else {
                kept.push(question);
            }
        }
        let mut learnt: Vec<Vec<Ready>> = learnt.into_values().collect();
        learnt.sort_by_key(|questions| questions.first().map(|q| q.picture));
        let sentence = Sentence {
            reader: settings.reader,
            words: tokenizer.ids(),
            embedding: settings.embedding,
            size: settings.size,
        };
        let net = PictureNet {
            encoder: Encoder { widths: settings.widths },
            sentence,
            length: settings.length,
            answers: answers.len(),
            temperature: 1.0,
        };
        let (train, test) = (train.pictures, test.pictures);
        let seed = recipe.seed;
        Ok(Self { net, settings, seed, answers, tokenizer, train, test, learnt, kept, asked })
    }

    /// The logits of `questions` about `images`.
    fn judge(&self, weights: &Params, questions: &[Ready], images: &[Vec<u8>]) -> Judged {
        let device = Device::flex();
        let leaves = weights.by_name(&device);
        let g = &mut Tensors::new(&leaves);
        let mut judged = Judged::default();
        let mut from = 0;
        // Questions of a picture stand together: each picture is looked at once.
        while from < questions.len() {
            let mut shown: Vec<usize> = Vec::new();
            let mut row = Vec::new();
            let mut to = from;
            while let Some(question) = questions.get(to) {
                if shown.last() != Some(&question.picture) {
                    if shown.len() == SCORED {
                        break;
                    }
                    shown.push(question.picture);
                }
                row.push(shown.len() - 1);
                to += 1;
            }
            let batch = &questions[from..to];
            let images = pictures(shown.iter().map(|&p| images[p].as_slice()), &device);
            let (vector, _) = self.net.look(g, &images);
            let ids: Vec<Vec<u32>> = batch.iter().map(|q| q.ids.clone()).collect();
            let logits = self.net.answer(g, &rows(&vector, &row), &tokens(&ids, &device));
            judged.logits.extend(numbers(logits));
            judged.right.extend(batch.iter().map(|q| q.answer));
            from = to;
        }
        judged
    }

    /// Accuracy on `questions` of always giving the most frequent answer, and of giving the most
    /// frequent one to the same sentence.
    fn blind(&self, questions: &[Ready]) -> [f64; 2] {
        let mut all = vec![0usize; self.answers.len()];
        let mut by_text: HashMap<&str, Vec<usize>> = HashMap::new();
        for question in self.learnt.iter().flatten() {
            all[question.answer] += 1;
            let counts = by_text.entry(&question.text).or_insert_with(|| vec![0; all.len()]);
            counts[question.answer] += 1;
        }
        let most = |counts: &[usize]| {
            counts.iter().enumerate().rev().max_by_key(|(_, n)| **n).map_or(0, |(at, _)| at)
        };
        let always = most(&all);
        let share = |guess: &dyn Fn(&Ready) -> usize| {
            let right = questions.iter().filter(|q| guess(q) == q.answer).count();
            right as f64 / questions.len().max(1) as f64
        };
        let of_text = |q: &Ready| by_text.get(q.text.as_str()).map_or(always, |c| most(c));
        [share(&|_| always), share(&of_text)]
    }

    fn measures(&self, judged: &Judged, questions: &[Ready], fitted: (f32, f32)) -> Measures {
        let [majority, text] = self.blind(questions);
        let [given, right, off] = judged.judged(fitted.0, fitted.1);
        let max = |name: &str, value: f64| Measure::new(name, value, Goal::Max);
        Measures {
            list: vec![
                max("accuracy", judged.accuracy())
                    .beside("majority", majority)
                    .beside("question only", text)
                    .beside("chance", 1.0 / self.answers.len() as f64),
                max("answered", given),
                max("accuracy of answered", right),
                Measure::new("calibration error", off, Goal::Min),
            ],
            samples: questions.len(),
        }
    }
}

impl Lesson for PictureLesson {
    fn init(&self) -> Params {
        self.net.init(self.seed)
    }

    fn data(&self) -> Vec<String> {
        vec![
            format!("easy-VQA train without every tenth picture, {} pictures", self.learnt.len()),
            "drawn pictures of coloured shapes".to_owned(),
        ]
    }

    fn vocabulary(&self) -> Option<String> {
        Some(digest_of_words(&self.tokenizer, &self.answers))
    }

    fn loss(&mut self, step: Step<'_>) -> Result<Tensor<1>, TrainError> {
        let Step { leaves, device, batch, data, .. } = step;
        let random: &mut Pcg64 = data;
        let mut shown = Vec::with_capacity(batch);
        let (mut row, mut ids, mut right) = (Vec::new(), Vec::new(), Vec::new());
        for at in 0..batch {
            let questions = &self.learnt[random.random_range(0..self.learnt.len())];
            shown.push(questions[0].picture);
            for _ in 0..self.settings.questions {
                let question = &questions[random.random_range(0..questions.len())];
                row.push(at);
                ids.push(question.ids.clone());
                right.push(question.answer);
            }
        }
        let g = &mut Tensors::new(leaves);
        let images = pictures(shown.iter().map(|&p| self.train[p].as_slice()), device);
        let (vector, _) = self.net.look(g, &images);
        let logits = self.net.answer(g, &rows(&vector, &row), &tokens(&ids, device));
        let loss = surprise(&logits, &right);
        let scenes: Vec<Scene> = (0..batch).map(|_| Scene::still(random)).collect();
        let drawn: Vec<_> = scenes.iter().map(|scene| scene.picture(0)).collect();
        let mut wanted = Vec::with_capacity(batch * MAP);
        scenes.iter().for_each(|scene| wanted.extend(scene.map(0)));
        let drawn = pictures(drawn.iter().map(|picture| picture.data()), device);
        let (_, maps) = self.net.encoder.forward(g, &drawn);
        Ok(loss + maps_loss(&maps, wanted) * self.settings.beside as f32)
    }

    fn validate(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        let judged = self.judge(weights, &self.kept, &self.train);
        let temperature = judged.temperature();
        let fitted = (temperature, judged.threshold(temperature));
        Ok(self.measures(&judged, &self.kept, fitted))
    }

    fn test(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        let kept = self.judge(weights, &self.kept, &self.train);
        let temperature = kept.temperature();
        let fitted = (temperature, kept.threshold(temperature));
        let judged = self.judge(weights, &self.asked, &self.test);
        Ok(self.measures(&judged, &self.asked, fitted))
    }

    fn export(
        &mut self,
        checkpoint: &FitCheckpoint,
        scores: &Measures,
    ) -> Result<Vec<Product>, TrainError> {
        let weights = &checkpoint.optimiser.average;
        let kept = self.judge(weights, &self.kept, &self.train);
        let temperature = kept.temperature();
        let net = PictureNet { temperature, ..self.net };
        let mut contract = about(checkpoint, &checkpoint.recipe.name, Task::Answer)?;
        contract.size = Some(SizeRule::Fixed { width: SIDE as u32, height: SIDE as u32 });
        contract.labels.clone_from(&self.answers);
        contract.tokenizer = Some(self.tokenizer.clone());
        contract.answering = Some(Answering { abstain: kept.threshold(temperature), clip: None });
        contract.scores = scores.scores("easy-VQA test");
        let model = task_model(&net, weights, contract)?;
        let checked = engines(None)
            .0
            .into_iter()
            .map(|engine| task_conformance(&net, weights, &model, engine, STEPS))
            .collect::<Result<_, _>>()?;
        Ok(vec![Product { model, checked }])
    }
}
