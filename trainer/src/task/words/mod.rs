//! Word vectors of captions (Mikolov et al., "Efficient estimation of word representations in vector
//! space", 2013): the words around give the one in the middle (CBOW), or it gives them (skip-gram).

mod analogy;

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use framecast::model::{Role, Task, Tokenizer, tokenizer};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::batch::{TOGETHER, nothing, rows};
use super::product;
use crate::TrainError;
use crate::data::{limited, place};
use crate::export::about;
use crate::fit::{
    FitCheckpoint, FitRecipe, Lesson, Measure, Measures, Product, Step, digest_of_words,
};
use crate::loss::cross_entropy;
use crate::net::{Form, Layers, Params, Slot, TaskNet, add_table};
use crate::train::Goal;

/// The most bytes of a file of captions.
const LARGEST: u64 = 256 << 20;

/// The most captions that are drawn for one in which two words are left.
const TRIES: usize = 100_000;

/// What is learned from what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The word in the middle from those around it.
    #[default]
    Cbow,
    /// A word around from the one in the middle.
    SkipGram,
}

/// The `[words]` part of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// What is learned from what.
    way: Way,
    /// Lines of a name and a caption.
    captions: String,
    /// Captions at the end of the file that are held out.
    hold_out: usize,
    /// Words that occur less often are unknown.
    min_count: usize,
    /// Words on either side, 1 to 16.
    window: usize,
    /// Numbers of a vector, 2 to 1024.
    dimension: usize,
    /// Share above which a word is left out now and then, the more the more frequent it is.
    frequent: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            way: Way::Cbow,
            captions: "data:retrieval/annotations.10k.txt".to_owned(),
            hold_out: 1_000,
            min_count: 5,
            window: 3,
            dimension: 64,
            frequent: 1e-3,
        }
    }
}

/// The exported part: the vector of a word, of length one.
#[derive(Clone, Copy, Debug)]
struct Vectors {
    size: usize,
}

impl TaskNet for Vectors {
    fn inputs(&self) -> Vec<Slot> {
        vec![Slot::new("word", Role::Tokens, Form::Tokens(1))]
    }

    fn outputs(&self) -> Vec<Slot> {
        vec![Slot::new("vector", Role::Embedding, Form::Vector(self.size))]
    }

    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
        let Some(word) = inputs.first() else { return Vec::new() };
        let vector = g.embed(word, "words");
        vec![g.normalise(&vector)]
    }
}

/// Logits over all words of the mean vector of `count` given ones.
struct Guess {
    count: usize,
    words: usize,
}

impl TaskNet for Guess {
    fn inputs(&self) -> Vec<Slot> {
        vec![Slot::new("given", Role::Tokens, Form::Tokens(self.count))]
    }

    fn outputs(&self) -> Vec<Slot> {
        vec![Slot::new("logits", Role::Scores, Form::Vector(self.words))]
    }

    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
        let Some(given) = inputs.first() else { return Vec::new() };
        let vectors = g.embed(given, "words");
        let mean = g.mean(&vectors);
        vec![g.linear(&mean, "guess")]
    }
}

/// Learns vectors.
pub struct Wording {
    settings: Settings,
    tokenizer: Tokenizer,
    fit: Vec<Vec<u32>>,
    hold_out: Vec<Vec<u32>>,
    /// How often each word occurs in `fit`.
    counts: Vec<f64>,
    seed: u64,
}

