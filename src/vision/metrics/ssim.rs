//! Structural similarity of one scale.
//!
//! The five local moments are smoothed by a separable window, a line of results at a time: the
//! vertical pass sums eleven lines, the horizontal pass eleven of those sums.

use crate::frame::Size;
use crate::vision::{FloatImage, VisionError};

/// Side of the window; the least width and height a picture must have.
pub const SSIM_WINDOW: usize = 11;

const SIGMA: f64 = 1.5;
const C1: f32 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f32 = (0.03 * 255.0) * (0.03 * 255.0);

/// Means over all windows and channels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Means {
    /// SSIM: luminance times contrast and structure.
    pub(super) similarity: f64,
    /// Contrast and structure alone, what the coarser scales of MS-SSIM add.
    pub(super) structure: f64,
}

/// Scratch memory: a line of each moment after the vertical pass, and after the horizontal one.
///
/// The moments are those of the samples less 128, which keeps `f32` exact enough: the means of
/// both pictures, the sum of their mean squares, and their mean product.
#[derive(Debug, Default)]
pub(super) struct Ssim {
    vertical: [Vec<f32>; 4],
    smooth: [Vec<f32>; 4],
}

/// Fails when a side is shorter than the window.
pub(super) fn check_window(size: Size) -> Result<(), VisionError> {
    let least = SSIM_WINDOW as u32;
    let expected = Size::new(size.width.max(least), size.height.max(least));
    VisionError::check_size("the picture to score by SSIM", size, expected)
}

/// The Gaussian window, summing to one.
fn window() -> [f32; SSIM_WINDOW] {
    let g: [f64; SSIM_WINDOW] = std::array::from_fn(|i| {
        let x = i as f64 - (SSIM_WINDOW / 2) as f64;
        (-x * x / (2.0 * SIGMA * SIGMA)).exp()
    });
    let sum: f64 = g.iter().sum();
    g.map(|v| (v / sum) as f32)
}

impl Ssim {
    /// Means over R, G and B; the pictures have the same size, at least one window.
    pub(super) fn mean(&mut self, a: &FloatImage, b: &FloatImage) -> Means {
        let w = a.size.w();
        let mut sum = Means::default();
        for (a, b) in a.planes().into_iter().zip(b.planes()) {
            let part = self.plane(a, b, w);
            sum.similarity += part.similarity / 3.0;
            sum.structure += part.structure / 3.0;
        }
        sum
    }

    /// Means over one plane of lines of `w` samples.
    fn plane(&mut self, a: &[f32], b: &[f32], w: usize) -> Means {
        let g = window();
        let across = w + 1 - SSIM_WINDOW;
        self.vertical.iter_mut().for_each(|line| line.resize(w, 0.0));
        self.smooth.iter_mut().for_each(|line| line.resize(across, 0.0));
        let mut sum = Means::default();
        let mut windows = 0;
        for y in 0..=a.len() / w - SSIM_WINDOW {
            self.vertical.iter_mut().for_each(|line| line.fill(0.0));
            let [ma, mb, squares, product] = &mut self.vertical;
            let lines = a[y * w..].chunks_exact(w).zip(b[y * w..].chunks_exact(w));
            for (&g, (a, b)) in g.iter().zip(lines) {
                let sums = ma.iter_mut().zip(&mut *mb).zip(&mut *squares).zip(&mut *product);
                for ((((ma, mb), squares), product), (&a, &b)) in sums.zip(a.iter().zip(b)) {
                    let (a, b) = (a - 128.0, b - 128.0);
                    *ma += g * a;
                    *mb += g * b;
                    *squares += g * (a * a + b * b);
                    *product += g * (a * b);
                }
            }
            for (line, smooth) in self.vertical.iter().zip(&mut self.smooth) {
                smooth.fill(0.0);
                for (k, &g) in g.iter().enumerate() {
                    for (s, &v) in smooth.iter_mut().zip(&line[k..]) {
                        *s += g * v;
                    }
                }
            }
            let [ma, mb, squares, product] = &self.smooth;
            for (((&ma, &mb), &squares), &product) in ma.iter().zip(mb).zip(squares).zip(product) {
                let spread = squares - ma * ma - mb * mb;
                let shared = product - ma * mb;
                let structure = (2.0 * shared + C2) / (spread + C2);
                let (ma, mb) = (ma + 128.0, mb + 128.0);
                let luminance = (2.0 * ma * mb + C1) / (ma * ma + mb * mb + C1);
                sum.similarity += f64::from(luminance * structure);
                sum.structure += f64::from(structure);
            }
            windows += across;
        }
        let n = windows as f64;
        Means { similarity: sum.similarity / n, structure: sum.structure / n }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::RgbImage;
    use crate::vision::metrics::{ssim, ssim_rgb};

    /// The pictures of the golden test: a slanted pattern, and the same blurred towards grey with
    /// a wave on it. Made from integers, so that another program can make them too.
    pub(in crate::vision::metrics) fn golden_pair(w: u32, h: u32) -> (RgbImage, RgbImage) {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for y in 0..h {
            for x in 0..w {
                for c in 0..3 {
                    let v = (x * 7 + y * 13 + c * 50 + (x * y) % 31) % 256;
                    a.push(v as u8);
                    b.push(((v * 3 + 128 + (x * 5 + y * 3) % 64) / 4).min(255) as u8);
                }
            }
        }
        let size = Size::new(w, h);
        (RgbImage::from_vec(size, a).unwrap(), RgbImage::from_vec(size, b).unwrap())
    }

    #[test]
    fn identical_is_one() {
        let (a, _) = golden_pair(40, 30);
        assert!((ssim_rgb(&a, &a).unwrap() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn flat_pictures_follow_the_luminance_term() {
        let size = Size::new(11, 11);
        let flat = |v: u8| RgbImage::from_vec(size, vec![v; 363]).unwrap();
        let want = (2.0 * 100.0 * 150.0 + 6.5025) / (100.0f64.powi(2) + 150.0f64.powi(2) + 6.5025);
        let got = ssim_rgb(&flat(100), &flat(150)).unwrap();
        assert!((got - want).abs() < 2e-5, "{got} {want}");
    }

    #[test]
    fn small_pictures_are_refused() {
        let small = RgbImage::new(Size::new(10, 64));
        let error = ssim(&small, &FloatImage::from(&small)).unwrap_err().to_string();
        assert!(error.contains("10x64") && error.contains("11x64"), "{error}");
    }
}
