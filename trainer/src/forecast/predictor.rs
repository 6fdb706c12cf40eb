//! Several coming frames from an ONNX file, by one of the two ways there are.

use framecast::engine::{LoadOptions, Session, load};
use framecast::frame::Size;
use framecast::model::{Contract, ModelFile, ResetReason, TensorBuf, TensorView};
use framecast::task::predict::{Forecaster, binding};
use framecast::vision::{FloatImage, RgbImage};
use serde::Serialize;

use crate::TrainError;
use crate::evaluate::{contract, forecaster};

/// Name of the output that holds all coming frames, `1 x 3K x H x W` in 0..=1, the next first.
pub const CLIP: &str = "coming_frames";

/// How several frames come from a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Manner {
    /// All in one call, from the output [`CLIP`].
    OneCall,
    /// Each prediction is fed back as if it had come, as the runtime does for horizons.
    FedBack,
}

/// An ONNX model that predicts several frames.
pub struct OnnxPredictor {
    way: Way,
}

enum Way {
    OneCall { session: Box<dyn Session>, at: usize, outputs: Vec<TensorBuf>, size: Size },
    FedBack { forecaster: Box<dyn Forecaster>, ahead: usize },
}

impl OnnxPredictor {
    /// The ways `model` has.
    ///
    /// # Errors
    /// [`TrainError::Export`] when it carries no contract.
    pub fn manners(model: &ModelFile) -> Result<Vec<Manner>, TrainError> {
        let contract = contract(model)?;
        let mut list = Vec::new();
        if window(&contract).is_some() && contract.outputs.iter().any(|o| o.name == CLIP) {
            list.push(Manner::OneCall);
        }
        list.push(Manner::FedBack);
        Ok(list)
    }

    /// Loads `model` for frames of `size`, to predict `ahead` frames.
    ///
    /// # Errors
    /// [`TrainError::Export`] when the model cannot be loaded or has not this way.
    pub fn open(
        model: &ModelFile,
        options: &LoadOptions,
        manner: Manner,
        size: Size,
        ahead: usize,
    ) -> Result<Self, TrainError> {
        let fail = |reason: String| TrainError::Export { name: model.name().to_owned(), reason };
        let contract = contract(model)?;
        let way = match manner {
            Manner::FedBack => {
                let forecaster = forecaster(model, &contract, options, size);
                Way::FedBack { forecaster: forecaster.map_err(|e| fail(e.0))?, ahead }
            }
            Manner::OneCall => {
                let mut options = options.clone();
                let bind = binding(&contract, size).map_err(|e| fail(e.to_string()))?;
                options.bind.extend(bind);
                let session = load(model, &options).map_err(|e| fail(e.to_string()))?.session;
                let spec = session.spec();
                let at = spec.outputs.iter().position(|o| o.name == CLIP);
                let at = at.ok_or_else(|| fail(format!("it has no output {CLIP:?}")))?;
                let frames = spec.outputs.get(at).map_or(0, |o| elements(&o.shape))
                    / (3 * size.pixels()).max(1);
                if frames < ahead {
                    return Err(fail(format!(
                        "it predicts {frames} frames in one call where {ahead} are asked for"
                    )));
                }
                let empty = |o: &framecast::engine::TensorSpec| TensorBuf::zeros(o.dtype, &o.shape);
                let outputs = spec.outputs.iter().map(empty).collect();
                Way::OneCall { session, at, outputs, size }
            }
        };
        Ok(Self { way })
    }

    /// The baseline `forecaster` as a predictor of `ahead` frames.
    #[must_use]
    pub fn baseline(forecaster: Box<dyn Forecaster>, ahead: usize) -> Self {
        Self { way: Way::FedBack { forecaster, ahead } }
    }

    /// The coming frames after `seen`.
    ///
    /// # Errors
    /// A sentence when the model cannot be run on these frames or answers with no numbers.
    pub fn predict(&mut self, seen: &[RgbImage]) -> Result<Vec<FloatImage>, String> {
        match &mut self.way {
            Way::OneCall { session, at, outputs, size } => {
                let samples = planes(seen);
                let shape = session.spec().inputs.first().map(|i| i.shape.clone());
                let shape = shape.unwrap_or_default();
                let view = TensorView::new(&shape, samples.as_slice()).map_err(|_| {
                    format!("{} frames of {size} do not fit its window {shape:?}", seen.len())
                })?;
                session.run(&[view], outputs).map_err(|e| e.to_string())?;
                let values = outputs.get(*at).and_then(TensorBuf::as_f32).unwrap_or_default();
                Ok(pictures(values, *size))
            }
            Way::FedBack { forecaster, ahead } => {
                forecaster.reset(ResetReason::Gap);
                let mut next = FloatImage::default();
                let mut finite = false;
                for frame in seen {
                    finite = forecaster.observe(frame, &mut next).map_err(|e| e.to_string())?;
                }
                let mut list = vec![next.clone()];
                while finite && list.len() < *ahead {
                    finite = forecaster.extend(&mut next).map_err(|e| e.to_string())?;
                    list.push(next.clone());
                }
                forecaster.settle();
                if finite { Ok(list) } else { Err("it answers with no numbers".to_owned()) }
            }
        }
    }
}

/// The number of frames of its window, when it takes these as channels of one `f32` input.
fn window(contract: &Contract) -> Option<usize> {
    let one = contract.inputs.len() == 1 && contract.state.is_empty();
    contract.window.filter(|_| one).map(|w| w.frames)
}

fn elements(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// Frames as planes of 0..=1, one after the other.
fn planes(frames: &[RgbImage]) -> Vec<f32> {
    let mut values = Vec::with_capacity(frames.iter().map(|f| f.data().len()).sum());
    for frame in frames {
        for channel in 0..3 {
            let samples = frame.data().iter().skip(channel).step_by(3);
            values.extend(samples.map(|s| f32::from(*s) / 255.0));
        }
    }
    values
}

/// Planes of 0..=1 as pictures of levels, clamped.
pub(crate) fn pictures(values: &[f32], size: Size) -> Vec<FloatImage> {
    let picture = |planes: &[f32]| FloatImage {
        size,
        data: planes.iter().map(|v| (v * 255.0).clamp(0.0, 255.0)).collect(),
    };
    values.chunks_exact((3 * size.pixels()).max(1)).map(picture).collect()
}
