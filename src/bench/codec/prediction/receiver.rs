//! Ways to show the frames that were not sent.

use crate::frame::Size;
use crate::vision::RgbImage;
use crate::vision::motion::{Compensator, LumaPyramid, MotionField, MotionSearch, Scale, luma};

use crate::bench::codec::BenchError;

/// Shows each frame of a stream when it is due: as it came, or predicted from those before it.
pub trait Receiver {
    /// Its name in tables.
    fn name(&self) -> &str;

    /// Frame `index` came.
    ///
    /// # Errors
    /// [`BenchError`] when the predictor fails.
    fn receive(&mut self, frame: &RgbImage, index: usize) -> Result<(), BenchError>;

    /// What is shown when frame `index` does not come; called in order, after the first that came.
    /// The frame may be received all the same afterwards.
    ///
    /// # Errors
    /// [`BenchError`] when the predictor fails.
    fn predict(&mut self, index: usize, out: &mut RgbImage) -> Result<(), BenchError>;
}

/// The last frame stays.
#[derive(Clone, Debug, Default)]
pub(in crate::bench::codec) struct Hold(RgbImage);

impl Receiver for Hold {
    fn name(&self) -> &str {
        "copy-last"
    }

    fn receive(&mut self, frame: &RgbImage, _index: usize) -> Result<(), BenchError> {
        self.0.copy_from(frame);
        Ok(())
    }

    fn predict(&mut self, _index: usize, out: &mut RgbImage) -> Result<(), BenchError> {
        out.copy_from(&self.0);
        Ok(())
    }
}

/// How far frame `index` lies beyond the last one, in intervals between the last two.
fn share(index: usize, last: usize, gap: usize) -> Scale {
    let number = |n: usize| i32::try_from(n.clamp(1, 64)).unwrap_or(64);
    Scale { numerator: number(index.saturating_sub(last)), denominator: number(gap) }
}

/// Every sample goes on as it went between the last two frames that came.
#[derive(Clone, Debug, Default)]
pub(in crate::bench::codec) struct Linear {
    last: RgbImage,
    before: RgbImage,
    at: usize,
    gap: usize,
}

impl Receiver for Linear {
    fn name(&self) -> &str {
        "linear"
    }

    fn receive(&mut self, frame: &RgbImage, index: usize) -> Result<(), BenchError> {
        std::mem::swap(&mut self.last, &mut self.before);
        self.last.copy_from(frame);
        if self.before.size() == Size::default() {
            self.before.copy_from(frame);
        }
        (self.gap, self.at) = (index.saturating_sub(self.at), index);
        Ok(())
    }

    fn predict(&mut self, index: usize, out: &mut RgbImage) -> Result<(), BenchError> {
        let Scale { numerator, denominator } = share(index, self.at, self.gap);
        out.copy_from(&self.last);
        for (out, before) in out.data_mut().iter_mut().zip(self.before.data()) {
            let step = (i32::from(*out) - i32::from(*before)) * numerator;
            let step = (2 * step + denominator).div_euclid(2 * denominator);
            *out = (i32::from(*out) + step).clamp(0, 255) as u8;
        }
        Ok(())
    }
}

/// Every pixel goes on along its motion between the last two frames that came.
#[derive(Clone, Debug, Default)]
pub(in crate::bench::codec) struct Moving {
    search: MotionSearch,
    compensator: Compensator,
    last: RgbImage,
    newest: LumaPyramid,
    before: LumaPyramid,
    matched: MotionField,
    ahead: MotionField,
    luma: Vec<u8>,
    warped: Vec<u8>,
    at: usize,
    gap: usize,
}

impl Receiver for Moving {
    fn name(&self) -> &str {
        "motion"
    }

    fn receive(&mut self, frame: &RgbImage, index: usize) -> Result<(), BenchError> {
        self.last.copy_from(frame);
        std::mem::swap(&mut self.newest, &mut self.before);
        luma(frame, &mut self.luma);
        self.newest.build(&self.luma, frame.size());
        // The first frame has none before it, and so no motion.
        self.search.search(&self.newest, &self.before, &mut self.matched);
        self.matched.project(&mut self.ahead);
        (self.gap, self.at) = (index.saturating_sub(self.at), index);
        Ok(())
    }

    fn predict(&mut self, index: usize, out: &mut RgbImage) -> Result<(), BenchError> {
        let (size, scale) = (self.last.size(), share(index, self.at, self.gap));
        let image = self.last.data();
        self.compensator.warp::<3>(image, size, &self.ahead, scale, &mut self.warped);
        out.reshape(size);
        out.data_mut().copy_from_slice(&self.warped);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::codec::clip::tests::moving;
    use crate::bench::codec::prediction::in_rgb;
    use crate::vision::metrics::mse_rgb;

    /// The errors of frames 10 and 11 when 0, 3, 6 and 9 came.
    fn errors(receiver: &mut dyn Receiver) -> Vec<f64> {
        let clip = moving(Size::new(96, 64), 12);
        let frames = in_rgb(&clip, &clip.frames).unwrap();
        let mut out = RgbImage::default();
        for at in [0, 3, 6] {
            receiver.receive(&frames[at], at).unwrap();
            for index in at + 1..at + 3 {
                receiver.predict(index, &mut out).unwrap();
            }
        }
        receiver.receive(&frames[9], 9).unwrap();
        let mut score = |index: usize| {
            receiver.predict(index, &mut out).unwrap();
            mse_rgb(&frames[index], &out).unwrap()
        };
        vec![score(10), score(11)]
    }

    #[test]
    fn motion_is_scaled_to_the_frame_that_is_due() {
        let hold = errors(&mut Hold::default());
        let moving = errors(&mut Moving::default());
        assert!(hold[1] > hold[0]);
        for (motion, hold) in moving.iter().zip(&hold) {
            assert!(motion * 4.0 < *hold, "{motion} {hold}");
        }
    }

    #[test]
    fn samples_go_on_by_their_share() {
        let grey = |v: u8| RgbImage::from_vec(Size::new(1, 1), vec![v; 3]).unwrap();
        let mut linear = Linear::default();
        let mut out = RgbImage::default();
        linear.receive(&grey(100), 0).unwrap();
        linear.predict(1, &mut out).unwrap();
        assert_eq!(out.data()[0], 100, "one frame shows no change");
        linear.receive(&grey(80), 4).unwrap();
        for (index, expected) in [(5, 75), (6, 70), (8, 60), (24, 0)] {
            linear.predict(index, &mut out).unwrap();
            assert_eq!(out.data()[0], expected, "frame {index}");
        }
    }
}
