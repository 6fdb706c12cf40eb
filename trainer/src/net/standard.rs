//! Standardisation of what a network sees: Keras' `featurewise_*`, `samplewise_*` and
//! `zca_whitening`, as part of the network, so that an exported file is fed plain frames.
//!
//! What is featurewise is one affine map of the colours of a pixel, measured on training data before
//! the first step and kept with the weights; an exported graph has it folded into its first layer.
//! Whitening is that of the three colours: a network whose frames may have any size has no matrix over
//! all pixels. What is samplewise is computed anew from each window of frames.

use burn::tensor::{Device, Tensor, TensorData};
use framecast::vision::RgbImage;

use super::params::{Leaf, Params};

/// Name of the parameter that holds the map: nine numbers of the matrix, row-major, then three that
/// are added.
pub const STANDARD: &str = "standard";
const LEN: usize = 12;
/// What is added to deviations, so that nothing is divided by zero.
pub const EPSILON: f32 = 1e-6;

/// What of it a network does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standard {
    /// Subtract the mean of the training data from each colour.
    pub center: bool,
    /// Divide each colour by its standard deviation over the training data.
    pub deviation: bool,
    /// Whiten the colours of a pixel.
    pub whiten: bool,
    /// Subtract the mean of all samples of the window.
    pub sample_center: bool,
    /// Divide by the standard deviation of all samples of the window.
    pub sample_deviation: bool,
}

impl Standard {
    /// Nothing.
    pub const NONE: Self = Self {
        center: false,
        deviation: false,
        whiten: false,
        sample_center: false,
        sample_deviation: false,
    };

    /// Whether the colours go through a map that is measured.
    #[must_use]
    pub const fn is_measured(&self) -> bool {
        self.center || self.deviation || self.whiten
    }

    /// Whether each window is scaled by its own numbers.
    #[must_use]
    pub const fn is_samplewise(&self) -> bool {
        self.sample_center || self.sample_deviation
    }

    /// Adds the map to `params`, as the identity until it is measured.
    pub(super) fn add(&self, params: &mut Params) {
        if self.is_measured() {
            let mut values = vec![0.0; LEN];
            values.iter_mut().step_by(4).take(3).for_each(|diagonal| *diagonal = 1.0);
            params.add_values(STANDARD, &[LEN], values);
        }
    }

    /// The map for training data with these moments.
    #[must_use]
    pub fn measure(&self, moments: &Moments, zca_epsilon: f64) -> Vec<f32> {
        let (mean, covariance) = moments.mean_and_covariance();
        let mut matrix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        if self.whiten {
            matrix = whitening(covariance, zca_epsilon);
        } else if self.deviation {
            for (i, row) in matrix.iter_mut().enumerate() {
                row[i] = 1.0 / (covariance[i][i].max(0.0).sqrt() + f64::from(EPSILON));
            }
        }
        // The numbers of Keras: both of these take the mean away too.
        let centred = self.center || self.deviation || self.whiten;
        let offset = matrix.map(|row| {
            let product: f64 = row.iter().zip(mean).map(|(a, m)| a * m).sum();
            if centred { -product } else { 0.0 }
        });
        matrix.iter().flatten().chain(&offset).map(|v| *v as f32).collect()
    }
}

/// Running sums over the colours of pictures, of which none is kept.
#[derive(Clone, Debug, Default)]
pub struct Moments {
    sum: [f64; 3],
    products: [[f64; 3]; 3],
    count: f64,
}

impl Moments {
    /// Adds all pixels of a picture.
    pub fn add(&mut self, picture: &RgbImage) {
        for pixel in picture.data().as_chunks::<3>().0 {
            let p = pixel.map(|v| f64::from(v) / 255.0);
            for (i, row) in self.products.iter_mut().enumerate() {
                self.sum[i] += p[i];
                row.iter_mut().zip(p).for_each(|(s, q)| *s += p[i] * q);
            }
            self.count += 1.0;
        }
    }

    fn mean_and_covariance(&self) -> ([f64; 3], [[f64; 3]; 3]) {
        let count = self.count.max(1.0);
        let mean = self.sum.map(|s| s / count);
        let mut covariance = self.products;
        for (i, row) in covariance.iter_mut().enumerate() {
            for (j, value) in row.iter_mut().enumerate() {
                *value = *value / count - mean[i] * mean[j];
            }
        }
        (mean, covariance)
    }
}

