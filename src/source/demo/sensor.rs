//! What a small sensor adds: exposure, shot noise that grows with the light, read noise, and the
//! step to bytes. Fresh for every frame.

use super::seeded::{hash, mix32};

/// The sensor's noise: variance `read^2 + shot * level`, in 8-bit levels.
#[derive(Clone, Debug)]
pub(super) struct Sensor {
    /// Standard deviation of the noise common to the channels by level, 8.8 fixed point.
    sigma: Vec<i32>,
    /// Standard deviation of the noise of each channel alone, 8.8 fixed point.
    channel: i32,
}

impl Sensor {
    /// A sensor whose noise is about `sigma` levels at mid grey; 0 gives clean pictures.
    pub(super) fn new(sigma: f32) -> Self {
        // A third of the variance at mid grey is read noise, the rest shot noise. Four fifths of
        // it is in luma, as after the colour processing of a camera.
        let variance = sigma * sigma * 0.8;
        let table = (0..256u16)
            .map(|level| {
                let level = f32::from(level) / 128.0;
                ((variance * (0.33 + 0.67 * level)).sqrt() * 256.0) as i32
            })
            .collect();
        Self { sigma: table, channel: (sigma * 0.2f32.sqrt() * 256.0) as i32 }
    }

    /// Exposes one line: `clean` in 8.8 fixed point times `gain` (16.16), with noise, to bytes.
    pub(super) fn expose(&self, key: LineKey, clean: &[[i32; 3]], gain: i32, out: &mut [u8]) {
        let mut counter = key.0;
        for (pixel, out) in clean.iter().zip(out.chunks_exact_mut(3)) {
            let [r, g, b] = pixel.map(|c| ((i64::from(c) * i64::from(gain)) >> 16) as i32);
            counter = counter.wrapping_add(0x9e37_79b9);
            let (h, k) = (mix32(counter), mix32(counter ^ 0x5bd1_e995));
            // The sum of four bytes is close to a Gaussian of standard deviation 147.8.
            let bell = (h & 255) + (h >> 8 & 255) + (h >> 16 & 255) + (h >> 24);
            let level = (g >> 8).clamp(0, 255) as usize;
            let sigma = self.sigma.get(level).copied().unwrap_or_default();
            let luma = (bell as i32 - 510) * sigma / 148;
            // Ten even bits a channel, standard deviation 295.6.
            let own = |shift: u32| ((k >> shift & 1023) as i32 - 512) * self.channel / 296;
            let byte = |c: i32, n: i32| ((c + luma + n + 128) >> 8).clamp(0, 255) as u8;
            let exposed = [byte(r, own(0)), byte(g, own(10)), byte(b, own(20))];
            for (o, e) in out.iter_mut().zip(exposed) {
                *o = e;
            }
        }
    }
}

/// Names the noise of one line of one frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineKey(u32);

impl LineKey {
    pub(super) fn new(seed: u64, frame: u64, line: usize) -> Self {
        Self(hash(seed ^ 0x5E45_0A11, frame, line as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exposed(sigma: f32, frame: u64, level: i32) -> Vec<u8> {
        let clean = vec![[level << 8; 3]; 20_000];
        let mut out = vec![0; clean.len() * 3];
        Sensor::new(sigma).expose(LineKey::new(1, frame, 0), &clean, 1 << 16, &mut out);
        out
    }

    #[test]
    fn noise_has_the_strength_asked_for_and_no_bias() {
        let out = exposed(5.0, 0, 128);
        let n = out.len() as f64;
        let mean = out.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let var = out.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
        assert!((mean - 128.0).abs() < 0.2, "{mean}");
        assert!((4.5..5.5).contains(&var.sqrt()), "{}", var.sqrt());
        assert!(exposed(0.0, 0, 128).iter().all(|&v| v == 128));
    }

    #[test]
    fn noise_is_fresh_each_frame_and_repeatable() {
        let (a, b) = (exposed(5.0, 0, 100), exposed(5.0, 1, 100));
        assert_eq!(a, exposed(5.0, 0, 100));
        let n = a.len() as f64;
        let dot: f64 =
            a.iter().zip(&b).map(|(&x, &y)| (f64::from(x) - 100.0) * (f64::from(y) - 100.0)).sum();
        assert!((dot / n).abs() < 0.6, "frames correlate: {}", dot / n);
    }

    #[test]
    fn light_brings_noise() {
        let spread =
            |v: Vec<u8>, m: f64| v.iter().map(|&x| (f64::from(x) - m).powi(2)).sum::<f64>();
        assert!(spread(exposed(5.0, 0, 200), 200.0) > 1.5 * spread(exposed(5.0, 0, 40), 40.0));
    }
}
