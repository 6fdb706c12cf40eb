//! What is true of the demo's pictures: how the ground moves in them.

use super::flight::Pose;

/// How the ground moves in the picture from one frame to another. What stands above the ground or
/// drives over it moves differently.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroundMotion {
    /// Two rows of an affine map: a point `(x, y)` of the one frame, in pixels from the middle of its
    /// first pixel, lies at `(a x + b y + c, d x + e y + f)` in the other.
    pub matrix: [[f64; 3]; 2],
    /// Exposure of the other frame over that of the one.
    pub gain: f64,
}

impl GroundMotion {
    /// From the picture at `from` to that at `to`, whose middle is at `middle`.
    pub(super) fn between(from: &Pose, to: &Pose, middle: [f64; 2]) -> Self {
        let scale = to.zoom / from.zoom;
        // Back-rotation of the other heading after rotation of the one.
        let cos = scale * (to.cos * from.cos + to.sin * from.sin);
        let sin = scale * (to.cos * from.sin - to.sin * from.cos);
        let (x, y) = (from.x - to.x, from.y - to.y);
        let shift = [to.zoom * (to.cos * x + to.sin * y), to.zoom * (to.cos * y - to.sin * x)];
        let [mx, my] = middle;
        let matrix = [
            [cos, -sin, shift[0] + mx - cos * mx + sin * my],
            [sin, cos, shift[1] + my - sin * mx - cos * my],
        ];
        Self { matrix, gain: to.gain / from.gain }
    }

    /// Where the point lies in the other frame.
    #[must_use]
    pub fn apply(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        self.matrix.map(|[a, b, c]| a * x + b * y + c)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Scene;
    use crate::frame::{Rational, Size};
    use crate::vision::RgbImage;

    #[test]
    fn pixels_are_found_where_the_motion_says() {
        let size = Size::new(160, 120);
        for seed in [1, 2, 3] {
            let mut scene = Scene::new(seed, size, Rational::whole(10)).unwrap().with_noise(0.0);
            let (mut one, mut other) = (RgbImage::default(), RgbImage::default());
            scene.render(40, &mut one);
            scene.render(43, &mut other);
            let motion = scene.ground_motion(40, 43);
            let (mut moved, mut still) = (Vec::new(), Vec::new());
            for y in 0..size.h() {
                for x in 0..size.w() {
                    let level = |p: &RgbImage, x: usize, y: usize| {
                        f64::from(p.data()[(y * size.w() + x) * 3 + 1])
                    };
                    let [u, v] = motion.apply([x as f64, y as f64]);
                    if u < 0.0 || v < 0.0 || u > 158.0 || v > 118.0 {
                        continue;
                    }
                    let (i, j, a, b) = (u as usize, v as usize, u.fract(), v.fract());
                    let found = (1.0 - b)
                        * ((1.0 - a) * level(&other, i, j) + a * level(&other, i + 1, j))
                        + b * ((1.0 - a) * level(&other, i, j + 1)
                            + a * level(&other, i + 1, j + 1));
                    moved.push((level(&one, x, y) * motion.gain - found).abs());
                    still.push((level(&one, x, y) - level(&other, x, y)).abs());
                }
            }
            let mut middle = [moved, still].map(|mut list| {
                list.sort_by(f64::total_cmp);
                list[list.len() / 2]
            });
            middle[0] = middle[0].max(0.1);
            assert!(middle[0] < 2.5 && middle[0] * 3.0 < middle[1], "seed {seed}: {middle:?}");
        }
    }

    #[test]
    fn there_and_back_is_where_it_was() {
        let scene = Scene::new(7, Size::new(64, 48), Rational::whole(30)).unwrap();
        let there = scene.ground_motion(3, 90).apply([5.0, 40.0]);
        let back = scene.ground_motion(90, 3).apply(there);
        assert!((back[0] - 5.0).abs() < 1e-6 && (back[1] - 40.0).abs() < 1e-6, "{back:?}");
    }
}
