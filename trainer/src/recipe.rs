//! What to train, on what, and how: one TOML file. Unknown keys are refused.

mod memory;

use std::fs;
use std::path::{Path, PathBuf};

use framecast::model::PredictKind;
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::data::{AugmentRecipe, DataRecipe, MovingMnistRecipe, RecordingRecipe, SequencesRecipe};
use crate::loss::Weights;
use crate::net::base::Sizes;
use crate::net::{Params, Precision, Preset, Shape, Standard};
use crate::train::{Adversarial, Goal, Metric, Sampling};

/// A training recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The model's name, also the name of its files.
    pub name: String,
    /// One sentence about the model.
    #[serde(default)]
    pub description: String,
    /// Licence of the weights.
    #[serde(default)]
    pub licence: String,
    /// Seed of the weights and of the data.
    #[serde(default = "one")]
    pub seed: u64,
    /// The network.
    pub network: Preset,
    /// All sizes of a `base` network, instead of those of its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Sizes>,
    /// A checkpoint whose weights the run starts from, instead of untrained ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<PathBuf>,
    /// Training data.
    pub data: DataRecipe,
    /// How sequences are changed by chance.
    #[serde(default, skip_serializing_if = "AugmentRecipe::is_default")]
    pub augment: AugmentRecipe,
    /// Parts of the loss.
    #[serde(default)]
    pub loss: Weights,
    /// A discriminator beside the losses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adversarial: Option<Adversarial>,
    /// Optimisation.
    #[serde(default)]
    pub train: Training,
    /// When an integer network starts to compute with its integers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantise: Option<Quantise>,
    /// Validation.
    #[serde(default)]
    pub validate: Validation,
}

const fn one() -> u64 {
    1
}

/// The `[train]` part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Training {
    /// Optimiser steps.
    pub steps: u64,
    /// Sequences side by side.
    pub batch: usize,
    /// Frames that are back-propagated through at once; state goes on across them.
    pub chunk: usize,
    /// Only the prediction of the last frame of a sequence counts, as the score of a set of
    /// sequences does; `direct` networks only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub last_only: bool,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// How much faster the linear map to the logits learns, of `blend` networks and `small-direct`.
    pub gate_rate: f32,
    /// Steps until the learning rate is reached.
    pub warm_up: u64,
    /// Share of the learning rate at the end of the cosine.
    pub floor: f64,
    /// Decoupled weight decay of kernels.
    pub weight_decay: f32,
    /// Longest gradient (Euclidean norm over all parameters).
    pub clip: f32,
    /// Decay of the average of the weights that is validated and exported.
    pub ema: f32,
    /// Threads; results are the same again on the same number of threads.
    pub threads: usize,
    /// Stop after this many validations without a better one; 0 is never.
    pub patience: u64,
    /// What convolutions compute with.
    pub precision: Precision,
    /// Own predictions in place of frames.
    pub sampling: Sampling,
}

impl Default for Training {
    fn default() -> Self {
        Self {
            steps: 4_000,
            batch: 8,
            chunk: 8,
            last_only: false,
            learning_rate: 2e-3,
            gate_rate: 30.0,
            warm_up: 100,
            floor: 0.02,
            weight_decay: 1e-4,
            clip: 1.0,
            ema: 0.995,
            threads: 1,
            patience: 0,
            precision: Precision::F32,
            sampling: Sampling::default(),
        }
    }
}

/// The `[validate]` part: demo cameras with seeds of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Validation {
    /// Steps between validations: an epoch.
    pub every: u64,
    /// Score no more than this many batches during the run; 0 is all. The last word is on all.
    pub steps: u64,
    /// What decides which checkpoint is best.
    pub metric: Metric,
    /// Which values of it are better, where not those one expects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goal: Option<Goal>,
    /// Checkpoints that are kept under names of their own.
    pub keep: usize,
    /// Training sequences that are scored beside, to see over-fitting; 0 is none.
    pub watch: usize,
    /// Seeds of the demo camera.
    pub seeds: Vec<u64>,
    /// Frames of each.
    pub frames: u64,
    /// Size of the pictures.
    pub size: [u32; 2],
    /// Recordings beside them.
    pub recording: Vec<RecordingRecipe>,
    /// Sets of sequences, of which only the last frames are scored.
    pub sequences: Vec<SequencesRecipe>,
    /// Test sequences of digits, of which all coming frames are scored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub moving_mnist: Vec<MovingMnistRecipe>,
}

