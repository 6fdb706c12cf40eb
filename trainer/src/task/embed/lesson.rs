//! Training of the two towers as a lesson of the common loop.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use framecast::frame::Size;
use framecast::model::tokenizer::FitOptions;
use framecast::model::{Role, SizeRule, Task, Tokenizer};
use rand::RngExt as _;
use rand::SeedableRng as _;
use rand::seq::index::sample;
use rand_pcg::Pcg64;
use sha2::{Digest as _, Sha256};

use super::data::{captioned, captions, sentences};
use super::features::{self, FeatureNet, SIDE};
use super::recall::{Both, Gallery};
use super::settings::EmbedSettings;
use super::split::Split;
use super::towers::{PictureHead, PictureTower, TextTower, init};
use super::{glove, loss, matrices, words};
use crate::TrainError;
use crate::data::frame_tensor;
use crate::export::{about, engines, task_conformance, task_model};
use crate::fit::{
    FitCheckpoint, FitRecipe, Lesson, Measure, Measures, Product, Step, digest_of_words,
};
use crate::net::{Leaf, Params, TaskNet};
use crate::train::Goal;

/// Pictures whose features are computed at once.
const AT_ONCE: usize = 16;
/// Steps an export is compared over.
const STEPS: usize = 200;

/// Pictures as features, sentences as ids, and the towers over them.
pub struct EmbedLesson {
    recipe: FitRecipe,
    settings: EmbedSettings,
    tokenizer: Tokenizer,
    /// Parameters that are not trained: features, their scale, word vectors.
    fixed: Params,
    features: Vec<Vec<f32>>,
    ids: Vec<Vec<Vec<f32>>>,
    split: Split,
    vectors_from: String,
    /// Of the words, and of the sentences their vectors are counted in, which are not trained.
    vocabulary: String,
    frozen: Option<BTreeMap<String, Leaf>>,
}

impl EmbedLesson {
    /// Opens the data of `recipe`.
    ///
    /// # Errors
    /// [`TrainError::Recipe`] for settings out of range, [`TrainError::Data`] when data are not
    /// there or too few.
    pub fn open(recipe: &FitRecipe) -> Result<Self, TrainError> {
        recipe.only(&["embed"])?;
        let mut settings: EmbedSettings = recipe.table("embed")?;
        if let Some(reason) = settings.fault() {
            return Err(recipe.wrong(reason));
        }
        let (pairs, features, mut fixed) = data(&settings)?;
        settings.width = features.first().map_or(0, Vec::len);
        let split = Split::new(&settings, pairs.len(), recipe.seed)
            .map_err(|reason| TrainError::Data { uri: settings.captions.clone(), reason })?;
        // Words are counted in what training may see: not in the sentences of the test.
        let mut texts = Vec::new();
        for uri in &settings.sentences {
            texts.extend(sentences(uri)?);
        }
        for picture in &split.train {
            texts.extend(pairs[*picture].iter().cloned());
        }
        let options = FitOptions {
            min_count: settings.min_count,
            length: settings.length,
            ..FitOptions::default()
        };
        let tokenizer = Tokenizer::fit(texts.iter().map(String::as_str), &options)
            .map_err(|e| recipe.wrong(e.to_string()))?;
        let vocabulary = digest_of_words(&tokenizer, &texts);
        let (table, vectors_from) = if settings.glove.is_empty() {
            let table = words::vectors(&tokenizer, &texts, settings.words, recipe.seed);
            (table, format!("word vectors counted in {} sentences", texts.len()))
        } else {
            let (table, found) = glove::vectors(&tokenizer, &settings.glove, settings.words)?;
            (table, format!("word vectors of a file for {found} of {} words", tokenizer.ids()))
        };
        let ids = pairs
            .iter()
            .map(|pair| {
                let encode = |text: &String| tokenizer.encode(text).ok();
                let rows = pair.iter().filter_map(encode);
                rows.map(|e| e.ids.iter().map(|id| *id as f32).collect()).collect()
            })
            .collect();
        let (scale, shift) = standard(&features, &split.train);
        fixed.add_values("standard.weight", &[scale.len(), 1, 1, 1], scale);
        fixed.add_values("standard.bias", &[shift.len()], shift);
        fixed.add_values("words.weight", &[tokenizer.ids(), settings.words, 1, 1], table);
        Ok(Self {
            recipe: recipe.clone(),
            settings,
            tokenizer,
            fixed,
            features,
            ids,
            split,
            vectors_from,
            vocabulary,
            frozen: None,
        })
    }

