//! The things that are drawn, each made of a few plain shapes.

use super::chance::Chance;

/// A colour, 0 to 255.
pub(super) type Colour = [f32; 3];

/// A shape about the origin of its thing, whose half height is 1; x to the right, y down.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Centre and half sides.
    Rect([f32; 2], [f32; 2]),
    /// Centre and radius.
    Disc([f32; 2], f32),
    /// Centre, radius and half the width of the line.
    Ring([f32; 2], f32, f32),
    /// Two ends and half the width.
    Line([f32; 2], [f32; 2], f32),
    /// Three corners.
    Triangle([[f32; 2]; 3]),
}

impl Shape {
    /// Distance to the edge; negative inside.
    pub(super) fn distance(&self, [x, y]: [f32; 2]) -> f32 {
        let length = |a: f32, b: f32| (a * a + b * b).sqrt();
        match *self {
            Self::Rect([cx, cy], [hw, hh]) => {
                let (dx, dy) = ((x - cx).abs() - hw, (y - cy).abs() - hh);
                length(dx.max(0.0), dy.max(0.0)) + dx.max(dy).min(0.0)
            }
            Self::Disc([cx, cy], r) => length(x - cx, y - cy) - r,
            Self::Ring([cx, cy], r, w) => (length(x - cx, y - cy) - r).abs() - w,
            Self::Line([ax, ay], [bx, by], w) => {
                let (dx, dy) = (bx - ax, by - ay);
                let along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy).max(1e-9);
                let t = along.clamp(0.0, 1.0);
                length(x - ax - t * dx, y - ay - t * dy) - w
            }
            Self::Triangle(corners) => {
                // The largest distance to the three sides' lines: exact inside, near enough outside.
                let [a, b, c] = corners;
                let turn = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
                let side = |p: [f32; 2], q: [f32; 2]| {
                    let (dx, dy) = (q[0] - p[0], q[1] - p[1]);
                    ((x - p[0]) * dy - (y - p[1]) * dx) * turn.signum() / length(dx, dy).max(1e-9)
                };
                side(a, b).max(side(b, c)).max(side(c, a))
            }
        }
    }
}

/// What the labels of things are, in their order.
pub(super) const THINGS: [&str; 10] =
    ["car", "truck", "person", "tree", "house", "boat", "bird", "sign", "cone", "bicycle"];

