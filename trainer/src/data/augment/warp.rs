//! Rotation, shift, shear and zoom about the middle of a picture, in one resampling.

use framecast::frame::Size;
use framecast::vision::RgbImage;
use rand::RngExt as _;
use rand_pcg::Pcg64;

use super::{AugmentRecipe, FillMode};

/// Where content comes from: source = matrix x (target - middle) + middle + shift, rows (x, y).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine {
    matrix: [[f32; 2]; 2],
    /// Shares of width and height.
    shift: [f32; 2],
}

impl Affine {
    /// Draws one; `None`, without a draw, when the recipe moves nothing.
    pub(super) fn draw(recipe: &AugmentRecipe, random: &mut Pcg64) -> Option<Self> {
        let ranges = [
            recipe.rotation_range.to_radians(),
            recipe.width_shift_range,
            recipe.height_shift_range,
            recipe.shear_range,
            recipe.zoom_range,
            recipe.zoom_range,
        ];
        if ranges.iter().all(|&r| r == 0.0) {
            return None;
        }
        let [turn, x, y, shear, zoom_x, zoom_y] =
            ranges.map(|r| random.random_range(-1.0f32..=1.0) * r);
        // As in Keras: rotation, then shear, then zoom, each from target to source.
        let rotation = [[turn.cos(), -turn.sin()], [turn.sin(), turn.cos()]];
        let shear = [[1.0, -shear.sin()], [0.0, shear.cos()]];
        let zoom = [[1.0 + zoom_x, 0.0], [0.0, 1.0 + zoom_y]];
        Some(Self { matrix: product(product(rotation, shear), zoom), shift: [x, y] })
    }

    /// The middle of the source pixel, in pixels, that comes to (x, y).
    fn source(&self, x: usize, y: usize, size: Size) -> [f32; 2] {
        let [width, height] = [size.width as f32, size.height as f32];
        let middle = [(width - 1.0) / 2.0, (height - 1.0) / 2.0];
        let [dx, dy] = [x as f32 - middle[0], y as f32 - middle[1]];
        let [a, b] = self.matrix;
        [
            a[0] * dx + a[1] * dy + middle[0] + self.shift[0] * width,
            b[0] * dx + b[1] * dy + middle[1] + self.shift[1] * height,
        ]
    }
}

fn product(a: [[f32; 2]; 2], b: [[f32; 2]; 2]) -> [[f32; 2]; 2] {
    a.map(|row| [0, 1].map(|c| row[0] * b[0][c] + row[1] * b[1][c]))
}

/// Four pixels and how much of each; a pixel that is not there is the constant level.
type Taps = [(Option<usize>, f32); 4];

/// An [`Affine`] made for pictures of one size.
pub(super) struct Warp {
    taps: Vec<Taps>,
    constant: f32,
}

impl Warp {
    /// Looks up where each pixel of a picture of `size` comes from.
    pub(super) fn new(affine: &Affine, size: Size, fill: FillMode, constant: f32) -> Self {
        let (width, height) = (size.w(), size.h());
        let mut taps = Vec::with_capacity(size.pixels());
        for y in 0..height {
            for x in 0..width {
                let [sx, sy] = affine.source(x, y, size);
                let (left, top) = (sx.floor(), sy.floor());
                let (fx, fy) = (sx - left, sy - top);
                let (left, top) = (left as i64, top as i64);
                let at = |dx: i64, dy: i64| {
                    let column = fill.index(left + dx, width as i64)?;
                    let row = fill.index(top + dy, height as i64)?;
                    Some(row * width + column)
                };
                taps.push([
                    (at(0, 0), (1.0 - fx) * (1.0 - fy)),
                    (at(1, 0), fx * (1.0 - fy)),
                    (at(0, 1), (1.0 - fx) * fy),
                    (at(1, 1), fx * fy),
                ]);
            }
        }
        Self { taps, constant }
    }

    /// The picture moved.
    pub(super) fn apply(&self, picture: &RgbImage) -> RgbImage {
        let from = picture.data().as_chunks::<3>().0;
        let mut out = RgbImage::new(picture.size());
        for (to, taps) in out.data_mut().as_chunks_mut::<3>().0.iter_mut().zip(&self.taps) {
            let mut sum = [0.0f32; 3];
            for &(at, weight) in taps {
                let pixel = at.and_then(|i| from.get(i)).map(|p| p.map(f32::from));
                let pixel = pixel.unwrap_or([self.constant; 3]);
                for (s, p) in sum.iter_mut().zip(pixel) {
                    *s += weight * p;
                }
            }
            *to = sum.map(|s| s.round() as u8);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> RgbImage {
        let data = [10, 20, 30, 40].into_iter().flat_map(|v| [v; 3]).collect();
        RgbImage::from_vec(Size::new(4, 1), data).unwrap()
    }

    fn moved(shift: f32, fill: FillMode) -> Vec<u8> {
        let affine = Affine { matrix: [[1.0, 0.0], [0.0, 1.0]], shift: [shift, 0.0] };
        let warp = Warp::new(&affine, Size::new(4, 1), fill, 7.0);
        warp.apply(&line()).data().iter().step_by(3).copied().collect()
    }

    #[test]
    fn shifts_fill_what_comes_in() {
        assert_eq!(moved(0.25, FillMode::Nearest), [20, 30, 40, 40]);
        assert_eq!(moved(0.25, FillMode::Constant), [20, 30, 40, 7]);
        assert_eq!(moved(-0.5, FillMode::Reflect), [20, 10, 10, 20]);
        assert_eq!(moved(-0.5, FillMode::Wrap), [30, 40, 10, 20]);
        assert_eq!(moved(0.125, FillMode::Nearest), [15, 25, 35, 40]);
    }

    #[test]
    fn a_quarter_turn_moves_pixels_exactly() {
        let picture = RgbImage::from_vec(Size::new(3, 3), (0..27).collect()).unwrap();
        let affine = Affine { matrix: [[0.0, -1.0], [1.0, 0.0]], shift: [0.0; 2] };
        let warp = Warp::new(&affine, picture.size(), FillMode::Constant, 0.0);
        let red: Vec<u8> = warp.apply(&picture).data().iter().step_by(3).copied().collect();
        assert_eq!(red, [6, 15, 24, 3, 12, 21, 0, 9, 18]);
    }
}
