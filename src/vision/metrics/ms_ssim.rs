//! Structural similarity over several scales.

use crate::frame::Size;
use crate::vision::FloatImage;

use super::ssim::{SSIM_WINDOW, Ssim};

/// Weights of the scales, the finest first (Wang, Simoncelli and Bovik 2003).
pub const MS_SSIM_WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// How many scales a picture has room for, 0..=5: the coarsest must hold a window.
#[must_use]
pub fn ms_ssim_scales(size: Size) -> usize {
    let shortest = size.w().min(size.h());
    (0..MS_SSIM_WEIGHTS.len()).take_while(|&k| shortest >> k >= SSIM_WINDOW).count()
}

/// Scores the pictures, which are used up: they are halved in place from scale to scale.
pub(super) fn score(ssim: &mut Ssim, a: &mut FloatImage, b: &mut FloatImage) -> f64 {
    let scales = ms_ssim_scales(a.size);
    let weights = &MS_SSIM_WEIGHTS[..scales];
    let total: f64 = weights.iter().sum();
    let mut score = 1.0;
    for (k, weight) in weights.iter().enumerate() {
        let means = ssim.mean(a, b);
        let coarsest = k + 1 == scales;
        let value = if coarsest { means.similarity } else { means.structure };
        score *= value.max(0.0).powf(weight / total);
        if !coarsest {
            halve(a);
            halve(b);
        }
    }
    score
}

/// Halves a picture by the mean of 2x2 pixels; an odd last column or line is left out.
fn halve(image: &mut FloatImage) {
    let (from, to) = (image.size, Size::new(image.size.width / 2, image.size.height / 2));
    // Each result is written at or before the first sample it reads, so one buffer will do.
    let mut at = 0;
    for c in 0..3 {
        for y in 0..to.h() {
            let top = c * from.pixels() + 2 * y * from.w();
            for x in 0..to.w() {
                let i = top + 2 * x;
                let d = &mut image.data;
                d[at] = (d[i] + d[i + 1] + d[i + from.w()] + d[i + from.w() + 1]) * 0.25;
                at += 1;
            }
        }
    }
    image.reshape(to);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::RgbImage;
    use crate::vision::metrics::{ms_ssim, ms_ssim_rgb, ssim_rgb};

    #[test]
    fn scales_fit_the_picture() {
        let scales = |w, h| ms_ssim_scales(Size::new(w, h));
        assert_eq!(
            [scales(10, 500), scales(11, 11), scales(96, 96), scales(175, 176)],
            [0, 1, 4, 4]
        );
        assert_eq!(scales(176, 176), 5);
    }

    #[test]
    fn halving_is_the_mean_of_four() {
        let mut image = FloatImage::new(Size::new(3, 2));
        image.data[..6].copy_from_slice(&[1.0, 3.0, 100.0, 5.0, 7.0, 100.0]);
        halve(&mut image);
        assert_eq!((image.size, image.planes()[0]), (Size::new(1, 1), &[4.0f32][..]));
    }

    #[test]
    fn identical_is_one_and_one_scale_is_ssim() {
        let size = Size::new(15, 13);
        let a = RgbImage::from_vec(size, (0..585).map(|i| (i * 37 % 256) as u8).collect()).unwrap();
        let b = RgbImage::from_vec(size, (0..585).map(|i| (i * 37 % 251) as u8).collect()).unwrap();
        assert!((ms_ssim_rgb(&a, &a).unwrap() - 1.0).abs() < 1e-6);
        let (one, multi) = (ssim_rgb(&a, &b).unwrap(), ms_ssim_rgb(&a, &b).unwrap());
        assert!((one.max(0.0) - multi).abs() < 1e-9, "{one} {multi}");
        assert_eq!(ms_ssim(&a, &FloatImage::from(&b)).unwrap(), multi);
    }
}