impl Default for Validation {
    fn default() -> Self {
        Self {
            every: 200,
            steps: 0,
            metric: Metric::Gain,
            goal: None,
            keep: 1,
            watch: 8,
            seeds: vec![9_901, 9_902, 9_903],
            frames: 24,
            size: [160, 96],
            recording: Vec::new(),
            sequences: Vec::new(),
            moving_mnist: Vec::new(),
        }
    }
}

/// The `[quantise]` part, of integer networks only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantise {
    /// The step from which on training computes with the integers that will be exported; before
    /// it, with real numbers. By default the last fifth of the steps does.
    pub from_step: u64,
}

impl Validation {
    /// Which values of the metric are better.
    #[must_use]
    pub fn goal(&self) -> Goal {
        self.goal.unwrap_or(self.metric.goal())
    }
}

impl Recipe {
    /// The first step that computes with integers.
    #[must_use]
    pub fn integer_from(&self) -> u64 {
        self.quantise.map_or(self.train.steps - self.train.steps / 5, |q| q.from_step)
    }

    /// Reads and checks a recipe.
    ///
    /// # Errors
    /// [`TrainError::Io`] and [`TrainError::Recipe`].
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let text = fs::read_to_string(path).map_err(TrainError::io("read", path))?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// Parses and checks a recipe; `name` stands for it in messages.
    ///
    /// # Errors
    /// [`TrainError::Recipe`].
    pub fn parse(name: &str, text: &str) -> Result<Self, TrainError> {
        let wrong = |reason: String| TrainError::Recipe { path: name.to_owned(), reason };
        let recipe: Self = toml::from_str(text).map_err(|e| wrong(e.to_string()))?;
        recipe.checked(name)
    }

    /// The recipe, when it can be trained; `name` stands for it in messages.
    ///
    /// # Errors
    /// [`TrainError::Recipe`].
    pub fn checked(self, name: &str) -> Result<Self, TrainError> {
        let wrong = |reason: String| TrainError::Recipe { path: name.to_owned(), reason };
        self.check().map_err(wrong)?;
        Ok(self)
    }

    /// The recipe as TOML, with all defaults written out.
    ///
    /// # Errors
    /// [`TrainError::Recipe`] when a value has no TOML form.
    pub fn to_toml(&self) -> Result<String, TrainError> {
        toml::to_string(self)
            .map_err(|e| TrainError::Recipe { path: self.name.clone(), reason: e.to_string() })
    }

    /// The sizes of the network's layers.
    #[must_use]
    pub fn shape(&self) -> Shape {
        let mut shape = self.network.shape();
        if let (Some(sizes), Some(wanted)) = (&mut shape.base, self.base) {
            *sizes = wanted;
        }
        shape.standard = self.augment.standard();
        shape
    }

    /// Steps of a batch whose sequences have `data.frames` frames.
    pub(crate) fn steps_a_batch(&self) -> u64 {
        match self.network.kind() {
            PredictKind::Direct if self.shape().base.is_none() => {
                (self.data.frames.saturating_sub(1)).div_ceil(self.train.chunk.max(1)).max(1) as u64
            }
            _ => 1,
        }
    }

    /// The untrained parameters.
    #[must_use]
    pub fn init(&self) -> Params {
        self.shape().init(self.seed)
    }

    /// Which networks standardise what they see.
    fn check_standard(&self) -> Result<(), String> {
        let shape = self.shape();
        if shape.base.is_some() || shape.standard == Standard::NONE {
            return Ok(());
        }
        let name = self.network;
        let reason = match name.kind() {
            PredictKind::Blend => "it sees features that the runtime makes, not samples",
            PredictKind::Direct => {
                "it mixes frames, state and differences in its first layer; base networks do"
            }
        };
        Err(format!(
            "network {name} is not standardised (augment.featurewise_*, samplewise_*, \
             zca_whitening): {reason}"
        ))
    }

