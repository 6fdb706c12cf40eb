//! Self-test and conformance of a network that sees a window of frames: every output on an engine
//! beside the trainer's own forward.

use burn::tensor::{Device, Tensor, TensorData};
use framecast::engine::{EngineChoice, LoadOptions, load};
use framecast::frame::{Rational, Size};
use framecast::model::{
    DType, Golden, GoldenOutput, ModelFile, TensorBuf, TensorView, golden as rule,
};
use framecast::source::demo::Scene;
use framecast::vision::RgbImage;

use super::conformance::Conformance;
use super::direct::PREDICTION;
use super::golden::{HEIGHT, SAMPLES, STEPS, TOLERANCE, WIDTH, bind};
use crate::TrainError;
use crate::data::frame_tensor;
use crate::forecast::CLIP;
use crate::net::Params;
use crate::net::Shape;
use crate::net::base::Base;

/// Name, shape and numbers of an output.
type Output = (&'static str, Vec<usize>, Vec<f32>);

/// What the outputs must hold, in their order: the next frame, and all coming ones where there are
/// several.
fn outputs(net: &Base, window: &Tensor<4>) -> Result<Vec<Output>, String> {
    let clip = net.clip(window).clamp(0.0, 1.0);
    let mut list = vec![(PREDICTION, clip.clone().narrow(1, 0, 3))];
    if net.sizes().ahead > 1 {
        list.push((CLIP, clip));
    }
    let numbers = |(name, tensor): (_, Tensor<4>)| {
        let dims = tensor.dims().to_vec();
        let values = tensor.into_data().try_to_vec::<f32>().map_err(|e| format!("{e:?}"))?;
        Ok((name, dims, values))
    };
    list.into_iter().map(numbers).collect()
}

/// The self-test an exported file carries.
pub(super) fn golden(shape: &Shape, weights: &Params) -> Result<Golden, TrainError> {
    let fail = |reason: String| TrainError::Export { name: shape.preset.to_string(), reason };
    let device = Device::flex();
    let (net, _) = Base::new(shape, weights, &device)?;
    let size = [1, 3 * net.sizes().window, HEIGHT, WIDTH];
    let mut list: Vec<GoldenOutput> = Vec::new();
    for step in 0..STEPS {
        let input = rule::input(DType::F32, &size, step);
        let values = input.as_f32().unwrap_or_default().to_vec();
        let window = Tensor::<4>::from_data(TensorData::new(values, size), &device);
        let made = outputs(&net, &window).map_err(fail)?;
        let empty = |name: &str| GoldenOutput { name: name.to_owned(), ..GoldenOutput::default() };
        list.resize_with(made.len(), GoldenOutput::default);
        for (output, (name, dims, values)) in list.iter_mut().zip(made) {
            if output.name.is_empty() {
                *output = empty(name);
            }
            let got = TensorBuf::new(&dims, values).map_err(|e| fail(e.to_string()))?;
            rule::record(output, &got, SAMPLES);
        }
    }
    Ok(Golden { bind: bind(), steps: STEPS, tolerance: TOLERANCE, outputs: list })
}

/// Runs `model` on `engine` over `frames` frames of a demo flight, the window filled as the runtime
/// fills it, and compares all outputs with the trainer's.
pub(super) fn conformance(
    model: &ModelFile,
    engine: EngineChoice,
    shape: &Shape,
    weights: &Params,
    frames: usize,
) -> Result<Conformance, TrainError> {
    let fail = |reason: String| TrainError::Export { name: model.name().to_owned(), reason };
    let size = Size::new(WIDTH as u32, HEIGHT as u32);
    let mut options = LoadOptions::default();
    options.engine = engine;
    options.threads = 1;
    options.bind = bind();
    let mut loaded = load(model, &options).map_err(|e| fail(e.to_string()))?;
    let device = Device::flex();
    let (net, _) = Base::new(shape, weights, &device)?;
    let mut scene =
        Scene::new(9_950, size, Rational::whole(30)).map_err(|e| fail(e.to_string()))?;
    let spec = loaded.session.spec().outputs.clone();
    let mut made: Vec<TensorBuf> =
        spec.iter().map(|o| TensorBuf::zeros(o.dtype, &o.shape)).collect();
    let mut picture = RgbImage::default();
    let mut window: Vec<Tensor<4>> = Vec::new();
    let mut worst = 0.0f32;
    for i in 0..frames as u64 {
        scene.render(i, &mut picture);
        let frame = frame_tensor(&[&picture], &device);
        if window.is_empty() {
            window = vec![frame.clone(); net.sizes().window];
        }
        window.rotate_left(1);
        if let Some(newest) = window.last_mut() {
            *newest = frame;
        }
        let input = Tensor::cat(window.clone(), 1);
        let shape = input.dims();
        let values = input.clone().into_data().try_to_vec::<f32>();
        let values = values.map_err(|e| fail(format!("{e:?}")))?;
        let view = TensorView::new(&shape, values.as_slice()).map_err(|e| fail(e.to_string()))?;
        loaded.session.run(&[view], &mut made).map_err(|e| fail(e.to_string()))?;
        for (name, _, want) in outputs(&net, &input).map_err(fail)? {
            let at = spec.iter().position(|o| o.name == name);
            let got = at.and_then(|at| made.get(at)?.as_f32()).unwrap_or_default();
            if got.len() != want.len() {
                let (got, want) = (got.len(), want.len());
                return Err(fail(format!("{got} numbers come out of {name:?} instead of {want}")));
            }
            for (a, b) in got.iter().zip(&want) {
                let difference = (a - b).abs();
                // A NaN is the largest difference of all.
                worst = if difference.is_nan() { f32::INFINITY } else { worst.max(difference) };
            }
        }
    }
    let engine = format!("{} {}", loaded.report.engine, loaded.report.version);
    Ok(Conformance { engine, frames, worst })
}
