//! Training of the decoder as a lesson of the common loop.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use framecast::engine::{LoadOptions, load};
use framecast::frame::Size;
use framecast::model::tokenizer::FitOptions;
use framecast::model::{ModelFile, Task, Tokenizer};
use framecast::task::FrameInput;
use framecast::task::embed::{FrameEmbedder, TextEmbedder};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::net::DecoderNet;
use crate::TrainError;
use crate::export::{about, engines, task_conformance, task_model};
use crate::fit::{
    FitCheckpoint, FitRecipe, Lesson, Measure, Measures, Product, Step, digest_of_words,
};
use crate::net::{Params, TaskNet};
use crate::task::embed::{Captioned, EmbedSettings, Split, captioned, sentences};
use crate::train::Goal;

/// Steps an export is compared over.
const STEPS: usize = 200;

/// The `[caption]` table of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CaptionSettings {
    /// The picture tower, an ONNX file.
    pub picture_model: String,
    /// The text tower of the same space.
    pub text_model: String,
    /// Captioned pictures and sentences, cut as in the recipe of the towers.
    pub data: EmbedSettings,
    /// Seed that the towers' recipe cut its pictures with.
    pub split_seed: u64,
    /// Words that occur less often are not said.
    pub min_count: usize,
    /// Words of a sentence at most, its end included.
    pub length: usize,
    /// Numbers of a word vector.
    pub words: usize,
    /// Numbers of the state.
    pub hidden: usize,
    /// Deviation of the noise on a sentence's embedding, a number.
    pub noise: f32,
    /// Share left out in training.
    pub dropout: f32,
}

impl Default for CaptionSettings {
    fn default() -> Self {
        Self {
            picture_model: "models/search-image.onnx".into(),
            text_model: "models/search-text.onnx".into(),
            data: EmbedSettings::default(),
            split_seed: 1,
            min_count: 8,
            length: 16,
            words: 64,
            hidden: 128,
            noise: 0.08,
            dropout: 0.3,
        }
    }
}

/// A sentence with the embedding it is to be said from.
#[derive(Clone, Debug)]
struct Pair {
    embedding: Vec<f32>,
    /// The words and the end.
    ids: Vec<u32>,
}

/// Sentences with embeddings, and the decoder over them.
pub struct CaptionLesson {
    recipe: FitRecipe,
    settings: CaptionSettings,
    tokenizer: Tokenizer,
    space: Option<String>,
    /// From sentences: said from their own embeddings.
    alone: Vec<Pair>,
    /// From pictures.
    seen: Vec<Pair>,
    validation: Vec<Pair>,
    test: Vec<Pair>,
}

impl CaptionLesson {
    /// Opens data and towers of `recipe`.
    ///
    /// # Errors
    /// [`TrainError::Recipe`] for settings out of range or towers of different spaces,
    /// [`TrainError::Data`] when data are not there.
    pub fn open(recipe: &FitRecipe) -> Result<Self, TrainError> {
        recipe.only(&["caption"])?;
        let settings: CaptionSettings = recipe.table("caption")?;
        let ranges = [
            ("min_count", settings.min_count, 1, 1_000_000),
            ("length", settings.length, 2, 64),
            ("words", settings.words, 1, 1024),
            ("hidden", settings.hidden, 1, 4096),
        ];
        if let Some((name, v, low, high)) = ranges.iter().find(|(_, v, l, h)| v < l || v > h) {
            return Err(recipe.wrong(format!("caption.{name} = {v} is outside {low}..={high}")));
        }
        let pairs = captioned(&settings.data.pictures, &settings.data.captions)?;
        let split = Split::new(&settings.data, pairs.len(), settings.split_seed)
            .map_err(|reason| recipe.wrong(reason))?;
        let mut texts = Vec::new();
        for uri in &settings.data.sentences {
            texts.extend(sentences(uri)?);
        }
        texts.extend(split.train.iter().flat_map(|p| pairs[*p].captions.iter().cloned()));
        let options = FitOptions { min_count: settings.min_count, ..FitOptions::default() };
        let tokenizer = Tokenizer::fit(texts.iter().map(String::as_str), &options)
            .map_err(|e| recipe.wrong(e.to_string()))?;
        let (mut picture, own) = picture_tower(recipe, &settings.picture_model)?;
        let (mut text, other) = text_tower(recipe, &settings.text_model)?;
        if own != other || own.is_none() {
            return Err(recipe.wrong(format!(
                "the towers lie in the spaces {own:?} and {other:?}; name two that were trained \
                 together"
            )));
        }
        let ids = |sentence: &str| {
            let mut ids = tokenizer.encode(sentence).ok()?.ids;
            ids.truncate(settings.length - 1);
            ids.push(tokenizer.end);
            Some(ids)
        };
        let said = |sentence: &String| {
            let embedding = text.embed(sentence).ok()?.to_vec();
            Some(Pair { embedding, ids: ids(sentence)? })
        };
        let alone = texts.iter().filter_map(said).collect();
        let mut of = |which: &[usize]| -> Result<Vec<Pair>, TrainError> {
            let mut list = Vec::new();
            for Captioned { picture: image, captions } in which.iter().map(|p| &pairs[*p]) {
                let embedding =
                    picture.embed(image).map_err(|e| recipe.wrong(e.to_string()))?.to_vec();
                let ids = captions.iter().filter_map(|c| ids(c));
                list.extend(ids.map(|ids| Pair { embedding: embedding.clone(), ids }));
            }
            Ok(list)
        };
        let (seen, validation, test) =
            (of(&split.train)?, of(&split.validation)?, of(&split.test)?);
        let recipe = recipe.clone();
        Ok(Self { recipe, settings, tokenizer, space: own, alone, seen, validation, test })
    }