    /// What a window of frames asks of the data.
    fn check_window(&self) -> Result<(), String> {
        match (self.shape().base, self.base) {
            (None, Some(_)) => {
                Err(format!("[base] gives sizes, but network = {:?} has none", self.network))
            }
            (Some(sizes), _) => {
                sizes.check()?;
                let frames = sizes.window + sizes.ahead;
                if self.data.frames == frames {
                    return Ok(());
                }
                Err(format!(
                    "data.frames = {}; a network that sees {} frames and predicts {} takes {frames}",
                    self.data.frames, sizes.window, sizes.ahead
                ))
            }
            (None, None) => Ok(()),
        }
    }

    /// Digits are scored by networks that predict all coming frames, and by some metrics only.
    fn check_digits(&self) -> Result<(), String> {
        let v = &self.validate;
        if v.moving_mnist.is_empty() {
            return Ok(());
        }
        if self.shape().base.is_none() {
            return Err(format!(
                "validate.moving_mnist: {} predicts one frame; only networks that predict all \
                 coming frames (base, base-tiny) are scored on it",
                self.network
            ));
        }
        let alone = v.seeds.is_empty() && v.recording.is_empty() && v.sequences.is_empty();
        if alone && matches!(v.metric, Metric::Pd | Metric::Ssim) {
            return Err(format!(
                "validate.metric = {:?} is not measured on validate.moving_mnist; take gain, mse \
                 or psnr, or validate on seeds, recordings or sequences too",
                v.metric.to_string()
            ));
        }
        Ok(())
    }

