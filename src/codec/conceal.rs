//! What stands in for bands that cannot be decoded: the last two pictures moved on, and after a few
//! frames, when motion drawn from drawn pictures goes astray, the last picture as it is.

use super::band_set::BandSet;
use super::history::History;
use super::picture::Picture;
use super::predictor::{Motion, Predictor as _};
use super::slices::{SliceLayout, copy_band};

/// Frames in a row of which a band is moved on.
const MOVED: u8 = 4;

/// Conceals bands; it takes memory from the first damage on.
#[derive(Debug, Default)]
pub(super) struct Concealer {
    drawn: Option<Box<(Motion, Picture)>>,
    /// Frames in a row of which each band was concealed.
    streaks: Vec<u8>,
}

impl Concealer {
    /// Draws the bands `missing` of the picture that is being made. To be called for every picture.
    pub(super) fn conceal(
        &mut self,
        missing: BandSet,
        slices: &SliceLayout,
        history: &mut History,
    ) {
        self.streaks.resize(slices.count(), 0);
        for (band, streak) in self.streaks.iter_mut().enumerate() {
            *streak = if missing.contains(band) { streak.saturating_add(1) } else { 0 };
        }
        if missing.is_empty() {
            return;
        }
        let (next, last, before) = history.for_concealing();
        let streaks = &self.streaks;
        let moves = |band: usize| streaks.get(band).is_some_and(|streak| *streak <= MOVED);
        let moved = before.filter(|_| missing.iter().any(moves)).and_then(|before| {
            let like = || Box::new((Motion::without_memory(), last.clone()));
            let (motion, picture) = &mut **self.drawn.get_or_insert_with(like);
            motion.reset();
            // From one picture it cannot tell yet, from two it can.
            let told = motion.predict(before, picture).and_then(|_| motion.predict(last, picture));
            told.unwrap_or(false).then_some(&*picture)
        });
        for (band, rows) in slices.iter().enumerate().filter(|(band, _)| missing.contains(*band)) {
            let from = moved.filter(|_| moves(band)).unwrap_or(last);
            copy_band(from, next, &rows);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::tests::clip::spec;
    use crate::codec::{Profile, SampleLayout};
    use crate::frame::PixelFormat;

    /// A wave that moves by (3, 1) pixels a frame.
    fn wave(t: usize) -> Picture {
        let mut picture = Picture::new(SampleLayout::Grey, 96, 64);
        for (at, v) in picture.planes_mut()[0].data.iter_mut().enumerate() {
            let (x, y) = ((at % 96) as f32 - 3.0 * t as f32, (at / 96) as f32 - t as f32);
            *v = (120.0 + 50.0 * (x / 7.0).sin() + 40.0 * (y / 5.0 + x / 11.0).cos()) as u8;
        }
        picture
    }

    #[test]
    fn motion_goes_on_for_a_few_frames_and_only_where_something_is_missing() {
        let size = spec(PixelFormat::Grey, 96, 64).size;
        let mut history = History::new(Profile::Fast, SampleLayout::Grey, size.w(), size.h());
        let slices = SliceLayout::even(64, Some(2)).unwrap();
        let mut concealer = Concealer::default();
        let second = BandSet::from_bits(2);
        let error = |a: &Picture, b: &Picture| -> u64 {
            let pairs = a.planes()[0].data[96 * 32..].iter().zip(&b.planes()[0].data[96 * 32..]);
            pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum()
        };
        for t in 0..12 {
            let missing = if t < 3 { BandSet::NONE } else { second };
            let last = history.last().clone();
            history.parts().0.clone_from(&wave(t));
            concealer.conceal(missing, &slices, &mut history);
            history.advance();
            let now = history.last();
            assert!(now.planes()[0].data[..96 * 32] == wave(t).planes()[0].data[..96 * 32]);
            match t {
                3 => assert!(3 * error(now, &wave(t)) < error(&last, &wave(t)), "it moves on"),
                4..7 => assert!(error(now, &last) > 0, "frame {t}"),
                7.. => assert_eq!(error(now, &last), 0, "it stands still"),
                _ => assert!(*now == wave(t)),
            }
        }
    }
}
