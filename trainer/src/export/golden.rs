//! The self-test an exported model carries: what the trainer's own forward answers, so that every
//! load on every engine is a comparison with the trainer.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use framecast::model::golden;
use framecast::model::{DType, Golden, GoldenOutput, TensorBuf, TensorData as Elements};

use framecast::vision::blend::{BLOCK, FEATURES};

use super::blend::LOGITS;
use super::direct::PREDICTION;
use crate::TrainError;
use crate::net::blend::Blend;
use crate::net::{Network, Params, Shape, State};

/// Size of the pictures of self-test and conformance.
pub(super) const HEIGHT: usize = 32;
pub(super) const WIDTH: usize = 48;
pub(super) const STEPS: usize = 4;
pub(super) const SAMPLES: usize = 24;
pub(super) const TOLERANCE: f32 = 1e-4;

/// The graph's sizes bound to the pictures.
pub(super) fn bind() -> BTreeMap<String, usize> {
    [("H".to_owned(), HEIGHT), ("W".to_owned(), WIDTH)].into()
}

/// The graph's sizes bound to one value a block of such pictures.
pub(super) fn bind_blocks() -> BTreeMap<String, usize> {
    [("h".to_owned(), HEIGHT / BLOCK), ("w".to_owned(), WIDTH / BLOCK)].into()
}

pub(super) fn blend(shape: &Shape, weights: &Params) -> Result<Golden, TrainError> {
    let fail = |reason: String| TrainError::Export { name: shape.preset.to_string(), reason };
    let device = Device::flex();
    let (net, _) = Blend::new(shape, weights, &device)?;
    let size = [1, FEATURES, HEIGHT / BLOCK, WIDTH / BLOCK];
    let mut output = GoldenOutput { name: LOGITS.to_owned(), ..GoldenOutput::default() };
    for step in 0..STEPS {
        let values = match shape.preset.is_integer() {
            false => golden::input(DType::F32, &size, step).as_f32().unwrap_or_default().to_vec(),
            true => match golden::input(DType::U8, &size, step).data() {
                Elements::U8(bytes) => bytes.iter().map(|&b| f32::from(b) / 255.0).collect(),
                _ => Vec::new(),
            },
        };
        let features = Tensor::<4>::from_data(TensorData::new(values, size), &device);
        let logits = net.logits(&features);
        let dims = logits.dims();
        let values = logits.into_data().try_to_vec::<f32>().map_err(|e| fail(format!("{e:?}")))?;
        let got = TensorBuf::new(&dims, values).map_err(|e| fail(e.to_string()))?;
        golden::record(&mut output, &got, SAMPLES);
    }
    let bind = bind_blocks();
    let tolerance = if shape.preset.is_integer() { 0.0 } else { TOLERANCE };
    Ok(Golden { bind, steps: STEPS, tolerance, outputs: vec![output] })
}

pub(super) fn direct(shape: &Shape, weights: &Params) -> Result<Golden, TrainError> {
    let fail = |reason: String| TrainError::Export { name: shape.preset.to_string(), reason };
    let device = Device::flex();
    let (net, _) = Network::new(shape, weights, &device)?;
    // A window lies in memory as its frames in channels do, whatever its layout.
    let size = [1, net.channels(), HEIGHT, WIDTH];
    let mut output = GoldenOutput { name: PREDICTION.to_owned(), ..GoldenOutput::default() };
    let mut state: Option<State> = None;
    for step in 0..STEPS {
        let input = golden::input(DType::F32, &size, step);
        let values = input.as_f32().unwrap_or_default().to_vec();
        let input = Tensor::<4>::from_data(TensorData::new(values, size), &device);
        let newest = input.clone().narrow(1, net.channels() - 3, 3);
        let before = state.unwrap_or_else(|| net.first(&newest));
        let (prediction, next) = net.run(&input, &before, None);
        state = Some(next);
        let values =
            prediction.into_data().try_to_vec::<f32>().map_err(|e| fail(format!("{e:?}")))?;
        let got =
            TensorBuf::new(&[1, 3, HEIGHT, WIDTH], values).map_err(|e| fail(e.to_string()))?;
        golden::record(&mut output, &got, SAMPLES);
    }
    Ok(Golden { bind: bind(), steps: STEPS, tolerance: TOLERANCE, outputs: vec![output] })
}
