//! A model that scores labels.

use std::fmt;

use crate::engine::Session;
use crate::frame::Size;
use crate::model::{Contract, LabelList, ResetReason, Role, Task, TensorBuf};
use crate::task::embed::frame::{constants, finite, run};
use crate::task::predict::sample::{from_f32, to_f32};
use crate::task::{FrameInput, TaskError};
use crate::vision::RgbImage;

/// What is scored.
enum Input {
    Frame(Box<FrameInput>),
    /// A vector at one place of the inputs, in `f32` and in the model's element type.
    Features {
        at: usize,
        values: Vec<f32>,
        tensor: TensorBuf,
    },
}

/// Runs a model with one input of role `frame`, or of role `features`, and one output of role
/// `scores` (from 0 to 1) or `logits` (a sigmoid is applied). One thread owns it.
pub struct TagModel {
    session: Box<dyn Session>,
    name: String,
    labels: LabelList,
    backbone: Option<String>,
    input: Input,
    constants: Vec<TensorBuf>,
    outputs: Vec<TensorBuf>,
    at: usize,
    logits: bool,
    scores: Vec<f32>,
}

impl TagModel {
    /// True when the model of `contract` takes embeddings instead of frames.
    #[must_use]
    pub fn takes_features(contract: &Contract) -> bool {
        contract.input(Role::Frame).is_none() && contract.input(Role::Features).is_some()
    }

    /// Runs `session`, which was loaded with the sizes of [`FrameInput::binding`] when it takes
    /// frames, over frames of `frame`.
    ///
    /// # Errors
    /// [`TaskError::Contract`] when the contract is for another task, names no fitting input or
    /// output, or has another number of labels than scores.
    pub fn new(
        session: Box<dyn Session>,
        contract: &Contract,
        frame: Size,
    ) -> Result<Self, TaskError> {
        let bad = |reason: String| TaskError::Contract { model: contract.name.clone(), reason };
        if !matches!(contract.task, Task::Tag | Task::Other) {
            return Err(bad(format!("its contract is for the task {:?}, not tag", contract.task)));
        }
        let port = contract.output(Role::Scores).or_else(|| contract.output(Role::Logits));
        let Some(port) = port else {
            return Err(bad("its contract names no output of role scores or logits".to_owned()));
        };
        let spec = session.spec();
        let at = spec.outputs.iter().position(|o| o.name == port.name);
        let Some((at, made)) = at.and_then(|at| Some((at, spec.outputs.get(at)?))) else {
            return Err(bad(format!("the graph lacks its output {:?}", port.name)));
        };
        let classes = made.shape.iter().product::<usize>();
        if classes == 0 || made.shape.iter().filter(|n| **n > 1).count() > 1 {
            return Err(bad(format!(
                "output {:?} has shape {:?}; one score a label is needed, such as [1, 14]",
                made.name, made.shape
            )));
        }
        let labels = labels(contract, classes)?;
        let (input, filled) = if Self::takes_features(contract) {
            let name = contract.input(Role::Features).map_or("", |p| p.name.as_str());
            let found = spec.inputs.iter().position(|i| i.name == name);
            let Some((at, given)) = found.and_then(|at| Some((at, spec.inputs.get(at)?))) else {
                return Err(bad(format!("the graph lacks its input {name:?}")));
            };
            let values = vec![0.0; given.shape.iter().product()];
            (
                Input::Features { at, values, tensor: TensorBuf::zeros(given.dtype, &given.shape) },
                at,
            )
        } else {
            let input = FrameInput::new(contract, spec, frame)?;
            let at = input.at();
            (Input::Frame(Box::new(input)), at)
        };
        Ok(Self {
            name: contract.name.clone(),
            labels,
            backbone: contract.features.clone(),
            input,
            constants: constants(contract, &spec.inputs, filled)?,
            outputs: spec.outputs.iter().map(|o| TensorBuf::zeros(o.dtype, &o.shape)).collect(),
            at,
            logits: port.role == Role::Logits,
            scores: vec![0.0; classes],
            session,
        })
    }

    /// Names other labels than those of the contract, for models that carry none.
    ///
    /// # Errors
    /// [`TaskError::Contract`] when they are not as many as the scores.
    pub fn with_labels(mut self, labels: LabelList) -> Result<Self, TaskError> {
        if labels.names.len() != self.scores.len() {
            return Err(TaskError::Contract {
                model: self.name,
                reason: format!(
                    "it scores {} labels but {} are named",
                    self.scores.len(),
                    labels.names.len()
                ),
            });
        }
        self.labels = labels;
        Ok(self)
    }

