//! A picture in the making.

use super::chance::Chance;
use super::shapes::{Colour, Shape};

/// Square, linear, unlimited samples, 0 to 255 when shown.
#[derive(Clone, Debug)]
pub(super) struct Canvas {
    pub(super) side: usize,
    pub(super) pixels: Vec<Colour>,
}

impl Canvas {
    pub(super) fn new(side: usize) -> Self {
        Self { side, pixels: vec![[0.0; 3]; side * side] }
    }

    /// Ground and sky: two colours that meet at a slanted line, with a texture of two scales.
    pub(super) fn backdrop(&mut self, chance: &mut Chance) {
        let tone = |chance: &mut Chance| -> Colour {
            let base = chance.between(50.0, 200.0);
            [0; 3].map(|_| base + chance.between(-35.0, 35.0))
        };
        let (sky, ground) = (tone(chance), tone(chance));
        let side = self.side as f32;
        let (level, slant) = (chance.between(0.15, 0.75) * side, chance.between(-0.2, 0.2));
        let strength = chance.between(10.0, 45.0);
        let coarse = Noise::new(chance, 5, strength);
        let strength = chance.between(4.0, 22.0);
        let fine = Noise::new(chance, 19, strength);
        for (i, pixel) in self.pixels.iter_mut().enumerate() {
            let (x, y) = ((i % self.side) as f32, (i / self.side) as f32);
            let below = ((y - level - slant * x) * 0.5 + 0.5).clamp(0.0, 1.0);
            let texture = coarse.at(x / side, y / side) + fine.at(x / side, y / side);
            for (p, (s, g)) in pixel.iter_mut().zip(sky.iter().zip(ground)) {
                *p = s + (g - s) * below + texture;
            }
        }
    }

    /// Draws `shape` of a thing at its place.
    pub(super) fn draw(&mut self, shape: &Shape, colour: Colour, place: &Place) {
        self.wash(shape, colour, place, 1.0);
    }

    /// As [`Canvas::draw`], of which `strength` is seen.
    pub(super) fn wash(&mut self, shape: &Shape, colour: Colour, place: &Place, strength: f32) {
        let (side, reach) = (self.side, place.scale * 2.0 + 2.0);
        let [cx, cy] = place.at;
        let range = |c: f32| {
            let first = (c - reach).max(0.0) as usize;
            first..((c + reach).max(0.0) as usize + 1).min(side)
        };
        let [cos, sin] = place.turn;
        for y in range(cy) {
            for x in range(cx) {
                let (dx, dy) = (x as f32 + 0.5 - cx, y as f32 + 0.5 - cy);
                let local = [
                    (dx * cos + dy * sin) * place.flip / place.scale,
                    (dy * cos - dx * sin) / place.scale,
                ];
                let cover = (0.5 - shape.distance(local) * place.scale).clamp(0.0, 1.0);
                if cover > 0.0 {
                    self.blend(y * self.side + x, colour, cover * strength);
                }
            }
        }
    }

    pub(super) fn blend(&mut self, at: usize, colour: Colour, cover: f32) {
        if let Some(pixel) = self.pixels.get_mut(at) {
            for (p, c) in pixel.iter_mut().zip(colour) {
                *p += (c - *p) * cover;
            }
        }
    }
}

/// Where and how a thing stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Its origin in pixels.
    pub(super) at: [f32; 2],
    /// Pixels a unit.
    pub(super) scale: f32,
    /// Cosine and sine of its turn.
    pub(super) turn: [f32; 2],
    /// -1 when it looks the other way.
    pub(super) flip: f32,
}

/// Smooth random brightness on a grid of cells.
struct Noise {
    cells: usize,
    values: Vec<f32>,
}

impl Noise {
    fn new(chance: &mut Chance, cells: usize, strength: f32) -> Self {
        let count = (cells + 1) * (cells + 1);
        Self { cells, values: (0..count).map(|_| chance.between(-strength, strength)).collect() }
    }

    /// At `x`, `y` of 0 to 1.
    fn at(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x * self.cells as f32, y * self.cells as f32);
        let (i, j) = ((x as usize).min(self.cells - 1), (y as usize).min(self.cells - 1));
        let ease = |t: f32| t * t * (3.0 - 2.0 * t);
        let (u, v) = (ease(x - i as f32), ease(y - j as f32));
        let value = |di: usize, dj: usize| self.values[(j + dj) * (self.cells + 1) + i + di];
        let top = value(0, 0) + (value(1, 0) - value(0, 0)) * u;
        let bottom = value(0, 1) + (value(1, 1) - value(0, 1)) * u;
        top + (bottom - top) * v
    }
}
