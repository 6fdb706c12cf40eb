//! A `direct` model: frames and state in, the next frame out.

use std::fmt;

use crate::engine::{Session, TensorSpec};
use crate::frame::Size;
use crate::model::{Contract, ResetReason, Role, TensorBuf, TensorView};
use crate::task::TaskError;
use crate::vision::resize::Resizer;
use crate::vision::tensor::{self, Packing};
use crate::vision::{FloatImage, RgbImage};

use super::fit::frame_port;
use super::packing::{from_float, packing, port_shape};
use super::sample::{from_f32, to_f32};
use super::window::FrameWindow;
use super::{Fit, Forecaster};

/// The most inputs beside the state that a model may have.
const MAX_INPUTS: usize = 8;

/// The tensors of the inputs that hold one value, in the order of `inputs`.
fn constants(
    contract: &Contract,
    inputs: &[TensorSpec],
    input_at: usize,
) -> Result<Vec<TensorBuf>, String> {
    if inputs.len() > MAX_INPUTS {
        return Err(format!("it has {} inputs; at most {MAX_INPUTS} are taken", inputs.len()));
    }
    let tensor = |(at, spec): (usize, &TensorSpec)| {
        if at == input_at {
            return Ok(TensorBuf::zeros(spec.dtype, &[]));
        }
        let port = contract.inputs.iter().find(|p| p.name == spec.name);
        let value = port.and_then(|p| p.constant).ok_or_else(|| {
            format!(
                "a direct predictor takes one input of frames, but this model also has {:?}; give \
                 it a constant in the contract",
                spec.name
            )
        })?;
        let mut tensor = TensorBuf::zeros(spec.dtype, &spec.shape);
        let values = vec![value as f32; tensor.data().len()];
        from_f32(&values, tensor.data_mut());
        Ok(tensor)
    };
    inputs.iter().enumerate().map(tensor).collect()
}

/// Runs a `direct` model. Recurrent state belongs to the session and is swapped, not copied; a
/// window of frames belongs to this type.
pub struct Direct {
    session: Box<dyn Session>,
    name: String,
    identity: String,
    fit: Fit,
    input: Packing,
    output: Packing,
    window: FrameWindow,
    /// The window in the model's element type; unused for `f32`.
    cast: Option<TensorBuf>,
    /// The model's inputs that always hold one value; that at `input_at` is a place holder.
    constants: Vec<TensorBuf>,
    input_at: usize,
    /// For each state pair the reasons for which it is reset.
    resets: Vec<Vec<ResetReason>>,
    outputs: Vec<TensorBuf>,
    prediction: usize,
    unpacked: Vec<f32>,
    /// To the model's size, and back: each keeps the weights of one direction.
    resizer: Resizer,
    back: Resizer,
    scaled: RgbImage,
    /// The newest prediction at the model's size, when that is not the frame's.
    raw: FloatImage,
    looking: bool,
}

impl Direct {
    /// Runs `session`, which was loaded with the sizes of [`binding`](super::binding), over frames
    /// of `frame`. `identity` is the model's SHA-256.
    ///
    /// # Errors
    /// [`TaskError::Contract`] when the contract is not that of a `direct` predictor, or the loaded
    /// shapes are not those it needs for this frame size.
    pub fn new(
        session: Box<dyn Session>,
        contract: &Contract,
        identity: String,
        frame: Size,
    ) -> Result<Self, TaskError> {
        let bad = |reason: String| TaskError::Contract { model: contract.name.clone(), reason };
        let fit = Fit::new(contract, frame)?;
        let port = frame_port(contract)?;
        let prediction_port = contract
            .outputs
            .iter()
            .find(|p| p.role == Role::Prediction)
            .ok_or_else(|| bad("its contract names no output of role prediction".into()))?;
        let window = match (port.role, contract.window) {
            (Role::Window, Some(window)) if window.frames > 0 => Some(window),
            (Role::Window, _) => {
                return Err(bad("its window needs a number of frames of at least 1".into()));
            }
            _ => None,
        };
        let spec = session.spec();
        let input_at = spec.inputs.iter().position(|i| i.name == port.name);
        let Some((input_at, given)) = input_at.and_then(|at| Some((at, spec.inputs.get(at)?)))
        else {
            return Err(bad(format!("the graph lacks its input {:?}", port.name)));
        };
        let constants = constants(contract, &spec.inputs, input_at).map_err(bad)?;
        let needed = port_shape(port, window, fit.padded).map_err(bad)?;
        if given.shape != needed {
            return Err(bad(format!(
                "input {:?} was loaded as {:?} but frames of {frame} need {needed:?}",
                given.name, given.shape
            )));
        }
        let at = spec.outputs.iter().position(|o| o.name == prediction_port.name);
        let Some((at, made)) = at.and_then(|at| Some((at, spec.outputs.get(at)?))) else {
            return Err(bad(format!("the graph lacks its output {:?}", prediction_port.name)));
        };
        let output = packing(prediction_port).map_err(bad)?;
        if made.shape.iter().product::<usize>() != output.len(fit.padded) {
            return Err(bad(format!(
                "output {:?} has shape {:?} but a prediction of {} has {} elements",
                made.name,
                made.shape,
                fit.padded,
                output.len(fit.padded)
            )));
        }
        let input = packing(port).map_err(bad)?;
        let window =
            FrameWindow::new(window.map_or(1, |w| w.frames), input.len(fit.padded), &needed)
                .ok_or_else(|| bad(format!("a window of shape {needed:?} is too large")))?;
        let f32_in = given.dtype == crate::model::DType::F32;
        Ok(Self {
            name: contract.name.clone(),
            identity,
            fit,
            input,
            output,
            window,
            cast: (!f32_in).then(|| TensorBuf::zeros(given.dtype, &needed)),
            constants,
            input_at,
            resets: contract.state.iter().map(|pair| pair.reset.clone()).collect(),
            outputs: spec.outputs.iter().map(|o| TensorBuf::zeros(o.dtype, &o.shape)).collect(),
            prediction: at,
            unpacked: vec![0.0; output.len(fit.padded)],
            resizer: Resizer::new(),
            back: Resizer::new(),
            scaled: RgbImage::default(),
            raw: FloatImage::default(),
            looking: false,
            session,
        })
    }

