//! What training minimises. Every square root and logarithm has something under it: the zero
//! residual of an untrained network makes errors of exactly zero, where a bare root has an infinite
//! slope.

pub mod absolute;
pub mod cross_entropy;
pub mod golden;
pub mod gradient;
pub mod hinge;
pub mod laplace;
pub mod perceptual;
pub mod ranking;
pub mod similarity;
pub mod squared;

use burn::tensor::Tensor;
use framecast::vision::metrics::SSIM_WINDOW;
use serde::{Deserialize, Serialize};

/// Weights of the parts of the loss; a part without weight is not computed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Weights {
    /// Smoothed perceptual distance, in units of 255 levels.
    pub perceptual: f32,
    /// Mean absolute error (Charbonnier), in units of 255 levels.
    pub absolute: f32,
    /// Logarithm of each sequence's mean squared error: PSNR, so that quiet and noisy sequences
    /// count alike.
    pub log_mse: f32,
    /// Mean squared error, values 0..=1.
    pub mse: f32,
    /// One minus structural similarity.
    pub ssim: f32,
    /// One minus multi-scale structural similarity.
    pub ms_ssim: f32,
    /// Difference of the strengths of the slopes, values 0..=1.
    pub gradient: f32,
    /// Negative log-likelihood under a Laplace distribution of each sequence's own width.
    pub laplace: f32,
}

impl Default for Weights {
    fn default() -> Self {
        Self { perceptual: 1.0, log_mse: 0.05, ..Self::NONE }
    }
}

/// A part of the loss, of prediction and target.
type Part = fn(&Tensor<4>, &Tensor<4>) -> Tensor<1>;

impl Weights {
    /// No part at all, to build on.
    pub const NONE: Self = Self {
        perceptual: 0.0,
        absolute: 0.0,
        log_mse: 0.0,
        mse: 0.0,
        ssim: 0.0,
        ms_ssim: 0.0,
        gradient: 0.0,
        laplace: 0.0,
    };

    /// The parts by their keys, with their weights.
    fn parts(&self) -> [(&'static str, f32, Part); 8] {
        [
            ("perceptual", self.perceptual, |x, y| perceptual::perceptual(x, y) * (1.0 / 255.0)),
            ("absolute", self.absolute, absolute::charbonnier),
            ("log_mse", self.log_mse, squared::log_mse),
            ("mse", self.mse, squared::mse),
            ("ssim", self.ssim, similarity::ssim),
            ("ms_ssim", self.ms_ssim, similarity::ms_ssim),
            ("gradient", self.gradient, gradient::difference),
            ("laplace", self.laplace, laplace::fitted),
        ]
    }

    /// Fails unless the weights can be trained with on cuts of `side` pixels.
    ///
    /// # Errors
    /// The key, its value, and what is allowed.
    pub fn check(&self, side: u32) -> Result<(), String> {
        let parts = self.parts();
        for (key, weight, _) in parts {
            if !weight.is_finite() || weight < 0.0 {
                return Err(format!("loss.{key} = {weight}; 0 and more are allowed"));
            }
        }
        if parts.iter().all(|(_, weight, _)| *weight == 0.0) {
            let keys = parts.map(|(key, ..)| key).join(", ");
            return Err(format!("[loss] has no weight above 0; give one of {keys}"));
        }
        let window = SSIM_WINDOW as u32;
        if side < window && (self.ssim > 0.0 || self.ms_ssim > 0.0) {
            return Err(format!(
                "loss.ssim and loss.ms_ssim need cuts of at least {window} pixels; \
                 data.side = {side}"
            ));
        }
        Ok(())
    }

    /// The loss of `prediction` against `target`, both `N x 3 x H x W` in 0..=1.
    #[must_use]
    pub fn loss(&self, prediction: &Tensor<4>, target: &Tensor<4>) -> Tensor<1> {
        let parts = self.parts().into_iter().filter(|(_, weight, _)| *weight > 0.0);
        let parts = parts.map(|(_, weight, part)| part(prediction, target) * weight);
        parts.reduce(|sum, part| sum + part).unwrap_or_else(|| Tensor::zeros([1], &target.device()))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn flat(level: f32) -> Tensor<4> {
        Tensor::full([1, 3, 16, 16], level / 255.0, &Device::flex())
    }

    #[test]
    fn a_grey_error_of_e_levels_is_three_e() {
        let weights = Weights { perceptual: 1.0, ..Weights::NONE };
        let loss = weights.loss(&flat(120.0), &flat(100.0)).into_scalar::<f32>() * 255.0;
        let exact = (8.9961_f32 * 400.0 + 1.0).sqrt();
        assert!((loss - exact).abs() < 0.02, "{loss} {exact}");
    }

    #[test]
    fn parts_are_added_by_weight() {
        let loss = |w: Weights| w.loss(&flat(120.0), &flat(100.0)).into_scalar::<f32>();
        let mse = loss(Weights { mse: 1.0, ..Weights::NONE });
        assert!((mse - (20.0_f32 / 255.0).powi(2)).abs() < 1e-6, "{mse}");
        let ssim = loss(Weights { ssim: 1.0, ..Weights::NONE });
        let both = loss(Weights { mse: 2.0, ssim: 0.5, ..Weights::NONE });
        assert!((both - (2.0 * mse + 0.5 * ssim)).abs() < 1e-6, "{both}");
    }

    #[test]
    fn weights_that_cannot_be_are_refused_by_name() {
        let refused = |w: Weights, side| w.check(side).unwrap_err();
        assert!(Weights::default().check(8).is_ok());
        assert!(refused(Weights { mse: -1.0, ..Weights::NONE }, 64).contains("loss.mse = -1"));
        assert!(refused(Weights::NONE, 64).contains("gradient, laplace"));
        let small = refused(Weights { ms_ssim: 0.1, ..Weights::NONE }, 8);
        assert!(small.contains("at least 11") && small.contains("data.side = 8"), "{small}");
    }
}
