//! Negative log-likelihood of the error under a Laplace distribution.

use burn::tensor::Tensor;

use super::absolute::smooth_abs;

/// `|e| / b + log 2b` of every sample, `log_b` being broadcast. Its derivative by `log_b` is
/// `1 - |e| / b`: a network that gives `log_b` learns the size of its own error.
#[must_use]
pub fn nll(error: &Tensor<4>, log_b: &Tensor<4>) -> Tensor<4> {
    smooth_abs(error) * log_b.clone().neg().exp() + log_b.clone() + std::f32::consts::LN_2
}

/// Mean of [`nll`] with each picture's likeliest scale, its mean absolute error, as constant: what
/// is left for networks that give no scale. Quiet and noisy sequences count alike, as in
/// [`super::squared::log_mse`], and outliers count less.
#[must_use]
pub fn fitted(prediction: &Tensor<4>, target: &Tensor<4>) -> Tensor<1> {
    let error = prediction.clone() - target.clone();
    let log_b = smooth_abs(&error).mean_dims(&[1, 2, 3]).log().detach();
    nll(&error, &log_b).mean()
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};

    use super::*;

    #[test]
    fn the_fitted_scale_is_the_likeliest() {
        let device = Device::flex();
        let at = |v: f32| Tensor::<4>::full([1, 3, 2, 2], v, &device);
        let fit = fitted(&at(0.5), &at(0.25)).into_scalar::<f32>();
        // 1 + log(2 * 0.25)
        assert!((fit - (1.0 + 0.5_f32.ln())).abs() < 1e-4, "{fit}");
        for scale in [0.2_f32, 0.3] {
            let other = nll(&at(0.25), &at(scale.ln())).mean().into_scalar::<f32>();
            assert!(other > fit, "{scale}: {other} {fit}");
        }
    }

    #[test]
    fn the_scale_learns_the_size_of_the_error() {
        let device = Device::flex().autodiff();
        let error = Tensor::<4>::full([1, 1, 1, 1], 0.2, &device);
        let log_b = Tensor::<4>::full([1, 1, 1, 1], 0.1_f32.ln(), &device).require_grad();
        let grads = nll(&error, &log_b).mean().backward();
        let slope = log_b.grad(&grads).unwrap().into_scalar::<f32>();
        assert!((slope + 1.0).abs() < 1e-3, "{slope}");
    }
}
