//! An exported model on an engine beside the trainer's own forward, over a recurrent run.

use std::path::Path;

use burn::tensor::{Device, Tensor};
use framecast::engine::{EngineChoice, LoadOptions, Tried, load, search};
use framecast::frame::{Rational, Size};
use framecast::model::{ModelFile, PredictKind, TensorBuf, TensorView};
use framecast::source::demo::Scene;
use framecast::vision::RgbImage;
use framecast::vision::blend::Observer;
use framecast::vision::motion::luma;

use super::{golden, windowed_check};
use crate::TrainError;
use crate::data::{features_tensor, frame_tensor};
use crate::net::blend::Blend;
use crate::net::{Network, Params, Shape, State};

/// Largest differences over a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Conformance {
    /// The engine and its version.
    pub engine: String,
    /// Frames that were run.
    pub frames: usize,
    /// Largest difference of a prediction, in units of the full range.
    pub worst: f32,
}

/// The engines an export is checked on: the built-in one, and ONNX Runtime where `library`, or one
/// that is searched for, can be used; where none can, the reason.
#[must_use]
pub fn engines(library: Option<&Path>) -> (Vec<EngineChoice>, Option<String>) {
    let tried = search(library);
    match tried.last() {
        Some(Tried { outcome: Ok(_), .. }) => (vec![EngineChoice::Tract, EngineChoice::Ort], None),
        last => {
            let reason = last.and_then(|t| {
                let reason = t.outcome.as_ref().err()?;
                Some(format!("{} {reason}", t.path.display()))
            });
            let none = || "no library was found".to_owned();
            (vec![EngineChoice::Tract], Some(reason.unwrap_or_else(none)))
        }
    }
}

/// Runs `model` on `engine` over `frames` frames of a demo flight, with the runtime's features, and
/// compares the logits with the trainer's, relative to the largest of a frame.
fn blend_conformance(
    model: &ModelFile,
    engine: EngineChoice,
    shape: &Shape,
    weights: &Params,
    frames: usize,
) -> Result<Conformance, TrainError> {
    let fail = |reason: String| TrainError::Export { name: model.name().to_owned(), reason };
    let size = Size::new(golden::WIDTH as u32, golden::HEIGHT as u32);
    let mut options = LoadOptions::default();
    options.engine = engine;
    options.threads = 1;
    options.bind = golden::bind_blocks();
    let mut loaded = load(model, &options).map_err(|e| fail(e.to_string()))?;
    let device = Device::flex();
    let (net, _) = Blend::new(shape, weights, &device)?;
    let mut scene =
        Scene::new(9_950, size, Rational::whole(30)).map_err(|e| fail(e.to_string()))?;
    let (mut picture, mut plane) = (RgbImage::default(), Vec::new());
    let mut observer = Observer::new();
    let mut outputs: Vec<TensorBuf> =
        loaded.session.spec().outputs.iter().map(|o| TensorBuf::zeros(o.dtype, &o.shape)).collect();
    let mut worst = 0.0f32;
    for i in 0..frames as u64 {
        scene.render(i, &mut picture);
        luma(&picture, &mut plane);
        observer.observe(&plane, size);
        let features = features_tensor(&[observer.features()], &device);
        let dims = features.dims();
        let values = numbers(features.clone()).map_err(fail)?;
        let view = match shape.preset.is_integer() {
            false => TensorView::new(&dims, values.as_slice()),
            true => TensorView::new(&dims, observer.features().data()),
        };
        let view = view.map_err(|e| fail(e.to_string()))?;
        loaded.session.run(&[view], &mut outputs).map_err(|e| fail(e.to_string()))?;
        loaded.session.advance_state();
        let want = numbers(net.logits(&features)).map_err(fail)?;
        let got = outputs.first().and_then(TensorBuf::as_f32).unwrap_or_default();
        if got.len() != want.len() {
            return Err(fail(format!("{} numbers come out instead of {}", got.len(), want.len())));
        }
        let scale = want.iter().fold(1.0f32, |m, v| m.max(v.abs()));
        for (a, b) in got.iter().zip(&want) {
            let difference = (a - b).abs() / scale;
            // A NaN is the largest difference of all.
            worst = if difference.is_nan() { f32::INFINITY } else { worst.max(difference) };
        }
    }
    let engine = format!("{} {}", loaded.report.engine, loaded.report.version);
    Ok(Conformance { engine, frames, worst })
}

/// Runs `model` on `engine` over `frames` frames of a demo flight, state carried by the engine's
/// session, and compares each prediction with the trainer's.
///
/// # Errors
/// [`TrainError::Export`] when the engine cannot run the model; a difference is reported, not
/// judged.
pub fn conformance(
    model: &ModelFile,
    engine: EngineChoice,
    shape: &Shape,
    weights: &Params,
    frames: usize,
) -> Result<Conformance, TrainError> {
    if shape.base.is_some() {
        return windowed_check::conformance(model, engine, shape, weights, frames);
    }
    if shape.preset.kind() == PredictKind::Blend {
        return blend_conformance(model, engine, shape, weights, frames);
    }
    let fail = |reason: String| TrainError::Export { name: model.name().to_owned(), reason };
    let size = Size::new(golden::WIDTH as u32, golden::HEIGHT as u32);
    let mut options = LoadOptions::default();
    options.engine = engine;
    options.threads = 1;
    options.bind = golden::bind();
    let mut loaded = load(model, &options).map_err(|e| fail(e.to_string()))?;
    let device = Device::flex();
    let (net, _) = Network::new(shape, weights, &device)?;
    let mut scene =
        Scene::new(9_950, size, Rational::whole(30)).map_err(|e| fail(e.to_string()))?;
    let mut picture = RgbImage::default();
    let tensor_shape = loaded.session.spec().inputs.first().map(|i| i.shape.clone());
    let tensor_shape = tensor_shape.unwrap_or_default();
    let mut outputs: Vec<TensorBuf> =
        loaded.session.spec().outputs.iter().map(|o| TensorBuf::zeros(o.dtype, &o.shape)).collect();
    let mut state: Option<State> = None;
    let mut worst = 0.0f32;
    for i in 0..frames as u64 {
        scene.render(i, &mut picture);
        let frame = frame_tensor(&[&picture], &device);
        let before = state.unwrap_or_else(|| net.first(&frame));
        let values = numbers(net.input(&frame, &before)).map_err(fail)?;
        let view =
            TensorView::new(&tensor_shape, values.as_slice()).map_err(|e| fail(e.to_string()))?;
        loaded.session.run(&[view], &mut outputs).map_err(|e| fail(e.to_string()))?;
        loaded.session.advance_state();
        let (prediction, next) = net.step(&frame, &before, None);
        state = Some(next);
        let want = numbers(prediction).map_err(fail)?;
        let got = outputs.first().and_then(TensorBuf::as_f32).unwrap_or_default();
        if got.len() != want.len() {
            return Err(fail(format!("{} numbers come out instead of {}", got.len(), want.len())));
        }
        for (a, b) in got.iter().zip(&want) {
            let difference = (a - b).abs();
            // A NaN is the largest difference of all.
            worst = if difference.is_nan() { f32::INFINITY } else { worst.max(difference) };
        }
    }
    let engine = format!("{} {}", loaded.report.engine, loaded.report.version);
    Ok(Conformance { engine, frames, worst })
}

fn numbers(tensor: Tensor<4>) -> Result<Vec<f32>, String> {
    tensor.into_data().try_to_vec::<f32>().map_err(|e| format!("{e:?}"))
}
