//! How far decoded frames are from the clip, frame by frame of the same number.

mod bjontegaard;

pub use bjontegaard::{BdRate, Fit, bd_rate, rate_at};

use serde::{Deserialize, Serialize};

use crate::vision::metrics::{self, Metrics};
use crate::vision::{FrameConverter, RgbImage};

use super::BenchError;
use super::clip::Clip;

/// Distances of a decoded clip from the original. A value that is infinite, or not defined for
/// pictures this small, is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Every sample is as it was.
    pub exact: bool,
    /// The largest difference of a sample.
    pub max_error: u8,
    /// PSNR over all samples of all planes and frames, in dB: from the mean of the squared errors,
    /// what ffmpeg calls the average.
    pub psnr_yuv: Option<f64>,
    /// The same of luma alone.
    pub psnr_y: Option<f64>,
    /// Mean structural similarity of R, G and B.
    pub ssim: Option<f64>,
    /// Mean multi-scale structural similarity.
    pub ms_ssim: Option<f64>,
    /// Mean perceptual distance.
    pub pd: Option<f64>,
}

/// Compares `decoded` with the frames of `clip`. Structural similarity and perceptual distance are
/// those of `eval`: of RGB, with the clip's own colour matrix.
///
/// # Errors
/// [`BenchError::Clip`] when the frames are not as many, or not as long.
pub fn compare(clip: &Clip, decoded: &[Vec<u8>]) -> Result<Quality, BenchError> {
    let length = clip.layout.len();
    let odd = decoded.iter().position(|frame| frame.len() != length);
    if decoded.len() != clip.frames.len() || odd.is_some() {
        let reason = format!(
            "{} frames of {} bytes were decoded instead of {} of {length}; they cannot be paired",
            decoded.len(),
            odd.and_then(|at| decoded.get(at)).map_or(length, Vec::len),
            clip.frames.len()
        );
        return Err(BenchError::Clip { clip: clip.name.clone(), reason });
    }
    let luma = clip.size().pixels();
    let (mut all, mut bright, mut max_error) = (0u64, 0u64, 0u8);
    for (a, b) in clip.frames.iter().zip(decoded) {
        let (ay, ac) = a.split_at(luma.min(a.len()));
        let (by, bc) = b.split_at(luma.min(b.len()));
        let (y, c) = (squares(ay, by), squares(ac, bc));
        (all, bright) = (all + y.0 + c.0, bright + y.0);
        max_error = max_error.max(y.1).max(c.1);
    }
    if all == 0 {
        return Ok(Quality { exact: true, ..Quality::default() });
    }
    let frames = decoded.len() as f64;
    let mut quality = Quality {
        exact: false,
        max_error,
        psnr_yuv: psnr(all as f64 / (frames * length as f64)),
        psnr_y: psnr(bright as f64 / (frames * luma as f64)),
        ..Quality::default()
    };
    let (mut converter, mut metrics) = (FrameConverter::new(), Metrics::new());
    let (mut original, mut shown) = (RgbImage::default(), RgbImage::default());
    let mut means = Means::default();
    for (a, b) in clip.frames.iter().zip(decoded) {
        clip.to_rgb(a, &mut converter, &mut original)?;
        clip.to_rgb(b, &mut converter, &mut shown)?;
        means.add(&mut metrics, &original, &shown);
    }
    (quality.ssim, quality.ms_ssim, quality.pd) = (means.ssim(), means.ms_ssim(), means.pd());
    Ok(quality)
}

/// Means over frames of what is measured in RGB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Means {
    frames: u64,
    with_ssim: u64,
    mse: f64,
    ssim: f64,
    ms_ssim: f64,
    pd: f64,
}

impl Means {
    /// Adds a frame; a pair of different sizes adds nothing.
    pub fn add(&mut self, metrics: &mut Metrics, original: &RgbImage, shown: &RgbImage) {
        let (Ok(pd), Ok(mse)) =
            (metrics::pd_rgb(original, shown), metrics::mse_rgb(original, shown))
        else {
            return;
        };
        self.frames += 1;
        self.pd += pd;
        self.mse += mse;
        if let (Ok(ssim), Ok(ms_ssim)) =
            (metrics.ssim_rgb(original, shown), metrics.ms_ssim_rgb(original, shown))
        {
            self.with_ssim += 1;
            self.ssim += ssim;
            self.ms_ssim += ms_ssim;
        }
    }