/// The symmetric matrix that whitens data of this covariance: `U diag(1 / sqrt(s + epsilon)) U^T`.
fn whitening(covariance: [[f64; 3]; 3], epsilon: f64) -> [[f64; 3]; 3] {
    let (values, vectors) = eigen(covariance);
    let mut matrix = [[0.0; 3]; 3];
    for (k, value) in values.iter().enumerate() {
        let scale = 1.0 / (value.max(0.0) + epsilon).sqrt();
        for (i, row) in matrix.iter_mut().enumerate() {
            for (j, out) in row.iter_mut().enumerate() {
                *out += scale * vectors[i][k] * vectors[j][k];
            }
        }
    }
    matrix
}

/// Eigenvalues, and eigenvectors as columns, of a symmetric matrix, by Jacobi's rotations.
fn eigen(mut a: [[f64; 3]; 3]) -> ([f64; 3], [[f64; 3]; 3]) {
    let mut v = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for _ in 0..32 {
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            if a[p][q].abs() < 1e-300 {
                continue;
            }
            let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
            let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
            let t = if theta == 0.0 { 1.0 } else { t };
            let c = 1.0 / (t * t + 1.0).sqrt();
            let s = t * c;
            let turn = |x: f64, y: f64| (c * x - s * y, s * x + c * y);
            for row in a.iter_mut().chain(&mut v) {
                (row[p], row[q]) = turn(row[p], row[q]);
            }
            let (x, y) = (a[p], a[q]);
            let turned: [(f64, f64); 3] = std::array::from_fn(|k| turn(x[k], y[k]));
            (a[p], a[q]) = (turned.map(|t| t.0), turned.map(|t| t.1));
        }
    }
    ([a[0][0], a[1][1], a[2][2]], v)
}

/// The map as tensors; nothing is learned in it.
#[derive(Clone, Debug)]
pub(super) struct Colours {
    matrix: Tensor<4>,
    offset: Tensor<4>,
}

impl Colours {
    /// The map among `leaves`, which are in the order of `params`.
    pub(super) fn of(params: &Params, leaves: &[Leaf], device: &Device) -> Option<Self> {
        let at = params.list().iter().position(|p| p.name == STANDARD)?;
        leaves.get(at)?;
        let values = &params.list().get(at)?.values;
        let (matrix, offset) = values.split_at_checked(9)?;
        let tensor = |values: &[f32], shape: [usize; 4]| {
            Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
        };
        let offset = tensor(offset, [1, 3, 1, 1]);
        Some(Self { matrix: tensor(matrix, [3, 3, 1, 1]), offset })
    }

    /// The colours of `N x 3 x H x W` after the map.
    pub(super) fn apply(&self, frames: &Tensor<4>) -> Tensor<4> {
        use burn::tensor::module::conv2d;
        use burn::tensor::ops::ConvOptions;
        let options = ConvOptions::new([1, 1], [0, 0], [1, 1], 1);
        conv2d(frames.clone(), self.matrix.clone(), None, options) + self.offset.clone()
    }
}

/// `x` with the mean of each sequence taken away and divided by its deviation, as `rule` says.
pub(super) fn samplewise(rule: &Standard, x: Tensor<4>) -> Tensor<4> {
    let mean = |x: Tensor<4>| x.mean_dim(1).mean_dim(2).mean_dim(3);
    let average = mean(x.clone());
    let centred = x.clone() - average;
    let deviation = mean(centred.clone() * centred.clone()).sqrt() + EPSILON;
    let x = if rule.sample_center { centred } else { x };
    if rule.sample_deviation { x / deviation } else { x }
}

/// `kernel` (outputs x 3 x side x side, row-major) and `bias` for plain colours: the same function
/// as the map followed by the kernel, which has no padding.
#[must_use]
pub fn folded(map: &[f32], kernel: &[f32], bias: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let (matrix, offset) = map.split_at(9.min(map.len()));
    let area = kernel.len() / (3 * bias.len()).max(1);
    let mut bias = bias.to_vec();
    let mut out = Vec::with_capacity(kernel.len());
    for (kernel, bias) in kernel.chunks_exact((3 * area).max(1)).zip(&mut bias) {
        for colour in 0..3 {
            for at in 0..area {
                let through = (0..3).map(|c| kernel[c * area + at] * matrix[c * 3 + colour]);
                out.push(through.sum());
            }
        }
        for (plane, offset) in kernel.chunks_exact(area.max(1)).zip(offset) {
            *bias += plane.iter().sum::<f32>() * offset;
        }
    }
    (out, bias)
}

