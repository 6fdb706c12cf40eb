//! Scaling of RGB pictures.
//!
//! `area` gives each target pixel the mean of the source area it covers, partly covered pixels
//! counting by their share: the way down. `bilinear` samples the source at the target pixel's
//! centre from its four neighbours, without a low-pass: the way up, or for small changes. Both are
//! separable, computed in `f32` in a fixed order, and rounded half up once.

use crate::frame::Size;

use super::dispatch::vectorised;
use super::{FloatImage, RgbImage, VisionError};

/// Scales by area into `dst`, which keeps its size. See [`Resizer`] for repeated use.
///
/// # Errors
/// [`VisionError::Size`] when either picture has no pixels.
pub fn area(src: &RgbImage, dst: &mut RgbImage) -> Result<(), VisionError> {
    Resizer::new().area(src, dst)
}

/// Scales bilinearly into `dst`, which keeps its size. See [`Resizer`] for repeated use.
///
/// # Errors
/// [`VisionError::Size`] when either picture has no pixels.
pub fn bilinear(src: &RgbImage, dst: &mut RgbImage) -> Result<(), VisionError> {
    Resizer::new().bilinear(src, dst)
}

/// The source samples of one target sample: `weights` from `first` on.
#[derive(Clone, Copy, Debug)]
struct Span {
    first: usize,
    weights: (usize, usize),
}

/// The weights of one axis.
#[derive(Debug, Default)]
struct Axis {
    made_for: Option<(bool, usize, usize)>,
    spans: Vec<Span>,
    weights: Vec<f32>,
}

impl Axis {
    fn prepare(&mut self, area: bool, src: usize, dst: usize) {
        if self.made_for == Some((area, src, dst)) {
            return;
        }
        self.spans.clear();
        self.weights.clear();
        for i in 0..dst {
            let start = self.weights.len();
            let first = if area {
                // Bounds in units of 1 / dst source samples, so that they are exact.
                let (low, high) = (i * src, (i + 1) * src);
                let first = low / dst;
                for s in first..high.div_ceil(dst) {
                    let share = high.min((s + 1) * dst) - low.max(s * dst);
                    self.weights.push((share as f64 / src as f64) as f32);
                }
                first
            } else {
                let centre = (i as f64 + 0.5) * src as f64 / dst as f64 - 0.5;
                let centre = centre.clamp(0.0, (src - 1) as f64);
                let first = centre.floor();
                let part = (centre - first) as f32;
                self.weights.push(1.0 - part);
                if part > 0.0 {
                    self.weights.push(part);
                }
                first as usize
            };
            self.spans.push(Span { first, weights: (start, self.weights.len()) });
        }
        self.made_for = Some((area, src, dst));
    }

    fn weights(&self, span: &Span) -> &[f32] {
        &self.weights[span.weights.0..span.weights.1]
    }
}

/// Scales pictures and keeps the weights and line buffers between calls; one thread owns it.
#[derive(Debug, Default)]
pub struct Resizer {
    across: Axis,
    down: Axis,
    line: Vec<f32>,
}

impl Resizer {
    /// A resizer without memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Scales by area into `dst`, which keeps its size.
    ///
    /// # Errors
    /// [`VisionError::Size`] when either picture has no pixels.
    pub fn area(&mut self, src: &RgbImage, dst: &mut RgbImage) -> Result<(), VisionError> {
        self.scale(true, src, dst)
    }

    /// Scales bilinearly into `dst`, which keeps its size.
    ///
    /// # Errors
    /// [`VisionError::Size`] when either picture has no pixels.
    pub fn bilinear(&mut self, src: &RgbImage, dst: &mut RgbImage) -> Result<(), VisionError> {
        self.scale(false, src, dst)
    }

    /// Scales a picture that is not rounded bilinearly into `dst`, which keeps its size.
    ///
    /// # Errors
    /// [`VisionError`] when either picture has no pixels, or not all its data.
    pub fn bilinear_float(
        &mut self,
        src: &FloatImage,
        dst: &mut FloatImage,
    ) -> Result<(), VisionError> {
        let (from, to) = (src.size, dst.size);
        VisionError::check_pixels("the picture to scale", from)?;
        VisionError::check_pixels("the scaled picture", to)?;
        VisionError::check_len("the picture to scale", src.data.len(), from.pixels() * 3)?;
        VisionError::check_len("the scaled picture", dst.data.len(), to.pixels() * 3)?;
        self.across.prepare(false, from.w(), to.w());
        self.down.prepare(false, from.h(), to.h());
        self.line.resize(from.w(), 0.0);
        for (src, dst) in src.planes().into_iter().zip(dst.planes_mut()) {
            for (span, out) in self.down.spans.iter().zip(dst.chunks_exact_mut(to.w())) {
                self.line.fill(0.0);
                let lines = src.chunks_exact(from.w()).skip(span.first);
                for (&weight, line) in self.down.weights(span).iter().zip(lines) {
                    for (sum, &sample) in self.line.iter_mut().zip(line) {
                        *sum += weight * sample;
                    }
                }
                for (span, out) in self.across.spans.iter().zip(out) {
                    let samples = &self.line[span.first..];
                    let weights = self.across.weights(span);
                    *out = weights.iter().zip(samples).map(|(w, s)| w * s).sum();
                }
            }
        }
        Ok(())
    }