    fn net(&self) -> DecoderNet<'_> {
        let picture = self.seen.first().map_or(0, |p| p.embedding.len());
        DecoderNet { settings: &self.settings, words: self.tokenizer.ids(), picture }
    }

    /// Sum of the negative log probabilities of all words, and how many they are.
    fn cost(
        &self,
        leaves: &std::collections::BTreeMap<String, crate::net::Leaf>,
        batch: &[(Vec<f32>, &[u32])],
        device: &Device,
        mut chance: Option<&mut Pcg64>,
    ) -> (Tensor<1>, usize) {
        let net = self.net();
        let n = batch.len();
        let pictures: Vec<f32> = batch.iter().flat_map(|(e, _)| e.iter().copied()).collect();
        let picture =
            Tensor::<4>::from_data(TensorData::new(pictures, [n, net.picture, 1, 1]), device);
        let mut state = net.rest(n, device);
        let longest = batch.iter().map(|(_, ids)| ids.len()).max().unwrap_or(0);
        let mut total = Tensor::<1>::zeros([1], device);
        let mut count = 0;
        for step in 0..longest {
            let before = |ids: &[u32]| match step.checked_sub(1) {
                Some(at) => ids.get(at).copied().unwrap_or(self.tokenizer.pad),
                None => self.tokenizer.end,
            };
            let words: Vec<f32> = batch.iter().map(|(_, ids)| before(ids) as f32).collect();
            let word = Tensor::<4>::from_data(TensorData::new(words, [n, 1, 1, 1]), device);
            let mut inputs = vec![picture.clone(), word];
            inputs.append(&mut state);
            let mut results = net.compute(leaves, &inputs, chance.as_deref_mut());
            state = results.split_off(1);
            let scores = results.remove(0).reshape([n, net.words]);
            let mut right = vec![0f32; n * net.words];
            for (row, (_, ids)) in batch.iter().enumerate() {
                if let Some(id) = ids.get(step) {
                    right[row * net.words + *id as usize] = 1.0;
                    count += 1;
                }
            }
            let right = Tensor::<2>::from_data(TensorData::new(right, [n, net.words]), device);
            total = total + (log_softmax(scores, 1) * right).sum().neg();
        }
        (total, count)
    }

    /// Perplexity of the sentences of `pairs`, from their embeddings or from `instead`.
    fn perplexity(&self, weights: &Params, pairs: &[Pair], instead: Option<&[f32]>) -> f64 {
        let device = Device::flex();
        let leaves = weights.by_name(&device);
        let (mut sum, mut count) = (0.0, 0);
        for chunk in pairs.chunks(100) {
            let own = |p: &Pair| instead.map_or_else(|| p.embedding.clone(), <[f32]>::to_vec);
            let batch: Vec<(Vec<f32>, &[u32])> =
                chunk.iter().map(|p| (own(p), p.ids.as_slice())).collect();
            let (cost, words) = self.cost(&leaves, &batch, &device, None);
            let cost = cost.into_data().try_to_vec::<f32>().unwrap_or_default();
            sum += cost.first().copied().map_or(f64::NAN, f64::from);
            count += words;
        }
        (sum / count.max(1) as f64).exp()
    }

    /// Perplexity of the shares of words in the sentences trained on.
    fn unigram(&self, pairs: &[Pair]) -> f64 {
        let mut counts = vec![1f64; self.tokenizer.ids()];
        let trained = self.alone.iter().chain(&self.seen);
        trained.flat_map(|p| &p.ids).for_each(|id| counts[*id as usize] += 1.0);
        let total: f64 = counts.iter().sum();
        let words = || pairs.iter().flat_map(|p| &p.ids);
        let sum: f64 = words().map(|id| -(counts[*id as usize] / total).ln()).sum();
        (sum / words().count().max(1) as f64).exp()
    }

    fn measures(&self, weights: &Params, pairs: &[Pair]) -> Measures {
        let size = self.net().picture;
        let n = self.seen.len().max(1) as f32;
        let mean: Vec<f32> =
            (0..size).map(|i| self.seen.iter().map(|p| p.embedding[i]).sum::<f32>() / n).collect();
        let own = self.perplexity(weights, pairs, None);
        let blind = self.perplexity(weights, pairs, Some(&mean));
        let measure = Measure::new("perplexity of a word", own, Goal::Min)
            .beside("without the picture", blind)
            .beside("shares of words", self.unigram(pairs));
        Measures { list: vec![measure], samples: pairs.len() }
    }
}

