//! The frame-embedding backbone: taught by labelled scenes and, without labels, by pairs of views of
//! one place (InfoNCE, van den Oord et al., 2018).

mod neighbours;
mod net;
mod pairs;
mod statistics;
mod taught;

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use framecast::model::{SizeRule, Task};
use framecast::task::tag::metrics::TagMetrics;
use framecast::vision::RgbImage;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use crate::TrainError;
use crate::data::frame_tensor;
use crate::data::scenes::LABELS;
use crate::data::scenes::split::{ScenesRecipe, example};
use crate::export::{about, engines, task_conformance, task_model};
use crate::fit::{FitCheckpoint, FitRecipe, Lesson, Measure, Measures, Product, Step};
use crate::loss::cross_entropy::binary_of_logits;
use crate::net::Params;
use crate::train::Goal;

use pairs::{Pairs, scaled};
use taught::Taught;

pub use neighbours::{NeighbourRow, Neighbours, neighbours};
pub use net::{Backbone, Tower};
pub use pairs::PairsRecipe;

/// Pictures a forward pass of validation takes together.
const TOGETHER: usize = 50;

/// Batches of pictures by which the network is standardised for good.
const SETTLED: u64 = 4;

/// Steps over which an export is compared.
const STEPS: usize = 210;

/// Trains a [`Backbone`].
pub struct BackboneLesson {
    recipe: FitRecipe,
    net: Taught,
    scenes: ScenesRecipe,
    pairs: PairsRecipe,
    footage: Option<Pairs>,
}

impl BackboneLesson {
    /// The tables a recipe of this family may have.
    const TABLES: [&str; 3] = ["backbone", "scenes", "pairs"];

    /// Checks the recipe; the footage is read when it is first learned from.
    ///
    /// # Errors
    /// [`TrainError::Recipe`].
    pub fn open(recipe: &FitRecipe) -> Result<Self, TrainError> {
        recipe.only(&Self::TABLES)?;
        let backbone: Backbone = recipe.table("backbone")?;
        let scenes: ScenesRecipe = recipe.table("scenes")?;
        let pairs: PairsRecipe = recipe.table("pairs")?;
        let checked = backbone.check().and_then(|()| scenes.check()).and_then(|()| pairs.check());
        checked.map_err(|reason| recipe.wrong(reason))?;
        Ok(Self { recipe: recipe.clone(), net: Taught { backbone }, scenes, pairs, footage: None })
    }

    fn footage(&mut self) -> Result<&Pairs, TrainError> {
        if self.footage.is_none() {
            self.footage = Some(Pairs::open(&self.pairs, self.net.backbone.side)?);
        }
        self.footage.as_ref().ok_or_else(|| self.recipe.wrong("there is no footage".to_owned()))
    }

