//! One vector of each frame.

use std::fmt;

use crate::engine::{Session, TensorSpec};
use crate::frame::Size;
use crate::model::{Contract, ModelFile, ResetReason, Role, TensorBuf, TensorView};
use crate::task::predict::sample::{from_f32, to_f32};
use crate::task::{FrameInput, TaskError};
use crate::vision::RgbImage;

/// What heads call the embeddings of `model` by in their contract's `features`: its name and the
/// first half of its SHA-256, `name/0123456789abcdef`, since embeddings of another training mean
/// something else.
#[must_use]
pub fn backbone_name(contract: &Contract, model: &ModelFile) -> String {
    format!("{}/{}", contract.name, model.sha256().get(..16).unwrap_or_default())
}

/// Runs a model with one input of role `frame` and one output of role `embedding`. One thread owns
/// it; nothing is allocated per frame once warmed up.
pub struct FrameEmbedder {
    session: Box<dyn Session>,
    name: String,
    input: FrameInput,
    /// The inputs that always have one value, with a place holder for the frame.
    constants: Vec<TensorBuf>,
    outputs: Vec<TensorBuf>,
    at: usize,
    values: Vec<f32>,
}

impl FrameEmbedder {
    /// Runs `session`, which was loaded with the sizes of [`FrameInput::binding`], over frames of
    /// `frame`. The embedding is the whole output: 1 x D, or 1 x D x 1 x 1 of a pooled network.
    ///
    /// # Errors
    /// [`TaskError::Contract`] when the contract names no single frame input or no output of role
    /// `embedding`, or an input is left that has neither a frame nor a constant.
    pub fn new(
        session: Box<dyn Session>,
        contract: &Contract,
        frame: Size,
    ) -> Result<Self, TaskError> {
        let bad = |reason: String| TaskError::Contract { model: contract.name.clone(), reason };
        let Some(port) = contract.output(Role::Embedding) else {
            return Err(bad(
                "its contract names no output of role embedding; a feature extractor without a \
                 contract gets one from roles = { OUTPUT = \"embedding\" }"
                    .to_owned(),
            ));
        };
        let spec = session.spec();
        let input = FrameInput::new(contract, spec, frame)?;
        let at = spec.outputs.iter().position(|o| o.name == port.name);
        let Some((at, made)) = at.and_then(|at| Some((at, spec.outputs.get(at)?))) else {
            return Err(bad(format!("the graph lacks its output {:?}", port.name)));
        };
        let dims = made.shape.iter().product::<usize>();
        if dims == 0 || made.shape.iter().filter(|n| **n > 1).count() > 1 {
            return Err(bad(format!(
                "output {:?} has shape {:?}; one vector a frame is needed, such as [1, 256]",
                made.name, made.shape
            )));
        }
        let constants = constants(contract, &spec.inputs, input.at())?;
        let outputs: Vec<TensorBuf> =
            spec.outputs.iter().map(|o| TensorBuf::zeros(o.dtype, &o.shape)).collect();
        let name = contract.name.clone();
        Ok(Self { session, name, input, constants, outputs, at, values: vec![0.0; dims] })
    }

    /// Name of the model.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Numbers of an embedding.
    #[must_use]
    pub fn dims(&self) -> usize {
        self.values.len()
    }

    /// The vector of `frame`.
    ///
    /// # Errors
    /// [`TaskError`] when the engine fails, when a model of any size gets frames of another size
    /// than it was loaded for, and when the model gives a number that is not finite.
    pub fn embed(&mut self, frame: &RgbImage) -> Result<&[f32], TaskError> {
        self.input.fill(frame)?;
        run(
            self.session.as_mut(),
            &self.constants,
            &[(self.input.at(), self.input.tensor())],
            &mut self.outputs,
        )?;
        if let Some(made) = self.outputs.get(self.at) {
            to_f32(made.data(), &mut self.values);
        }
        finite(&self.name, &self.values)?;
        Ok(&self.values)
    }

    /// Puts recurrent state back; most backbones have none.
    pub fn reset(&mut self, reason: ResetReason) {
        self.session.reset_state(reason);
    }
}

/// The most inputs a model of these tasks may have.
const MAX_INPUTS: usize = 8;

/// Runs `session` on `constants`, of which those at the places in `given` are replaced.
pub(in crate::task) fn run(
    session: &mut dyn Session,
    constants: &[TensorBuf],
    given: &[(usize, TensorView<'_>)],
    outputs: &mut [TensorBuf],
) -> Result<(), TaskError> {
    let Some(first) = given.first() else { return Ok(()) };
    let mut inputs = [first.1; MAX_INPUTS];
    for (view, constant) in inputs.iter_mut().zip(constants) {
        *view = constant.view();
    }
    for (at, tensor) in given {
        if let Some(view) = inputs.get_mut(*at) {
            *view = *tensor;
        }
    }
    session.run(inputs.get(..constants.len()).unwrap_or_default(), outputs)?;
    session.advance_state();
    Ok(())
}

/// A tensor for each input: the contract's constant, or a place holder at `filled`.
pub(in crate::task) fn constants(
    contract: &Contract,
    inputs: &[TensorSpec],
    filled: usize,
) -> Result<Vec<TensorBuf>, TaskError> {
    let bad = |reason: String| TaskError::Contract { model: contract.name.clone(), reason };
    if inputs.len() > MAX_INPUTS {
        return Err(bad(format!("it has {} inputs; at most {MAX_INPUTS} are taken", inputs.len())));
    }
    let tensor = |(at, spec): (usize, &TensorSpec)| {
        if at == filled {
            return Ok(TensorBuf::zeros(spec.dtype, &[]));
        }
        let port = contract.inputs.iter().find(|p| p.name == spec.name);
        let value = port.and_then(|p| p.constant).ok_or_else(|| {
            bad(format!("nothing fills its input {:?}; give it a constant", spec.name))
        })?;
        let mut tensor = TensorBuf::zeros(spec.dtype, &spec.shape);
        let values = vec![value as f32; tensor.data().len()];
        from_f32(&values, tensor.data_mut());
        Ok(tensor)
    };
    inputs.iter().enumerate().map(tensor).collect()
}

/// Fails when one of `values` is no finite number.
pub(in crate::task) fn finite(model: &str, values: &[f32]) -> Result<(), TaskError> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(at) => Err(TaskError::NotFinite { model: model.to_owned(), at }),
    }
}

impl fmt::Debug for FrameEmbedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameEmbedder")
            .field("name", &self.name)
            .field("dims", &self.dims())
            .finish_non_exhaustive()
    }
}