    fn scale(&mut self, area: bool, src: &RgbImage, dst: &mut RgbImage) -> Result<(), VisionError> {
        let (from, to) = (src.size(), dst.size());
        VisionError::check_pixels("the picture to scale", from)?;
        VisionError::check_pixels("the scaled picture", to)?;
        if from == to {
            dst.data_mut().copy_from_slice(src.data());
            return Ok(());
        }
        self.across.prepare(area, from.w(), to.w());
        self.down.prepare(area, from.h(), to.h());
        self.line.resize(from.w() * 3, 0.0);
        let src_lines = src.data().chunks_exact(from.w() * 3);
        let dst_lines = dst.data_mut().chunks_exact_mut(to.w() * 3);
        for (span, out) in self.down.spans.iter().zip(dst_lines) {
            self.line.fill(0.0);
            let lines = src_lines.clone().skip(span.first);
            for (&weight, line) in self.down.weights(span).iter().zip(lines) {
                add_line(weight, line, &mut self.line);
            }
            let line = self.line.as_chunks::<3>().0;
            for (span, pixel) in self.across.spans.iter().zip(out.as_chunks_mut::<3>().0) {
                let mut sum = [0f32; 3];
                for (&weight, sample) in self.across.weights(span).iter().zip(&line[span.first..]) {
                    for (sum, &sample) in sum.iter_mut().zip(sample) {
                        *sum += weight * sample;
                    }
                }
                *pixel = sum.map(|s| (s + 0.5) as u8);
            }
        }
        Ok(())
    }
}

vectorised! {
    fn add_line(weight: f32, line: &[u8], sums: &mut [f32]) {
        for (sum, &sample) in sums.iter_mut().zip(line) {
            *sum += weight * f32::from(sample);
        }
    }
}

/// The size of `width` pixels a line with the shape of `size`: what `--width` means. At least one
/// line; the height is rounded to the nearest.
#[must_use]
pub fn to_width(size: Size, width: u32) -> Size {
    let (w, h) = (u64::from(size.width.max(1)), u64::from(size.height));
    let height = (h * u64::from(width) * 2 + w) / (2 * w);
    Size::new(width, u32::try_from(height).unwrap_or(u32::MAX).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(w: u32, h: u32, f: impl Fn(u32, u32) -> u8) -> RgbImage {
        let data = (0..h)
            .flat_map(|y| (0..w).map(move |x| (x, y)))
            .flat_map(|(x, y)| [f(x, y), 255 - f(x, y), 7])
            .collect();
        RgbImage::from_vec(Size::new(w, h), data).unwrap()
    }

    fn red(image: &RgbImage) -> Vec<u8> {
        image.data().iter().step_by(3).copied().collect()
    }

    #[test]
    fn area_is_the_mean_of_what_is_covered() {
        let src = picture(4, 2, |x, y| (x * 10 + y * 100) as u8);
        let mut half = RgbImage::new(Size::new(2, 1));
        area(&src, &mut half).unwrap();
        assert_eq!(red(&half), [55, 75]);
        // 3 -> 2: the middle sample counts half on each side.
        let src = picture(3, 1, |x, _| [0, 90, 240][x as usize]);
        let mut two = RgbImage::new(Size::new(2, 1));
        area(&src, &mut two).unwrap();
        assert_eq!(red(&two), [30, 190]);
    }

    #[test]
    fn bilinear_samples_at_pixel_centres() {
        let src = picture(2, 1, |x, _| (x * 100) as u8);
        let mut four = RgbImage::new(Size::new(4, 1));
        bilinear(&src, &mut four).unwrap();
        assert_eq!(red(&four), [0, 25, 75, 100]);
    }

    #[test]
    fn unrounded_pictures_scale_alike() {
        let src = picture(7, 5, |x, y| (x * 31 + y * 17) as u8);
        let mut rounded = RgbImage::new(Size::new(16, 3));
        bilinear(&src, &mut rounded).unwrap();
        let mut float = FloatImage::new(rounded.size());
        Resizer::new().bilinear_float(&FloatImage::from(&src), &mut float).unwrap();
        let mut back = RgbImage::default();
        float.round_to_rgb(&mut back);
        assert_eq!(back, rounded);
    }

    #[test]
    fn flat_stays_flat_and_same_size_is_a_copy() {
        let flat = picture(37, 23, |_, _| 201);
        let mut resizer = Resizer::new();
        for (w, h) in [(1, 1), (16, 9), (37, 5), (80, 61), (36, 22)] {
            let mut out = RgbImage::new(Size::new(w, h));
            resizer.area(&flat, &mut out).unwrap();
            assert!(red(&out).iter().all(|&v| v == 201), "area {w}x{h}");
            resizer.bilinear(&flat, &mut out).unwrap();
            assert!(red(&out).iter().all(|&v| v == 201), "bilinear {w}x{h}");
        }
        let noisy = picture(9, 7, |x, y| (x * 31 + y * 57) as u8);
        let mut same = RgbImage::new(noisy.size());
        resizer.area(&noisy, &mut same).unwrap();
        assert_eq!(same, noisy);
    }

    #[test]
    fn pictures_without_pixels_are_refused() {
        let mut out = RgbImage::new(Size::new(2, 2));
        assert!(area(&RgbImage::default(), &mut out).is_err());
        assert!(bilinear(&out.clone(), &mut RgbImage::default()).is_err());
    }

    #[test]
    fn width_keeps_the_shape() {
        assert_eq!(to_width(Size::new(1280, 720), 640), Size::new(640, 360));
        assert_eq!(to_width(Size::new(340, 256), 320), Size::new(320, 241));
        assert_eq!(to_width(Size::new(5000, 1), 10), Size::new(10, 1));
    }
}
