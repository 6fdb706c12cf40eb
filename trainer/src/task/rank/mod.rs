//! Triplet ranking: what a user liked must stand above what they did not (Rendle et al., "BPR:
//! Bayesian personalized ranking from implicit feedback", 2009).

mod interactions;
mod movielens;
mod scorer;
mod zip;

use std::path::Path;

use burn::tensor::Tensor;
use framecast::model::Task;
use rand::RngExt as _;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

pub use interactions::{Interactions, Likes};
pub use movielens::{Film, MovieLens, Rating};
pub use scorer::{Features, Scorer};

use super::batch::nothing;
use super::product;
use crate::TrainError;
use crate::data::place;
use crate::export::about;
use crate::fit::{FitCheckpoint, FitRecipe, Lesson, Measure, Measures, Product, Step, digest};
use crate::loss::ranking;
use crate::net::Params;
use crate::train::Goal;

/// What a pair that stands the wrong way round costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PairLoss {
    /// `-log sigmoid(right - wrong)`.
    #[default]
    LogSigmoid,
    /// `1 - sigmoid(right - wrong)`.
    Sigmoid,
}

/// The `[rank]` part of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RankSettings {
    /// The MovieLens archive.
    pub archive: String,
    /// Numbers of a vector, 1 to 512.
    pub dimension: usize,
    /// The fewest stars of a positive.
    pub like: f32,
    /// Share at the end of each user's positives that is tested.
    pub test: f64,
    /// Share at the end of what is left that is held out to choose settings; with 0 nothing is, and
    /// the validation is on what is learned.
    pub hold_out: f64,
    /// The loss.
    pub loss: PairLoss,
    /// Items of one genre or period share a part of their vectors.
    pub features: bool,
}

impl Default for RankSettings {
    fn default() -> Self {
        Self {
            archive: "data:movielens/ml-latest-small.zip".to_owned(),
            dimension: 32,
            like: 4.0,
            test: 0.2,
            hold_out: 0.2,
            loss: PairLoss::LogSigmoid,
            features: true,
        }
    }
}

/// Tries to draw an item that a user does not like, before those are counted out.
const TRIES: usize = 64;

/// Learns to rank.
pub struct Ranking {
    seed: u64,
    settings: RankSettings,
    data: Interactions,
    scorer: Scorer,
    /// All pairs to learn from, of users that do not like everything.
    positives: Vec<(usize, usize)>,
    /// For each user, whether each item is one of them.
    liked: Vec<Vec<bool>>,
}

impl Ranking {
    /// Reads the data of `recipe`.
    ///
    /// # Errors
    /// [`TrainError::Recipe`] for settings out of range, [`TrainError::Data`] for the archive.
    pub fn open(recipe: &FitRecipe) -> Result<Self, TrainError> {
        recipe.only(&["rank"])?;
        let settings: RankSettings = recipe.table("rank")?;
        if !(1..=512).contains(&settings.dimension) {
            let dimension = settings.dimension;
            return Err(recipe.wrong(format!("rank.dimension = {dimension} is outside 1 to 512")));
        }
        for (key, share) in [("test", settings.test), ("hold_out", settings.hold_out)] {
            if !(0.0..=0.9).contains(&share) {
                return Err(recipe.wrong(format!("rank.{key} = {share} is outside 0 to 0.9")));
            }
        }
        let fail = |reason| TrainError::Data { uri: settings.archive.clone(), reason };
        let read = MovieLens::read(Path::new(&place(&settings.archive))).map_err(fail)?;
        let data = Interactions::new(&read, settings.like, settings.test, settings.hold_out);
        Self::with(recipe.seed, settings, data)
    }

    fn with(seed: u64, settings: RankSettings, data: Interactions) -> Result<Self, TrainError> {
        let features = Features::new(&data.items, settings.features);
        let (users, items) = (data.users.len(), data.items.len());
        let lists = data.fit.iter().enumerate();
        let mut positives: Vec<_> =
            lists.flat_map(|(user, list)| list.iter().map(move |item| (user, *item))).collect();
        let mut liked = vec![vec![false; items]; users];
        for (user, item) in &positives {
            if let Some(known) = liked.get_mut(*user).and_then(|l| l.get_mut(*item)) {
                *known = true;
            }
        }
        // Who likes everything prefers nothing.
        positives.retain(|(user, _)| liked.get(*user).is_some_and(|l| l.contains(&false)));
        if positives.is_empty() {
            let reason = format!("no user likes one of {items} items and not another");
            return Err(TrainError::Data { uri: settings.archive, reason });
        }
        let scorer = Scorer { users, items, dimension: settings.dimension, features };
        Ok(Self { seed, settings, data, scorer, positives, liked })
    }

