//! What lies between the things and the sensor.

use super::canvas::{Canvas, Place};
use super::chance::Chance;
use super::shapes::Shape;

/// What the labels of conditions are, in their order.
pub(super) const CONDITIONS: [&str; 4] = ["night", "fog", "rain", "snow"];

/// How a scene is seen; `None` for a condition that does not hold.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    night: Option<f32>,
    fog: Option<f32>,
    rain: Option<f32>,
    snow: Option<f32>,
    noise: f32,
    gain: f32,
}

impl Weather {
    /// Each condition holds in a fifth of the scenes, rain and snow never together.
    pub(super) fn draw(chance: &mut Chance) -> Self {
        let mut hold = |low: f32, high: f32| {
            let strength = chance.between(low, high);
            chance.happens(0.22).then_some(strength)
        };
        let (night, fog) = (hold(0.36, 0.55), hold(0.3, 0.5));
        let (rain, snow) = (hold(0.5, 1.0), hold(0.5, 1.0));
        Self {
            night,
            fog,
            rain,
            snow: if rain.is_some() { None } else { snow },
            noise: chance.between(2.0, 7.0),
            gain: chance.between(0.75, 1.2),
        }
    }

    /// Whether each of [`CONDITIONS`] holds.
    pub(super) const fn holds(&self) -> [bool; 4] {
        [self.night.is_some(), self.fog.is_some(), self.rain.is_some(), self.snow.is_some()]
    }

    /// Changes the picture, and gives the bytes of the sensor.
    pub(super) fn expose(&self, canvas: &mut Canvas, chance: &mut Chance, out: &mut [u8]) {
        let side = canvas.side as f32;
        if let Some(depth) = self.fog {
            for (i, pixel) in canvas.pixels.iter_mut().enumerate() {
                // Thicker farther up, where the ground is farther away.
                let up = 1.0 - (i / canvas.side) as f32 / side;
                let thick = depth * (0.8 + 0.4 * up);
                pixel.iter_mut().for_each(|p| *p += (205.0 - *p) * thick);
            }
        }
        if let Some(dim) = self.night {
            for pixel in &mut canvas.pixels {
                *pixel = [pixel[0] * dim * 0.85, pixel[1] * dim * 0.95, pixel[2] * dim * 1.15];
            }
        }
        if let Some(heavy) = self.rain {
            let slant = chance.between(-0.4, 0.4);
            for _ in 0..(heavy * 60.0) as usize {
                let at = [chance.unit() * side, chance.unit() * side];
                let streak = Shape::Line([0.0, -0.5], [slant, 0.5], 0.06);
                let place =
                    Place { at, scale: chance.between(6.0, 10.0), turn: [1.0, 0.0], flip: 1.0 };
                canvas.wash(&streak, [200.0, 205.0, 215.0], &place, 0.45);
            }
        }
        if let Some(heavy) = self.snow {
            for _ in 0..(heavy * 110.0) as usize {
                let at = [chance.unit() * side, chance.unit() * side];
                let place =
                    Place { at, scale: chance.between(0.7, 1.5), turn: [1.0, 0.0], flip: 1.0 };
                canvas.wash(&Shape::Disc([0.0, 0.0], 1.0), [245.0; 3], &place, 0.85);
            }
        }
        for (out, pixel) in out.as_chunks_mut::<3>().0.iter_mut().zip(&canvas.pixels) {
            // `as` clamps.
            *out = pixel.map(|p| (p * self.gain + self.noise * chance.normal() + 0.5) as u8);
        }
    }
}
