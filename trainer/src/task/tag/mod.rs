//! Multi-label tagging of feature vectors: presets of heads, the public set's metrics, and data from
//! files, from a backbone over labelled scenes, or made up.

mod data;
mod net;
mod pixels;
mod recipe;

use burn::tensor::{Device, Tensor, TensorData};
use framecast::model::{LabelList, Task};
use framecast::task::tag::metrics::{TagMetrics, TagScores};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use crate::TrainError;
use crate::data::features::FeatureSet;
use crate::data::place;
use crate::data::scenes::split::ScenesRecipe;
use crate::export::{about, engines, task_conformance, task_model};
use crate::fit::{FitCheckpoint, FitRecipe, Lesson, Measure, Measures, Product, Step, digest};
use crate::loss::cross_entropy::{binary, binary_of_logits};
use crate::net::{Params, TaskNet as _};
use crate::train::Goal;

use data::TagData;

pub use net::{Preset, TagNet};
pub use recipe::{EmbeddedRecipe, FilesRecipe, GeneratedRecipe, TagRecipe};

/// Vectors a forward pass of validation takes together.
const TOGETHER: usize = 200;

/// Steps over which an export is compared.
const STEPS: usize = 210;

/// Trains a [`TagNet`].
pub struct TagLesson {
    recipe: FitRecipe,
    own: TagRecipe,
    net: TagNet,
    data: TagData,
    labels: Option<LabelList>,
}

impl TagLesson {
    /// The tables a recipe of this family may have; one of the last three says where vectors come
    /// from.
    const TABLES: [&str; 5] = ["tag", "scenes", "features", "embedded", "generated"];

    /// Checks the recipe and reads or makes its data.
    ///
    /// # Errors
    /// [`TrainError::Recipe`], and [`TrainError::Data`] for files that cannot be read.
    pub fn open(recipe: &FitRecipe) -> Result<Self, TrainError> {
        recipe.only(&Self::TABLES)?;
        let wrong = |reason: String| recipe.wrong(reason);
        let own: TagRecipe = recipe.table("tag")?;
        own.check().map_err(wrong)?;
        let batch = recipe.train.batch;
        let given = ["features", "embedded", "generated"].map(|t| recipe.own.contains_key(t));
        let data = match given {
            [true, false, false] => {
                let files: Option<FilesRecipe> = recipe.table("features")?;
                let files = files.ok_or_else(|| wrong("[features] is empty".to_owned()))?;
                files.check().map_err(wrong)?;
                own.net(files.dims, files.classes).check(batch).map_err(wrong)?;
                data::files(&files)?
            }
            [false, true, false] => {
                let scenes: ScenesRecipe = recipe.table("scenes")?;
                scenes.check().map_err(wrong)?;
                data::embedded(&recipe.table("embedded")?, &scenes)?
            }
            [false, false, true] => {
                let made: GeneratedRecipe = recipe.table("generated")?;
                made.check().map_err(wrong)?;
                data::generated(&made, recipe.seed)?
            }
            _ => {
                return Err(wrong(
                    "give one of [features], [embedded] and [generated]: where vectors come from"
                        .to_owned(),
                ));
            }
        };
        let classes = data.train.classes();
        let labels = match &own.labels {
            Some(list) => {
                let read = LabelList::read(place(list).as_ref());
                Some(read.map_err(|e| wrong(format!("tag.labels: {e}")))?)
            }
            None => data.labels.clone(),
        };
        if let Some(list) = labels.as_ref().filter(|list| list.names.len() != classes) {
            let named = list.names.len();
            return Err(wrong(format!("tag.labels names {named} labels but there are {classes}")));
        }
        let net = own.net(data.train.dims(), classes);
        net.check(batch).map_err(wrong)?;
        Ok(Self { recipe: recipe.clone(), own, net, data, labels })
    }

    fn score(&self, weights: &Params, set: &FeatureSet) -> Result<TagScores, TrainError> {
        let device = Device::flex();
        let leaves = weights.by_name(&device);
        gathered(set, |from, to| {
            let x: Vec<f32> = (from..to).flat_map(|at| set.features(at)).copied().collect();
            let form = [to - from, set.dims(), 1, 1];
            let x = Tensor::from_data(TensorData::new(x, form), &device);
            let scores = self.net.compute(&leaves, &[x], None).pop();
            scores.and_then(|t| t.into_data().try_to_vec().ok()).unwrap_or_default()
        })
    }