impl Wording {
    /// Reads the captions of `recipe`.
    ///
    /// # Errors
    /// [`TrainError::Recipe`] and [`TrainError::Data`].
    pub fn open(recipe: &FitRecipe) -> Result<Self, TrainError> {
        recipe.only(&["words"])?;
        let settings: Settings = recipe.table("words")?;
        for (key, value, low, high) in [
            ("window", settings.window, 1, 16),
            ("dimension", settings.dimension, 2, 1024),
            ("hold_out", settings.hold_out, 1, usize::MAX),
        ] {
            if !(low..=high).contains(&value) {
                return Err(
                    recipe.wrong(format!("words.{key} = {value} is outside {low} to {high}"))
                );
            }
        }
        if settings.frequent.is_nan() || settings.frequent <= 0.0 {
            let share = settings.frequent;
            return Err(recipe.wrong(format!("words.frequent = {share}; give a share above 0")));
        }
        let captions = captions(&settings.captions)?;
        let fail = |reason| TrainError::Data { uri: settings.captions.clone(), reason };
        let Some(learned) = captions.len().checked_sub(settings.hold_out).filter(|n| *n > 0) else {
            let reason =
                format!("{} captions, of which {} are held out", captions.len(), settings.hold_out);
            return Err(fail(reason));
        };
        let options = tokenizer::FitOptions { min_count: settings.min_count, ..Default::default() };
        let texts = captions.iter().take(learned).map(String::as_str);
        let tokenizer = Tokenizer::fit(texts, &options).map_err(|e| fail(e.to_string()))?;
        let ids = |text: &String| tokenizer.encode(text).map(|e| e.ids).unwrap_or_default();
        let mut fit: Vec<Vec<u32>> = captions.iter().map(ids).collect();
        let hold_out = fit.split_off(learned);
        if !fit.iter().any(|caption| caption.len() > 1) {
            let reason = "no caption that is learned from has two words; nothing is to be guessed";
            return Err(fail(reason.to_owned()));
        }
        if hold_out.iter().all(Vec::is_empty) {
            return Err(fail("no caption that is held out has a word; hold out more".to_owned()));
        }
        let mut counts = vec![0.0; tokenizer.ids()];
        for id in fit.iter().flatten() {
            counts.get_mut(*id as usize).into_iter().for_each(|c| *c += 1.0);
        }
        Ok(Self { settings, tokenizer, fit, hold_out, counts, seed: recipe.seed })
    }

    fn words(&self) -> usize {
        self.counts.len()
    }

    fn given(&self) -> usize {
        match self.settings.way {
            Way::Cbow => 2 * self.settings.window,
            Way::SkipGram => 1,
        }
    }

    /// What is given and what is to be guessed at a place of a caption; padding stands where it ends.
    fn sample(&self, caption: &[u32], at: usize, random: &mut Pcg64) -> (Vec<f32>, usize) {
        let window = self.settings.window;
        let id = |offset: usize| {
            let place = (at + offset).checked_sub(window);
            let id = place.and_then(|p| caption.get(p)).copied().unwrap_or(Tokenizer::PAD);
            id as f32
        };
        let around = (0..=2 * window).filter(|o| *o != window);
        let centre = caption.get(at).copied().unwrap_or(Tokenizer::PAD);
        match self.settings.way {
            Way::Cbow => (around.map(id).collect(), centre as usize),
            Way::SkipGram => {
                let there: Vec<f32> =
                    around.map(id).filter(|id| *id != Tokenizer::PAD as f32).collect();
                let at = random.random_range(0..there.len().max(1));
                let other = there.get(at).copied().unwrap_or(centre as f32);
                (vec![centre as f32], other as usize)
            }
        }
    }

    /// A caption and a place in it: frequent words are left out now and then.
    ///
    /// # Errors
    /// [`TrainError::Data`] when it is all but never that two words are left.
    fn draw(&self, random: &mut Pcg64) -> Result<(Vec<f32>, usize), TrainError> {
        let all: f64 = self.counts.iter().sum();
        for _ in 0..TRIES {
            let which = random.random_range(0..self.fit.len());
            let Some(caption) = self.fit.get(which).filter(|c| !c.is_empty()) else { continue };
            let kept: Vec<u32> = caption
                .iter()
                .copied()
                .filter(|id| {
                    let count = self.counts.get(*id as usize).copied().unwrap_or(1.0);
                    let keep = (self.settings.frequent * all / count).sqrt();
                    random.random::<f64>() < keep
                })
                .collect();
            if kept.len() > 1 {
                let at = random.random_range(0..kept.len());
                return Ok(self.sample(&kept, at, random));
            }
        }
        Err(TrainError::Data {
            uri: self.settings.captions.clone(),
            reason: format!(
                "of {TRIES} captions drawn none had two words left; words.frequent = {:e} leaves \
                 too many out, raise it",
                self.settings.frequent
            ),
        })
    }