    /// Name of the model.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The labels, as many as scores.
    #[must_use]
    pub const fn labels(&self) -> &LabelList {
        &self.labels
    }

    /// The embeddings it was trained on, as [`backbone_name`](crate::task::embed::backbone_name)
    /// writes them; none when it takes frames or does not say.
    #[must_use]
    pub fn backbone(&self) -> Option<&str> {
        self.backbone.as_deref()
    }

    /// The number of features it takes; none when it takes frames.
    #[must_use]
    pub const fn features(&self) -> Option<usize> {
        match &self.input {
            Input::Frame(_) => None,
            Input::Features { values, .. } => Some(values.len()),
        }
    }

    /// Scores a frame.
    ///
    /// # Errors
    /// [`TaskError`] when it takes embeddings, the engine fails, or a score is no number from 0 to
    /// 1.
    pub fn score_frame(&mut self, frame: &RgbImage) -> Result<&[f32], TaskError> {
        let Input::Frame(input) = &mut self.input else {
            return Err(TaskError::Contract {
                model: self.name.clone(),
                reason: "it takes embeddings; name the model that makes them".to_owned(),
            });
        };
        input.fill(frame)?;
        let given = [(input.at(), input.tensor())];
        run(self.session.as_mut(), &self.constants, &given, &mut self.outputs)?;
        self.read()
    }

    /// Scores features, the embedding first and anything else (such as audio) after it; what is
    /// missing at the end is zero.
    ///
    /// # Errors
    /// As [`TagModel::score_frame`], and when there are more features than it takes.
    pub fn score_features(
        &mut self,
        features: impl ExactSizeIterator<Item = f32>,
    ) -> Result<&[f32], TaskError> {
        let given_count = features.len();
        let bad = |reason: String| TaskError::Contract { model: self.name.clone(), reason };
        let Input::Features { at, values, tensor } = &mut self.input else {
            return Err(bad("it takes frames, not features".to_owned()));
        };
        if given_count > values.len() {
            return Err(bad(format!("it takes {} features, not {given_count}", values.len())));
        }
        values.fill(0.0);
        for (value, feature) in values.iter_mut().zip(features) {
            *value = feature;
        }
        finite("the features", values)?;
        match tensor.as_f32_mut() {
            Some(tensor) => tensor.copy_from_slice(values),
            None => from_f32(values, tensor.data_mut()),
        }
        let given = [(*at, tensor.view())];
        run(self.session.as_mut(), &self.constants, &given, &mut self.outputs)?;
        self.read()
    }

    /// Puts recurrent state back.
    pub fn reset(&mut self, reason: ResetReason) {
        self.session.reset_state(reason);
    }

    fn read(&mut self) -> Result<&[f32], TaskError> {
        if let Some(made) = self.outputs.get(self.at) {
            to_f32(made.data(), &mut self.scores);
        }
        finite(&self.name, &self.scores)?;
        if self.logits {
            for score in &mut self.scores {
                *score = 1.0 / (1.0 + (-*score).exp());
            }
        } else if let Some(wrong) = self.scores.iter().find(|s| !(-1e-3..=1.001).contains(*s)) {
            return Err(TaskError::Contract {
                model: self.name.clone(),
                reason: format!(
                    "a score is {wrong}, but scores lie in 0..=1; if they are not yet \
                     probabilities, give the output the role logits"
                ),
            });
        }
        Ok(&self.scores)
    }
}

/// The contract's labels, or numbers for a model without any.
fn labels(contract: &Contract, classes: usize) -> Result<LabelList, TaskError> {
    let names = match contract.labels.len() {
        0 => (0..classes).map(|n| format!("label {n}")).collect(),
        n if n == classes => contract.labels.clone(),
        n => {
            return Err(TaskError::Contract {
                model: contract.name.clone(),
                reason: format!("it scores {classes} labels but names {n}"),
            });
        }
    };
    let mut links = contract.links.clone();
    links.resize(classes, String::new());
    Ok(LabelList { names, links })
}

impl fmt::Debug for TagModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TagModel")
            .field("name", &self.name)
            .field("labels", &self.scores.len())
            .finish_non_exhaustive()
    }
}