    /// The pictures of a batch: scenes with what is true of them, then pairs where there is footage.
    fn pictures(
        &mut self,
        count: usize,
        by: &mut Pcg64,
    ) -> Result<(Vec<RgbImage>, Vec<f32>), TrainError> {
        let side = self.net.backbone.side as u32;
        let span = self.scenes.train;
        let (mut frames, mut truth) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let seed = span.first + by.random_range(0..span.count);
            let (frame, labels) = example(seed, by.random_range(0..30));
            frames.push(scaled(&frame, side)?);
            truth.extend(labels.map(|t| f32::from(u8::from(t))));
        }
        let footage = self.footage()?;
        if footage.is_enough() {
            frames.extend(footage.draw(by)?);
        }
        Ok((frames, truth))
    }

    /// The plain network of `weights`, standardised by pictures as training sees them.
    fn settled(&mut self, weights: &Params) -> Result<Params, TrainError> {
        let device = Device::flex();
        let mut frames = Vec::new();
        for number in 0..SETTLED {
            let by = &mut Pcg64::seed_from_u64(self.recipe.seed ^ (number + 77));
            frames.append(&mut self.pictures(self.recipe.train.batch, by)?.0);
        }
        let x = frame_tensor(&frames.iter().collect::<Vec<_>>(), &device);
        Ok(self.net.fold(weights, x, &device))
    }

    /// Scores scenes by the labels' logits.
    fn score(
        &mut self,
        weights: &Params,
        examples: impl Iterator<Item = (RgbImage, [bool; LABELS])>,
    ) -> Result<Measures, TrainError> {
        let device = Device::flex();
        let leaves = self.settled(weights)?.by_name(&device);
        let side = self.net.backbone.side as u32;
        let mut metrics = TagMetrics::new(LABELS, TagMetrics::TOP_K);
        let (mut frames, mut truth) = (Vec::new(), Vec::new());
        let mut prior = Prior::default();
        let mut examples = examples.peekable();
        while let Some((frame, labels)) = examples.next() {
            frames.push(scaled(&frame, side)?);
            truth.extend(labels);
            prior.add(&labels);
            if frames.len() < TOGETHER && examples.peek().is_some() {
                continue;
            }
            let x = frame_tensor(&frames.iter().collect::<Vec<_>>(), &device);
            let [_, logits] = self.net.plain(&leaves, x);
            let logits = numbers(logits)?;
            let fail = |reason: String| TrainError::Data { uri: "scenes".to_owned(), reason };
            metrics.add(&logits, &truth).map_err(|e| fail(e.to_string()))?;
            frames.clear();
            truth.clear();
        }
        let result = metrics.result();
        let list = vec![
            Measure::new("mAP (scenes)", result.map, Goal::Max).beside("prior", prior.map()),
            Measure::new("hit@1 (scenes)", result.hit[0], Goal::Max),
        ];
        Ok(Measures { list, samples: result.examples as usize })
    }
}

/// How often each label is true: its average precision when every score is the same.
#[derive(Default)]
struct Prior {
    counts: [u64; LABELS],
    examples: u64,
}

impl Prior {
    fn add(&mut self, truth: &[bool; LABELS]) {
        self.examples += 1;
        for (count, truth) in self.counts.iter_mut().zip(truth) {
            *count += u64::from(*truth);
        }
    }

    fn map(&self) -> f64 {
        let share = |c: &u64| *c as f64 / self.examples.max(1) as f64;
        self.counts.iter().map(share).sum::<f64>() / LABELS as f64
    }
}

fn numbers(tensor: Tensor<4>) -> Result<Vec<f32>, TrainError> {
    tensor.into_data().try_to_vec::<f32>().map_err(|_| TrainError::Data {
        uri: "scenes".to_owned(),
        reason: "the network gave no numbers".to_owned(),
    })
}

/// InfoNCE both ways: row i of `first` belongs to row i of `second`; all others are not it.
fn contrast(first: Tensor<2>, second: Tensor<2>, temperature: f32) -> Tensor<1> {
    let count = first.dims()[0];
    let similar = first.matmul(second.transpose()) / temperature;
    let same = Tensor::<2>::eye(count, &similar.device());
    let toward = |s: Tensor<2>| (log_softmax(s, 1) * same.clone()).sum().neg() / count as f32;
    (toward(similar.clone()) + toward(similar.transpose())) * 0.5
}

impl Lesson for BackboneLesson {
    fn init(&self) -> Params {
        self.net.init(LABELS, &mut Pcg64::seed_from_u64(self.recipe.seed))
    }

    fn data(&self) -> Vec<String> {
        let pairs = &self.pairs;
        let sets =
            pairs.sequences.iter().map(|s| &s.uri).chain(pairs.recording.iter().map(|r| &r.uri));
        let mut said = vec![self.scenes.describe()];
        said.extend(
            sets.map(|uri| format!("{} (without labels)", uri.rsplit('/').next().unwrap_or(uri))),
        );
        said
    }

    fn loss(&mut self, step: Step<'_>) -> Result<Tensor<1>, TrainError> {
        let pairs = self.pairs.clone();
        let (frames, truth) = self.pictures(step.batch, step.data)?;
        let paired = frames.len() > step.batch;
        let x = frame_tensor(&frames.iter().collect::<Vec<_>>(), step.device);
        let [embedding, logits] = self.net.learn(step.leaves, x);
        let shown = step.batch * LABELS;
        let logits = logits.narrow(0, 0, step.batch).reshape([shown]);
        let truth = Tensor::from_data(TensorData::new(truth, [shown]), step.device);
        let mut loss = binary_of_logits(&truth, &logits);
        if paired {
            let numbers = embedding.dims()[1];
            let rows = |from: usize| {
                let part = embedding.clone().narrow(0, step.batch + from, pairs.count);
                part.reshape([pairs.count, numbers])
            };
            let found = contrast(rows(0), rows(pairs.count), pairs.temperature);
            loss = loss + found * pairs.weight;
        }
        Ok(loss)
    }

