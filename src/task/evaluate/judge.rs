//! Scores a prediction and copy-last against the frame that came.

use crate::task::TaskError;
use crate::vision::metrics::{self, Metrics, SSIM_WINDOW};
use crate::vision::{FloatImage, RgbImage};

use super::{FrameScore, Hindsight};

/// Keeps the memory of the metrics; one thread owns it.
#[derive(Debug, Default)]
pub(super) struct Judge {
    hindsight: Option<Hindsight>,
    without_ssim: bool,
    chosen: FloatImage,
    model: Metrics,
    copy_last: Metrics,
}

impl Judge {
    pub(super) fn new(hindsight: Option<Hindsight>, without_ssim: bool) -> Self {
        Self { hindsight, without_ssim, ..Self::default() }
    }

    /// Scores `prediction`, and `last` as the prediction of copy-last. The two structural
    /// similarities, by far the longest part, are computed at the same time.
    pub(super) fn score(
        &mut self,
        target: &RgbImage,
        prediction: &FloatImage,
        last: &RgbImage,
    ) -> Result<(FrameScore, FrameScore), TaskError> {
        let Self { hindsight, without_ssim, chosen, model, copy_last } = self;
        let window = SSIM_WINDOW as u32;
        let size = target.size();
        let with_ssim = !*without_ssim && size.width >= window && size.height >= window;
        let prediction = match hindsight {
            Some(hindsight) if prediction.size == size && last.size() == size => {
                hindsight.choose(target, prediction, last, chosen);
                &*chosen
            }
            _ => prediction,
        };
        let mut of_model = || -> Result<FrameScore, TaskError> {
            Ok(FrameScore {
                pd: metrics::pd(target, prediction)?,
                mse: metrics::mse(target, prediction)?,
                ssim: with_ssim.then(|| model.ssim(target, prediction)).transpose()?,
            })
        };
        let of_copy_last = || -> Result<FrameScore, TaskError> {
            Ok(FrameScore {
                pd: metrics::pd_rgb(target, last)?,
                mse: metrics::mse_rgb(target, last)?,
                ssim: with_ssim.then(|| copy_last.ssim_rgb(target, last)).transpose()?,
            })
        };
        std::thread::scope(|scope| {
            let beside = scope.spawn(of_copy_last);
            let model = of_model()?;
            let copy_last = beside.join().map_err(|_| TaskError::Data {
                place: "metrics".into(),
                reason: "computing a score panicked; please report this".into(),
            })??;
            Ok((model, copy_last))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;

    #[test]
    fn a_score_of_two_levels() {
        let size = Size::new(16, 12);
        let grey = |v: u8| RgbImage::from_vec(size, vec![v; size.pixels() * 3]).unwrap();
        let prediction = FloatImage { size, data: vec![101.5; size.pixels() * 3] };
        let mut judge = Judge::default();
        let (model, copy_last) = judge.score(&grey(102), &prediction, &grey(100)).unwrap();
        assert!((copy_last.pd / model.pd - 4.0).abs() < 1e-5, "2 levels against a half");
        assert!((copy_last.mse - 4.0 / 65025.0).abs() < 1e-12);
        assert!(model.ssim.unwrap() > copy_last.ssim.unwrap());
        assert!(judge.score(&grey(1), &FloatImage::default(), &grey(1)).is_err());
    }

    #[test]
    fn small_pictures_have_no_structure() {
        let size = Size::new(10, 40);
        let image = RgbImage::new(size);
        let (model, _) = Judge::default().score(&image, &FloatImage::new(size), &image).unwrap();
        assert_eq!(model, FrameScore { pd: 0.0, mse: 0.0, ssim: None });
    }
}
