//! Batches made ahead on a thread of their own, while the network computes.
//!
//! A batch is a function of seed and number, so nothing changes but the time. Two batches wait at
//! most; when they do, the thread waits too.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::{Batch, Mixture};
use crate::TrainError;

/// Batches that wait.
const WAITING: usize = 2;

/// A run's batches in their order.
pub struct Prefetch {
    batches: Receiver<Result<Batch, TrainError>>,
}

impl Prefetch {
    /// Begins with batch `first` of the run with `seed`, of `count` sequences each.
    ///
    /// # Errors
    /// [`TrainError::Data`] when the system gives no thread.
    pub fn start(
        mixture: Mixture,
        seed: u64,
        first: u64,
        count: usize,
    ) -> Result<Self, TrainError> {
        let (sender, batches) = sync_channel(WAITING);
        let make = move || fill(mixture, seed, first, count, &sender);
        // The thread ends by itself when nobody takes its batches any more.
        thread::Builder::new().name("data".to_owned()).spawn(make).map_err(|cause| {
            TrainError::Data { uri: "a thread".to_owned(), reason: cause.to_string() }
        })?;
        Ok(Self { batches })
    }

    /// The next batch.
    ///
    /// # Errors
    /// [`TrainError::Data`] as from [`Mixture::batch`].
    pub fn take(&mut self) -> Result<Batch, TrainError> {
        self.batches.recv().unwrap_or_else(|_| {
            Err(TrainError::Data {
                uri: "the mixture".to_owned(),
                reason: "it gives no more sequences after an error".to_owned(),
            })
        })
    }
}

fn fill(
    mut mixture: Mixture,
    seed: u64,
    first: u64,
    count: usize,
    sender: &SyncSender<Result<Batch, TrainError>>,
) {
    for number in first.. {
        let batch = mixture.batch(seed, number, count);
        let failed = batch.is_err();
        if sender.send(batch).is_err() || failed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{AugmentRecipe, DataRecipe};

    #[test]
    fn batches_come_in_order_from_any_number_on() {
        let recipe: DataRecipe =
            toml::from_str("side = 16\nframes = 3\n[[demo]]\nworlds = 1\n").unwrap();
        let open = || Mixture::open(&recipe, &AugmentRecipe::default()).unwrap();
        let mut ahead = Prefetch::start(open(), 9, 4, 2).unwrap();
        let mut here = open();
        for number in 4..8 {
            let expected = here.batch(9, number, 2).unwrap();
            assert_eq!(ahead.take().unwrap().sequences(), expected.sequences());
        }
    }
}
