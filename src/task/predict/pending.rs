//! Predictions that wait for their frame.
//!
//! Bounded by the horizon: at most one prediction a frame is made and each leaves when its frame
//! arrives or is known to be lost, so no more than `MAX_HORIZON` wait. Should the bound be reached
//! the oldest leaves unscored. Pictures are recycled; nothing is allocated in steady state.

use std::collections::VecDeque;

use crate::vision::{FloatImage, RgbImage};

use super::MAX_HORIZON;

/// A prediction, the frame it was made from, and the number of the frame it is for.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) target: u64,
    pub(super) horizon: u32,
    pub(super) prediction: FloatImage,
    pub(super) source: RgbImage,
}

/// The predictions that wait, in the order they were made, and spare ones.
#[derive(Debug, Default)]
pub(super) struct PendingRing {
    waiting: VecDeque<Pending>,
    spare: Vec<Pending>,
}

impl PendingRing {
    /// A slot to be filled; its pictures hold old content.
    pub(super) fn take(&mut self) -> Pending {
        self.spare.pop().unwrap_or_default()
    }

    /// Puts a filled slot in line. Returns how many predictions left unscored for it (0 or 1).
    pub(super) fn push(&mut self, pending: Pending) -> u64 {
        self.waiting.push_back(pending);
        if self.waiting.len() > MAX_HORIZON as usize
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.give_back(oldest);
            return 1;
        }
        0
    }

    /// The newest prediction.
    pub(super) fn newest(&self) -> Option<&Pending> {
        self.waiting.back()
    }

    /// Takes the prediction for frame `target` out. Those for earlier frames leave unscored, as do
    /// older ones for the same frame; their number is returned too.
    pub(super) fn arrive(&mut self, target: u64) -> (Option<Pending>, u64) {
        let mut found: Option<Pending> = None;
        let mut lost = 0;
        for _ in 0..self.waiting.len() {
            let Some(pending) = self.waiting.pop_front() else { break };
            if pending.target > target {
                self.waiting.push_back(pending);
            } else {
                let late =
                    if pending.target == target { found.replace(pending) } else { Some(pending) };
                if let Some(late) = late {
                    lost += 1;
                    self.give_back(late);
                }
            }
        }
        (found, lost)
    }

    /// Drops all that wait and returns their number.
    pub(super) fn clear(&mut self) -> u64 {
        let mut lost = 0;
        while let Some(pending) = self.waiting.pop_front() {
            lost += 1;
            self.give_back(pending);
        }
        lost
    }

    /// Keeps a slot for the next [`PendingRing::take`].
    pub(super) fn give_back(&mut self, pending: Pending) {
        self.spare.push(pending);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(targets: &[u64]) -> PendingRing {
        let mut ring = PendingRing::default();
        for (i, &target) in targets.iter().enumerate() {
            let mut slot = ring.take();
            slot.target = target;
            slot.horizon = i as u32;
            assert_eq!(ring.push(slot), 0);
        }
        ring
    }

    #[test]
    fn the_newest_prediction_of_a_frame_counts() {
        let mut ring = ring(&[4, 5, 5, 7]);
        let (found, lost) = ring.arrive(5);
        assert_eq!((found.map(|p| p.horizon), lost), (Some(2), 2));
        assert_eq!(ring.newest().map(|p| p.target), Some(7));
        assert_eq!(ring.clear(), 1);
    }

    #[test]
    fn slots_are_recycled_and_bounded() {
        let mut ring = PendingRing::default();
        let mut lost = 0;
        for target in 0..u64::from(MAX_HORIZON) + 5 {
            let mut slot = ring.take();
            slot.target = target;
            lost += ring.push(slot);
        }
        assert_eq!(lost, 5);
        assert_eq!(ring.waiting.len(), MAX_HORIZON as usize);
        assert!(ring.spare.len() <= 1, "{}", ring.spare.len());
    }
}
