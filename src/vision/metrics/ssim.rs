//! Structural similarity of one scale.
//!
//! The five local moments are smoothed by a separable window, a line of results at a time: the
//! vertical pass sums eleven lines, the horizontal pass eleven of those sums.

use crate::frame::Size;
use crate::vision::dispatch::vectorised;
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
#[derive(Debug, Default)]
pub(super) struct Ssim {
    down: Moments,
    smooth: Moments,
}

/// Lines of four weighted means of the samples less 128, which keeps `f32` exact enough.
#[derive(Debug, Default)]
struct Moments {
    a: Vec<f32>,
    b: Vec<f32>,
    /// Of `a a + b b`.
    squares: Vec<f32>,
    /// Of `a b`.
    product: Vec<f32>,
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
        for m in [&mut self.down, &mut self.smooth] {
            for line in [&mut m.a, &mut m.b, &mut m.squares, &mut m.product] {
                line.resize(w, 0.0);
            }
        }
        let across = w + 1 - SSIM_WINDOW;
        let down = a.len() / w + 1 - SSIM_WINDOW;
        let mut sum = Means::default();
        for y in 0..down {
            let lines = y * w..(y + SSIM_WINDOW) * w;
            let part = line(&a[lines.clone()], &b[lines], w, &g, &mut self.down, &mut self.smooth);
            sum.similarity += part.similarity;
            sum.structure += part.structure;
        }
        let n = (across * down) as f64;
        Means { similarity: sum.similarity / n, structure: sum.structure / n }
    }
}

/// Rows of the window that share a weight with the row on the other side of the middle one.
const HALF: usize = SSIM_WINDOW / 2;

vectorised! {
    /// Sums over one line of windows; `a` and `b` are the eleven lines of samples below them.
    fn line(
        a: &[f32],
        b: &[f32],
        w: usize,
        g: &[f32; SSIM_WINDOW],
        down: &mut Moments,
        smooth: &mut Moments,
    ) -> Means {
        down_lines(a, b, w, g, down);
        let across = w + 1 - SSIM_WINDOW;
        across_line(&down.a, g, &mut smooth.a[..across]);
        across_line(&down.b, g, &mut smooth.b[..across]);
        across_line(&down.squares, g, &mut smooth.squares[..across]);
        across_line(&down.product, g, &mut smooth.product[..across]);
        let (ma, mb) = (&smooth.a[..across], &smooth.b[..across]);
        let (squares, product) = (&smooth.squares[..across], &smooth.product[..across]);
        let mut sums = [[0f64; LANES]; 2];
        // The last part of a line may be shorter; lanes are added up in the same order always.
        for x in (0..across).step_by(LANES) {
            let n = LANES.min(across - x);
            let part = x..x + n;
            let terms = terms(
                &ma[part.clone()],
                &mb[part.clone()],
                &squares[part.clone()],
                &product[part],
            );
            for i in 0..n {
                sums[0][i] += f64::from(terms[0][i]);
                sums[1][i] += f64::from(terms[1][i]);
            }
        }
        Means { similarity: sums[0].iter().sum(), structure: sums[1].iter().sum() }
    }
}

/// How many windows are worked on at once.
const LANES: usize = 8;

/// Similarity and structure of up to [`LANES`] windows.
#[inline(always)]
fn terms(ma: &[f32], mb: &[f32], squares: &[f32], product: &[f32]) -> [[f32; LANES]; 2] {
    let mut out = [[0f32; LANES]; 2];
    let [similarity, structure] = &mut out;
    let moments = ma.iter().zip(mb).zip(squares).zip(product);
    for ((((&a, &b), &squares), &product), (similarity, structure)) in
        moments.zip(similarity.iter_mut().zip(structure))
    {
        let spread = squares - a * a - b * b;
        let shared = product - a * b;
        *structure = (2.0 * shared + C2) / (spread + C2);
        let (a, b) = (a + 128.0, b + 128.0);
        *similarity = (2.0 * a * b + C1) / (a * a + b * b + C1) * *structure;
    }
    out
}

/// The vertical pass. Lines at the same distance from the middle are added before they are
/// weighted, which halves the multiplications.
#[inline(always)]
fn down_lines(a: &[f32], b: &[f32], w: usize, g: &[f32; SSIM_WINDOW], out: &mut Moments) {
    let a: [&[f32]; SSIM_WINDOW] = std::array::from_fn(|k| &a[k * w..][..w]);
    let b: [&[f32]; SSIM_WINDOW] = std::array::from_fn(|k| &b[k * w..][..w]);
    let (oa, ob) = (&mut out.a[..w], &mut out.b[..w]);
    let (osquares, oproduct) = (&mut out.squares[..w], &mut out.product[..w]);
    for x in 0..w {
        let (ca, cb) = (a[HALF][x] - 128.0, b[HALF][x] - 128.0);
        let middle = g[HALF];
        let mut sums = [middle * ca, middle * cb, middle * (ca * ca + cb * cb), middle * (ca * cb)];
        for k in 0..HALF {
            let (a0, a1) = (a[k][x] - 128.0, a[SSIM_WINDOW - 1 - k][x] - 128.0);
            let (b0, b1) = (b[k][x] - 128.0, b[SSIM_WINDOW - 1 - k][x] - 128.0);
            sums[0] += g[k] * (a0 + a1);
            sums[1] += g[k] * (b0 + b1);
            sums[2] += g[k] * (a0 * a0 + b0 * b0 + (a1 * a1 + b1 * b1));
            sums[3] += g[k] * (a0 * b0 + a1 * b1);
        }
        [oa[x], ob[x], osquares[x], oproduct[x]] = sums;
    }
}

/// The horizontal pass: result `x` needs the eleven samples from `x` on.
#[inline(always)]
fn across_line(line: &[f32], g: &[f32; SSIM_WINDOW], out: &mut [f32]) {
    let at: [&[f32]; SSIM_WINDOW] = std::array::from_fn(|k| &line[k..][..out.len()]);
    for (x, out) in out.iter_mut().enumerate() {
        let mut sum = g[HALF] * at[HALF][x];
        for k in 0..HALF {
            sum += g[k] * (at[k][x] + at[SSIM_WINDOW - 1 - k][x]);
        }
        *out = sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::RgbImage;
    use crate::vision::metrics::{ssim, ssim_rgb};

    /// The pictures of the golden test: a slanted pattern, and the same blurred towards grey with
    /// a wave on it. Made from integers, so that another program can make them too.
    fn golden_pair(w: u32, h: u32) -> (RgbImage, RgbImage) {
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

    /// scikit-image 0.26: `structural_similarity(a, b, channel_axis=2, gaussian_weights=True,
    /// sigma=1.5, use_sample_covariance=False, data_range=255)`.
    #[test]
    fn agrees_with_scikit_image() {
        for (w, h, golden) in [(40, 30, 0.935_330_352_57), (64, 48, 0.933_777_088_88)] {
            let (a, b) = golden_pair(w, h);
            let got = ssim_rgb(&a, &b).unwrap();
            assert!((got - golden).abs() < 1e-5, "{w}x{h}: {got} {golden}");
        }
        let (a, b) = golden_pair(40, 30);
        let mut shifted = FloatImage::from(&b);
        shifted.data.iter_mut().for_each(|v| *v += 0.25);
        let got = ssim(&a, &shifted).unwrap();
        assert!((got - 0.935_054_820_30).abs() < 1e-5, "{got}");
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
