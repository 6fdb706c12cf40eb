//! Sensor noise, drawn anew for every frame: read noise (Gaussian) and shot noise (Poisson).

use framecast::vision::RgbImage;
use rand::RngExt as _;
use rand_pcg::Pcg64;

use super::AugmentRecipe;

/// Means above this are drawn from the normal distribution.
const EXACT_POISSON: f32 = 16.0;

/// How strong the noise of one sequence is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noise {
    /// Standard deviation in levels.
    gaussian: f32,
    /// Variance a level.
    gain: f32,
}

impl Noise {
    /// Draws the strength; `None`, without a draw, when the recipe has no noise.
    pub(super) fn draw(recipe: &AugmentRecipe, random: &mut Pcg64) -> Option<Self> {
        if recipe.gaussian_noise == 0.0 && recipe.poisson_noise == 0.0 {
            return None;
        }
        let gaussian = random.random::<f32>() * recipe.gaussian_noise;
        let gain = random.random::<f32>() * recipe.poisson_noise;
        Some(Self { gaussian, gain })
    }

    /// The frames with noise. A frame that repeats the one before keeps its noise: a camera that
    /// shows a frame twice does not film it twice.
    pub(super) fn apply(self, frames: &[RgbImage], random: &mut Pcg64) -> Vec<RgbImage> {
        let mut noisy: Vec<RgbImage> = Vec::with_capacity(frames.len());
        for (i, frame) in frames.iter().enumerate() {
            let repeats = i > 0 && frames.get(i - 1) == Some(frame);
            let made = match noisy.last() {
                Some(before) if repeats => before.clone(),
                _ => {
                    let mut made = frame.clone();
                    for sample in made.data_mut() {
                        *sample = self.sample(f32::from(*sample), random).round() as u8;
                    }
                    made
                }
            };
            noisy.push(made);
        }
        noisy
    }

    fn sample(self, level: f32, random: &mut Pcg64) -> f32 {
        let shot =
            if self.gain > 0.0 { self.gain * poisson(level / self.gain, random) } else { level };
        if self.gaussian > 0.0 { shot + self.gaussian * normal(random) } else { shot }
    }
}

/// Box and Muller.
fn normal(random: &mut Pcg64) -> f32 {
    // Away from zero, whose logarithm is infinite.
    let u = 1.0 - random.random::<f32>();
    (-2.0 * u.ln()).sqrt() * (std::f32::consts::TAU * random.random::<f32>()).cos()
}

/// A count of the given mean: by multiplication (Knuth), for large means rounded from a normal one.
fn poisson(mean: f32, random: &mut Pcg64) -> f32 {
    if mean > EXACT_POISSON {
        return (mean + mean.sqrt() * normal(random)).round().max(0.0);
    }
    let end = (-mean).exp();
    let mut product = random.random::<f32>();
    let mut count = 0.0;
    while product > end {
        product *= random.random::<f32>();
        count += 1.0;
    }
    count
}

#[cfg(test)]
mod tests {
    use framecast::frame::Size;
    use rand::SeedableRng as _;

    use super::*;

    fn spread(noise: Noise, level: u8) -> (f32, f32) {
        let flat = RgbImage::from_vec(Size::new(64, 64), vec![level; 64 * 64 * 3]).unwrap();
        let noisy = noise.apply(&[flat], &mut Pcg64::seed_from_u64(1));
        let n = noisy[0].data().len() as f32;
        let mean = noisy[0].data().iter().map(|&v| f32::from(v)).sum::<f32>() / n;
        let squares = noisy[0].data().iter().map(|&v| (f32::from(v) - mean).powi(2)).sum::<f32>();
        (mean, squares / n)
    }

    #[test]
    fn means_stay_and_variances_are_those_asked_for() {
        // Rounding to levels adds 1/12.
        let (mean, variance) = spread(Noise { gaussian: 4.0, gain: 0.0 }, 120);
        assert!((mean - 120.0).abs() < 0.2 && (variance - 16.08).abs() < 0.6, "{mean} {variance}");
        let (mean, variance) = spread(Noise { gaussian: 0.0, gain: 0.5 }, 100);
        assert!((mean - 100.0).abs() < 0.4 && (variance - 50.0).abs() < 2.0, "{mean} {variance}");
        let (mean, variance) = spread(Noise { gaussian: 0.0, gain: 2.0 }, 20);
        assert!((mean - 20.0).abs() < 0.3 && (variance - 40.0).abs() < 2.0, "{mean} {variance}");
    }

    #[test]
    fn frames_differ_and_repeats_do_not() {
        let a = RgbImage::from_vec(Size::new(4, 4), vec![90; 48]).unwrap();
        let b = RgbImage::from_vec(Size::new(4, 4), vec![91; 48]).unwrap();
        let noise = Noise { gaussian: 5.0, gain: 0.0 };
        let noisy = noise.apply(&[a.clone(), a.clone(), b, a], &mut Pcg64::seed_from_u64(2));
        assert_eq!(noisy[0], noisy[1]);
        assert_ne!(noisy[1], noisy[2]);
        assert_ne!(noisy[3], noisy[0]);
    }
}
