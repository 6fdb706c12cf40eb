//! Structural similarity as a loss: one minus what `vision::metrics` gives, by the same window,
//! constants and scales, but differentiable.

use burn::tensor::module::{avg_pool2d, conv2d};
use burn::tensor::ops::{AvgPoolOptions, ConvOptions};
use burn::tensor::{Device, Tensor, TensorData};
use framecast::frame::Size;
use framecast::vision::metrics::{MS_SSIM_WEIGHTS, SSIM_WINDOW, ms_ssim_scales};

const SIGMA: f64 = 1.5;
const C1: f32 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f32 = (0.03 * 255.0) * (0.03 * 255.0);
/// Half the range is taken away before squares are made, which keeps `f32` exact enough.
const MIDDLE: f32 = 128.0;
/// Least value of a scale: the power of a smaller one has a slope without bound.
const LEAST: f32 = 1e-3;

/// Means of one scale, `N x 1 x 1 x 1`.
struct Means {
    similarity: Tensor<4>,
    structure: Tensor<4>,
}

/// Mean over the batch of `1 - SSIM`, of pictures in 0..=1 with sides of at least
/// [`SSIM_WINDOW`].
#[must_use]
pub fn ssim(prediction: &Tensor<4>, target: &Tensor<4>) -> Tensor<1> {
    means(&levels(prediction), &levels(target)).similarity.mean().neg() + 1.0
}

/// Mean over the batch of `1 - MS-SSIM`, of pictures in 0..=1 with sides of at least
/// [`SSIM_WINDOW`]. A scale below 0.001 has no slope: other terms must bring the picture nearer.
#[must_use]
pub fn ms_ssim(prediction: &Tensor<4>, target: &Tensor<4>) -> Tensor<1> {
    let [n, _, h, w] = target.dims();
    let scales = ms_ssim_scales(Size::new(w as u32, h as u32));
    let weights = &MS_SSIM_WEIGHTS[..scales];
    let total: f64 = weights.iter().sum();
    let (mut a, mut b) = (levels(prediction), levels(target));
    let mut logarithm = Tensor::<4>::zeros([n, 1, 1, 1], &target.device());
    for (k, weight) in weights.iter().enumerate() {
        let coarsest = k + 1 == scales;
        let means = means(&a, &b);
        let value = if coarsest { means.similarity } else { means.structure };
        logarithm = logarithm + value.clamp_min(LEAST).log() * (weight / total) as f32;
        if !coarsest {
            a = halve(a);
            b = halve(b);
        }
    }
    logarithm.exp().mean().neg() + 1.0
}

fn levels(x: &Tensor<4>) -> Tensor<4> {
    x.clone() * 255.0 - MIDDLE
}

fn halve(x: Tensor<4>) -> Tensor<4> {
    avg_pool2d(x, AvgPoolOptions::new([2, 2]))
}

fn means(a: &Tensor<4>, b: &Tensor<4>) -> Means {
    let [n, c, h, w] = a.dims();
    let moments = [
        a.clone(),
        b.clone(),
        a.clone() * a.clone() + b.clone() * b.clone(),
        a.clone() * b.clone(),
    ];
    let moments = Tensor::cat(moments.to_vec(), 0).reshape([4 * n * c, 1, h, w]);
    let smooth = smooth(moments);
    let [_, _, down, across] = smooth.dims();
    let smooth = smooth.reshape([4 * n, c, down, across]);
    let moment = |i: usize| smooth.clone().narrow(0, i * n, n);
    let (a, b) = (moment(0), moment(1));
    let spread = moment(2) - a.clone() * a.clone() - b.clone() * b.clone();
    let shared = moment(3) - a.clone() * b.clone();
    let structure = (shared * 2.0 + C2) / (spread + C2);
    let (a, b) = (a + MIDDLE, b + MIDDLE);
    let light = (a.clone() * b.clone() * 2.0 + C1) / (a.clone() * a + b.clone() * b + C1);
    let mean = |x: Tensor<4>| x.mean_dims(&[1, 2, 3]);
    Means { similarity: mean(light * structure.clone()), structure: mean(structure) }
}

/// The Gaussian window, down and then across; only windows that lie wholly inside.
fn smooth(x: Tensor<4>) -> Tensor<4> {
    let options = || ConvOptions::new([1, 1], [0, 0], [1, 1], 1);
    let device = x.device();
    let down = conv2d(x, window([1, 1, SSIM_WINDOW, 1], &device), None, options());
    conv2d(down, window([1, 1, 1, SSIM_WINDOW], &device), None, options())
}

fn window(shape: [usize; 4], device: &Device) -> Tensor<4> {
    let g: [f64; SSIM_WINDOW] = std::array::from_fn(|i| {
        let x = i as f64 - (SSIM_WINDOW / 2) as f64;
        (-x * x / (2.0 * SIGMA * SIGMA)).exp()
    });
    let sum: f64 = g.iter().sum();
    let values = g.map(|v| (v / sum) as f32).to_vec();
    Tensor::from_data(TensorData::new(values, shape), device)
}

#[cfg(test)]
mod tests {
    use framecast::vision::metrics;

    use super::super::golden::{pair, tensor};
    use super::*;

    #[test]
    fn losses_are_one_minus_the_metrics() {
        for (w, h) in [(11, 11), (40, 30), (64, 48), (97, 90)] {
            let (a, b) = pair(w, h);
            let (x, y) = (tensor(&b), tensor(&a));
            let loss = ssim(&x, &y).into_scalar::<f32>();
            let metric = 1.0 - metrics::ssim_rgb(&a, &b).unwrap();
            assert!((f64::from(loss) - metric).abs() < 1e-5, "{w}x{h}: {loss} {metric}");
            let loss = ms_ssim(&x, &y).into_scalar::<f32>();
            let metric = 1.0 - metrics::ms_ssim_rgb(&a, &b).unwrap();
            assert!((f64::from(loss) - metric).abs() < 1e-5, "{w}x{h}: {loss} {metric}");
        }
    }

    #[test]
    fn a_batch_is_scored_picture_by_picture() {
        let (a, b) = pair(40, 30);
        let (x, y) = (tensor(&b), tensor(&a));
        let both =
            ms_ssim(&Tensor::cat(vec![x.clone(), y.clone()], 0), &y.clone().repeat_dim(0, 2))
                .into_scalar::<f32>();
        let one = ms_ssim(&x, &y).into_scalar::<f32>();
        assert!((both - one / 2.0).abs() < 1e-5, "{both} {one}");
    }

    #[test]
    fn its_slope_brings_the_pictures_nearer() {
        let device = Device::flex().autodiff();
        let (a, b) = pair(24, 24);
        let target = Tensor::<4>::from_data(tensor(&a).into_data(), &device);
        for loss in [ssim, ms_ssim] {
            let x = Tensor::<4>::from_data(tensor(&b).into_data(), &device).require_grad();
            let before = loss(&x, &target);
            let grads = before.backward();
            let slope = Tensor::<4>::from_data(x.grad(&grads).unwrap().into_data(), &device);
            let after = loss(&(x.detach() - slope * 10.0), &target).into_scalar::<f32>();
            assert!(after < before.into_scalar::<f32>() - 1e-4, "{after}");
        }
    }
}
