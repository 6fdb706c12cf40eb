//! Predictors that know the frame to come: what a choice could gain at most, out of reach.

use serde::Serialize;

use crate::vision::metrics::pd_of;
use crate::vision::{FloatImage, RgbImage};

/// How a perfect choice between a prediction and the last frame is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hindsight {
    /// The better of both for each frame.
    Frame,
    /// The better of both for each block of 16x16 pixels.
    Block,
}

/// Side of a block.
const SIDE: usize = 16;

impl Hindsight {
    /// As it is called in tables, after what it chooses from.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Frame => "oracle-frame",
            Self::Block => "oracle-16x16",
        }
    }

    /// Writes to `out` whichever of `prediction` and `last` is closer to `target` by perceptual
    /// distance. All are of one size.
    pub(super) fn choose(
        self,
        target: &RgbImage,
        prediction: &FloatImage,
        last: &RgbImage,
        out: &mut FloatImage,
    ) {
        out.copy_from_rgb(last);
        let size = target.size();
        let (width, height) = (size.w(), size.h());
        let side = match self {
            Self::Frame => width.max(height),
            Self::Block => SIDE,
        };
        let [r, g, b] = prediction.planes();
        let mut planes = out.planes_mut();
        let (target, last) = (target.data().as_chunks::<3>().0, last.data().as_chunks::<3>().0);
        for top in (0..height).step_by(side.max(1)) {
            for left in (0..width).step_by(side.max(1)) {
                let right = (left + side).min(width);
                let lines = top..(top + side).min(height);
                let spans = lines.map(|y| y * width + left..y * width + right);
                let gain: f32 = spans
                    .clone()
                    .flatten()
                    .map(|at| {
                        let copied = pd_of(target[at], last[at].map(f32::from));
                        copied - pd_of(target[at], [r[at], g[at], b[at]])
                    })
                    .sum();
                if gain <= 0.0 {
                    continue;
                }
                for span in spans {
                    for (plane, from) in planes.iter_mut().zip([r, g, b]) {
                        plane[span.clone()].copy_from_slice(&from[span.clone()]);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;

    #[test]
    fn the_better_block_is_taken() {
        let size = Size::new(40, 20);
        let (target, last) =
            (RgbImage::new(size), RgbImage::from_vec(size, vec![4; 2400]).unwrap());
        // The prediction is right on the left and wrong on the right.
        let data = (0..2400).map(|i| if i % 40 < 16 { 0.0 } else { 9.0 }).collect();
        let prediction = FloatImage { size, data };
        let mut out = FloatImage::default();
        Hindsight::Block.choose(&target, &prediction, &last, &mut out);
        let expected = |i: usize| if i % 40 < 16 { 0.0 } else { 4.0 };
        assert!(out.data.iter().enumerate().all(|(i, v)| *v == expected(i)));
        Hindsight::Frame.choose(&target, &prediction, &last, &mut out);
        assert!(out.data.iter().all(|v| *v == 4.0), "worse over the whole frame");
    }
}
