//! Golden values: what losses and metrics must give, written down elsewhere or worked out by hand.

use burn::tensor::{Device, Tensor, TensorData};
use framecast::frame::Size;
use framecast::task::rank::full_auc;
use framecast::vision::{RgbImage, metrics};
use serde::Serialize;

use super::{Weights, absolute, cross_entropy, gradient, hinge, laplace, ranking};
use super::{perceptual, similarity, squared};

/// One value and what it must be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// What is computed.
    pub name: &'static str,
    /// What it must be.
    pub expected: f64,
    /// How far from it is allowed.
    pub tolerance: f64,
    /// What it is; not a number where it could not be computed.
    pub got: f64,
    /// True when it is near enough.
    pub passed: bool,
}

fn check(name: &'static str, expected: f64, tolerance: f64, got: f64) -> Check {
    let passed = (got - expected).abs() <= tolerance;
    Check { name, expected, tolerance, got, passed }
}

/// All golden values.
#[must_use]
pub fn checks() -> Vec<Check> {
    [scalars(), pairs(), distances(), similarities(), parts(), slopes()].concat()
}

/// Cross-entropy and the means it is made of.
fn scalars() -> Vec<Check> {
    let (truth, half) = (list(&[0.0, 1.0]), list(&[0.1, 0.9]));
    let logits = list(&[-(9.0_f32.ln()), 9.0_f32.ln()]);
    let entropy = 0.105_360_52;
    vec![
        check("sum of 1, 2, 3", 6.0, 0.0, scalar(list(&[1.0, 2.0, 3.0]).sum())),
        check("mean of 1, 2, 3", 2.0, 0.0, scalar(list(&[1.0, 2.0, 3.0]).mean())),
        check(
            "identity loss: mean of the outputs 0.1, 0.9",
            0.5,
            1e-7,
            scalar(half.clone().mean()),
        ),
        check(
            "binary cross-entropy of 0.1, 0.9 against 0, 1",
            entropy,
            1e-7,
            scalar(cross_entropy::binary(&truth, &half)),
        ),
        check(
            "the same of logits",
            entropy,
            1e-7,
            scalar(cross_entropy::binary_of_logits(&truth, &logits)),
        ),
        check(
            "the same of logits -200, 200: finite",
            0.0,
            1e-7,
            scalar(cross_entropy::binary_of_logits(&truth, &list(&[-200.0, 200.0]))),
        ),
        check(
            "softmax cross-entropy of 1000 equal answers: log 1000",
            6.907_755_3,
            1e-5,
            scalar(cross_entropy::of_classes(&Tensor::ones([2, 1000], &Device::flex()), &[0, 999])),
        ),
        check(
            "softmax cross-entropy of logits log 1, log 3 against the second: -log 0.75",
            0.287_682_07,
            1e-6,
            scalar(cross_entropy::of_classes(&list(&[0.0, 3.0_f32.ln()]).unsqueeze(), &[1])),
        ),
    ]
}

/// Losses of pairs of scores.
fn pairs() -> Vec<Check> {
    let (right, wrong) = (list(&[3.0, 0.5]), list(&[1.0, 0.0]));
    let thrice = (list(&[3.0_f32.ln()]), list(&[0.0]));
    let margin = scalar(ranking::max_margin(&right, &wrong));
    vec![
        check("BPR of a lead of log 3", 0.25, 1e-6, scalar(ranking::bpr(&thrice.0, &thrice.1))),
        check(
            "log-sigmoid BPR of the same: -log 0.75",
            0.287_682_07,
            1e-6,
            scalar(ranking::bpr_log(&thrice.0, &thrice.1)),
        ),
        check("max-margin of leads 2, 0.5: mean", 0.25, 1e-6, margin),
        check("max-margin of leads 2, 0.5: sum", 0.5, 1e-6, margin * 2.0),
        check(
            "pairwise accuracy of leads 2, 0.5, -1, 0",
            0.5,
            0.0,
            scalar(ranking::pairwise_accuracy(
                &list(&[3.0, 0.5, 0.0, 1.0]),
                &list(&[1.0, 0.0, 1.0, 1.0]),
            )),
        ),
        check(
            "full AUC of scores 4, 3, 3, 1, of which the first two are liked",
            0.875,
            0.0,
            auc(&[4.0, 3.0, 3.0, 1.0], 2),
        ),
        check("full AUC of scores that are all alike", 0.5, 0.0, auc(&[1.0; 6], 2)),
    ]
}

/// Of scores of which the first `liked` are.
fn auc(scores: &[f32], liked: usize) -> f64 {
    full_auc(scores, (0..scores.len()).map(|at| (at, at < liked))).unwrap_or(f64::NAN)
}

