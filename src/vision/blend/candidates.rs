//! The candidates for the next frame, in RGB.

use crate::frame::Size;
use crate::vision::RgbImage;
use crate::vision::motion::{Compensator, MotionField, Scale};

use super::mean::mean7;
use super::{CANDIDATES, Observer};

/// The five candidates, packed RGB of one size.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    size: Size,
    /// In the order of the contract.
    images: [Vec<u8>; CANDIDATES],
    compensator: Compensator,
    line: Vec<u16>,
}

impl Candidates {
    /// Size in pixels.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The pictures in the order of the contract, packed RGB.
    #[must_use]
    pub const fn images(&self) -> &[Vec<u8>; CANDIDATES] {
        &self.images
    }

    /// Takes in the newest frame, for which `observer` was given the luma, and makes the candidates
    /// for the frame `horizon` intervals ahead. After a reset or for a new size the frame before
    /// is the frame itself.
    pub fn build(&mut self, frame: &RgbImage, observer: &Observer, horizon: u32) {
        let [last, moved, half, previous, mean] = &mut self.images;
        if self.size == frame.size() && observer.seen() > 1 {
            std::mem::swap(last, previous);
        } else {
            previous.clear();
            previous.extend_from_slice(frame.data());
        }
        self.size = frame.size();
        last.clear();
        last.extend_from_slice(frame.data());
        mean7::<3>(last, self.size, &mut self.line, mean);
        let field: &MotionField = observer.field();
        let numerator = i32::try_from(horizon.clamp(1, 64)).unwrap_or(1);
        let full = Scale { numerator, denominator: 1 };
        let halved = Scale { numerator, denominator: 2 };
        self.compensator.warp::<3>(last, self.size, field, full, moved);
        self.compensator.warp::<3>(last, self.size, field, halved, half);
    }

    /// Makes the moved candidates anew for another horizon; the rest stays.
    pub fn extend(&mut self, observer: &Observer, horizon: u32) {
        let [last, moved, half, _, _] = &mut self.images;
        let numerator = i32::try_from(horizon.clamp(1, 64)).unwrap_or(1);
        let field = observer.field();
        let full = Scale { numerator, denominator: 1 };
        let halved = Scale { numerator, denominator: 2 };
        self.compensator.warp::<3>(last, self.size, field, full, moved);
        self.compensator.warp::<3>(last, self.size, field, halved, half);
    }
}