    /// Mean cross-entropy of held-out words, beside that of their frequencies.
    fn measure(&self, weights: &Params) -> Measures {
        let device = Device::flex();
        let leaves = weights.by_name(&device);
        let net = Guess { count: self.given(), words: self.words() };
        let mut random = Pcg64::seed_from_u64(11);
        let mut pairs = Vec::new();
        for caption in &self.hold_out {
            pairs.extend((0..caption.len()).map(|at| self.sample(caption, at, &mut random)));
        }
        let (mut sum, mut plain) = (0.0, 0.0);
        let all = self.counts.iter().sum::<f64>() + self.words() as f64;
        for chunk in pairs.chunks(TOGETHER) {
            let given: Vec<f32> = chunk.iter().flat_map(|(given, _)| given.clone()).collect();
            let wanted: Vec<usize> = chunk.iter().map(|(_, word)| *word).collect();
            let x = Tensor::from_data(
                TensorData::new(given, Form::Tokens(self.given()).inside(chunk.len())),
                &device,
            );
            for logits in net.compute(&leaves, &[x], None) {
                let loss = cross_entropy::of_classes(&rows(&logits), &wanted);
                sum += f64::from(loss.into_scalar::<f32>()) * chunk.len() as f64;
            }
            let share = |word: &usize| (self.counts.get(*word).copied().unwrap_or(0.0) + 1.0) / all;
            plain -= wanted.iter().map(|w| share(w).ln()).sum::<f64>();
        }
        let count = pairs.len().max(1) as f64;
        let name = "cross-entropy of held-out words, nats";
        let measure =
            Measure::new(name, sum / count, Goal::Min).beside("frequencies", plain / count);
        Measures { list: vec![measure], samples: pairs.len() }
    }
}

/// The captions of a file: what comes after the first word of each line.
fn captions(uri: &str) -> Result<Vec<String>, TrainError> {
    let fail = |reason: String| TrainError::Data { uri: uri.to_owned(), reason };
    let bytes = limited::file(Path::new(&place(uri)), LARGEST).map_err(fail)?;
    let text = String::from_utf8(bytes).map_err(|e| fail(e.to_string()))?;
    let lines = text.lines().filter(|l| !l.trim().is_empty());
    let caption = |(line, at): (&str, usize)| match line.split_once(char::is_whitespace) {
        Some((_, caption)) => Ok(caption.to_owned()),
        None => Err(fail(format!("caption {at} is not a name and words after it"))),
    };
    lines.zip(1..).map(caption).collect()
}

impl Lesson for Wording {
    fn init(&self) -> Params {
        let mut by = Pcg64::seed_from_u64(self.seed);
        let mut params = Params::default();
        let (words, size) = (self.words(), self.settings.dimension);
        add_table(&mut params, "words", words, size, &mut by);
        params.add_conv("guess", [words, size, 1, 1], 1.0, &mut by);
        params
    }

    fn data(&self) -> Vec<String> {
        vec![format!(
            "{}: {} captions learned from, {} held out, {} words",
            self.settings.captions,
            self.fit.len(),
            self.hold_out.len(),
            self.words()
        )]
    }

    fn vocabulary(&self) -> Option<String> {
        Some(digest_of_words(&self.tokenizer, [""; 0]))
    }

    fn loss(&mut self, step: Step<'_>) -> Result<Tensor<1>, TrainError> {
        let pairs: Vec<_> =
            (0..step.batch).map(|_| self.draw(step.data)).collect::<Result<_, _>>()?;
        let given: Vec<f32> = pairs.iter().flat_map(|(given, _)| given.clone()).collect();
        let wanted: Vec<usize> = pairs.iter().map(|(_, word)| *word).collect();
        let form = Form::Tokens(self.given()).inside(step.batch);
        let x = Tensor::from_data(TensorData::new(given, form), step.device);
        let net = Guess { count: self.given(), words: self.words() };
        let found = net.compute(step.leaves, &[x], Some(step.chance));
        let logits = found.first().ok_or_else(|| nothing("words"))?;
        Ok(cross_entropy::of_classes(&rows(logits), &wanted))
    }

    fn validate(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        Ok(self.measure(weights))
    }

    fn test(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        let mut measures = self.measure(weights);
        let size = self.settings.dimension;
        let table =
            |p: &Params| p.get("words.weight").map(|w| w.values.clone()).unwrap_or_default();
        let trained = analogy::Space::new(&self.tokenizer, &table(weights), size);
        let untrained = analogy::Space::new(&self.tokenizer, &table(&self.init()), size);
        for (name, among) in [("analogies", 1), ("analogies among the first five", 5)] {
            let (value, asked) = trained.score(among, true);
            let name = format!("{name}, of {asked}");
            measures.list.push(
                Measure::new(&name, value, Goal::Max)
                    .beside("nearest to the third word", trained.score(among, false).0)
                    .beside("before training", untrained.score(among, true).0),
            );
        }
        Ok(measures)
    }

