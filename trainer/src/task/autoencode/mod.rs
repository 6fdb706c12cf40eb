//! Pictures through 32 numbers and back: an anomaly score, a denoised picture, and a signature.

mod net;

use burn::tensor::{Device, Tensor};
use framecast::model::{ColourOrder, DType, Port, Role, SizeRule, Task};
use framecast::task::rank::full_auc;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

pub use net::{Autoencoder, Kind};

use super::batch::{TOGETHER, nothing, numbers, samples};
use super::digits::{DigitFiles, LabelledDigits, Part};
use super::product;
use crate::TrainError;
use crate::export::about;
use crate::fit::{FitCheckpoint, FitRecipe, Lesson, Measure, Measures, Product, Step};
use crate::loss::cross_entropy;
use crate::net::{Form, Params, TaskNet as _};
use crate::train::Goal;

/// Side of the square that is put into a picture to make it an anomaly.
const SQUARE: usize = 10;
/// Half the width of the uniform noise on pictures that are denoised.
const NOISE: f32 = 0.5;

/// The `[autoencode]` part of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// The network.
    network: Kind,
    /// Deviation of the noise that is added in training, 0 to 1.
    noise: f32,
    /// The pictures.
    digits: DigitFiles,
}

impl Default for Settings {
    fn default() -> Self {
        Self { network: Kind::Dense, noise: 0.2, digits: DigitFiles::default() }
    }
}

/// Learns to give pictures back.
pub struct Autoencoding {
    settings: Settings,
    digits: LabelledDigits,
    net: Autoencoder,
    seed: u64,
}

impl Autoencoding {
    /// Reads the data of `recipe`.
    ///
    /// # Errors
    /// [`TrainError::Recipe`] and [`TrainError::Data`].
    pub fn open(recipe: &FitRecipe) -> Result<Self, TrainError> {
        recipe.only(&["autoencode"])?;
        let settings: Settings = recipe.table("autoencode")?;
        let noise = settings.noise;
        if !(0.0..=1.0).contains(&noise) {
            return Err(recipe.wrong(format!("autoencode.noise = {noise} is outside 0 to 1")));
        }
        let digits = LabelledDigits::read(&settings.digits)?;
        let [height, width] = digits.size;
        if height % 4 + width % 4 > 0 || height.min(width) < SQUARE + 2 {
            return Err(recipe.wrong(format!(
                "pictures of {width}x{height} cannot be taken; sides must be multiples of 4 from 12"
            )));
        }
        let net = Autoencoder { kind: settings.network, size: digits.size, noise };
        Ok(Self { settings, digits, net, seed: recipe.seed })
    }

    fn form(&self) -> Form {
        Form::Picture([1, self.digits.size[0], self.digits.size[1]])
    }

    /// What comes back of `pictures`, and their anomaly scores.
    fn through(&self, weights: &Params, pictures: &[f32]) -> [Vec<f32>; 2] {
        let device = Device::flex();
        let leaves = weights.by_name(&device);
        let (mut back, mut scores) = (Vec::new(), Vec::new());
        for chunk in pictures.chunks(TOGETHER * self.digits.pixels().max(1)) {
            let x = samples(chunk.to_vec(), self.form(), &device);
            let mut found = self.net.compute(&leaves, &[x], None);
            scores.extend(found.pop().map(numbers).unwrap_or_default());
            back.extend(found.pop().map(numbers).unwrap_or_default());
        }
        [back, scores]
    }

    fn mean_picture(&self) -> Vec<f32> {
        let mut mean = vec![0.0; self.digits.pixels()];
        let count = self.digits.fit.len().max(1) as f32;
        for picture in self.digits.fit.pixels.chunks_exact(mean.len().max(1)) {
            mean.iter_mut().zip(picture).for_each(|(m, v)| *m += v / count);
        }
        mean
    }

    /// Cross-entropy of what comes back, beside that of the mean picture.
    fn returned(&self, name: &str, weights: &Params, part: &Part) -> Measure {
        let [back, _] = self.through(weights, &part.pixels);
        let mean = self.mean_picture();
        let always: Vec<f32> = mean.iter().cycle().take(part.pixels.len()).copied().collect();
        Measure::new(name, entropy(&part.pixels, &back), Goal::Min)
            .beside("mean picture", entropy(&part.pixels, &always))
    }
}

/// Mean binary cross-entropy.
fn entropy(truth: &[f32], found: &[f32]) -> f64 {
    let sum: f64 = truth
        .iter()
        .zip(found)
        .map(|(&y, &p)| {
            let (y, p) = (f64::from(y), f64::from(p).clamp(1e-7, 1.0 - 1e-7));
            -(y * p.ln() + (1.0 - y) * (1.0 - p).ln())
        })
        .sum();
    sum / truth.len().max(1) as f64
}

fn psnr(a: &[f32], b: &[f32]) -> f64 {
    let sum: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    -10.0 * (sum / a.len().max(1) as f64).log10()
}

