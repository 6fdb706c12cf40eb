//! Sensor noise for recordings that a lossy codec has smoothed.

use rand::RngExt as _;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

use super::clip::Clip;

/// Adds Gaussian noise of standard deviation `sigma` to the luma of every frame, rounded and
/// clamped to 0..=255. The same seed gives the same clip.
pub(super) fn add(clip: &mut Clip, sigma: f64, seed: u64) {
    let mut random = Pcg64::seed_from_u64(seed);
    let luma = clip.size().pixels();
    for frame in &mut clip.frames {
        let Some(samples) = frame.get_mut(..luma) else { continue };
        for pair in samples.chunks_mut(2) {
            // Box and Muller 1958: two values from two uniform ones, the first never zero.
            let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt() * sigma;
            let angle = std::f64::consts::TAU * random.random::<f64>();
            for (sample, part) in pair.iter_mut().zip([angle.cos(), angle.sin()]) {
                // `as` saturates.
                *sample = (f64::from(*sample) + radius * part).round() as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Colour, Layout, PixelFormat, Rational, Size};

    #[test]
    fn noise_has_its_deviation_and_leaves_chroma() {
        let layout = Layout::packed(PixelFormat::I420, Size::new(200, 100)).unwrap();
        let mut clip = Clip {
            name: String::new(),
            layout,
            colour: Colour::default(),
            rate: Rational::whole(1),
            frames: vec![vec![100; layout.len()]; 2],
        };
        add(&mut clip, 2.0, 1);
        let again = {
            let mut other = Clip { frames: vec![vec![100; layout.len()]; 2], ..clip.clone() };
            add(&mut other, 2.0, 1);
            other
        };
        assert_eq!(clip, again);
        let luma = &clip.frames[1][..20_000];
        let (n, off) = (luma.len() as f64, |s: &u8| f64::from(*s) - 100.0);
        let mean = luma.iter().map(off).sum::<f64>() / n;
        let variance = luma.iter().map(|s| off(s).powi(2)).sum::<f64>() / n;
        assert!(mean.abs() < 0.05, "{mean}");
        // Rounding adds a twelfth.
        assert!((variance - 4.0 - 1.0 / 12.0).abs() < 0.15, "{variance}");
        assert!(clip.frames[1][20_000..].iter().all(|s| *s == 100));
        assert_ne!(clip.frames[0], clip.frames[1]);
    }
}
