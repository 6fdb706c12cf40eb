//! How far a prediction is from the picture that came.
//!
//! The target is 8-bit RGB; the prediction is [`FloatImage`], scored unrounded (values must
//! already be clamped to 0..=255), or 8-bit RGB through the `*_rgb` functions. The functions are
//! for single use; [`Metrics`] keeps its memory between pictures.

mod distance;
mod ms_ssim;
mod ssim;

pub use distance::{mse, mse_rgb, pd, pd_of, pd_rgb, psnr, psnr_of, psnr_rgb};
pub use ms_ssim::{MS_SSIM_WEIGHTS, ms_ssim_scales};
pub use ssim::SSIM_WINDOW;

use super::{FloatImage, RgbImage, VisionError};

use ssim::Ssim;

/// Scores pictures and keeps the memory for it; one thread owns it.
#[derive(Debug, Default)]
pub struct Metrics {
    target: FloatImage,
    prediction: FloatImage,
    ssim: Ssim,
}

impl Metrics {
    /// Metrics without memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Structural similarity (Wang et al. 2004): Gaussian window of 11x11 with sigma 1.5,
    /// K 0.01 and 0.03, range 255, windows that lie wholly inside, the mean of R, G and B.
    ///
    /// # Errors
    /// [`VisionError`] when the sizes differ or a side is below [`SSIM_WINDOW`].
    pub fn ssim(&mut self, target: &RgbImage, prediction: &FloatImage) -> Result<f64, VisionError> {
        check(target, prediction)?;
        ssim::check_window(target.size())?;
        self.target.copy_from_rgb(target);
        Ok(self.ssim.mean(&self.target, prediction).similarity)
    }

    /// As [`Metrics::ssim`], for an 8-bit prediction.
    ///
    /// # Errors
    /// As for [`Metrics::ssim`].
    pub fn ssim_rgb(
        &mut self,
        target: &RgbImage,
        prediction: &RgbImage,
    ) -> Result<f64, VisionError> {
        let mut kept = std::mem::take(&mut self.prediction);
        kept.copy_from_rgb(prediction);
        let result = self.ssim(target, &kept);
        self.prediction = kept;
        result
    }

    /// Multi-scale structural similarity (Wang et al. 2003) with [`MS_SSIM_WEIGHTS`]; scales are
    /// halved by the mean of 2x2. A picture too small for five scales uses the
    /// [`ms_ssim_scales`] it has room for, with the weights made to sum to one; negative means are
    /// taken as zero.
    ///
    /// # Errors
    /// As for [`Metrics::ssim`].
    pub fn ms_ssim(
        &mut self,
        target: &RgbImage,
        prediction: &FloatImage,
    ) -> Result<f64, VisionError> {
        check(target, prediction)?;
        ssim::check_window(target.size())?;
        self.target.copy_from_rgb(target);
        self.prediction.clone_from(prediction);
        Ok(ms_ssim::score(&mut self.ssim, &mut self.target, &mut self.prediction))
    }

    /// As [`Metrics::ms_ssim`], for an 8-bit prediction.
    ///
    /// # Errors
    /// As for [`Metrics::ssim`].
    pub fn ms_ssim_rgb(
        &mut self,
        target: &RgbImage,
        prediction: &RgbImage,
    ) -> Result<f64, VisionError> {
        VisionError::check_size("the prediction", prediction.size(), target.size())?;
        ssim::check_window(target.size())?;
        self.target.copy_from_rgb(target);
        self.prediction.copy_from_rgb(prediction);
        Ok(ms_ssim::score(&mut self.ssim, &mut self.target, &mut self.prediction))
    }
}

/// See [`Metrics::ssim`].
///
/// # Errors
/// As for [`Metrics::ssim`].
pub fn ssim(target: &RgbImage, prediction: &FloatImage) -> Result<f64, VisionError> {
    Metrics::new().ssim(target, prediction)
}

/// See [`Metrics::ssim_rgb`].
///
/// # Errors
/// As for [`Metrics::ssim`].
pub fn ssim_rgb(target: &RgbImage, prediction: &RgbImage) -> Result<f64, VisionError> {
    Metrics::new().ssim_rgb(target, prediction)
}

/// See [`Metrics::ms_ssim`].
///
/// # Errors
/// As for [`Metrics::ssim`].
pub fn ms_ssim(target: &RgbImage, prediction: &FloatImage) -> Result<f64, VisionError> {
    Metrics::new().ms_ssim(target, prediction)
}

/// See [`Metrics::ms_ssim_rgb`].
///
/// # Errors
/// As for [`Metrics::ssim`].
pub fn ms_ssim_rgb(target: &RgbImage, prediction: &RgbImage) -> Result<f64, VisionError> {
    Metrics::new().ms_ssim_rgb(target, prediction)
}

/// Fails unless the pictures have the same size, at least one pixel, and all their data.
fn check(target: &RgbImage, prediction: &FloatImage) -> Result<(), VisionError> {
    VisionError::check_size("the prediction", prediction.size, target.size())?;
    VisionError::check_pixels("the picture to score", target.size())?;
    VisionError::check_len("the prediction", prediction.data.len(), target.size().pixels() * 3)
}
