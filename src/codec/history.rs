//! The pictures a frame is predicted from, and how far each band may look back.

use super::band::{Drawn, Profile, References};
use super::band_set::BandSet;
use super::picture::{Picture, SampleLayout};
use super::slices::MAX_SLICES;

/// The last two distinct reconstructed pictures, and one that is being made.
#[derive(Debug)]
pub(super) struct History {
    last: Picture,
    before: Picture,
    next: Picture,
    /// Distinct pictures since each band was coded without references: 0 before the first.
    since: [u32; MAX_SLICES],
    references: u32,
    /// Distinct pictures made so far.
    made: u64,
}

impl History {
    /// A history of nothing; mid-grey stands for the last picture.
    pub(super) fn new(profile: Profile, layout: SampleLayout, width: usize, height: usize) -> Self {
        let mut last = Picture::new(layout, width, height);
        for plane in last.planes_mut() {
            plane.data.fill(128);
        }
        let (before, next) = (last.clone(), last.clone());
        let references = profile.references() as u32;
        Self { last, before, next, since: [0; MAX_SLICES], references, made: 0 }
    }

    /// The next frame is coded without references in these bands.
    pub(super) fn restart(&mut self, bands: BandSet) {
        for band in bands.iter() {
            if let Some(since) = self.since.get_mut(band) {
                *since = 0;
            }
        }
    }

    /// The last picture.
    pub(super) const fn last(&self) -> &Picture {
        &self.last
    }

    /// The picture being made.
    pub(super) const fn next(&self) -> &Picture {
        &self.next
    }

    /// The picture being made, the last one, and what each band may refer to.
    pub(super) fn parts(&mut self) -> (&mut Picture, Reach<'_>) {
        let reach = Reach {
            last: &self.last,
            before: &self.before,
            since: &self.since,
            references: self.references,
        };
        (&mut self.next, reach)
    }

    /// The picture being made, the last one, and the one before that if there is one: for what
    /// cannot be decoded, whatever bands may refer to.
    pub(super) fn for_concealing(&mut self) -> (&mut Picture, &Picture, Option<&Picture>) {
        (&mut self.next, &self.last, (self.made >= 2).then_some(&self.before))
    }

    /// How many pictures `band` refers to in the next frame.
    pub(super) fn depth(&self, band: usize) -> u32 {
        self.since.get(band).map_or(0, |&s| s.min(self.references))
    }

    /// The picture being made becomes the last one.
    pub(super) fn advance(&mut self) {
        self.made += 1;
        // The oldest picture is written over next.
        std::mem::swap(&mut self.last, &mut self.before);
        std::mem::swap(&mut self.last, &mut self.next);
        for since in &mut self.since {
            *since = since.saturating_add(1);
        }
    }
}

/// What bands may refer to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach<'a> {
    last: &'a Picture,
    before: &'a Picture,
    since: &'a [u32; MAX_SLICES],
    references: u32,
}

impl<'a> Reach<'a> {
    /// The references of `band`; what was predicted is for those that have any.
    pub(super) fn of(&self, band: usize, predicted: Option<Drawn<'a>>) -> References<'a> {
        let depth = self.since.get(band).map_or(0, |&s| s.min(self.references));
        References {
            last: (depth >= 1).then_some(self.last),
            before: (depth >= 2).then_some(self.before),
            predicted: predicted.filter(|_| depth >= 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_look_back_as_far_as_their_profile_and_their_restart_allow() {
        let mut history = History::new(Profile::Fast, SampleLayout::Grey, 4, 4);
        history.restart(BandSet::first(2));
        assert_eq!(history.depth(0), 0);
        for value in 1..4 {
            history.parts().0.planes_mut()[0].data.fill(value);
            history.advance();
        }
        assert_eq!((history.depth(0), history.depth(1)), (2, 2));
        let reach = history.parts().1;
        assert_eq!(reach.of(0, None).last.unwrap().planes()[0].data[0], 3);
        assert_eq!(reach.of(0, None).before.unwrap().planes()[0].data[0], 2);
        let mut one = BandSet::NONE;
        one.set(1, true);
        history.restart(one);
        let picture = Picture::new(SampleLayout::Grey, 4, 4);
        let drawn = Drawn { picture: &picture, memory: None };
        let none = history.parts().1.of(1, Some(drawn));
        assert!(none.last.is_none() && none.predicted.is_none());
        history.advance();
        let one = history.parts().1.of(1, Some(drawn));
        assert!(one.last.is_some() && one.before.is_none() && one.predicted.is_some());
        assert_eq!(history.depth(0), 2);
    }

    #[test]
    fn the_light_profile_has_one_reference() {
        let mut history = History::new(Profile::Light, SampleLayout::Grey, 4, 4);
        history.advance();
        history.advance();
        assert!(history.parts().1.of(0, None).before.is_none());
        assert_eq!(history.depth(0), 1);
    }
}
