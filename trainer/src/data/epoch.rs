//! The order in which a set is gone through: every member exactly once an epoch, in an order that
//! is a function of seed and epoch alone.

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

/// Orders of a set, one epoch at a time.
#[derive(Clone, Debug)]
pub(super) struct Epochs {
    seed: u64,
    epoch: Option<u64>,
    order: Vec<u32>,
}

impl Epochs {
    /// The orders with `seed` of a set of `len` members, at least one.
    pub(super) fn new(seed: u64, len: usize) -> Self {
        Self { seed, epoch: None, order: vec![0; len.max(1)] }
    }

    /// Changes to the orders with `seed`.
    pub(super) fn reseed(&mut self, seed: u64) {
        if self.seed != seed {
            (self.seed, self.epoch) = (seed, None);
        }
    }

    /// The member whose turn it is after `turn` others, counted from the beginning of the run.
    pub(super) fn member(&mut self, turn: u64) -> usize {
        let len = self.order.len() as u64;
        let epoch = turn / len;
        if self.epoch != Some(epoch) {
            self.shuffle(epoch);
        }
        self.order.get((turn % len) as usize).map_or(0, |at| *at as usize)
    }

    /// Fisher and Yates, by the generator of the epoch.
    fn shuffle(&mut self, epoch: u64) {
        self.epoch = Some(epoch);
        let seed = self.seed ^ epoch.wrapping_add(1).wrapping_mul(0xd1b5_4a32_d192_ed03);
        let mut random = Pcg64::seed_from_u64(seed);
        for (at, member) in self.order.iter_mut().enumerate() {
            *member = at as u32;
        }
        for at in (1..self.order.len()).rev() {
            self.order.swap(at, random.random_range(0..=at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_has_one_turn_an_epoch_and_epochs_differ() {
        let mut epochs = Epochs::new(3, 50);
        let order = |epochs: &mut Epochs, e: u64| -> Vec<usize> {
            (0..50).map(|t| epochs.member(e * 50 + t)).collect()
        };
        let (first, second) = (order(&mut epochs, 0), order(&mut epochs, 1));
        assert_ne!(first, second);
        for mut list in [first.clone(), second] {
            list.sort_unstable();
            assert_eq!(list, (0..50).collect::<Vec<_>>());
        }
        assert_eq!(order(&mut epochs, 0), first, "going back gives the same order");
        assert_ne!(order(&mut Epochs::new(4, 50), 0), first);
        epochs.reseed(4);
        assert_eq!(order(&mut epochs, 0), order(&mut Epochs::new(4, 50), 0));
    }
}