    /// Fails with the first value that cannot be.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.check_window()?;
        self.check_standard()?;
        self.loss.check(self.data.side)?;
        let t = &self.train;
        let multiple = self.network.multiple_of() as u32;
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.name.is_empty() || !self.name.chars().all(named) {
            return Err(format!(
                "name = {:?}; letters, digits, '-', '_' and '.' are allowed",
                self.name
            ));
        }
        for (key, value, low, high) in [
            ("data.frames", self.data.frames as u64, 3, 1_000),
            ("train.steps", t.steps, 1, 10_000_000),
            ("train.batch", t.batch as u64, 1, 1_024),
            ("train.chunk", t.chunk as u64, 1, 64),
            ("train.threads", t.threads as u64, 1, 256),
            ("train.patience", t.patience, 0, 1_000_000),
            ("validate.steps", self.validate.steps, 0, 1_000_000),
            ("validate.keep", self.validate.keep as u64, 1, 100),
            ("validate.watch", self.validate.watch as u64, 0, 10_000),
            ("validate.every", self.validate.every, 1, 1_000_000),
            ("validate.frames", self.validate.frames, 2, 10_000),
            ("validate.seeds (their number)", self.validate.seeds.len() as u64, 0, 100),
        ] {
            if !(low..=high).contains(&value) {
                return Err(format!("{key} = {value} is outside {low} to {high}"));
            }
        }
        for (key, value, low, high) in [
            ("train.learning_rate", t.learning_rate, 1e-7, 1.0),
            ("train.floor", t.floor, 0.0, 1.0),
            ("train.weight_decay", f64::from(t.weight_decay), 0.0, 1.0),
            ("train.clip", f64::from(t.clip), 1e-6, 1e6),
            ("train.gate_rate", f64::from(t.gate_rate), 0.0, 1e4),
            ("train.ema", f64::from(t.ema), 0.0, 0.999_999),
            ("data.repeats", f64::from(self.data.repeats), 0.0, 1.0),
            ("data.begun", f64::from(self.data.begun), 0.0, 1.0),
        ] {
            if !(low..=high).contains(&value) {
                return Err(format!("{key} = {value} is outside {low} to {high}"));
            }
        }
        if t.last_only && t.chunk + 1 < self.data.frames {
            return Err(format!(
                "train.chunk = {} with train.last_only; the whole sequence must be in one chunk, \
                 {} or more",
                t.chunk,
                self.data.frames - 1
            ));
        }
        self.augment.check()?;
        if self.data.begun > 0.0 && self.network.kind() != PredictKind::Blend {
            return Err(format!(
                "data.begun = {}; only blend networks take sequences of different lengths",
                self.data.begun
            ));
        }
        if self.quantise.is_some() && !self.network.is_integer() {
            return Err("quantise: only networks in integers (nano-int) have it".to_owned());
        }
        t.precision.check(self.network)?;
        t.sampling.check()?;
        if t.sampling.probability > 0.0 && self.network.kind() != PredictKind::Direct {
            return Err(format!(
                "train.sampling needs a recurrent network; {} sees the frames that came",
                self.network
            ));
        }
        let windowed = self.shape().base.is_some();
        if windowed && (self.adversarial.is_some() || t.sampling.probability > 0.0) {
            return Err(format!(
                "{} predicts several frames at once: neither [adversarial] nor train.sampling is \
                 for it",
                self.network
            ));
        }
        if let Some(adversarial) = &self.adversarial {
            adversarial.check()?;
        }
        let [width, height] = self.validate.size;
        for (key, side) in
            [("data.side", self.data.side), ("validate.size", width), ("validate.size", height)]
        {
            if side == 0 || side % multiple != 0 || side > 1_024 {
                return Err(format!(
                    "{key} = {side}; multiples of {multiple} up to 1024 are allowed"
                ));
            }
        }
        self.check_digits()?;
        memory::check(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "name = \"x\"\nnetwork = \"nano-direct\"\n[data]\nside = 32\nframes = 9\n\
                         [[data.demo]]\nworlds = 1\n";

    #[test]
    fn only_blend_networks_take_sequences_that_have_just_begun() {
        let recipe = |network: &str| {
            let text = SMALL.replace("nano-direct", network);
            Recipe::parse("r", &text.replace("frames = 9", "frames = 9\nbegun = 0.25"))
        };
        assert!(recipe("nano").is_ok());
        let error = recipe("nano-direct").unwrap_err().to_string();
        assert!(error.contains("data.begun = 0.25"), "{error}");
    }

    #[test]
    fn defaults_fill_a_short_recipe_and_survive_a_round_trip() {
        let recipe = Recipe::parse("r", SMALL).unwrap();
        assert_eq!(recipe.train, Training::default());
        assert_eq!(Recipe::parse("r", &recipe.to_toml().unwrap()).unwrap(), recipe);
    }

    #[test]
    fn mistakes_name_key_value_and_range() {
        let refused = |from: &str, to: &str| {
            Recipe::parse("r.toml", &SMALL.replace(from, to)).unwrap_err().to_string()
        };
        assert!(refused("side = 32", "side = 30").contains("data.side = 30"));
        assert!(refused("frames = 9", "frames = 2").contains("outside 3 to 1000"));
        assert!(refused("worlds = 1", "world = 1").contains("unknown field `world`"));
        assert!(refused("nano-direct", "pico").contains("nano-direct"));
        let error = refused("[data]", "[loss]\nssim = nan\n[data]");
        assert!(error.contains("loss.ssim = NaN; 0 and more"), "{error}");
        let error = refused("[data]", "[augment]\nshear_range = 2\n[data]");
        assert!(error.contains("augment.shear_range = 2"), "{error}");
        let error = refused("[data]", "[augment]\nsamplewise_center = true\n[data]");
        assert!(error.contains("predict-nano-direct is not standardised"), "{error}");
        let error = refused("[data]", "[[validate.moving_mnist]]\n[data]");
        assert!(error.contains("nano-direct predicts one frame"), "{error}");
        let error = refused("[data]", "[train]\nema = 1.0\n[data]");
        assert!(error.contains("r.toml") && error.contains("train.ema = 1"), "{error}");
    }
}
