//! How fast steps of training are: data ready, forward, backward and optimiser timed.

use std::time::Instant;

use rand::SeedableRng as _;
use rand_pcg::Pcg64;
use serde::Serialize;

use super::share::{self, Place, Share};
use super::{AdamW, learning_rate};
use crate::TrainError;
use crate::data::Mixture;
use crate::device::{DeviceChoice, open_all};
use crate::recipe::Recipe;

/// Rounds that are not counted: caches and clocks settle, kernels are compiled.
const WARM_UP: usize = 2;

/// Times of training steps.
#[derive(Clone, Debug, Serialize)]
pub struct Throughput {
    /// The network.
    pub network: String,
    /// Its parameters.
    pub parameters: usize,
    /// The devices.
    pub devices: Vec<String>,
    /// Sequences side by side.
    pub batch: usize,
    /// Side of the pictures.
    pub side: u32,
    /// Frames that are predicted of a sequence.
    pub predictions: usize,
    /// Seconds of each round: all steps of one batch.
    pub seconds: Vec<f64>,
    /// Sequences a second, of the median round.
    pub sequences_per_second: f64,
}

/// Trains on one batch of `recipe` for `rounds` rounds, at least one.
///
/// # Errors
/// [`TrainError`].
pub fn throughput(
    recipe: &Recipe,
    choices: &[DeviceChoice],
    rounds: usize,
) -> Result<Throughput, TrainError> {
    let devices = open_all(choices, recipe.train.threads)?;
    let mut mixture = Mixture::open(&recipe.data, &recipe.augment)?.feeding(&recipe.shape());
    let chance = Pcg64::seed_from_u64(recipe.seed);
    let parts = mixture.batch(recipe.seed, 0, recipe.train.batch)?.split(devices.len());
    let mut shares: Vec<Share> = parts
        .into_iter()
        .zip(&devices)
        .map(|(part, d)| Share::new(recipe, part, d, chance.clone()))
        .collect();
    let mut optimiser = AdamW::new(recipe.init());
    let (mut seconds, mut steps) = (Vec::new(), 0);
    for round in 0..WARM_UP + rounds.max(1) {
        shares.iter_mut().for_each(Share::rewind);
        steps = 0;
        let started = Instant::now();
        loop {
            let place = Place {
                recipe,
                weights: &optimiser.weights,
                critic: None,
                batch: 0,
                step: optimiser.steps,
            };
            let Some(mut slopes) = share::descend(&mut shares, &place)? else { break };
            let rate = learning_rate(&recipe.train, optimiser.steps);
            optimiser.step(&mut slopes.net.gradient, &recipe.train, rate);
            steps += 1;
        }
        if round >= WARM_UP {
            seconds.push(started.elapsed().as_secs_f64());
        }
    }
    let mut sorted = seconds.clone();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[sorted.len() / 2];
    let predictions = if steps > 1 { recipe.data.frames - 1 } else { 1 };
    Ok(Throughput {
        network: recipe.network.to_string(),
        parameters: optimiser.weights.len(),
        devices: choices.iter().map(ToString::to_string).collect(),
        batch: recipe.train.batch,
        side: recipe.data.side,
        predictions,
        seconds,
        sequences_per_second: recipe.train.batch as f64 / median,
    })
}