    fn export(
        &mut self,
        checkpoint: &FitCheckpoint,
        scores: &Measures,
    ) -> Result<Vec<Product>, TrainError> {
        let mut contract = about(checkpoint, &checkpoint.recipe.name, Task::Embed)?;
        contract.tokenizer = Some(Tokenizer { length: 1, ..self.tokenizer.clone() });
        let net = Vectors { size: self.settings.dimension };
        let weights = &checkpoint.optimiser.average;
        let mut table = Params::default();
        if let Some(words) = weights.get("words.weight") {
            table.add_values(&words.name, &words.shape, words.values.clone());
        }
        Ok(vec![product(&net, &table, contract, scores, &self.settings.captions)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::fit;
    use crate::train::Options;

    #[test]
    fn words_of_like_use_come_near_each_other_both_ways() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("captions.txt");
        let mut random = Pcg64::seed_from_u64(3);
        let mut text = String::new();
        for at in 0..400 {
            let (beast, food) = (["dog", "cat"], ["bowl", "bone"]);
            let (plane, sky) = (["kite", "plane"], ["cloud", "wind"]);
            let (a, b) = if at % 2 == 0 { (beast, food) } else { (plane, sky) };
            let mut pick = |list: [&'static str; 2]| list[random.random_range(0..2)];
            text += &format!("f{at}.jpg {} {} {}\n", pick(a), pick(b), pick(a));
        }
        std::fs::write(&file, text).unwrap();
        for way in ["cbow", "skip-gram"] {
            let text = format!(
                "task = \"words\"\nname = \"w\"\n[train]\nsteps = 120\nbatch = 64\n\
                 learning_rate = 0.05\nwarm_up = 4\nema = 0.2\n[validate]\nevery = 120\n\
                 [words]\nway = \"{way}\"\ncaptions = {:?}\nhold_out = 50\nmin_count = 1\n\
                 dimension = 8\nfrequent = 1.0\n",
                file.display().to_string()
            );
            let recipe = FitRecipe::parse("r", &text).unwrap();
            let mut lesson = Wording::open(&recipe).unwrap();
            let out = place.path().join(way);
            let found = fit(&recipe, &mut lesson, &Options { out, ..Default::default() }).unwrap();
            let checkpoint = FitCheckpoint::read(&found.best).unwrap();
            let weights = &checkpoint.optimiser.average;
            let scores = lesson.test(weights).unwrap();
            let first = scores.first().unwrap();
            assert!(first.value < first.baselines[0].1 - 0.2, "{way}: {}", scores.text());
            let table = weights.get("words.weight").unwrap().values.clone();
            let space = analogy::Space::new(&lesson.tokenizer, &table, 8);
            let near = |a, b| space.likeness(a, b).unwrap();
            assert!(near("dog", "cat") > near("dog", "wind") + 0.2, "{way}");
            let products = lesson.export(&checkpoint, &scores).unwrap();
            assert!(products[0].checked.iter().all(|c| c.worst < 1e-5));
        }
    }

    #[test]
    fn captions_that_give_nothing_to_guess_end_in_an_error() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("captions.txt");
        let open = |text: &str, frequent: f64| {
            std::fs::write(&file, text).unwrap();
            let recipe = format!(
                "task = \"words\"\nname = \"w\"\n[words]\ncaptions = {:?}\nhold_out = 1\n\
                 min_count = 1\nfrequent = {frequent:e}\n",
                file.display().to_string()
            );
            Wording::open(&FitRecipe::parse("r", &recipe).unwrap())
        };
        let said = |text: &str| open(text, 1.0).err().unwrap().to_string();
        assert!(said("a dog\nb cat\nc a kite\n").contains("two words"));
        assert!(said("a dog runs\nb !!!\n").contains("held out"));
        // All but never are two words left of a caption.
        let lesson = open("a dog runs\nb a cat\nc a kite\n", 1e-300).unwrap();
        let error = lesson.draw(&mut Pcg64::seed_from_u64(1)).unwrap_err().to_string();
        assert!(error.contains("words.frequent = 1e-300"), "{error}");
    }
}
