//! Measures what standardises the frames of a network, on training data, before the first step.

use super::Checkpoint;
use crate::TrainError;
use crate::data::Mixture;
use crate::net::standard::{Moments, STANDARD};

/// Batches and their sequences that are measured.
const BATCHES: u64 = 8;
const SEQUENCES: usize = 8;

/// Puts the map of the colours into the weights of an untrained `run`, if its recipe wants one. A
/// run that starts from another keeps the map that its weights have learned with.
pub(super) fn measure(run: &mut Checkpoint, mixture: &mut Mixture) -> Result<(), TrainError> {
    let recipe = &run.recipe;
    let standard = recipe.shape().standard;
    if !standard.is_measured() || recipe.start.is_some() {
        return Ok(());
    }
    let mut moments = Moments::default();
    for number in 0..BATCHES {
        // Another run's draws, so that nothing is learned twice from the first batches.
        let batch = mixture.batch(!recipe.seed, number, SEQUENCES)?;
        batch.sequences().iter().flatten().for_each(|picture| moments.add(picture));
    }
    let map = standard.measure(&moments, recipe.augment.zca_epsilon);
    let optimiser = &mut run.optimiser;
    for params in [&mut optimiser.weights, &mut optimiser.average] {
        for param in params.list_mut().iter_mut().filter(|p| p.name == STANDARD) {
            param.values.clone_from(&map);
        }
    }
    Ok(())
}
