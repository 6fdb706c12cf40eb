//! Classes of small pictures: standardised pixels, and the convolutional classifier of the slides
//! this project began with.

mod net;

use burn::tensor::{Device, Tensor};
use framecast::model::{ColourOrder, DType, Port, Role, SizeRule, Task};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};

pub use net::{Classifier, Kind};

use super::batch::{TOGETHER, largest, nothing, numbers, rows, samples};
use super::digits::{DigitFiles, LabelledDigits, Part};
use super::product;
use crate::TrainError;
use crate::export::about;
use crate::fit::{FitCheckpoint, FitRecipe, Lesson, Measure, Measures, Product, Step};
use crate::loss::cross_entropy;
use crate::net::{Form, Params, TaskNet as _};
use crate::train::Goal;

/// The `[classify]` part of a recipe.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// The network.
    network: Kind,
    /// The pictures.
    digits: DigitFiles,
}

/// Learns classes.
pub struct Classifying {
    settings: Settings,
    digits: LabelledDigits,
    net: Classifier,
    seed: u64,
}

impl Classifying {
    /// Reads the data of `recipe`.
    ///
    /// # Errors
    /// [`TrainError::Recipe`] and [`TrainError::Data`].
    pub fn open(recipe: &FitRecipe) -> Result<Self, TrainError> {
        recipe.only(&["classify"])?;
        let settings: Settings = recipe.table("classify")?;
        let digits = LabelledDigits::read(&settings.digits)?;
        let net = Classifier::new(settings.network, digits.size, &digits.fit.pixels);
        if net.maps() == 0 {
            let [height, width] = digits.size;
            return Err(recipe.wrong(format!(
                "pictures of {width}x{height} are too small for network {:?}; 16x16 is the least",
                settings.network
            )));
        }
        Ok(Self { settings, digits, net, seed: recipe.seed })
    }

    fn form(&self) -> Form {
        Form::Picture([1, self.digits.size[0], self.digits.size[1]])
    }

    fn measures(&self, name: &str, weights: &Params, part: &Part) -> Measures {
        let device = Device::flex();
        let leaves = weights.by_name(&device);
        let mut right = 0;
        for from in (0..part.len()).step_by(TOGETHER) {
            let which = from..part.len().min(from + TOGETHER);
            let pixels = part.pick(which.clone(), self.digits.pixels());
            let x = samples(pixels, self.form(), &device);
            let found = self.net.compute(&leaves, &[x], None).into_iter().next();
            let scores = found.map(numbers).unwrap_or_default();
            let truth = part.classes.get(which).unwrap_or_default();
            let pairs = scores.chunks_exact(net::CLASSES).zip(truth);
            right += pairs.filter(|(row, class)| largest(row) == **class).count();
        }
        let share = |n: usize| n as f64 / part.len().max(1) as f64;
        let most = (0..net::CLASSES)
            .map(|c| self.digits.fit.classes.iter().filter(|k| **k == c).count())
            .collect::<Vec<_>>();
        let most = (0..net::CLASSES).max_by_key(|c| most.get(*c)).unwrap_or_default();
        let majority = part.classes.iter().filter(|c| **c == most).count();
        let measure =
            Measure::new(name, share(right), Goal::Max).beside("majority", share(majority));
        Measures { list: vec![measure], samples: part.len() }
    }
}

impl Lesson for Classifying {
    fn init(&self) -> Params {
        self.net.init(self.seed)
    }

    fn data(&self) -> Vec<String> {
        vec![self.digits.about(&self.settings.digits)]
    }

    fn loss(&mut self, step: Step<'_>) -> Result<Tensor<1>, TrainError> {
        let fit = &self.digits.fit;
        let which: Vec<usize> =
            (0..step.batch).map(|_| step.data.random_range(0..fit.len())).collect();
        let classes: Vec<usize> =
            which.iter().filter_map(|at| fit.classes.get(*at).copied()).collect();
        let pixels = fit.pick(which.into_iter(), self.digits.pixels());
        let x = samples(pixels, self.form(), step.device);
        let found = net::Logits(&self.net).compute(step.leaves, &[x], Some(step.chance));
        let loss = found.first().map(|logits| cross_entropy::of_classes(&rows(logits), &classes));
        loss.ok_or_else(|| nothing("classify"))
    }

    fn validate(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        Ok(self.measures("accuracy (held out)", weights, &self.digits.hold_out))
    }

    fn test(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        Ok(self.measures("accuracy (test)", weights, &self.digits.test))
    }

    fn export(
        &mut self,
        checkpoint: &FitCheckpoint,
        scores: &Measures,
    ) -> Result<Vec<Product>, TrainError> {
        let mut contract = about(checkpoint, &checkpoint.recipe.name, Task::Other)?;
        let shape: Vec<_> = self.form().shape();
        let mut port = Port::new("frame", Role::Frame, DType::F32, &shape);
        port.colour = ColourOrder::Luma;
        contract.inputs = vec![port];
        let [height, width] = self.digits.size.map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        contract.size = Some(SizeRule::Fixed { width, height });
        contract.labels = (0..net::CLASSES).map(|c| c.to_string()).collect();
        let weights = &checkpoint.optimiser.average;
        let uri = &self.settings.digits.pictures;
        Ok(vec![product(&self.net, weights, contract, scores, uri)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::fit;
    use crate::train::Options;

    #[test]
    fn both_networks_learn_where_a_square_is_and_are_exported() {
        let place = tempfile::tempdir().unwrap();
        let DigitFiles { pictures, classes, train, hold_out } =
            super::super::digits::tests::made(place.path(), 150);
        for (kind, steps) in [("pixels", 60), ("slides", 16)] {
            let text = format!(
                "task = \"classify\"\nname = \"c-{kind}\"\n[train]\nsteps = {steps}\nbatch = 20\n\
                 learning_rate = 0.004\nwarm_up = 4\nema = 0.2\n[validate]\nevery = {steps}\n\
                 [classify]\nnetwork = \"{kind}\"\n[classify.digits]\npictures = {pictures:?}\n\
                 classes = {classes:?}\ntrain = {train}\nhold_out = {hold_out}\n"
            );
            let recipe = FitRecipe::parse("r", &text).unwrap();
            let mut lesson = Classifying::open(&recipe).unwrap();
            let out = place.path().join(kind);
            let found = fit(&recipe, &mut lesson, &Options { out, ..Default::default() }).unwrap();
            let checkpoint = FitCheckpoint::read(&found.best).unwrap();
            let scores = lesson.test(&checkpoint.optimiser.average).unwrap();
            let measure = scores.first().unwrap();
            assert!(measure.value > 0.8 && measure.baselines[0].1 < 0.2, "{}", scores.text());
            let products = lesson.export(&checkpoint, &scores).unwrap();
            assert!(products[0].checked.iter().all(|c| c.worst < 1e-4));
        }
    }
}