    fn validate(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        self.score(weights, self.scenes.validate.examples())
    }

    fn test(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        self.score(weights, self.scenes.test.examples())
    }

    fn export(
        &mut self,
        checkpoint: &FitCheckpoint,
        scores: &Measures,
    ) -> Result<Vec<Product>, TrainError> {
        let mut contract = about(checkpoint, &self.recipe.name, Task::Embed)?;
        contract.scores = scores.scores("made-up labelled scenes, test");
        let side = self.net.backbone.side as u32;
        contract.size = Some(SizeRule::Fixed { width: side, height: side });
        let mut weights = self.settled(&checkpoint.optimiser.average)?;
        if self.net.backbone.statistics {
            for param in statistics::fixed().list() {
                weights.add_values(&param.name, &param.shape, param.values.clone());
            }
        }
        let weights = &weights;
        let net = &self.net.backbone;
        let model = task_model(net, weights, contract)?;
        let checked = engines(None)
            .0
            .into_iter()
            .map(|engine| task_conformance(net, weights, &model, engine, STEPS))
            .collect::<Result<_, _>>()?;
        Ok(vec![Product { model, checked }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(more: &str) -> FitRecipe {
        let text = format!(
            "task = \"backbone\"\nname = \"e\"\nseed = 2\n[train]\nsteps = 3\nbatch = 4\n\
             [backbone]\nside = 32\ndims = 16\n[scenes]\nvalidate = {{ first = 5, count = 12 }}\n\
             test = {{ first = 50, count = 6 }}\n{more}"
        );
        FitRecipe::parse("r", &text).unwrap()
    }

    #[test]
    fn views_of_one_place_are_drawn_together() {
        let device = Device::flex();
        let rows = |v: [[f32; 2]; 2]| Tensor::<2>::from_data(v, &device);
        let value = |t: Tensor<1>| t.into_data().try_to_vec::<f32>().unwrap()[0];
        let (a, b) = ([[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]);
        // Right: ln(1 + e^-1); swapped: ln(1 + e).
        let right = value(contrast(rows(a), rows(a), 1.0));
        let wrong = value(contrast(rows(a), rows(b), 1.0));
        assert!((right - 0.313_262).abs() < 1e-5 && (wrong - 1.313_262).abs() < 1e-5);
    }

    #[test]
    fn a_backbone_learns_is_scored_and_exported() {
        let place = tempfile::tempdir().unwrap();
        let recipe = recipe("");
        let mut lesson = BackboneLesson::open(&recipe).unwrap();
        let options = crate::train::Options {
            out: place.path().to_owned(),
            ..crate::train::Options::default()
        };
        let outcome = crate::fit::fit(&recipe, &mut lesson, &options).unwrap();
        assert_eq!((outcome.steps, outcome.measures.samples), (3, 12));
        let checkpoint = FitCheckpoint::read(&outcome.best).unwrap();
        let scores = lesson.test(&checkpoint.optimiser.average).unwrap();
        let products = lesson.export(&checkpoint, &scores).unwrap();
        let contract = products[0].model.contract().unwrap().unwrap();
        assert_eq!((contract.task, contract.scores.len()), (Task::Embed, 2));
        assert!(products[0].checked.iter().all(|c| c.worst < 1e-4));
    }

    #[test]
    fn what_a_recipe_gets_wrong_is_named() {
        let said = |more: &str| BackboneLesson::open(&recipe(more)).err().unwrap().to_string();
        assert!(said("[pairs]\ncut = 2.0\n").contains("pairs.cut = 2"));
        assert!(said("[tag]\nx = 1\n").contains("\"tag\" is unknown"));
        assert!(said("[pairs]\ncuts = 2.0\n").contains("cuts"));
    }
}