    /// Trained and fixed parameters together.
    fn whole(&self, weights: &Params) -> Params {
        let mut all = weights.clone();
        for p in self.fixed.list() {
            all.add_values(&p.name, &p.shape, p.values.clone());
        }
        all
    }

    fn pictures(&self, which: &[usize], device: &Device) -> Tensor<4> {
        let values: Vec<f32> = which.iter().flat_map(|p| self.features[*p].clone()).collect();
        Tensor::from_data(TensorData::new(values, [which.len(), self.settings.width, 1, 1]), device)
    }

    fn texts(&self, rows: &[Vec<f32>], device: &Device) -> Tensor<4> {
        let form = [rows.len(), 1, 1, self.settings.length];
        Tensor::from_data(TensorData::new(rows.concat(), form), device)
    }

    /// The features of all pictures.
    pub(super) fn features(&self) -> &[Vec<f32>] {
        &self.features
    }

    /// What the towers make of all pictures, and of all sentences in the order of the pictures.
    pub(super) fn representations(&self, weights: &Params) -> [Vec<Vec<f32>>; 2] {
        let all: Vec<usize> = (0..self.features.len()).collect();
        let rows: Vec<Vec<f32>> = self.ids.concat();
        self.embedded(weights, &all, &rows).map(|both| {
            let values = both.into_data().try_to_vec::<f32>().unwrap_or_default();
            values.chunks(self.settings.size).map(<[f32]>::to_vec).collect()
        })
    }

    /// The embeddings of `which` pictures, and of sentences as ids.
    fn embedded(&self, weights: &Params, which: &[usize], rows: &[Vec<f32>]) -> [Tensor<2>; 2] {
        let device = Device::flex();
        let leaves = self.whole(weights).by_name(&device);
        let size = self.settings.size;
        let flat = |t: Tensor<4>| {
            let n = t.dims()[0];
            t.reshape([n, size])
        };
        let pictures = self.pictures(which, &device);
        let texts = self.texts(rows, &device);
        [
            flat(PictureHead(&self.settings).compute(&leaves, &[pictures], None).remove(0)),
            flat(TextTower(&self.settings).compute(&leaves, &[texts], None).remove(0)),
        ]
    }

    /// The scores of all sentences about `which` pictures with these pictures.
    #[must_use]
    pub(super) fn gallery(&self, weights: &Params, which: &[usize]) -> Gallery {
        let (mut owners, mut rows) = (Vec::new(), Vec::new());
        for (owner, picture) in which.iter().enumerate() {
            owners.extend(vec![owner; self.ids[*picture].len()]);
            rows.extend(self.ids[*picture].iter().cloned());
        }
        let [pictures, texts] = self.embedded(weights, which, &rows);
        let scores =
            texts.matmul(pictures.transpose()).into_data().try_to_vec().unwrap_or_default();
        Gallery { scores, owners, pictures: which.len() }
    }

    /// The test fold with its scores.
    #[must_use]
    pub fn test_gallery(&self, weights: &Params) -> Gallery {
        self.gallery(weights, &self.split.test)
    }