    /// A triplet: a user, what they liked, and what they did not. Known positives are rejected.
    fn triplet(&self, random: &mut Pcg64) -> Option<[usize; 3]> {
        let &(user, right) = self.positives.get(random.random_range(0..self.positives.len()))?;
        let liked = self.liked.get(user)?;
        for _ in 0..TRIES {
            let wrong = random.random_range(0..self.scorer.items);
            if liked.get(wrong) == Some(&false) {
                return Some([user, right, wrong]);
            }
        }
        // All but a few are liked.
        let others: Vec<usize> = (0..).zip(liked).filter(|(_, l)| !**l).map(|(i, _)| i).collect();
        let wrong = *others.get(random.random_range(0..others.len().max(1)))?;
        Some([user, right, wrong])
    }

    /// The mean AUC of `weights` on `wanted`, beside popularity and the untrained tables.
    fn measure(
        &self,
        name: &str,
        weights: &Params,
        wanted: &Likes,
        known: &[&Likes],
        own: &[&Likes],
    ) -> Measures {
        let auc =
            |scores: &dyn Fn(usize) -> Vec<f32>| self.data.mean_auc(wanted, known, own, scores);
        let of = |weights: &Params| {
            let tables = self.scorer.collapsed(weights);
            auc(&|user| self.scorer.scores(&tables, user))
        };
        let popularity = self.data.popularity(known);
        let (value, samples) = of(weights);
        let measure = Measure::new(name, value, Goal::Max)
            .beside("popularity", auc(&|_| popularity.clone()).0)
            .beside("before training", of(&self.scorer.init(self.seed)).0);
        Measures { list: vec![measure], samples }
    }
}

impl Lesson for Ranking {
    fn init(&self) -> Params {
        self.scorer.init(self.seed)
    }

    fn data(&self) -> Vec<String> {
        let test = self.data.test.iter().map(Vec::len).sum::<usize>();
        vec![format!(
            "{}: {} users, {} films, {} positives to learn from, {test} to test ({} more are of \
             films nobody liked before and are not scored)",
            self.settings.archive,
            self.scorer.users,
            self.scorer.items,
            self.positives.len(),
            self.data.unknown
        )]
    }

    fn vocabulary(&self) -> Option<String> {
        let users = digest(self.data.users.iter().map(u32::to_string));
        let items = self.data.items.iter().map(|(id, film)| format!("{id} {}", film.title));
        Some(digest([users, digest(items)]))
    }

    fn loss(&mut self, step: Step<'_>) -> Result<Tensor<1>, TrainError> {
        let triplets: Option<Vec<[usize; 3]>> =
            (0..step.batch).map(|_| self.triplet(step.data)).collect();
        let triplets = triplets.ok_or_else(|| nothing("rank"))?;
        let part = |at: usize| -> Vec<i32> {
            triplets.iter().filter_map(|t| i32::try_from(*t.get(at)?).ok()).collect()
        };
        let (users, right, wrong) = (part(0), part(1), part(2));
        let twice = [&users[..], &users].concat();
        let both = [right, wrong].concat();
        let scores = self.scorer.pairs(step.leaves, [&twice, &both], step.device);
        let Some(scores) = scores else {
            let (name, reason) = ("rank".to_owned(), "a table is missing".to_owned());
            return Err(TrainError::Network { name, reason });
        };
        let n = step.batch;
        let (right, wrong) = (scores.clone().narrow(0, 0, n), scores.narrow(0, n, n));
        Ok(match self.settings.loss {
            PairLoss::LogSigmoid => ranking::bpr_log(&right, &wrong),
            PairLoss::Sigmoid => ranking::bpr(&right, &wrong),
        })
    }

    fn validate(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        let known = [&self.data.fit];
        Ok(if self.settings.hold_out > 0.0 {
            self.measure("AUC (held out)", weights, &self.data.hold_out, &known, &known)
        } else {
            self.measure("AUC (learned from)", weights, &self.data.fit, &known, &[])
        })
    }

    fn test(&mut self, weights: &Params) -> Result<Measures, TrainError> {
        let known = [&self.data.fit, &self.data.hold_out];
        Ok(self.measure("AUC (test)", weights, &self.data.test, &known, &known))
    }

