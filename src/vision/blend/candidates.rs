//! The candidates for the next frame, in RGB.

use crate::frame::Size;
use crate::vision::RgbImage;
use crate::vision::motion::{Compensator, GROUP, Scale, Wanted};

use super::mean::mean7;
use super::{BLOCK, CANDIDATES, Observer, Weights};

const _: () = assert!(BLOCK == GROUP, "a group of pixels is a block");

/// The five candidates, packed RGB of one size.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    size: Size,
    /// In the order of the contract.
    images: [Vec<u8>; CANDIDATES],
    compensator: Compensator,
    line: Vec<u16>,
    /// The blocks in which a candidate has a part.
    wanted: Vec<bool>,
}

impl Candidates {
    /// Size in pixels.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The pictures in the order of the contract, packed RGB. After [`Candidates::make_where`] those
    /// that are computed are whole only where they have weight.
    #[must_use]
    pub const fn images(&self) -> &[Vec<u8>; CANDIDATES] {
        &self.images
    }

    /// Takes in the newest frame, for which `observer` was given the luma, and makes the candidates
    /// for the frame `horizon` intervals ahead. After a reset or for a new size the frame before
    /// is the frame itself.
    pub fn build(&mut self, frame: &RgbImage, observer: &Observer, horizon: u32) {
        self.push(frame, observer);
        self.mean();
        self.extend(observer, horizon);
    }

    /// Takes in the newest frame, for which `observer` was given the luma; the candidates that are
    /// computed are still to be made.
    pub fn push(&mut self, frame: &RgbImage, observer: &Observer) {
        let [last, _, _, previous, _] = &mut self.images;
        if self.size == frame.size() && observer.seen() > 1 {
            std::mem::swap(last, previous);
        } else {
            previous.clear();
            previous.extend_from_slice(frame.data());
        }
        self.size = frame.size();
        last.clear();
        last.extend_from_slice(frame.data());
    }

    /// Makes the computed candidates for the frame `horizon` intervals ahead where `weights` gives
    /// them a part, and nothing elsewhere.
    pub fn make_where(&mut self, observer: &Observer, horizon: u32, weights: &Weights) {
        if weights.planes[4].iter().any(|&w| w != 0) {
            self.mean();
        }
        self.extend_where(observer, horizon, weights);
    }

    /// Makes the moved candidates anew for another horizon; the rest stays.
    pub fn extend(&mut self, observer: &Observer, horizon: u32) {
        let [last, moved, half, _, _] = &mut self.images;
        for (scale, image) in scales(horizon).into_iter().zip([moved, half]) {
            self.compensator.warp::<3>(last, self.size, observer.field(), scale, image);
        }
    }

    /// As [`Candidates::extend`], where `weights` gives them a part.
    pub fn extend_where(&mut self, observer: &Observer, horizon: u32, weights: &Weights) {
        let [last, moved, half, _, _] = &mut self.images;
        let planes = &weights.planes[1..3];
        for ((scale, image), plane) in scales(horizon).into_iter().zip([moved, half]).zip(planes) {
            reach(plane, weights.columns, weights.rows, &mut self.wanted);
            let (field, wanted) = (observer.field(), Wanted::Groups(&self.wanted));
            self.compensator.warp_groups::<3>(last, self.size, field, scale, wanted, image);
        }
    }

    fn mean(&mut self) {
        let [last, _, _, _, mean] = &mut self.images;
        mean7::<3>(last, self.size, &mut self.line, mean);
    }
}

/// The factors of candidates 1 and 2.
fn scales(horizon: u32) -> [Scale; 2] {
    let numerator = i32::try_from(horizon.clamp(1, 64)).unwrap_or(1);
    [Scale { numerator, denominator: 1 }, Scale { numerator, denominator: 2 }]
}

/// The blocks whose pixels a weight reaches: weights are interpolated between the centres of
/// blocks, so the blocks around one that has a weight count too.
fn reach(weights: &[u16], columns: usize, rows: usize, out: &mut Vec<bool>) {
    out.clear();
    out.resize(columns * rows, false);
    for (at, _) in weights.iter().enumerate().filter(|(_, w)| **w != 0) {
        let (row, column) = (at / columns, at % columns);
        let (from, to) = (column.saturating_sub(1), (column + 2).min(columns));
        for row in row.saturating_sub(1)..(row + 2).min(rows) {
            out[row * columns + from..row * columns + to].fill(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::blend::Mixer;
    use crate::vision::motion::luma;

    #[test]
    fn a_mixture_needs_candidates_only_where_they_have_weight() {
        let size = Size::new(83, 50);
        let (columns, rows) = (11, 7);
        let mut observer = Observer::new();
        let (mut whole, mut some) = (Candidates::default(), Candidates::default());
        let (mut plane, mut mixer) = (Vec::new(), Mixer::default());
        let (mut a, mut b) = (RgbImage::default(), RgbImage::default());
        let mut weights = Weights::default();
        for t in 0..4_usize {
            let pixel = |i: usize| {
                let (x, y) = (i / 3 % 83 + 2 * t, i / 3 / 83 + t);
                ((x * x / 5 + 7 * y + x * y / 9 + i % 3 * 40) % 230) as u8
            };
            let data = (0..size.pixels() * 3).map(pixel).collect();
            let frame = RgbImage::from_vec(size, data).unwrap();
            luma(&frame, &mut plane);
            observer.observe(&plane, size);
            // Each candidate is alone in some lines of blocks, and mixed at their end.
            let logit = |i: usize| {
                let (k, block) = (i / (columns * rows), i % (columns * rows));
                let (row, column) = (block / columns, block % columns);
                match (row / 2 + t) % CANDIDATES == k {
                    true => 900,
                    false if column > 7 => 700,
                    false => 0,
                }
            };
            let logits: Vec<i32> = (0..columns * rows * CANDIDATES).map(logit).collect();
            weights.from_logits(&logits, columns, rows);
            for horizon in [1, 3] {
                if horizon == 1 {
                    whole.build(&frame, &observer, 1);
                    some.push(&frame, &observer);
                    some.make_where(&observer, 1, &weights);
                } else {
                    whole.extend(&observer, horizon);
                    some.extend_where(&observer, horizon, &weights);
                }
                mixer.mix(&whole, &weights, &mut a);
                mixer.mix(&some, &weights, &mut b);
                assert!(a == b, "frame {t}, horizon {horizon}");
            }
        }
        assert!(some.images()[1] != whole.images()[1], "some of it was not made");
    }
}