/// Distances of plain pictures, by the metric and by the loss of the same name.
fn distances() -> Vec<Check> {
    let pd = |a, b| metrics::pd_rgb(&plain(a), &plain(b)).unwrap_or(f64::NAN);
    let loss = |a, b| scalar(perceptual::perceptual(&tensor(&plain(b)), &tensor(&plain(a))));
    let mse = |a, b| metrics::mse_rgb(&plain(a), &plain(b)).unwrap_or(f64::NAN);
    let (black, white) = ([0; 3], [255; 3]);
    let (before, after) = ([145, 50, 60], [155, 70, 30]);
    vec![
        check("PD black to white", 764.83, 0.01, pd(black, white)),
        check("PD white to black", 764.83, 0.01, pd(white, black)),
        check("PD loss black to white, in levels", 764.83, 0.01, loss(black, white)),
        check("PD of a grey error of 1", 3.0, 0.001, pd([100; 3], [101; 3])),
        check("PD of a grey error of 5", 15.0, 0.005, pd([100; 3], [105; 3])),
        check("PD of a grey error of 40", 120.0, 0.04, pd([100; 3], [140; 3])),
        check("PD loss of a grey error of 40, in levels", 120.0, 0.04, loss([100; 3], [140; 3])),
        check("PD of 145,50,60 to 155,70,30", 63.464_43, 1e-4, pd(before, after)),
        check("PD loss of no error: its smoothing of 1 level", 1.0, 1e-6, loss(before, before)),
        check("MSE black to white", 1.0, 1e-12, mse(black, white)),
        check("PSNR of an MSE of 0.00493", 23.07, 0.005, metrics::psnr_of(0.004_93)),
    ]
}

/// Structural similarity, by the metric and by the loss.
fn similarities() -> Vec<Check> {
    let (small, large) = (pair(40, 30), pair(64, 48));
    let metric = |(a, b): &(RgbImage, RgbImage)| metrics::ssim_rgb(a, b).unwrap_or(f64::NAN);
    let loss = |(a, b): &(RgbImage, RgbImage)| scalar(similarity::ssim(&tensor(b), &tensor(a)));
    let deep = pair(192, 176);
    let scales = metrics::ms_ssim_rgb(&deep.0, &deep.1).unwrap_or(f64::NAN);
    let multi = scalar(similarity::ms_ssim(&tensor(&deep.1), &tensor(&deep.0)));
    vec![
        check("SSIM of scikit-image, 40x30", 0.935_330_352_57, 1e-5, metric(&small)),
        check("SSIM of scikit-image, 64x48", 0.933_777_088_88, 1e-5, metric(&large)),
        check("1 - SSIM loss, 40x30", 0.935_330_352_57, 1e-5, 1.0 - loss(&small)),
        check("1 - SSIM loss, 64x48", 0.933_777_088_88, 1e-5, 1.0 - loss(&large)),
        check("1 - MS-SSIM loss, five scales, beside the metric", scales, 1e-5, 1.0 - multi),
    ]
}

/// The other parts of the loss, of values that a hand can follow.
fn parts() -> Vec<Check> {
    let at = |v: f32| Tensor::<4>::full([1, 3, 12, 12], v, &Device::flex());
    let row = |v: &[f32]| {
        Tensor::<4>::from_data(TensorData::new(v.to_vec(), [1, 1, 1, v.len()]), &Device::flex())
    };
    vec![
        check(
            "Charbonnier of no error",
            1e-3,
            1e-8,
            scalar(absolute::charbonnier(&at(0.5), &at(0.5))),
        ),
        check(
            "Charbonnier of 0.25",
            0.25,
            1e-5,
            scalar(absolute::charbonnier(&at(0.5), &at(0.25))),
        ),
        check("MSE loss of 0.25", 0.0625, 1e-7, scalar(squared::mse(&at(0.5), &at(0.25)))),
        check(
            "log-MSE of 0.25: log 0.0625",
            -2.772_588_7,
            1e-4,
            scalar(squared::log_mse(&at(0.5), &at(0.25))),
        ),
        check(
            "gradient difference of slopes 0.2, 0.4 to none",
            0.15,
            1e-6,
            scalar(gradient::difference(&row(&[0.0, 0.2, 0.6]), &row(&[0.5; 3]))),
        ),
        check(
            "Laplace NLL of 0.5 at scale 0.5: 1 + log 1",
            1.0,
            1e-5,
            scalar(laplace::nll(&at(0.5), &at(0.5_f32.ln())).mean()),
        ),
        check(
            "hinge of a discriminator, 2, 0.5 and -2, 0.5",
            1.0,
            1e-6,
            scalar(hinge::discriminator(&row(&[2.0, 0.5]), &row(&[-2.0, 0.5]))),
        ),
        check(
            "hinge of a generator, -2, 0.5",
            0.75,
            1e-6,
            scalar(hinge::generator(&row(&[-2.0, 0.5]))),
        ),
    ]
}

