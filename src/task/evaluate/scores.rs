//! Scores of single frames, and their means as eval/1 defines them.

use serde::Serialize;

/// PSNR of a frame counts with at most this in [`Means::psnr_frames`].
const PSNR_CAP: f64 = 60.0;

/// A prediction against the frame that came.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FrameScore {
    /// Perceptual distance.
    pub pd: f64,
    /// Mean squared error of values 0..=1.
    pub mse: f64,
    /// Structural similarity; `None` for pictures smaller than its window.
    pub ssim: Option<f64>,
}

/// The means of eval/1. Absent or infinite values are `None` (JSON null).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Means {
    /// Perceptual distance.
    pub pd: Option<f64>,
    /// Mean squared error of values 0..=1.
    pub mse: Option<f64>,
    /// `-10 log10` of `mse`.
    pub psnr: Option<f64>,
    /// Structural similarity.
    pub ssim: Option<f64>,
    /// Mean of the PSNR of each frame, capped at 60 dB, exact repeats left out.
    pub psnr_frames: Option<f64>,
}

/// On how many frames the prediction had the smaller perceptual distance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Paired {
    /// The model's was smaller.
    pub better: u64,
    /// Copy-last's was smaller.
    pub worse: u64,
    /// Both were the same.
    pub equal: u64,
}

/// Sums over scored frames.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sums {
    pd: f64,
    mse: f64,
    ssim: f64,
    psnr: f64,
}

impl Sums {
    fn add(&mut self, score: &FrameScore, repeat: bool) {
        self.pd += score.pd;
        self.mse += score.mse;
        self.ssim += score.ssim.unwrap_or(0.0);
        if !repeat {
            self.psnr += (-10.0 * score.mse.log10()).min(PSNR_CAP);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.pd += other.pd;
        self.mse += other.mse;
        self.ssim += other.ssim;
        self.psnr += other.psnr;
    }
}

/// Scores of the model and of copy-last on the same frames.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores {
    frames: u64,
    with_ssim: u64,
    repeats: u64,
    model: Sums,
    copy_last: Sums,
    paired: Paired,
}

impl Scores {
    /// Adds a frame.
    pub fn add(&mut self, model: &FrameScore, copy_last: &FrameScore) {
        // A frame equal to the one before says nothing of a mean PSNR: copy-last is exact there.
        let repeat = copy_last.mse == 0.0;
        self.frames += 1;
        self.repeats += u64::from(repeat);
        self.with_ssim += u64::from(model.ssim.is_some() && copy_last.ssim.is_some());
        self.model.add(model, repeat);
        self.copy_last.add(copy_last, repeat);
        match model.pd.total_cmp(&copy_last.pd) {
            std::cmp::Ordering::Less => self.paired.better += 1,
            std::cmp::Ordering::Greater => self.paired.worse += 1,
            std::cmp::Ordering::Equal => self.paired.equal += 1,
        }
    }

    /// Adds all frames of `other`, so that each frame weighs the same.
    pub fn merge(&mut self, other: &Self) {
        self.frames += other.frames;
        self.with_ssim += other.with_ssim;
        self.repeats += other.repeats;
        self.model.merge(&other.model);
        self.copy_last.merge(&other.copy_last);
        self.paired.better += other.paired.better;
        self.paired.worse += other.paired.worse;
        self.paired.equal += other.paired.equal;
    }

    /// Scored frames.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    /// Scored frames that equal the one before them.
    #[must_use]
    pub const fn repeats(&self) -> u64 {
        self.repeats
    }

    /// Better, worse and equal frames.
    #[must_use]
    pub const fn paired(&self) -> Paired {
        self.paired
    }

    /// Means of the model.
    #[must_use]
    pub fn model(&self) -> Means {
        self.means(&self.model)
    }

    /// Means of copy-last.
    #[must_use]
    pub fn copy_last(&self) -> Means {
        self.means(&self.copy_last)
    }

    fn means(&self, sums: &Sums) -> Means {
        let mean = |sum: f64, n: u64| (n > 0).then(|| sum / n as f64);
        let mse = mean(sums.mse, self.frames);
        Means {
            pd: mean(sums.pd, self.frames),
            mse,
            psnr: mse.map(|m| -10.0 * m.log10()).filter(|p| p.is_finite()),
            // A mean over some of the frames would not be comparable.
            ssim: mean(sums.ssim, self.with_ssim).filter(|_| self.with_ssim == self.frames),
            psnr_frames: mean(sums.psnr, self.frames - self.repeats),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(pd: f64, mse: f64) -> FrameScore {
        FrameScore { pd, mse, ssim: Some(0.5) }
    }

    #[test]
    fn psnr_is_that_of_the_mean_error() {
        let mut scores = Scores::default();
        scores.add(&score(2.0, 0.01), &score(4.0, 0.02));
        scores.add(&score(6.0, 0.0001), &score(4.0, 0.02));
        let model = scores.model();
        assert_eq!((model.pd, model.mse), (Some(4.0), Some(0.00505)));
        assert!((model.psnr.unwrap() - 22.967).abs() < 1e-3);
        assert!((model.psnr_frames.unwrap() - 30.0).abs() < 1e-9);
        assert_eq!(scores.paired(), Paired { better: 1, worse: 1, equal: 0 });
    }

    #[test]
    fn repeats_and_exact_frames() {
        let mut scores = Scores::default();
        scores.add(&score(0.0, 0.0), &score(0.0, 0.0));
        assert_eq!((scores.model().psnr, scores.model().psnr_frames), (None, None));
        scores.add(&score(0.0, 0.0), &score(3.0, 0.01));
        assert_eq!(scores.model().psnr, None, "infinite");
        assert_eq!(scores.model().psnr_frames, Some(60.0), "capped, the repeat left out");
        assert_eq!(scores.copy_last().psnr_frames, Some(20.0));
        assert_eq!(scores.paired(), Paired { better: 1, worse: 0, equal: 1 });
    }

    #[test]
    fn pooling_weighs_frames_alike() {
        let (mut a, mut b) = (Scores::default(), Scores::default());
        a.add(&score(1.0, 0.01), &score(2.0, 0.01));
        a.add(&score(1.0, 0.01), &score(2.0, 0.01));
        b.add(&FrameScore { ssim: None, ..score(4.0, 0.04) }, &score(2.0, 0.01));
        a.merge(&b);
        assert_eq!((a.frames(), a.model().pd, a.model().ssim), (3, Some(2.0), None));
        assert_eq!(Scores::default().model(), Means::default());
    }
}
