//! A predicted picture, before anything is rounded.

use crate::frame::Size;

use super::RgbImage;
use super::dispatch::vectorised;

/// Planes R, G, B of `f32`, each `width * height` long without padding, values 0..=255 and not
/// rounded: what predictions are scored as.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FloatImage {
    /// Size in pixels.
    pub size: Size,
    /// The planes R, G, B, one after the other.
    pub data: Vec<f32>,
}

impl FloatImage {
    /// A black picture.
    #[must_use]
    pub fn new(size: Size) -> Self {
        Self { size, data: vec![0.0; size.pixels() * 3] }
    }

    /// Makes the picture `size` large, reusing its memory; the content is unspecified.
    pub fn reshape(&mut self, size: Size) {
        self.data.resize(size.pixels() * 3, 0.0);
        self.size = size;
    }

    /// The planes R, G, B; empty when `data` does not fit `size`.
    #[must_use]
    pub fn planes(&self) -> [&[f32]; 3] {
        let n = self.size.pixels();
        [0, 1, 2].map(|c| self.data.get(c * n..(c + 1) * n).unwrap_or_default())
    }

    /// The planes R, G, B to be written; empty when `data` does not fit `size`.
    pub fn planes_mut(&mut self) -> [&mut [f32]; 3] {
        let n = self.size.pixels();
        if n == 0 || self.data.len() < n * 3 {
            return [&mut [], &mut [], &mut []];
        }
        let (r, rest) = self.data.split_at_mut(n);
        let (g, b) = rest.split_at_mut(n);
        [r, g, &mut b[..n]]
    }

    /// Becomes an exact copy of `image`.
    pub fn copy_from_rgb(&mut self, image: &RgbImage) {
        self.reshape(image.size());
        let [r, g, b] = self.planes_mut();
        split(image.data(), r, g, b);
    }

    /// Writes the picture rounded half up, values outside 0..=255 clamped (NaN gives 0).
    pub fn round_to_rgb(&self, out: &mut RgbImage) {
        out.reshape(self.size);
        let [r, g, b] = self.planes();
        join(r, g, b, out.data_mut());
    }
}

vectorised! {
    fn split(src: &[u8], r: &mut [f32], g: &mut [f32], b: &mut [f32]) {
        for (((r, g), b), s) in r.iter_mut().zip(g).zip(b).zip(src.as_chunks::<3>().0) {
            *r = f32::from(s[0]);
            *g = f32::from(s[1]);
            *b = f32::from(s[2]);
        }
    }
}

vectorised! {
    fn join(r: &[f32], g: &[f32], b: &[f32], out: &mut [u8]) {
        // `as` saturates and truncates, so adding a half rounds half up.
        let round = |v: f32| (v + 0.5) as u8;
        for (((out, &r), &g), &b) in out.as_chunks_mut().0.iter_mut().zip(r).zip(g).zip(b) {
            *out = [round(r), round(g), round(b)];
        }
    }
}

impl From<&RgbImage> for FloatImage {
    fn from(image: &RgbImage) -> Self {
        let mut out = Self::default();
        out.copy_from_rgb(image);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_half_up_and_clamped() {
        let mut image = FloatImage::new(Size::new(2, 1));
        image.data = vec![0.49, 0.5, 254.5, 300.0, -7.0, f32::NAN];
        let mut rgb = RgbImage::default();
        image.round_to_rgb(&mut rgb);
        assert_eq!(rgb.data(), [0, 255, 0, 1, 255, 0]);
    }

    #[test]
    fn every_byte_survives_the_round_trip() {
        let data = (0..=255).flat_map(|v: u8| [v, 255 - v, v ^ 0x55]).collect();
        let rgb = RgbImage::from_vec(Size::new(16, 16), data).unwrap();
        let mut back = RgbImage::default();
        FloatImage::from(&rgb).round_to_rgb(&mut back);
        assert_eq!(rgb, back);
    }
}