/// The largest slope of every part for a perfect prediction, which must be none: a bare root would
/// give infinity, or no number.
fn slopes() -> Vec<Check> {
    let none = Weights::NONE;
    let cases = [
        ("slope of perceptual at no error", Weights { perceptual: 1.0, ..none }),
        ("slope of absolute at no error", Weights { absolute: 1.0, ..none }),
        ("slope of log_mse at no error", Weights { log_mse: 1.0, ..none }),
        ("slope of mse at no error", Weights { mse: 1.0, ..none }),
        ("slope of ssim at no error", Weights { ssim: 1.0, ..none }),
        ("slope of ms_ssim at no error", Weights { ms_ssim: 1.0, ..none }),
        ("slope of gradient at no error", Weights { gradient: 1.0, ..none }),
        ("slope of laplace at no error", Weights { laplace: 1.0, ..none }),
    ];
    let slope = |(name, weights)| check(name, 0.0, 1e-4, slope_at_zero_error(&weights));
    cases.map(slope).to_vec()
}

/// The largest slope by any sample, over a textured and a black picture; not a number when one of
/// them is.
fn slope_at_zero_error(weights: &Weights) -> f64 {
    let device = Device::flex().autodiff();
    let mut largest = 0.0_f32;
    for picture in [pair(24, 24).0, RgbImage::new(Size::new(24, 24))] {
        let data = tensor(&picture).into_data();
        let x = Tensor::<4>::from_data(data.clone(), &device).require_grad();
        let grads = weights.loss(&x, &Tensor::from_data(data, &device)).backward();
        let values = x.grad(&grads).and_then(|g| g.into_data().try_to_vec::<f32>().ok());
        for slope in values.unwrap_or_else(|| vec![f32::NAN]) {
            // Written so that what is no number stays.
            if slope.is_nan() || slope.abs() > largest {
                largest = slope.abs();
            }
        }
    }
    f64::from(largest)
}

fn list(values: &[f32]) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), &Device::flex())
}

fn scalar(tensor: Tensor<1>) -> f64 {
    f64::from(tensor.into_scalar::<f32>())
}

fn plain(colour: [u8; 3]) -> RgbImage {
    picture(12, 12, |_, _, c| colour.get(c as usize).copied().unwrap_or_default())
}

fn picture(w: u32, h: u32, f: impl Fn(u32, u32, u32) -> u8) -> RgbImage {
    let mut image = RgbImage::new(Size::new(w, h));
    for (i, value) in image.data_mut().iter_mut().enumerate() {
        let (i, c) = (i as u32 / 3, i as u32 % 3);
        *value = f(i % w, i / w, c);
    }
    image
}

/// A slanted pattern, and the same blurred towards grey with a wave on it: the pictures whose
/// similarity scikit-image was asked for.
pub(super) fn pair(w: u32, h: u32) -> (RgbImage, RgbImage) {
    let v = |x: u32, y: u32, c: u32| (x * 7 + y * 13 + c * 50 + (x * y) % 31) % 256;
    let wave = |x: u32, y: u32| (x * 5 + y * 3) % 64;
    (
        picture(w, h, |x, y, c| v(x, y, c) as u8),
        picture(w, h, |x, y, c| ((v(x, y, c) * 3 + 128 + wave(x, y)) / 4).min(255) as u8),
    )
}

/// A picture as `1 x 3 x H x W` in 0..=1.
pub(super) fn tensor(image: &RgbImage) -> Tensor<4> {
    let size = image.size();
    let planar: Vec<f32> = (0..3)
        .flat_map(|c| image.data().iter().skip(c).step_by(3).map(|&v| f32::from(v) / 255.0))
        .collect();
    Tensor::from_data(TensorData::new(planar, [1, 3, size.h(), size.w()]), &Device::flex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_golden_values_hold() {
        let failed: Vec<Check> = checks().into_iter().filter(|c| !c.passed).collect();
        assert!(failed.is_empty(), "{failed:#?}");
    }

    #[test]
    fn a_value_that_is_off_or_no_number_fails() {
        assert!(check("x", 1.0, 0.1, 1.05).passed);
        assert!(!check("x", 1.0, 0.1, 1.2).passed);
        assert!(!check("x", 0.0, 1e-4, f64::NAN).passed);
    }

    #[test]
    fn a_bare_root_would_be_found() {
        let device = Device::flex().autodiff();
        let x = Tensor::<1>::zeros([1], &device).require_grad();
        let grads = (x.clone() * x.clone()).sqrt().backward();
        let slope = x.grad(&grads).unwrap().into_scalar::<f32>();
        assert!(!slope.is_finite(), "{slope}");
    }
}