    fn measures(&self, weights: &Params, which: &[usize]) -> Measures {
        let gallery = self.gallery(weights, which);
        let samples = gallery.owners.len();
        let both = Both::of(std::slice::from_ref(&gallery));
        let (text, image) = (&both.text_to_image, &both.image_to_text);
        let n = which.len().max(1) as f64;
        let chance = |k: f64| (k / n).min(1.0);
        let list = vec![
            Measure::new("mean of R@1, 5, 10, text to image", mean_recall(text), Goal::Max)
                .beside("chance", (chance(1.0) + chance(5.0) + chance(10.0)) / 3.0),
            Measure::new("R@1, text to image", text.recall(1), Goal::Max)
                .beside("chance", chance(1.0)),
            Measure::new("R@5, text to image", text.recall(5), Goal::Max)
                .beside("chance", chance(5.0)),
            Measure::new("R@10, text to image", text.recall(10), Goal::Max)
                .beside("chance", chance(10.0)),
            Measure::new("median rank, text to image", text.median(), Goal::Min)
                .beside("chance", (n + 1.0) / 2.0),
            Measure::new("R@10, image to text", image.recall(10), Goal::Max),
            Measure::new("pairwise accuracy", gallery.pairwise(), Goal::Max).beside("chance", 0.5),
            Measure::new("median rank, image to text", image.median(), Goal::Min),
        ];
        Measures { list, samples }
    }

    /// Names the space of the two towers: by what was trained.
    fn space(&self, weights: &Params) -> String {
        let mut hash = Sha256::new();
        for value in self.whole(weights).list().iter().flat_map(|p| &p.values) {
            hash.update(value.to_le_bytes());
        }
        let digits: String = hash.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect();
        format!("{}/{digits}", self.recipe.name)
    }

    fn product<N: TaskNet>(
        &self,
        net: &N,
        checkpoint: &FitCheckpoint,
        scores: &Measures,
        name: &str,
    ) -> Result<Product, TrainError> {
        let weights = &checkpoint.optimiser.average;
        let mut contract = about(checkpoint, name, Task::Embed)?;
        contract.space = Some(self.space(weights));
        contract.scores =
            scores.scores(&format!("fold {} of {}", self.settings.fold, self.settings.folds));
        let takes = net.inputs();
        if takes.iter().any(|s| s.role == Role::Tokens) {
            contract.tokenizer = Some(self.tokenizer.clone());
        } else if takes.iter().any(|s| s.role == Role::Frame) {
            let side = SIDE as u32;
            contract.size = Some(SizeRule::Fixed { width: side, height: side });
        }
        // Only what the tower needs is written: the exporter asks for parameters by name.
        let whole = self.whole(weights);
        let model = task_model(net, &whole, contract)?;
        let mut checked = Vec::new();
        for engine in engines(None).0 {
            checked.push(task_conformance(net, &whole, &model, engine, STEPS)?);
        }
        Ok(Product { model, checked })
    }
}

/// The sentences about each picture, the features of the pictures, and the parameters that make them.
type Data = (Vec<Vec<String>>, Vec<Vec<f32>>, Params);

fn data(settings: &EmbedSettings) -> Result<Data, TrainError> {
    if settings.features.is_empty() {
        let pairs = captioned(&settings.pictures, &settings.captions)?;
        let fixed = features::fixed();
        let features = all_features(&fixed, &pairs.iter().map(|p| &p.picture).collect::<Vec<_>>());
        return Ok((pairs.into_iter().map(|p| p.captions).collect(), features, fixed));
    }
    let texts: Vec<Vec<String>> =
        captions(&settings.captions)?.into_iter().map(|(_, own)| own).collect();
    let features = matrices::read(&settings.features)?;
    if features.len() != texts.len() {
        return Err(TrainError::Data {
            uri: settings.features.clone(),
            reason: format!(
                "it has {} rows; {} is about {} pictures",
                features.len(),
                settings.captions,
                texts.len()
            ),
        });
    }
    Ok((texts, features, Params::default()))
}

fn mean_recall(ranks: &super::recall::Ranks) -> f64 {
    (ranks.recall(1) + ranks.recall(5) + ranks.recall(10)) / 3.0
}

/// The features of all pictures.
fn all_features(fixed: &Params, pictures: &[&framecast::vision::RgbImage]) -> Vec<Vec<f32>> {
    debug_assert!(pictures.iter().all(|p| p.size() == Size::new(SIDE as u32, SIDE as u32)));
    let device = Device::flex();
    let leaves = fixed.by_name(&device);
    let mut all = Vec::with_capacity(pictures.len());
    for chunk in pictures.chunks(AT_ONCE) {
        let frames = frame_tensor(chunk, &device);
        let values = FeatureNet.compute(&leaves, &[frames], None).remove(0);
        let values = values.into_data().try_to_vec::<f32>().unwrap_or_default();
        all.extend(values.chunks(features::count()).map(<[f32]>::to_vec));
    }
    all
}