    fn export(
        &mut self,
        checkpoint: &FitCheckpoint,
        scores: &Measures,
    ) -> Result<Vec<Product>, TrainError> {
        let mut contract = about(checkpoint, &checkpoint.recipe.name, Task::Rank)?;
        contract.labels = self.data.items.iter().map(|(_, film)| film.title.clone()).collect();
        let tables = self.scorer.collapsed(&checkpoint.optimiser.average);
        let product = product(&self.scorer, &tables, contract, scores, &self.settings.archive)?;
        Ok(vec![product])
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;
    use crate::fit::fit;
    use crate::train::Options;

    /// Users of even number like even films, the others odd ones.
    fn halves() -> MovieLens {
        let mut random = Pcg64::seed_from_u64(4);
        let mut ratings = String::from("userId,movieId,rating,timestamp\n");
        for user in 0..160 {
            for time in 0..20 {
                let film = 2 * random.random_range(0..30) + user % 2;
                ratings += &format!("{user},{film},5,{time}\n");
            }
        }
        let mut films = String::from("movieId,title,genres\n");
        (0..61).for_each(|f| films += &format!("{f},Film {f} (19{}),g{}\n", 10 + f, f % 3));
        MovieLens::parse(&ratings, &films).unwrap()
    }

    fn recipe(loss: &str) -> FitRecipe {
        let text = format!(
            "task = \"rank\"\nname = \"rank-test\"\n[train]\nsteps = 150\nbatch = 256\n\
             learning_rate = 0.05\nwarm_up = 5\nclip = 100.0\nweight_decay = 0.1\nema = 0.5\n\
             [validate]\nevery = 75\n[rank]\ndimension = 6\nloss = \"{loss}\"\n"
        );
        FitRecipe::parse("r", &text).unwrap()
    }

    fn lesson(recipe: &FitRecipe) -> Ranking {
        let settings: RankSettings = recipe.table("rank").unwrap();
        let data = Interactions::new(&halves(), 4.0, 0.2, 0.2);
        Ranking::with(recipe.seed, settings, data).unwrap()
    }

    #[test]
    fn tastes_are_learned_and_exported_and_popularity_is_beaten() {
        for loss in ["log-sigmoid", "sigmoid"] {
            let recipe = recipe(loss);
            let mut lesson = lesson(&recipe);
            let place = tempfile::tempdir().unwrap();
            let options = Options { out: place.path().to_owned(), ..Options::default() };
            let found = fit(&recipe, &mut lesson, &options).unwrap();
            let checkpoint = FitCheckpoint::read(&found.best).unwrap();
            let scores = lesson.test(&checkpoint.optimiser.average).unwrap();
            let measure = scores.first().unwrap();
            let beside: Vec<f64> = measure.baselines.iter().map(|b| b.1).collect();
            assert!(measure.value > 0.8 && beside[0] < 0.7, "{loss}: {}", scores.text());
            assert!((0.3..0.7).contains(&beside[1]), "{}", scores.text());
            let products = lesson.export(&checkpoint, &scores).unwrap();
            assert!(products[0].checked.iter().all(|c| c.worst < 1e-5));
            let contract = products[0].model.contract().unwrap().unwrap();
            assert_eq!(contract.labels.len(), lesson.scorer.items);
        }
    }

    #[test]
    fn triplets_hold_no_known_positive_as_wrong() {
        let lesson = lesson(&recipe("sigmoid"));
        let mut random = Pcg64::seed_from_u64(1);
        for _ in 0..2000 {
            let [user, right, wrong] = lesson.triplet(&mut random).unwrap();
            assert!(lesson.liked[user][right] && !lesson.liked[user][wrong]);
        }
    }

    #[test]
    fn pairs_in_training_score_as_the_collapsed_tables() {
        let lesson = lesson(&recipe("sigmoid"));
        let device = burn::tensor::Device::flex();
        let mut params = lesson.init();
        let mut random = Pcg64::seed_from_u64(2);
        for value in params.list_mut().iter_mut().flat_map(|p| &mut p.values) {
            *value = random.random_range(-1.0..1.0);
        }
        let pairs = lesson.scorer.pairs(&params.by_name(&device), [&[0, 3], &[5, 9]], &device);
        let got = pairs.unwrap().into_data().try_to_vec::<f32>().unwrap();
        let tables = lesson.scorer.collapsed(&params);
        let want = [lesson.scorer.scores(&tables, 0)[5], lesson.scorer.scores(&tables, 3)[9]];
        assert!(got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-4), "{got:?} {want:?}");
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let wrong = |text: &str| {
            let text = format!("task = \"rank\"\nname = \"r\"\n[rank]\n{text}\n");
            Ranking::open(&FitRecipe::parse("r", &text).unwrap()).err().unwrap().to_string()
        };
        assert!(wrong("dimension = 0").contains("rank.dimension = 0"));
        assert!(wrong("test = 2.0").contains("rank.test = 2"));
        assert!(wrong("archive = \"/no/such.zip\"").contains("/no/such.zip"));
        assert!(wrong("depth = 3").contains("depth"));
    }

    #[test]
    fn users_that_like_everything_teach_nothing_and_hold_nothing_up() {
        // User 1 likes both films there are, user 2 none.
        let ratings = "userId,movieId,rating,timestamp\n1,7,5,1\n1,8,5,2\n2,7,1,1\n";
        let films = "movieId,title,genres\n7,A (1990),x\n8,B (1990),x\n";
        let with = |ratings: &str| {
            let read = MovieLens::parse(ratings, films).unwrap();
            let settings = RankSettings::default();
            Ranking::with(1, settings, Interactions::new(&read, 4.0, 0.0, 0.0))
        };
        let error = with(ratings).err().unwrap().to_string();
        assert!(error.contains("no user likes one of 2 items and not another"), "{error}");
        let lesson = with(&format!("{ratings}3,8,5,1\n")).unwrap();
        let mut random = Pcg64::seed_from_u64(1);
        for _ in 0..50 {
            assert_eq!(lesson.triplet(&mut random).unwrap(), [2, 1, 0]);
        }
    }
}
