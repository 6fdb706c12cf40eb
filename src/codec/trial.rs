//! Whether the predictor pays: now and then a frame is coded with it and without, and the smaller
//! way is kept up until the next trial.
//!
//! Least squares has to learn what a predictor is worth, and has to learn it anew once it was
//! switched off, so the first trials after a key frame wait until it has, and a small loss in a
//! single frame does not switch it off.

use super::picture::Picture;

/// Frames from one trial to the next.
const DISTANCE: u32 = 16;

/// Frames after a key frame that are predicted without a trial.
const SETTLING: u32 = 8;

/// Trials right after those: a single one says little.
const FIRST: u32 = 2;

/// Loss of a frame, one part of so many, that is borne.
const BORNE: usize = 400;

/// A second set of bands and a second picture for the other way.
#[derive(Debug)]
pub(super) struct Trial<B> {
    bands: B,
    canvas: Picture,
    pays: bool,
    /// Frames since the key frame.
    frames: u32,
    /// Trials since the key frame.
    made: u32,
    /// Frames since the last trial.
    since: u32,
}

impl<B: Clone> Trial<B> {
    pub(super) fn new(bands: B, like: &Picture) -> Self {
        Self { bands, canvas: like.clone(), pays: true, frames: 0, made: 0, since: 0 }
    }

    /// A key frame: what paid before says little.
    pub(super) const fn restart(&mut self) {
        (self.pays, self.frames, self.made, self.since) = (true, 0, 0, 0);
    }

    /// True when the next frame is to be coded both ways; counts the frame.
    pub(super) const fn is_due(&mut self) -> bool {
        self.frames = self.frames.saturating_add(1);
        self.since += 1;
        self.frames > SETTLING && (self.made < FIRST || self.since >= DISTANCE)
    }

    /// What the last trial said.
    pub(super) const fn pays(&self) -> bool {
        self.pays
    }

    /// Bands in the state of `bands`, and a picture to draw on.
    pub(super) fn begin(&mut self, bands: &B) -> (&mut B, &mut Picture) {
        self.bands.clone_from(bands);
        self.other()
    }

    /// What was made in [`Trial::begin`]'s bands and picture.
    pub(super) const fn other(&mut self) -> (&mut B, &mut Picture) {
        (&mut self.bands, &mut self.canvas)
    }

    /// Whether the predictor pays by the bytes of a frame `with` it and `without`.
    pub(super) const fn settle(&mut self, with: usize, without: usize) -> bool {
        let borne = if self.pays { with / BORNE } else { 0 };
        self.pays = with < without + borne;
        self.made += 1;
        self.since = 0;
        self.pays
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::SampleLayout;

    #[test]
    fn a_small_loss_is_borne_by_a_predictor_that_is_on_only() {
        let mut trial = Trial::new((), &Picture::new(SampleLayout::Grey, 4, 4));
        assert!(trial.settle(4000, 3995), "on from the beginning");
        assert!(!trial.settle(4000, 3980));
        assert!(!trial.settle(4000, 4000));
        assert!(trial.settle(4000, 4001));
    }

    #[test]
    fn trials_wait_after_a_key_frame_and_then_come_at_their_distance() {
        let mut trial = Trial::new((), &Picture::new(SampleLayout::Grey, 4, 4));
        for _ in 0..2 {
            let due: Vec<u32> = (1..=50)
                .filter(|_| {
                    let due = trial.is_due();
                    if due {
                        trial.settle(2, 1);
                    }
                    due
                })
                .collect();
            assert_eq!(due, [9, 10, 26, 42]);
            assert!(!trial.pays());
            trial.restart();
            assert!(trial.pays());
        }
    }
}
