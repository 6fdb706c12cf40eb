//! The synthetic drone camera's picture generator.

use super::flight::pose;
use super::ground::{Ground, TILE};
use super::objects::Objects;
use super::sensor::{LineKey, Sensor};
use super::truth::GroundMotion;
use crate::frame::{FrameError, Rational, Size};
use crate::vision::RgbImage;

/// Standard deviation of the sensor noise at mid grey, in 8-bit levels.
pub const DEFAULT_NOISE: f32 = 5.0;

/// A seeded world seen by a flying camera. Frame `n` is a function of seed, size, rate, noise and
/// `n` alone: any frame can be made at any time, and is the same each time.
///
/// ```
/// use framecast::frame::{Rational, Size};
/// use framecast::source::demo::Scene;
/// use framecast::vision::RgbImage;
///
/// let mut scene = Scene::new(7, Size::new(64, 48), Rational::whole(30))?;
/// let mut picture = RgbImage::default();
/// scene.render(0, &mut picture);
/// assert_eq!(picture.size(), Size::new(64, 48));
/// # Ok::<(), framecast::frame::FrameError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Scene {
    seed: u64,
    size: Size,
    rate: Rational,
    ground: Ground,
    objects: Objects,
    sensor: Sensor,
    /// One line of the picture before the sensor, 8.8 fixed point.
    line: Vec<[i32; 3]>,
    pixels_per_texel: f64,
}

impl Scene {
    /// The world of `seed`, seen at `size` pixels and `rate` frames a second.
    ///
    /// # Errors
    /// [`FrameError::Size`] when a side is zero or too large.
    pub fn new(seed: u64, size: Size, rate: Rational) -> Result<Self, FrameError> {
        let size = size.checked()?;
        // One pixel shows one texel until the picture is larger than the tile; then the picture is
        // magnified instead of showing the repetition.
        let longest = size.width.max(size.height);
        let pixels_per_texel = (f64::from(longest) / TILE as f64).max(1.0);
        Ok(Self {
            seed,
            size,
            rate,
            ground: Ground::new(seed),
            objects: Objects::new(seed, f64::from(longest) / pixels_per_texel),
            sensor: Sensor::new(DEFAULT_NOISE),
            line: vec![[0; 3]; size.w()],
            pixels_per_texel,
        })
    }

    /// The same world through a sensor with `sigma` levels of noise at mid grey (0..=64).
    #[must_use]
    pub fn with_noise(mut self, sigma: f32) -> Self {
        self.sensor = Sensor::new(sigma.clamp(0.0, 64.0));
        self
    }

    /// Size of the pictures.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// Frames a second.
    #[must_use]
    pub const fn rate(&self) -> Rational {
        self.rate
    }

    /// How the ground moves in the picture from frame `from` to frame `to`.
    #[must_use]
    pub fn ground_motion(&self, from: u64, to: u64) -> GroundMotion {
        let at = |index: u64| pose(self.seed, self.seconds(index), self.pixels_per_texel);
        GroundMotion::between(&at(from), &at(to), self.middle())
    }

    fn seconds(&self, index: u64) -> f64 {
        index as f64 / self.rate.as_f64()
    }

    /// The middle of the picture, in pixels from the middle of its first.
    fn middle(&self) -> [f64; 2] {
        [self.size.w() as f64 * 0.5 - 0.5, self.size.h() as f64 * 0.5 - 0.5]
    }

    /// Renders frame `index`. Allocates nothing once `picture` has the size.
    pub fn render(&mut self, index: u64, picture: &mut RgbImage) {
        picture.reshape(self.size);
        let (w, h) = (self.size.w(), self.size.h());
        let t = self.seconds(index);
        let pose = pose(self.seed, t, self.pixels_per_texel);
        self.objects.place(t, &pose, w as f32, h as f32);
        let gain = (pose.gain * 65_536.0) as i32;
        // Texels from one pixel to the next along a line, and from one line to the next.
        let step = (pose.cos / pose.zoom, pose.sin / pose.zoom);
        let fixed = |texels: f64| (texels * 65_536.0).round() as i64 as u32;
        let (du, dv) = (fixed(step.0), fixed(step.1));
        let [mid_x, mid_y] = self.middle();
        for (y, out) in picture.data_mut().chunks_exact_mut(w * 3).enumerate() {
            let dy = y as f64 - mid_y;
            let mut u = fixed(pose.x - mid_x * step.0 - dy * step.1);
            let mut v = fixed(pose.y - mid_x * step.1 + dy * step.0);
            for pixel in &mut self.line {
                *pixel = self.ground.sample(u, v);
                u = u.wrapping_add(du);
                v = v.wrapping_add(dv);
            }
            self.objects.draw(y, &mut self.line, &self.ground);
            self.sensor.expose(LineKey::new(self.seed, index, y), &self.line, gain, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mse(a: &RgbImage, b: &RgbImage) -> f64 {
        let sum: f64 = a
            .data()
            .iter()
            .zip(b.data())
            .map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2))
            .sum();
        sum / a.data().len() as f64
    }

    #[test]
    fn frames_are_functions_of_their_number() {
        let size = Size::new(161, 91);
        let mut scene = Scene::new(3, size, Rational::whole(30)).unwrap();
        let mut a = RgbImage::default();
        let mut b = RgbImage::default();
        scene.render(10, &mut a);
        scene.render(11, &mut b);
        assert_ne!(a, b);
        Scene::new(3, size, Rational::whole(30)).unwrap().render(10, &mut b);
        assert_eq!(a, b);
        Scene::new(4, size, Rational::whole(30)).unwrap().render(10, &mut b);
        assert!(mse(&a, &b) > 100.0);
    }

    /// The design of the demo: what motion changes from frame to frame is of the same order as
    /// what the sensor's noise changes, so that both a moving and a denoising predictor gain.
    #[test]
    fn motion_and_noise_are_of_one_order() {
        let size = Size::new(320, 180);
        let mut ratio = Vec::new();
        for seed in 1..=5 {
            let mut clean = Scene::new(seed, size, Rational::whole(30)).unwrap().with_noise(0.0);
            let (mut a, mut b) = (RgbImage::default(), RgbImage::default());
            let mut sum = 0.0;
            for i in 0..20 {
                clean.render(i * 15, &mut a);
                clean.render(i * 15 + 1, &mut b);
                sum += mse(&a, &b) / 20.0;
            }
            ratio.push(sum / 25.0);
        }
        println!("motion over noise variance by seed: {ratio:.2?}");
        assert!(ratio.iter().all(|r| (0.2..4.0).contains(r)), "{ratio:.2?}");
    }

    #[test]
    fn every_size_is_drawn() {
        for (w, h) in [(1, 1), (3, 2), (1999, 3), (2, 777)] {
            let mut scene = Scene::new(1, Size::new(w, h), Rational::whole(25)).unwrap();
            let mut picture = RgbImage::default();
            scene.render(1_000_000, &mut picture);
            assert_eq!(picture.data().len(), Size::new(w, h).pixels() * 3);
        }
        assert!(Scene::new(1, Size::new(0, 4), Rational::whole(25)).is_err());
    }
}