    /// The measures of `weights` on `set`, the best possible without looking at the vectors beside
    /// them.
    fn measures(&self, weights: &Params, set: &FeatureSet) -> Result<Measures, TrainError> {
        let model = self.score(weights, set)?;
        let prior = self.data.train.prior();
        let blind = gathered(set, |from, to| prior.repeat(to - from))?;
        let list = [
            ("GAP@20", model.gap, blind.gap),
            ("mAP", model.map, blind.map),
            ("hit@1", model.hit[0], blind.hit[0]),
            ("hit@5", model.hit[1], blind.hit[1]),
            ("hit@20", model.hit[2], blind.hit[2]),
            ("PERR", model.perr, blind.perr),
        ]
        .map(|(name, value, blind)| Measure::new(name, value, Goal::Max).beside("prior", blind));
        Ok(Measures { list: list.to_vec(), samples: set.len() })
    }
}

/// Gathers the metrics of `set`, whose scores from one example to before another `score` gives.
fn gathered(
    set: &FeatureSet,
    mut score: impl FnMut(usize, usize) -> Vec<f32>,
) -> Result<TagScores, TrainError> {
    let mut metrics = TagMetrics::new(set.classes(), TagMetrics::TOP_K);
    for from in (0..set.len()).step_by(TOGETHER) {
        let to = (from + TOGETHER).min(set.len());
        let truth: Vec<bool> = (from..to).flat_map(|at| set.truth(at)).collect();
        metrics.add(&score(from, to), &truth).map_err(|e| TrainError::Data {
            uri: "validation".to_owned(),
            reason: e.to_string(),
        })?;
    }
    Ok(metrics.result())
}

impl Lesson for TagLesson {
    fn init(&self) -> Params {
        self.net.init(&mut Pcg64::seed_from_u64(self.recipe.seed))
    }

    fn data(&self) -> Vec<String> {
        self.data.said.clone()
    }

    fn vocabulary(&self) -> Option<String> {
        self.labels.as_ref().map(|list| digest(&list.names))
    }

    fn loss(&mut self, step: Step<'_>) -> Result<Tensor<1>, TrainError> {
        let set = &self.data.train;
        let (mut x, mut truth): (Vec<f32>, Vec<f32>) = Default::default();
        let soft = self.own.label_smoothing;
        for _ in 0..step.batch {
            let at = step.data.random_range(0..set.len());
            x.extend(set.features(at));
            truth.extend(set.truth(at).iter().map(|t| {
                let sure = f32::from(u8::from(*t));
                sure * (1.0 - soft) + 0.5 * soft
            }));
        }
        let form = [step.batch, set.dims(), 1, 1];
        let x = Tensor::from_data(TensorData::new(x, form), step.device);
        let all = step.batch * set.classes();
        let truth = Tensor::from_data(TensorData::new(truth, [all]), step.device);
        let mut made = self.net.compute(step.leaves, &[x], Some(step.chance)).into_iter();
        let (Some(logits), Some(scores)) = (made.next(), made.next()) else {
            return Err(self.recipe.wrong("the network gave no scores".to_owned()));
        };
        Ok(match self.net.preset {
            // A mixture has no logits of its own; those it exports are taken of its scores.
            Preset::MixtureOfExperts => binary(&truth, &scores.reshape([all])),
            _ => binary_of_logits(&truth, &logits.reshape([all])),
        })
    }

    fn validate(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        self.measures(weights, &self.data.validate)
    }

    fn test(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        let set = self.data.test.as_ref().unwrap_or(&self.data.validate);
        let mut measures = self.measures(weights, set)?;
        if self.data.test.is_none() {
            // The checkpoint was chosen by it: nobody may take it for a test.
            measures.list.iter_mut().for_each(|m| m.name.push_str(" (validation)"));
        }
        if let Some(scenes) = &self.data.scenes {
            let linear = pixels::linear_on_pixels(scenes)?;
            for measure in &mut measures.list {
                let value = match measure.name.as_str() {
                    "GAP@20" => linear.gap,
                    "mAP" => linear.map,
                    _ => continue,
                };
                measure.baselines.push(("linear on pixels".to_owned(), value));
            }
        }
        Ok(measures)
    }

    fn export(
        &mut self,
        checkpoint: &FitCheckpoint,
        scores: &Measures,
    ) -> Result<Vec<Product>, TrainError> {
        let mut contract = about(checkpoint, &self.recipe.name, Task::Tag)?;
        contract.scores = scores.scores(match (&self.data.scenes, &self.data.test) {
            (Some(_), _) => "labelled scenes, test",
            (None, Some(_)) => "test",
            (None, None) => "validation",
        });
        contract.features.clone_from(&self.data.features);
        if let Some(labels) = &self.labels {
            contract.labels.clone_from(&labels.names);
            contract.links = labels.contract_links();
        }
        let weights = &checkpoint.optimiser.average;
        let model = task_model(&self.net, weights, contract)?;
        let checked = engines(None)
            .0
            .into_iter()
            .map(|engine| task_conformance(&self.net, weights, &model, engine, STEPS))
            .collect::<Result<_, _>>()?;
        Ok(vec![Product { model, checked }])
    }
}

#[cfg(test)]
mod tests;