impl Lesson for Autoencoding {
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
        let x =
            samples(fit.pick(which.into_iter(), self.digits.pixels()), self.form(), step.device);
        let found = self.net.compute(step.leaves, std::slice::from_ref(&x), Some(step.chance));
        let flat = |t: &Tensor<4>| -> Tensor<1> {
            let count = t.dims().iter().product::<usize>();
            t.clone().reshape([count])
        };
        let picture = found.get(1).ok_or_else(|| nothing("autoencode"))?;
        Ok(cross_entropy::binary(&flat(&x), &flat(picture)))
    }

    fn validate(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        let part = &self.digits.hold_out;
        let list = vec![self.returned("cross-entropy (held out)", weights, part)];
        Ok(Measures { list, samples: part.len() })
    }

    fn test(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        let part = &self.digits.test;
        let mut random = Pcg64::seed_from_u64(7);
        let noisy: Vec<f32> = part
            .pixels
            .iter()
            .map(|v| (v + random.random_range(-NOISE..NOISE)).clamp(0.0, 1.0))
            .collect();
        let [cleaned, _] = self.through(weights, &noisy);
        let denoised =
            Measure::new("PSNR of noisy pictures, dB", psnr(&part.pixels, &cleaned), Goal::Max)
                .beside("as they are", psnr(&part.pixels, &noisy));

        // The same pictures with a square of noise somewhere, against the pictures.
        let each = self.digits.pixels();
        let mut damaged = part.pixels.clone();
        let [height, width] = self.digits.size;
        for picture in damaged.chunks_exact_mut(each.max(1)) {
            let (y, x) =
                (random.random_range(0..height - SQUARE), random.random_range(0..width - SQUARE));
            for line in picture.chunks_exact_mut(width).skip(y).take(SQUARE) {
                line.iter_mut()
                    .skip(x)
                    .take(SQUARE)
                    .for_each(|v| *v = random.random_range(0.0..1.0));
            }
        }
        let mean = self.mean_picture();
        let from_mean = |pictures: &[f32]| -> Vec<f32> {
            let off = |p: &[f32]| p.iter().zip(&mean).map(|(a, b)| (a - b) * (a - b)).sum();
            pictures.chunks_exact(each.max(1)).map(off).collect()
        };
        let auc = |whole: Vec<f32>, odd: Vec<f32>| {
            let count = odd.len();
            let all = [odd, whole].concat();
            let kinds = (0..all.len()).map(|at| (at, at < count));
            full_auc(&all, kinds).unwrap_or(f64::NAN)
        };
        let [_, whole] = self.through(weights, &part.pixels);
        let [_, odd] = self.through(weights, &damaged);
        let anomaly = Measure::new("AUC of damaged pictures", auc(whole, odd), Goal::Max).beside(
            "distance from the mean picture",
            auc(from_mean(&part.pixels), from_mean(&damaged)),
        );
        let list = vec![self.returned("cross-entropy (test)", weights, part), denoised, anomaly];
        Ok(Measures { list, samples: part.len() })
    }

    fn export(
        &mut self,
        checkpoint: &FitCheckpoint,
        scores: &Measures,
    ) -> Result<Vec<Product>, TrainError> {
        let mut contract = about(checkpoint, &checkpoint.recipe.name, Task::Other)?;
        let mut port = Port::new("frame", Role::Frame, DType::F32, &self.form().shape());
        port.colour = ColourOrder::Luma;
        contract.inputs = vec![port];
        let [height, width] = self.digits.size.map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        contract.size = Some(SizeRule::Fixed { width, height });
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
    fn both_networks_give_pictures_back_and_are_exported() {
        let place = tempfile::tempdir().unwrap();
        let DigitFiles { pictures, classes, train, hold_out } =
            super::super::digits::tests::made(place.path(), 100);
        for kind in ["dense", "convolutional"] {
            let text = format!(
                "task = \"autoencode\"\nname = \"a-{kind}\"\n[train]\nsteps = 80\nbatch = 20\n\
                 learning_rate = 0.01\nwarm_up = 4\nema = 0.2\n[validate]\nevery = 80\n\
                 [autoencode]\nnetwork = \"{kind}\"\nnoise = 0.1\n[autoencode.digits]\n\
                 pictures = {pictures:?}\nclasses = {classes:?}\ntrain = {train}\n\
                 hold_out = {hold_out}\n"
            );
            let recipe = FitRecipe::parse("r", &text).unwrap();
            let mut lesson = Autoencoding::open(&recipe).unwrap();
            let out = place.path().join(kind);
            let found = fit(&recipe, &mut lesson, &Options { out, ..Default::default() }).unwrap();
            let checkpoint = FitCheckpoint::read(&found.best).unwrap();
            let scores = lesson.test(&checkpoint.optimiser.average).unwrap();
            for measure in &scores.list {
                assert_eq!(
                    measure.value < measure.baselines[0].1,
                    measure.goal == Goal::Min,
                    "{kind}: {}",
                    scores.text()
                );
            }
            let products = lesson.export(&checkpoint, &scores).unwrap();
            assert!(products[0].checked.iter().all(|c| c.worst < 1e-4));
        }
    }
}