    fn mean(sum: f64, n: u64) -> Option<f64> {
        (n > 0).then(|| sum / n as f64)
    }

    /// Mean SSIM; `None` for pictures smaller than its window.
    #[must_use]
    pub fn ssim(&self) -> Option<f64> {
        Self::mean(self.ssim, self.with_ssim)
    }

    /// Mean MS-SSIM.
    #[must_use]
    pub fn ms_ssim(&self) -> Option<f64> {
        Self::mean(self.ms_ssim, self.with_ssim)
    }

    /// Mean perceptual distance.
    #[must_use]
    pub fn pd(&self) -> Option<f64> {
        Self::mean(self.pd, self.frames)
    }

    /// PSNR of the mean squared error in RGB; `None` when infinite.
    #[must_use]
    pub fn psnr(&self) -> Option<f64> {
        Self::mean(self.mse, self.frames).and_then(|mse| psnr(mse * 255.0 * 255.0))
    }
}

/// Sum of squared differences, and the largest one.
fn squares(a: &[u8], b: &[u8]) -> (u64, u8) {
    let mut sums = (0, 0);
    // A row of samples at a time, so that the inner sum fits 32 bits.
    for (a, b) in a.chunks(4096).zip(b.chunks(4096)) {
        let (mut sum, mut most) = (0u32, 0);
        for (a, b) in a.iter().zip(b) {
            let d = a.abs_diff(*b);
            sum += u32::from(d) * u32::from(d);
            most = most.max(d);
        }
        sums = (sums.0 + u64::from(sum), sums.1.max(most));
    }
    sums
}

/// PSNR of a mean squared error in levels; `None` when infinite.
fn psnr(mse: f64) -> Option<f64> {
    (mse > 0.0).then(|| 10.0 * (255.0 * 255.0 / mse).log10())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::codec::clip::tests::moving;
    use crate::frame::Size;

    #[test]
    fn exact_is_exact_and_one_sample_is_found() {
        let clip = moving(Size::new(32, 24), 3);
        let same = compare(&clip, &clip.frames).unwrap();
        assert_eq!(same, Quality { exact: true, ..Quality::default() });
        let mut other = clip.frames.clone();
        other[2][5] = other[2][5].wrapping_add(3);
        let quality = compare(&clip, &other).unwrap();
        assert_eq!((quality.exact, quality.max_error), (false, 3));
        let samples = (3 * clip.layout.len()) as f64;
        let expected = 10.0 * (65025.0 * samples / 9.0).log10();
        assert!((quality.psnr_yuv.unwrap() - expected).abs() < 1e-9);
        assert!(quality.psnr_y.unwrap() < quality.psnr_yuv.unwrap());
        assert!(quality.ssim.unwrap() < 1.0 && quality.pd.unwrap() > 0.0);
    }

    #[test]
    fn frames_are_paired_by_number() {
        let clip = moving(Size::new(32, 24), 4);
        let late: Vec<_> = std::iter::once(clip.frames[0].clone())
            .chain(clip.frames[..3].iter().cloned())
            .collect();
        let shifted = compare(&clip, &late).unwrap();
        assert!(shifted.psnr_yuv.unwrap() < 40.0, "a shift by one frame shows: {shifted:?}");
        let error = compare(&clip, &clip.frames[..3]).unwrap_err().to_string();
        assert!(error.contains("cannot be paired"), "{error}");
        let mut cut = clip.frames.clone();
        cut[1].pop();
        assert!(compare(&clip, &cut).is_err());
    }

    #[test]
    fn chroma_counts_in_the_average_and_not_in_luma() {
        let clip = moving(Size::new(16, 16), 1);
        let mut other = clip.frames.clone();
        *other[0].last_mut().unwrap() ^= 1;
        let quality = compare(&clip, &other).unwrap();
        assert_eq!(quality.psnr_y, None);
        assert!(quality.psnr_yuv.is_some());
    }
}