/// Scale and shift that give the features of `which` pictures mean 0 and deviation 1.
fn standard(features: &[Vec<f32>], which: &[usize]) -> (Vec<f32>, Vec<f32>) {
    let n = which.len().max(1) as f64;
    (0..features.first().map_or(0, Vec::len))
        .map(|i| {
            let values = || which.iter().map(|p| f64::from(features[*p][i]));
            let mean = values().sum::<f64>() / n;
            let deviation = (values().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
            let scale = 1.0 / (deviation + 1e-3);
            (scale as f32, (-mean * scale) as f32)
        })
        .unzip()
}

impl Lesson for EmbedLesson {
    fn init(&self) -> Params {
        init(&self.settings, &mut Pcg64::seed_from_u64(self.recipe.seed))
    }

    fn data(&self) -> Vec<String> {
        vec![
            format!(
                "{} captioned pictures: {} trained on, {} for validation, {} for the test",
                self.features.len(),
                self.split.train.len(),
                self.split.validation.len(),
                self.split.test.len()
            ),
            self.vectors_from.clone(),
        ]
    }

    fn vocabulary(&self) -> Option<String> {
        Some(self.vocabulary.clone())
    }

    fn loss(&mut self, step: Step<'_>) -> Result<Tensor<1>, TrainError> {
        let train = &self.split.train;
        let count = step.batch.min(train.len());
        let chosen: Vec<usize> =
            sample(step.data, train.len(), count).into_iter().map(|i| train[i]).collect();
        let mut rows = Vec::new();
        for picture in &chosen {
            let own = &self.ids[*picture];
            let at = step.data.random_range(0..own.len().max(1));
            let mut row = own.get(at).cloned().unwrap_or_else(|| vec![0.0; self.settings.length]);
            for id in &mut row {
                if step.data.random::<f32>() < 0.4 * self.settings.dropout {
                    *id = self.tokenizer.pad as f32;
                }
            }
            rows.push(row);
        }
        if self.frozen.is_none() {
            let constant = |p: &crate::net::Param| {
                let data = TensorData::new(p.values.clone(), p.shape.clone());
                let leaf = match p.shape.len() {
                    4 => Leaf::Kernel(Tensor::from_data(data, step.device)),
                    _ => Leaf::Bias(Tensor::from_data(data, step.device)),
                };
                (p.name.clone(), leaf)
            };
            self.frozen = Some(self.fixed.list().iter().map(constant).collect());
        }
        let mut leaves = step.leaves.clone();
        leaves.extend(self.frozen.iter().flatten().map(|(n, l)| (n.clone(), l.clone())));
        let pictures = self.pictures(&chosen, step.device);
        let head = PictureHead(&self.settings);
        let pictures = head.compute(&leaves, &[pictures], Some(&mut *step.chance)).remove(0);
        let texts = self.texts(&rows, step.device);
        let tower = TextTower(&self.settings);
        let texts = tower.compute(&leaves, &[texts], Some(step.chance)).remove(0);
        let form = [count, self.settings.size];
        let scores = texts.reshape(form).matmul(pictures.reshape(form).transpose());
        Ok(loss::pairs(&self.settings, &scores, &chosen, step.device))
    }

    fn validate(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        Ok(self.measures(weights, &self.split.validation))
    }

    fn test(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        Ok(self.measures(weights, &self.split.test))
    }

    fn export(
        &mut self,
        checkpoint: &FitCheckpoint,
        scores: &Measures,
    ) -> Result<Vec<Product>, TrainError> {
        let name = &self.recipe.name;
        let (image, text) = (format!("{name}-image"), TextTower(&self.settings));
        let image = if self.settings.features.is_empty() {
            self.product(&PictureTower(&self.settings), checkpoint, scores, &image)?
        } else {
            self.product(&PictureHead(&self.settings), checkpoint, scores, &image)?
        };
        Ok(vec![image, self.product(&text, checkpoint, scores, &format!("{name}-text"))?])
    }
}
