//! The camera's path over the ground: translation, turning, climbing, vibration and exposure.

use super::seeded::curve;

/// Where the camera is and how it exposes at one moment. Lengths are in ground texels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pose {
    /// Ground point in the centre of the picture.
    pub(super) x: f64,
    pub(super) y: f64,
    /// Cosine and sine of the heading.
    pub(super) cos: f64,
    pub(super) sin: f64,
    /// Pixels a texel.
    pub(super) zoom: f64,
    /// Exposure gain.
    pub(super) gain: f64,
}

/// The pose `t` seconds into the flight. `pixels_per_texel` is the zoom at the middle height.
pub(super) fn pose(seed: u64, t: f64, pixels_per_texel: f64) -> Pose {
    let wander = |channel, slow: f64, fast: f64| {
        // Slow travel with hovering between, wind on top, and the vibration of the frame.
        slow * curve(seed, channel, t * 0.13)
            + fast * curve(seed, channel + 10, t * 0.5)
            + 0.25 * curve(seed, channel + 20, t * 9.0)
    };
    let x = 9.0 * t + wander(0, 150.0, 18.0);
    let y = 5.0 * t + wander(1, 130.0, 18.0);
    let angle = 0.22 * curve(seed, 2, t * 0.12) + 0.01 * curve(seed, 12, t * 0.9);
    let height = 1.0 + 0.14 * curve(seed, 3, t * 0.1);
    let gain = 1.0 + 0.07 * curve(seed, 4, t * 0.35);
    // The angle stays within 0.25 rad, where these series are exact to 1e-9; no libm, so the
    // flight is the same on every machine.
    let a2 = angle * angle;
    let sin = angle * (1.0 - a2 / 6.0 * (1.0 - a2 / 20.0 * (1.0 - a2 / 42.0)));
    let cos = 1.0 - a2 / 2.0 * (1.0 - a2 / 12.0 * (1.0 - a2 / 30.0));
    Pose { x, y, cos, sin, zoom: pixels_per_texel * height, gain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flight_is_smooth() {
        for seed in 0..20 {
            let mut last = pose(seed, 0.0, 1.0);
            for i in 1..900 {
                let now = pose(seed, f64::from(i) / 30.0, 1.0);
                let step = ((now.x - last.x).powi(2) + (now.y - last.y).powi(2)).sqrt();
                assert!(step < 8.0, "seed {seed} frame {i} moves {step}");
                assert!((now.cos * now.cos + now.sin * now.sin - 1.0).abs() < 1e-8);
                last = now;
            }
        }
    }
}
