//! Distances pixel by pixel: PD, MSE, PSNR.

use crate::vision::dispatch::vectorised;
use crate::vision::{FloatImage, RgbImage, VisionError};

use super::check;

/// Perceptual distance: the "redmean" colour distance, averaged over the pixels.
///
/// With values 0..=255, `rm = (R_t + R_p) / 2` and real division,
/// `sqrt((512 + rm) dR^2 / 256 + 4 dG^2 + (767 - rm) dB^2 / 256)`. Black against white is 764.83.
///
/// # Errors
/// [`VisionError`] when the sizes differ or there are no pixels.
pub fn pd(target: &RgbImage, prediction: &FloatImage) -> Result<f64, VisionError> {
    check(target, prediction)?;
    let [r, g, b] = prediction.planes();
    Ok(sum_redmean(target.data(), r, g, b) / target.size().pixels() as f64)
}

/// As [`pd`], for an 8-bit prediction.
///
/// # Errors
/// As for [`pd`].
pub fn pd_rgb(target: &RgbImage, prediction: &RgbImage) -> Result<f64, VisionError> {
    check_rgb(target, prediction)?;
    let sum = sum_redmean_rgb(target.data(), prediction.data());
    Ok(sum / target.size().pixels() as f64)
}

/// Mean squared error over all samples, values taken as 0..=1.
///
/// # Errors
/// [`VisionError`] when the sizes differ or there are no pixels.
pub fn mse(target: &RgbImage, prediction: &FloatImage) -> Result<f64, VisionError> {
    check(target, prediction)?;
    let [r, g, b] = prediction.planes();
    let sum = sum_squares(target.data(), r, g, b);
    Ok(sum / target.data().len() as f64 / (255.0 * 255.0))
}

/// As [`mse`], for an 8-bit prediction.
///
/// # Errors
/// As for [`mse`].
pub fn mse_rgb(target: &RgbImage, prediction: &RgbImage) -> Result<f64, VisionError> {
    check_rgb(target, prediction)?;
    let sum = sum_squares_rgb(target.data(), prediction.data());
    Ok(sum as f64 / target.data().len() as f64 / (255.0 * 255.0))
}

/// Peak signal-to-noise ratio in dB of one picture; infinite for an exact prediction (JSON null).
///
/// # Errors
/// As for [`mse`].
pub fn psnr(target: &RgbImage, prediction: &FloatImage) -> Result<f64, VisionError> {
    mse(target, prediction).map(psnr_of)
}

/// As [`psnr`], for an 8-bit prediction.
///
/// # Errors
/// As for [`mse`].
pub fn psnr_rgb(target: &RgbImage, prediction: &RgbImage) -> Result<f64, VisionError> {
    mse_rgb(target, prediction).map(psnr_of)
}

/// `-10 log10(mse)` of a mean squared error of values 0..=1; infinite for 0.
#[must_use]
pub fn psnr_of(mse: f64) -> f64 {
    if mse > 0.0 { -10.0 * mse.log10() } else { f64::INFINITY }
}

fn check_rgb(target: &RgbImage, prediction: &RgbImage) -> Result<(), VisionError> {
    VisionError::check_size("the prediction", prediction.size(), target.size())?;
    VisionError::check_pixels("the picture to score", target.size())
}

/// How many pixels are summed side by side, each in a sum of its own.
const LANES: usize = 8;

#[inline(always)]
fn redmean(target: [u8; 3], [r, g, b]: [f32; 3]) -> f32 {
    let [tr, tg, tb] = target.map(f32::from);
    let rm = (tr + r) * 0.5;
    let (dr, dg, db) = (tr - r, tg - g, tb - b);
    // Division by 256 is exact, so the order does not matter.
    ((512.0 + rm) * dr * dr / 256.0 + 4.0 * dg * dg + (767.0 - rm) * db * db / 256.0).sqrt()
}

/// The perceptual distance of one pixel, as [`pd`] averages it.
#[must_use]
pub fn pd_of(target: [u8; 3], prediction: [f32; 3]) -> f32 {
    redmean(target, prediction)
}

#[inline(always)]
fn square(target: [u8; 3], prediction: [f32; 3]) -> f32 {
    let [r, g, b] = std::array::from_fn(|c| f32::from(target[c]) - prediction[c]);
    r * r + g * g + b * b
}

/// Sums `f` over the pixels of a target and a planar prediction, in a fixed order.
#[inline(always)]
fn sum_planar(
    target: &[u8],
    r: &[f32],
    g: &[f32],
    b: &[f32],
    f: impl Fn([u8; 3], [f32; 3]) -> f32,
) -> f64 {
    let (blocks, rest) = target.as_chunks::<3>().0.as_chunks::<LANES>();
    let ((rs, r_rest), (gs, g_rest), (bs, b_rest)) =
        (r.as_chunks::<LANES>(), g.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0f64; LANES];
    for (((t, r), g), b) in blocks.iter().zip(rs).zip(gs).zip(bs) {
        for i in 0..LANES {
            sums[i] += f64::from(f(t[i], [r[i], g[i], b[i]]));
        }
    }
    let mut sum: f64 = sums.iter().sum();
    for (((t, &r), &g), &b) in rest.iter().zip(r_rest).zip(g_rest).zip(b_rest) {
        sum += f64::from(f(*t, [r, g, b]));
    }
    sum
}