#[cfg(test)]
mod tests {
    use framecast::frame::Size;

    use super::*;

    /// Pictures whose colours hang together.
    fn pictures() -> Vec<RgbImage> {
        let data = (0..64 * 64)
            .flat_map(|i| {
                let a = f64::from(i * 37 % 101) / 100.0;
                let b = f64::from(i * 53 % 89) / 88.0;
                let c = f64::from(i * 71 % 97) / 96.0;
                [40.0 + 150.0 * a, 20.0 + 90.0 * a + 60.0 * b, 30.0 + 70.0 * b + 90.0 * c]
            })
            .map(|v| v as u8)
            .collect();
        vec![RgbImage::from_vec(Size::new(64, 64), data).unwrap()]
    }

    fn mapped(rule: Standard) -> Vec<[f64; 3]> {
        let mut moments = Moments::default();
        pictures().iter().for_each(|picture| moments.add(picture));
        let map = rule.measure(&moments, 1e-6);
        let pixel = |p: &[u8; 3]| {
            let row = |i: usize| {
                let sum: f32 = (0..3).map(|j| map[i * 3 + j] * f32::from(p[j]) / 255.0).sum();
                f64::from(sum + map[9 + i])
            };
            [row(0), row(1), row(2)]
        };
        pictures()[0].data().as_chunks::<3>().0.iter().map(pixel).collect()
    }

    fn covariance(list: &[[f64; 3]], i: usize, j: usize) -> f64 {
        let mean = |i: usize| list.iter().map(|p| p[i]).sum::<f64>() / list.len() as f64;
        let (a, b) = (mean(i), mean(j));
        list.iter().map(|p| (p[i] - a) * (p[j] - b)).sum::<f64>() / list.len() as f64
    }

    #[test]
    fn deviations_are_one_and_whitened_colours_are_independent() {
        let plain = mapped(Standard { deviation: true, ..Standard::default() });
        for i in 0..3 {
            let mean = plain.iter().map(|p| p[i]).sum::<f64>() / plain.len() as f64;
            assert!(mean.abs() < 1e-4 && (covariance(&plain, i, i) - 1.0).abs() < 1e-3);
        }
        assert!(covariance(&plain, 0, 1) > 0.5, "the colours hang together");
        let white = mapped(Standard { whiten: true, ..Standard::default() });
        for i in 0..3 {
            for j in 0..3 {
                let wanted = if i == j { 1.0 } else { 0.0 };
                assert!((covariance(&white, i, j) - wanted).abs() < 5e-3, "{i} {j}");
            }
        }
    }

    #[test]
    fn a_centred_picture_keeps_its_scale() {
        let rule = Standard { center: true, ..Standard::default() };
        let list = mapped(rule);
        let mean = list.iter().map(|p| p[2]).sum::<f64>() / list.len() as f64;
        assert!(mean.abs() < 1e-4);
        let raw: Vec<[f64; 3]> = pictures()[0]
            .data()
            .as_chunks::<3>()
            .0
            .iter()
            .map(|p| p.map(|v| f64::from(v) / 255.0))
            .collect();
        assert!((covariance(&list, 0, 0) - covariance(&raw, 0, 0)).abs() < 1e-6);
    }

    #[test]
    fn windows_have_mean_zero_and_deviation_one() {
        let device = Device::flex();
        let values: Vec<f32> = (0..96).map(|i| (i * 7 % 31) as f32 / 31.0).collect();
        let x = Tensor::<4>::from_data(TensorData::new(values, [2, 3, 4, 4]), &device);
        let rule = Standard { sample_center: true, sample_deviation: true, ..Standard::default() };
        let y = samplewise(&rule, x).into_data().try_to_vec::<f32>().unwrap();
        for window in y.chunks_exact(48) {
            let mean = window.iter().sum::<f32>() / 48.0;
            let square = window.iter().map(|v| v * v).sum::<f32>() / 48.0;
            assert!(mean.abs() < 1e-5 && (square - 1.0).abs() < 1e-3, "{mean} {square}");
        }
    }
}
