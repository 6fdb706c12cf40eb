use burn::tensor::{Device, Tensor};
use framecast::frame::{Rational, Size};
use framecast::source::demo::Scene;
use framecast::vision::RgbImage;
use framecast::vision::blend::prior;

use super::*;
use crate::data::{Examples, features_tensor};
use crate::net::Preset;
use crate::net::blend::Blend;

/// A network whose every layer does something.
fn trained(shape: &Shape, size: f32) -> Params {
    let mut params = shape.preset.init(3);
    for (i, value) in params.list_mut().iter_mut().flat_map(|p| &mut p.values).enumerate() {
        *value += size * ((i as f32) * 0.37).sin();
    }
    params
}

fn examples() -> Examples {
    let flight = |seed| {
        let mut scene = Scene::new(seed, Size::new(56, 40), Rational::whole(30)).unwrap();
        let frame = |t| {
            let mut picture = RgbImage::default();
            scene.render(t, &mut picture);
            picture
        };
        (0..6).map(frame).collect::<Vec<_>>()
    };
    Examples::last_of(&[flight(9_961), flight(9_962)])
}

#[test]
fn an_untrained_network_is_the_causal_gate_to_the_bit() {
    let shape = Preset::NanoInt.shape();
    let device = Device::flex();
    let (net, _) = Blend::new(&shape, &Preset::NanoInt.init(5), &device).unwrap();
    for example in examples().list() {
        let features = &example.features;
        let logits = net.logits(&features_tensor(&[features], &device));
        let logits = logits.into_data().try_to_vec::<f32>().unwrap();
        let mut gate = Vec::new();
        prior(features, &mut gate);
        let own: Vec<f32> = gate.iter().map(|v| *v as f32 / 64.0).collect();
        assert_eq!(logits, own);
    }
}

#[test]
fn integers_are_near_the_real_numbers_they_stand_for() {
    let shape = Preset::NanoInt.shape();
    let device = Device::flex();
    let params = trained(&shape, 0.03);
    let (exact, _) = Blend::new(&shape, &params, &device).unwrap();
    let (real, _) = Blend::real(&shape, &params, &device).unwrap();
    let features = examples().features(&device);
    let numbers = |t: Tensor<4>| t.into_data().try_to_vec::<f32>().unwrap();
    let (a, b) = (numbers(exact.logits(&features)), numbers(real.logits(&features)));
    let scale = b.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    let worst = a.iter().zip(&b).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
    assert!(worst < 0.05 * scale && worst > 0.0, "{worst} of {scale}");
    assert!(a.iter().all(|v| (v * 64.0).fract() == 0.0));
}

#[test]
fn the_gradient_passes_the_roundings() {
    let shape = Preset::NanoInt.shape();
    let device = Device::flex().autodiff();
    let params = trained(&shape, 0.03);
    let features = examples().features(&device);
    let gradients = |net: &Blend, leaves: &[crate::net::Leaf]| -> Vec<Vec<f32>> {
        let grads = net.logits(&features).powf_scalar(2.0).mean().backward();
        let values = |leaf: &crate::net::Leaf| match leaf {
            crate::net::Leaf::Kernel(t) => t.grad(&grads).unwrap().into_data(),
            crate::net::Leaf::Bias(t) => t.grad(&grads).unwrap().into_data(),
        };
        leaves.iter().map(|leaf| values(leaf).try_to_vec::<f32>().unwrap()).collect()
    };
    let (exact, leaves) = Blend::new(&shape, &params, &device).unwrap();
    let (real, other) = Blend::real(&shape, &params, &device).unwrap();
    let pairs = gradients(&exact, &leaves).into_iter().zip(gradients(&real, &other));
    for ((a, b), param) in pairs.zip(params.list()) {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let cosine = dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt();
        let ratio = (dot(&a, &a) / dot(&b, &b)).sqrt();
        assert!(cosine > 0.98 && (ratio - 1.0).abs() < 0.1, "{}: {cosine} {ratio}", param.name);
    }
}

#[test]
fn weights_fill_their_range_and_never_leave_it() {
    let shape = Preset::NanoInt.shape();
    for size in [0.0, 0.001, 0.3] {
        let integers = Integers::of(&shape, &trained(&shape, size)).unwrap();
        for kernel in [&integers.stem].into_iter().chain(&integers.blocks) {
            let largest = kernel.weights.iter().map(|w| w.unsigned_abs()).max().unwrap();
            assert!((32..=64).contains(&largest), "{size}: {largest}");
            assert!(kernel.shift >= 1);
        }
        let [high, low] = integers.prior_parts();
        let whole = high.iter().zip(&low).map(|(h, l)| 64 * i32::from(*h) + i32::from(*l));
        assert_eq!(whole.collect::<Vec<_>>(), integers.prior);
        assert!(high.iter().chain(&low).all(|w| (-64..=63).contains(w)));
    }
}

#[test]
fn what_training_could_not_follow_is_refused() {
    let shape = Preset::NanoInt.shape();
    let error = Integers::of(&shape, &trained(&shape, 2_000.0)).unwrap_err();
    assert!(error.contains("cannot follow exactly"), "{error}");
}

#[test]
fn a_network_in_real_numbers_is_taken_over() {
    let (nano, shape) = (Preset::Nano.shape(), Preset::NanoInt.shape());
    let device = Device::flex();
    let mut params = trained(&nano, 0.03);
    let (real, _) = Blend::new(&nano, &params, &device).unwrap();
    without_standard(&mut params);
    let (taken, _) = Blend::real(&shape, &params, &device).unwrap();
    let features = examples().features(&device);
    // Further on, the border reaches every block of so small a picture.
    let inner = |net: &Blend| {
        let mut stem = Vec::new();
        net.observed(&features, &mut |name, tensor| {
            if name == "stem" {
                let [n, c, h, w] = tensor.dims();
                let inside = tensor.clone().slice([0..n, 0..c, 1..h - 1, 1..w - 1]);
                stem = inside.into_data().try_to_vec::<f32>().unwrap();
            }
        });
        stem
    };
    let (a, b) = (inner(&real), inner(&taken));
    assert!(a.len() > 100 && a.iter().any(|v| *v > 0.1));
    let bound = |v: f32| v.min(HIGHEST as f32);
    assert!(a.iter().zip(&b).all(|(a, b)| (bound(*a) - b).abs() < 1e-3));
}