    /// How frames meet the model's input.
    #[must_use]
    pub const fn fit(&self) -> Fit {
        self.fit
    }

    /// Runs the model on the window and writes the prediction at the model's size to `out`.
    fn run(&mut self, out: &mut FloatImage) -> Result<bool, TaskError> {
        if let Some(cast) = &mut self.cast {
            from_f32(self.window.samples(), cast.data_mut());
        }
        let input: TensorView<'_> = self.cast.as_ref().unwrap_or(self.window.tensor()).view();
        let mut inputs = [input; MAX_INPUTS];
        let given = inputs.iter_mut().zip(&self.constants).enumerate();
        for (_, (view, constant)) in given.filter(|(at, _)| *at != self.input_at) {
            *view = constant.view();
        }
        let inputs = inputs.get(..self.constants.len()).unwrap_or_default();
        self.session.run(inputs, &mut self.outputs)?;
        self.session.advance_state();
        let Some(made) = self.outputs.get(self.prediction) else { return Ok(false) };
        let values = match made.as_f32() {
            Some(values) => values,
            None => {
                to_f32(made.data(), &mut self.unpacked);
                &self.unpacked
            }
        };
        // Without a short cut, so that it is vectorised.
        if !values.iter().fold(true, |finite, v| finite & v.is_finite()) {
            return Ok(false);
        }
        tensor::to_float_image(values, &self.output, self.fit.padded, self.fit.content, out)?;
        Ok(true)
    }

    /// Runs the model; a prediction of another size is kept for feeding it back, and scaled.
    fn run_scaled(&mut self, out: &mut FloatImage) -> Result<bool, TaskError> {
        if self.fit.content == self.fit.frame {
            return self.run(out);
        }
        let mut raw = std::mem::take(&mut self.raw);
        let outcome = self.run(&mut raw);
        self.raw = raw;
        if matches!(outcome, Ok(true)) {
            out.reshape(self.fit.frame);
            self.back.bilinear_float(&self.raw, out)?;
        }
        outcome
    }
}

impl Forecaster for Direct {
    fn name(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    fn observe(&mut self, frame: &RgbImage, next: &mut FloatImage) -> Result<bool, TaskError> {
        let Fit { frame: expected, content, padded } = self.fit;
        if frame.size() != expected {
            return Err(TaskError::FrameSize { expected, got: frame.size() });
        }
        let picture = if content == expected {
            frame
        } else {
            self.scaled.reshape(content);
            if content.pixels() < expected.pixels() {
                self.resizer.area(frame, &mut self.scaled)?;
            } else {
                self.resizer.bilinear(frame, &mut self.scaled)?;
            }
            &self.scaled
        };
        tensor::from_rgb(picture, &self.input, padded, self.window.advance())?;
        self.window.fill();
        self.run_scaled(next)
    }

    fn extend(&mut self, ahead: &mut FloatImage) -> Result<bool, TaskError> {
        if !self.looking {
            self.looking = true;
            self.session.begin_scratch();
            self.window.begin_scratch();
        }
        let last = if self.fit.content == self.fit.frame { &*ahead } else { &self.raw };
        from_float(last, &self.input, self.fit.padded, self.window.advance());
        self.run_scaled(ahead)
    }

    fn settle(&mut self) {
        if std::mem::take(&mut self.looking) {
            self.window.end_scratch();
            self.session.end_scratch();
        }
    }

    fn reset(&mut self, reason: ResetReason) -> bool {
        self.settle();
        self.window.clear();
        self.session.reset_state(reason);
        // Without state and window there is nothing to keep either.
        self.window.frames() > 1
            || self.resets.is_empty()
            || self.resets.iter().any(|listed| reason.is_among(listed))
    }

    fn export_state(&self) -> Result<Vec<u8>, TaskError> {
        let mut bytes = self.window.export();
        bytes.extend_from_slice(&self.session.export_state()?);
        Ok(bytes)
    }

    fn import_state(&mut self, bytes: &[u8]) -> Result<(), TaskError> {
        self.settle();
        let rest = self.window.import(bytes).ok_or_else(|| TaskError::Contract {
            model: self.name.clone(),
            reason: "the saved window of frames has another length".into(),
        })?;
        self.session.import_state(rest)?;
        Ok(())
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct").field("name", &self.name).field("fit", &self.fit).finish()
    }
}