vectorised! {
    fn sum_redmean(target: &[u8], r: &[f32], g: &[f32], b: &[f32]) -> f64 {
        sum_planar(target, r, g, b, redmean)
    }
}

vectorised! {
    fn sum_squares(target: &[u8], r: &[f32], g: &[f32], b: &[f32]) -> f64 {
        sum_planar(target, r, g, b, square)
    }
}

vectorised! {
    fn sum_redmean_rgb(target: &[u8], prediction: &[u8]) -> f64 {
        let (blocks, rest) = target.as_chunks::<3>().0.as_chunks::<LANES>();
        let (others, other_rest) = prediction.as_chunks::<3>().0.as_chunks::<LANES>();
        let mut sums = [0f64; LANES];
        for (t, p) in blocks.iter().zip(others) {
            for i in 0..LANES {
                sums[i] += f64::from(redmean(t[i], p[i].map(f32::from)));
            }
        }
        let mut sum: f64 = sums.iter().sum();
        for (t, p) in rest.iter().zip(other_rest) {
            sum += f64::from(redmean(*t, p.map(f32::from)));
        }
        sum
    }
}

vectorised! {
    fn sum_squares_rgb(target: &[u8], prediction: &[u8]) -> u64 {
        let mut sum = 0u64;
        // In parts whose sum fits 32 bits.
        for (t, p) in target.chunks(4096).zip(prediction.chunks(4096)) {
            let squares = t.iter().zip(p).map(|(&t, &p)| {
                let d = u32::from(t.abs_diff(p));
                d * d
            });
            sum += u64::from(squares.sum::<u32>());
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;

    fn flat(rgb: [u8; 3]) -> RgbImage {
        RgbImage::from_vec(Size::new(12, 11), rgb.repeat(12 * 11)).unwrap()
    }

    #[test]
    fn black_against_white() {
        // sqrt(255^2 (639.5 / 256 + 4 + 639.5 / 256)) = 255 sqrt(8.99609375)
        let exact = 255.0 * 8.996_093_75f64.sqrt();
        assert!((exact - 764.834).abs() < 5e-4);
        let (black, white) = (flat([0; 3]), flat([255; 3]));
        for (a, b) in [(&black, &white), (&white, &black)] {
            assert!((pd_rgb(a, b).unwrap() - exact).abs() < 1e-3);
            assert!((pd(a, &b.into()).unwrap() - exact).abs() < 1e-3);
        }
        assert!((mse_rgb(&black, &white).unwrap() - 1.0).abs() < 1e-12);
        assert!(psnr_rgb(&black, &white).unwrap().abs() < 1e-9);
    }

    #[test]
    fn a_grey_error_is_three_times_its_levels() {
        // The factor is sqrt(2303 / 256) = 2.99935 at every level.
        for e in [1u8, 5, 40] {
            let got = pd_rgb(&flat([100; 3]), &flat([100 + e; 3])).unwrap();
            assert!((got / f64::from(e) - 3.0).abs() < 1e-3, "{e}: {got}");
        }
    }

    #[test]
    fn colours_weigh_as_defined() {
        // By hand: rm = 150; (662 * 100 / 256 + 4 * 400 + 617 * 900 / 256)^(1/2)
        let got = pd_rgb(&flat([145, 50, 60]), &flat([155, 70, 30])).unwrap();
        let hand = (662.0 * 100.0 / 256.0 + 1600.0 + 617.0 * 900.0 / 256.0f64).sqrt();
        assert!((got - hand).abs() < 1e-4, "{got} {hand}");
    }

    #[test]
    fn predictions_are_not_rounded() {
        let target = flat([10; 3]);
        let mut prediction = FloatImage::from(&target);
        prediction.data.iter_mut().for_each(|v| *v += 0.25);
        let got = mse(&target, &prediction).unwrap() * 65025.0;
        assert!((got - 0.0625).abs() < 1e-9, "{got}");
        assert!((psnr(&target, &prediction).unwrap() - 60.172).abs() < 1e-3);
        assert!(pd(&target, &prediction).unwrap() > 0.7);
    }

    #[test]
    fn identical_pictures_have_no_distance() {
        let a = flat([3, 200, 77]);
        assert_eq!(pd_rgb(&a, &a).unwrap(), 0.0);
        assert_eq!(mse(&a, &FloatImage::from(&a)).unwrap(), 0.0);
        assert_eq!(psnr_rgb(&a, &a).unwrap(), f64::INFINITY);
        assert_eq!(psnr_of(0.01), 20.0);
    }

    #[test]
    fn sizes_must_agree() {
        let other = RgbImage::new(Size::new(11, 12));
        let error = pd_rgb(&flat([0; 3]), &other).unwrap_err().to_string();
        assert!(error.contains("11x12") && error.contains("12x11"), "{error}");
        assert!(mse_rgb(&RgbImage::default(), &RgbImage::default()).is_err());
    }
}
