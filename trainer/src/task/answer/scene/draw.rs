//! Frames of a scene as pictures, and where its shapes are as maps.

use framecast::frame::Size;
use framecast::vision::RgbImage;

use super::{Object, SIDE, Scene, Shape};

/// Cells of a map along a side.
pub(in crate::task::answer) const CELLS: usize = 8;
/// Kinds of shapes a map tells apart: each colour in each form.
pub(in crate::task::answer) const KINDS: usize = 24;

impl Object {
    /// Its channel in a map.
    pub(in crate::task::answer) const fn kind(&self) -> usize {
        self.colour as usize * Shape::ALL.len() + self.shape as usize
    }

    /// How much of the pixel at `x`, `y` from its centre it covers.
    fn cover(&self, x: f32, y: f32) -> f32 {
        let [wide, high] = self.half;
        // Distance to the edge, inside.
        let depth = match self.shape {
            Shape::Circle => wide - x.hypot(y),
            Shape::Rectangle => (wide - x.abs()).min(high - y.abs()),
            Shape::Triangle => {
                let slope = ((y + high) * wide - x.abs() * 2.0 * high) / (2.0 * high).hypot(wide);
                slope.min(high - y)
            }
        };
        (depth + 0.5).clamp(0.0, 1.0)
    }
}

impl Scene {
    /// The picture of `frame`.
    #[must_use]
    pub fn picture(&self, frame: usize) -> RgbImage {
        let mut image = RgbImage::new(Size::new(SIDE as u32, SIDE as u32));
        let seen: Vec<(&Object, [f32; 2])> =
            self.objects.iter().filter(|o| o.is_seen(frame)).map(|o| (o, o.place(frame))).collect();
        // A sensor's noise, from a hash of pixel and frame.
        let mut hash = self.noise ^ (frame as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for (at, pixel) in image.data_mut().as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let (x, y) = ((at % SIDE) as f32 + 0.5, (at / SIDE) as f32 + 0.5);
            let mut colour = self.ground;
            for (object, [cx, cy]) in &seen {
                let cover = object.cover(x - cx, y - cy);
                if cover > 0.0 {
                    for (c, own) in colour.iter_mut().zip(object.colour.rgb()) {
                        *c += (own - *c) * cover;
                    }
                }
            }
            hash = hash.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x1405_7b7e_f767_814f);
            for (i, (out, value)) in pixel.iter_mut().zip(colour).enumerate() {
                let random = (hash >> (40 + 8 * i)) & 0xff;
                // `as` clamps.
                *out = (value + random as f32 * (6.0 / 255.0) - 2.5) as u8;
            }
        }
        image
    }

    /// Where the shapes of `frame` are: for each kind a map of 8 x 8 cells in which the four around
    /// a shape's centre share 1, so that the centre is their mean.
    #[must_use]
    pub fn map(&self, frame: usize) -> Vec<f32> {
        let mut map = vec![0.0; KINDS * CELLS * CELLS];
        for object in self.objects.iter().filter(|o| o.is_seen(frame)) {
            let cell = (SIDE / CELLS) as f32;
            let [(left, right), (top, bottom)] = object.place(frame).map(|v| {
                let at = (v / cell - 0.5).clamp(0.0, (CELLS - 1) as f32);
                let first = (at as usize).min(CELLS - 2);
                (first, at - first as f32)
            });
            for (row, line) in [(top, 1.0 - bottom), (top + 1, bottom)] {
                for (column, part) in [(left, 1.0 - right), (left + 1, right)] {
                    map[(object.kind() * CELLS + row) * CELLS + column] += line * part;
                }
            }
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_and_maps_show_the_same_shapes() {
        for seed in 0..40 {
            let scene = Scene::seeded(seed);
            for frame in [0, scene.frames / 2, scene.frames - 1] {
                let (image, map) = (scene.picture(frame), scene.map(frame));
                for object in &scene.objects {
                    let [x, y] = object.place(frame);
                    let cells = &map[object.kind() * CELLS * CELLS..][..CELLS * CELLS];
                    let mass: f32 = cells.iter().sum();
                    let at = (y as usize * SIDE + x as usize) * 3;
                    let pixel = &image.data()[at..at + 3];
                    let own = pixel
                        .iter()
                        .zip(object.colour.rgb())
                        .all(|(&p, c)| (f32::from(p) - c).abs() < 8.0);
                    assert_eq!(own, object.is_seen(frame), "seed {seed}, frame {frame}");
                    assert!((mass - f32::from(u8::from(own))).abs() < 1e-4);
                    if own {
                        let column = |i: usize| ((i % CELLS) as f32 + 0.5) * 8.0;
                        let mean: f32 = cells.iter().enumerate().map(|(i, c)| column(i) * c).sum();
                        let x = x.clamp(4.0, 60.0);
                        assert!((mean - x).abs() < 1e-3, "seed {seed}: {mean} {x}");
                    }
                }
            }
        }
    }
}