/// The picture tower `path`, and its space.
fn picture_tower(
    recipe: &FitRecipe,
    path: &str,
) -> Result<(FrameEmbedder, Option<String>), TrainError> {
    let wrong = |e: &dyn std::fmt::Display| recipe.wrong(format!("{path}: {e}"));
    let file = ModelFile::open(path).map_err(|e| wrong(&e))?;
    let contract = file.contract().map_err(|e| wrong(&e))?.ok_or_else(|| wrong(&"no contract"))?;
    let side = crate::task::embed::features::SIDE as u32;
    let size = Size::new(side, side);
    let mut options = LoadOptions::default();
    options.bind = FrameInput::binding(&contract, size).map_err(|e| wrong(&e))?;
    let loaded = load(&file, &options).map_err(|e| wrong(&e))?;
    let tower = FrameEmbedder::new(loaded.session, &contract, size).map_err(|e| wrong(&e))?;
    Ok((tower, contract.space))
}

/// The text tower `path`, and its space.
fn text_tower(
    recipe: &FitRecipe,
    path: &str,
) -> Result<(TextEmbedder, Option<String>), TrainError> {
    let wrong = |e: &dyn std::fmt::Display| recipe.wrong(format!("{path}: {e}"));
    let file = ModelFile::open(path).map_err(|e| wrong(&e))?;
    let contract = file.contract().map_err(|e| wrong(&e))?.ok_or_else(|| wrong(&"no contract"))?;
    let loaded = load(&file, &LoadOptions::default()).map_err(|e| wrong(&e))?;
    let tower = TextEmbedder::new(loaded.session, &contract).map_err(|e| wrong(&e))?;
    Ok((tower, contract.space))
}

impl Lesson for CaptionLesson {
    fn init(&self) -> Params {
        self.net().init(&mut Pcg64::seed_from_u64(self.recipe.seed))
    }

    fn data(&self) -> Vec<String> {
        vec![format!(
            "{} sentences by themselves and {} about pictures; {} words",
            self.alone.len(),
            self.seen.len(),
            self.tokenizer.vocabulary.len()
        )]
    }

    fn vocabulary(&self) -> Option<String> {
        Some(digest_of_words(&self.tokenizer, &self.space))
    }

    fn loss(&mut self, step: Step<'_>) -> Result<Tensor<1>, TrainError> {
        let mut batch: Vec<(Vec<f32>, &[u32])> = Vec::new();
        for i in 0..step.batch {
            // A third are about pictures, which are few.
            let from = if i % 3 == 0 { &self.seen } else { &self.alone };
            let Some(pair) = from.get(step.data.random_range(0..from.len().max(1))) else {
                continue;
            };
            let noise = self.settings.noise;
            let mut jitter =
                || noise * (0..3).map(|_| step.data.random_range(-1.0f32..1.0)).sum::<f32>();
            let embedding = pair.embedding.iter().map(|v| v + jitter()).collect();
            batch.push((embedding, pair.ids.as_slice()));
        }
        let (cost, words) = self.cost(step.leaves, &batch, step.device, Some(step.chance));
        Ok(cost.div_scalar(words.max(1) as f32))
    }

    fn validate(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        Ok(self.measures(weights, &self.validation))
    }

    fn test(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        Ok(self.measures(weights, &self.test))
    }

    fn export(
        &mut self,
        checkpoint: &FitCheckpoint,
        scores: &Measures,
    ) -> Result<Vec<Product>, TrainError> {
        let weights = &checkpoint.optimiser.average;
        let mut contract = about(checkpoint, &self.recipe.name, Task::Caption)?;
        contract.space.clone_from(&self.space);
        contract.tokenizer = Some(self.tokenizer.clone());
        contract.scores = scores.scores("sentences about pictures of the test fold");
        let net = self.net();
        let model = task_model(&net, weights, contract)?;
        let mut checked = Vec::new();
        for engine in engines(None).0 {
            checked.push(task_conformance(&net, weights, &model, engine, STEPS)?);
        }
        Ok(vec![Product { model, checked }])
    }
}