/// The parts of thing number `kind`, back to front, in colours of its own, and its half width.
pub(super) fn parts(kind: usize, chance: &mut Chance) -> (Vec<(Shape, Colour)>, f32) {
    use Shape::{Disc, Line, Rect, Ring, Triangle};
    let paint = paint(chance);
    let second = self::paint(chance);
    let dark = [chance.between(15.0, 50.0); 3];
    let glass = [150.0, 185.0, chance.between(190.0, 225.0)];
    match kind {
        0 => (
            vec![
                (Rect([0.0, 0.15], [1.5, 0.4]), paint),
                (Rect([-0.1, -0.45], [0.8, 0.35]), paint),
                (Rect([-0.45, -0.4], [0.3, 0.2]), glass),
                (Rect([0.3, -0.4], [0.3, 0.2]), glass),
                (Disc([-0.85, 0.6], 0.4), dark),
                (Disc([0.85, 0.6], 0.4), dark),
            ],
            1.5,
        ),
        1 => (
            vec![
                (Rect([-0.45, -0.25], [1.05, 0.75]), paint),
                (Rect([1.05, 0.05], [0.4, 0.45]), second),
                (Rect([1.15, -0.1], [0.25, 0.2]), glass),
                (Disc([-1.1, 0.7], 0.3), dark),
                (Disc([-0.4, 0.7], 0.3), dark),
                (Disc([1.0, 0.7], 0.3), dark),
            ],
            1.5,
        ),
        2 => {
            let skin = [chance.between(120.0, 235.0), chance.between(90.0, 180.0), 110.0];
            (
                vec![
                    (Line([-0.12, 0.3], [-0.22, 0.95], 0.12), second),
                    (Line([0.12, 0.3], [0.22, 0.95], 0.12), second),
                    (Line([-0.2, -0.35], [-0.42, 0.25], 0.09), paint),
                    (Line([0.2, -0.35], [0.42, 0.25], 0.09), paint),
                    (Rect([0.0, -0.05], [0.25, 0.4]), paint),
                    (Disc([0.0, -0.75], 0.25), skin),
                ],
                0.5,
            )
        }
        3 => {
            let leaf = [
                chance.between(25.0, 110.0),
                chance.between(90.0, 170.0),
                chance.between(20.0, 70.0),
            ];
            let bark = [chance.between(70.0, 110.0), chance.between(45.0, 70.0), 35.0];
            (
                vec![
                    (Rect([0.0, 0.6], [0.13, 0.4]), bark),
                    (Disc([-0.35, -0.1], 0.42), leaf),
                    (Disc([0.35, -0.1], 0.42), leaf),
                    (Disc([0.0, -0.5], 0.48), leaf.map(|c| c * 1.1)),
                ],
                0.8,
            )
        }
        4 => (
            vec![
                (Rect([0.0, 0.4], [0.8, 0.6]), paint),
                (Triangle([[-1.05, -0.15], [1.05, -0.15], [0.0, -1.0]]), second),
                (Rect([-0.35, 0.65], [0.18, 0.35]), dark),
                (Rect([0.35, 0.3], [0.2, 0.2]), glass),
            ],
            1.05,
        ),
        5 => (
            vec![
                (Triangle([[-1.2, 0.45], [1.2, 0.45], [-0.6, 1.0]]), paint),
                (Triangle([[1.2, 0.45], [0.6, 1.0], [-0.6, 1.0]]), paint),
                (Line([0.0, 0.45], [0.0, -1.0], 0.06), dark),
                (Triangle([[0.1, -0.95], [0.1, 0.25], [0.95, 0.25]]), second),
                (Triangle([[-0.1, -0.6], [-0.1, 0.25], [-0.7, 0.25]]), second),
            ],
            1.2,
        ),
        6 => {
            let ink = if chance.happens(0.5) { dark } else { paint };
            let lift = chance.between(0.2, 0.9);
            (
                vec![
                    (Line([0.0, 0.3], [-0.6, -lift], 0.14), ink),
                    (Line([-0.6, -lift], [-1.3, -lift + 0.45], 0.1), ink),
                    (Line([0.0, 0.3], [0.6, -lift], 0.14), ink),
                    (Line([0.6, -lift], [1.3, -lift + 0.45], 0.1), ink),
                    (Disc([0.0, 0.35], 0.24), ink),
                ],
                1.3,
            )
        }
        7 => (
            vec![
                (Rect([0.0, 0.45], [0.08, 0.55]), [130.0; 3]),
                (Disc([0.0, -0.4], 0.6), paint),
                (Disc([0.0, -0.4], 0.44), [235.0; 3]),
                (Rect([0.0, -0.4], [0.32, 0.11]), dark),
            ],
            0.6,
        ),
        8 => {
            let orange = [chance.between(215.0, 255.0), chance.between(80.0, 140.0), 20.0];
            (
                vec![
                    (Triangle([[-0.65, 0.85], [0.65, 0.85], [0.0, -1.1]]), orange),
                    (Rect([0.0, 0.05], [0.28, 0.14]), [240.0; 3]),
                    (Rect([0.0, 0.9], [0.85, 0.12]), orange),
                ],
                0.85,
            )
        }
        _ => (
            vec![
                (Ring([-0.8, 0.35], 0.52, 0.09), dark),
                (Ring([0.8, 0.35], 0.52, 0.09), dark),
                (Line([-0.8, 0.35], [-0.25, -0.5], 0.09), paint),
                (Line([-0.25, -0.5], [0.55, -0.45], 0.09), paint),
                (Line([-0.8, 0.35], [0.05, 0.4], 0.09), paint),
                (Line([0.05, 0.4], [0.55, -0.45], 0.09), paint),
                (Line([0.8, 0.35], [0.5, -0.85], 0.08), dark),
                (Line([-0.5, -0.65], [-0.1, -0.65], 0.1), dark),
            ],
            1.35,
        ),
    }
}

/// A colour of paint: any hue, strong or pale.
pub(super) fn paint(chance: &mut Chance) -> Colour {
    let hue = chance.between(0.0, 6.0);
    let (value, strength) = (chance.between(90.0, 250.0), chance.between(0.15, 0.95));
    [0.0f32, 4.0, 2.0].map(|offset| {
        let place = (hue + offset) % 6.0;
        let part = ((place - 3.0).abs() - 1.0).clamp(0.0, 1.0);
        value * (1.0 - strength * (1.0 - part))
    })
}
