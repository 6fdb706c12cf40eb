//! Whether the predictor pays: now and then a frame is coded with it and without, and the smaller
//! way is kept up until the next trial.

use super::picture::Picture;

/// Frames from one trial to the next.
const DISTANCE: u32 = 16;

/// Trials right after a key frame: the first ones say little, as nothing was learnt yet.
const FIRST: u32 = 2;

/// A second set of bands and a second picture for the other way.
#[derive(Debug)]
pub(super) struct Trial<B> {
    bands: B,
    canvas: Picture,
    pays: bool,
    /// Trials since the key frame.
    made: u32,
    /// Frames since the last trial.
    since: u32,
}

impl<B: Clone> Trial<B> {
    pub(super) fn new(bands: B, like: &Picture) -> Self {
        Self { bands, canvas: like.clone(), pays: true, made: 0, since: 0 }
    }

    /// A key frame: what paid before says little.
    pub(super) const fn restart(&mut self) {
        self.made = 0;
    }

    /// True when the next frame is to be coded both ways; counts the frame.
    pub(super) const fn is_due(&mut self) -> bool {
        self.since += 1;
        self.made < FIRST || self.since >= DISTANCE
    }

    /// What the last trial said.
    pub(super) const fn pays(&self) -> bool {
        self.pays
    }

    /// Bands in the state of `bands`, and a picture to draw on.
    pub(super) fn begin(&mut self, bands: &B) -> (&mut B, &mut Picture) {
        self.bands.clone_from(bands);
        (&mut self.bands, &mut self.canvas)
    }

    /// Notes what the trial said.
    pub(super) const fn settle(&mut self, pays: bool) {
        self.pays = pays;
        self.made += 1;
        self.since = 0;
    }
}
