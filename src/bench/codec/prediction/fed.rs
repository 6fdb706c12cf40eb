//! Predictors of the next frame as receivers: they know steps of one frame, so every step gets one.

use crate::task::predict::Forecaster;
use crate::vision::motion::{Compensator, LumaPyramid, MotionField, MotionSearch, Scale, luma};
use crate::vision::{FloatImage, RgbImage};

use crate::bench::codec::BenchError;

use super::receiver::Receiver;

/// Frames between two that came which are made up at most; across a longer gap a predictor begins
/// anew from what is left.
const MOST_BETWEEN: usize = 32;

/// A predictor of the next frame. It looks ahead as in `eval` until a frame comes; then the ones in
/// between are made up from the frames on either side of them, so that what it sees moves as fast
/// as what it is to predict.
pub struct Fed {
    forecaster: Box<dyn Forecaster>,
    between: Between,
    /// The prediction of the frame after the newest.
    next: FloatImage,
    /// The furthest prediction, and how many frames after the newest it is.
    ahead: (FloatImage, usize),
    /// The number of the newest frame that came.
    at: Option<usize>,
}

impl Fed {
    /// With `forecaster`, which has seen no frame of this stream.
    #[must_use]
    pub fn new(forecaster: Box<dyn Forecaster>) -> Self {
        let (next, ahead) = (FloatImage::default(), (FloatImage::default(), 0));
        Self { forecaster, between: Between::default(), next, ahead, at: None }
    }

    fn observe(&mut self, frame: &RgbImage) -> Result<(), BenchError> {
        let finite = self.forecaster.observe(frame, &mut self.next);
        self.check(finite)
    }

    fn check(&self, finite: Result<bool, impl std::fmt::Display>) -> Result<(), BenchError> {
        let name = self.forecaster.name();
        match finite {
            Ok(true) => Ok(()),
            Ok(false) => {
                Err(BenchError::Request(format!("{name} predicted a number that is not finite")))
            }
            Err(error) => Err(BenchError::Request(format!("{name}: {error}"))),
        }
    }
}

impl Receiver for Fed {
    fn name(&self) -> &str {
        self.forecaster.name()
    }

    fn receive(&mut self, frame: &RgbImage, index: usize) -> Result<(), BenchError> {
        self.forecaster.settle();
        self.ahead.1 = 0;
        let gap = self.at.map_or(1, |at| index.saturating_sub(at));
        self.between.push(frame);
        let mut made = RgbImage::default();
        for step in gap.saturating_sub(MOST_BETWEEN).max(1)..gap {
            self.between.draw(step, gap, &mut made);
            self.observe(&made)?;
        }
        self.at = Some(index);
        self.observe(frame)
    }

    fn predict(&mut self, index: usize, out: &mut RgbImage) -> Result<(), BenchError> {
        let steps = self.at.map_or(1, |at| index.saturating_sub(at)).max(1);
        if self.ahead.1 == 0 || self.ahead.1 > steps {
            self.forecaster.settle();
            self.ahead.0.clone_from(&self.next);
            self.ahead.1 = 1;
        }
        while self.ahead.1 < steps {
            let finite = self.forecaster.extend(&mut self.ahead.0);
            self.check(finite)?;
            self.ahead.1 += 1;
        }
        self.ahead.0.round_to_rgb(out);
        Ok(())
    }
}

/// Frames between the last two, along the motion between them.
#[derive(Default)]
struct Between {
    search: MotionSearch,
    compensator: Compensator,
    newest: (RgbImage, LumaPyramid),
    before: (RgbImage, LumaPyramid),
    matched: MotionField,
    /// True when the motion between these two is known.
    is_matched: bool,
    scratch: Vec<u8>,
}

impl Between {
    fn push(&mut self, frame: &RgbImage) {
        std::mem::swap(&mut self.newest, &mut self.before);
        self.newest.0.copy_from(frame);
        luma(frame, &mut self.scratch);
        self.newest.1.build(&self.scratch, frame.size());
        self.is_matched = false;
    }

    /// The frame `step` intervals of `gap` after the older one: the nearer of both, moved.
    fn draw(&mut self, step: usize, gap: usize, out: &mut RgbImage) {
        if !self.is_matched {
            self.search.search(&self.newest.1, &self.before.1, &mut self.matched);
            self.is_matched = true;
        }
        let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        let (image, numerator) = if 2 * step >= gap {
            (&self.newest.0, -number(gap - step))
        } else {
            (&self.before.0, number(step))
        };
        let (size, scale) = (image.size(), Scale { numerator, denominator: number(gap) });
        self.compensator.warp::<3>(image.data(), size, &self.matched, scale, &mut self.scratch);
        out.reshape(size);
        out.data_mut().copy_from_slice(&self.scratch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::codec::clip::tests::moving;
    use crate::bench::codec::prediction::{Hold, in_rgb};
    use crate::frame::Size;
    use crate::task::predict::{CopyLast, Motion};
    use crate::vision::metrics::mse_rgb;

    fn clip() -> Vec<RgbImage> {
        let clip = moving(Size::new(96, 64), 14);
        in_rgb(&clip, &clip.frames).unwrap()
    }

    /// The error of the last frame that is not sent, of every third one being sent.
    fn error(receiver: &mut dyn Receiver, frames: &[RgbImage]) -> f64 {
        let mut out = RgbImage::default();
        for (at, frame) in frames.iter().enumerate().take(12) {
            if at % 3 == 0 {
                receiver.receive(frame, at).unwrap();
            } else {
                receiver.predict(at, &mut out).unwrap();
            }
        }
        mse_rgb(&frames[11], &out).unwrap()
    }

    #[test]
    fn what_is_fed_moves_as_fast_as_what_is_predicted() {
        let frames = clip();
        let hold = error(&mut Hold::default(), &frames);
        assert_eq!(hold, error(&mut Fed::new(Box::new(CopyLast)), &frames));
        // Fed with the frames that came alone, it would go three times too far.
        let motion = error(&mut Fed::new(Box::new(Motion::velocity())), &frames);
        assert!(motion * 4.0 < hold, "{motion} {hold}");
    }

    #[test]
    fn frames_in_between_are_drawn_where_they_belong() {
        let frames = clip();
        let mut between = Between::default();
        between.push(&frames[0]);
        between.push(&frames[3]);
        let mut out = RgbImage::default();
        let far = mse_rgb(&frames[0], &frames[1]).unwrap();
        for (step, frame) in frames.iter().enumerate().take(3).skip(1) {
            between.draw(step, 3, &mut out);
            let near = mse_rgb(frame, &out).unwrap();
            assert!(near * 8.0 < far, "{step}: {near} {far}");
        }
    }

    #[test]
    fn looking_leaves_no_trace() {
        let frames = clip();
        let next = |look: bool| {
            let mut fed = Fed::new(Box::new(Motion::velocity()));
            let mut out = RgbImage::default();
            for (at, frame) in frames.iter().enumerate().take(6) {
                if look && at > 0 {
                    fed.predict(at, &mut out).unwrap();
                }
                fed.receive(frame, at).unwrap();
            }
            fed.predict(6, &mut out).unwrap();
            fed.predict(7, &mut out).unwrap();
            out
        };
        assert!(next(true) == next(false));
    }
}
