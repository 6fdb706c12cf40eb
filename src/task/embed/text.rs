//! One vector of each sentence.

use std::fmt;

use super::frame::{constants, finite, run};
use crate::engine::Session;
use crate::model::{Contract, Role, TensorBuf, Tokenizer, TokenizerError};
use crate::task::TaskError;
use crate::task::predict::sample::{from_f32, to_f32};

/// Runs a model with one input of role `tokens` and one output of role `embedding`. One thread owns
/// it.
pub struct TextEmbedder {
    session: Box<dyn Session>,
    name: String,
    tokenizer: Tokenizer,
    input: usize,
    tokens: TensorBuf,
    constants: Vec<TensorBuf>,
    outputs: Vec<TensorBuf>,
    at: usize,
    values: Vec<f32>,
}

impl TextEmbedder {
    /// Runs `session` on sentences, by the tokenizer of `contract`.
    ///
    /// # Errors
    /// [`TaskError::Contract`] when there is no tokenizer, no input of role `tokens` of its length,
    /// or no output of role `embedding`.
    pub fn new(session: Box<dyn Session>, contract: &Contract) -> Result<Self, TaskError> {
        let bad = |reason: String| TaskError::Contract { model: contract.name.clone(), reason };
        let lacks = |what: &str| {
            bad(format!("its contract names no {what}; a text model of task embed has one"))
        };
        let tokenizer = contract.tokenizer.clone().ok_or_else(|| lacks("tokenizer"))?;
        let input = contract.input(Role::Tokens).ok_or_else(|| lacks("input of role tokens"))?;
        let output =
            contract.output(Role::Embedding).ok_or_else(|| lacks("output of role embedding"))?;
        let spec = session.spec();
        let place = |list: &[crate::engine::TensorSpec], name: &str| {
            let at = list.iter().position(|p| p.name == name);
            at.ok_or_else(|| bad(format!("the graph lacks {name:?}")))
        };
        let (at_in, at_out) =
            (place(&spec.inputs, &input.name)?, place(&spec.outputs, &output.name)?);
        let shape = spec.inputs.get(at_in).map(|i| i.shape.clone()).unwrap_or_default();
        let room = shape.iter().product::<usize>();
        if tokenizer.length == 0 || room != tokenizer.length {
            return Err(bad(format!(
                "its tokenizer gives {} ids a sentence and its input {:?} takes {shape:?}",
                tokenizer.length, input.name
            )));
        }
        let tokens = TensorBuf::zeros(input.dtype, &shape);
        let constants = constants(contract, &spec.inputs, at_in)?;
        let outputs: Vec<TensorBuf> =
            spec.outputs.iter().map(|o| TensorBuf::zeros(o.dtype, &o.shape)).collect();
        let made = outputs.get(at_out).map_or(&[][..], TensorBuf::shape);
        let dims = made.iter().product::<usize>();
        if dims == 0 || made.iter().filter(|n| **n > 1).count() > 1 {
            return Err(bad(format!("output {:?} is {made:?}, not one vector", output.name)));
        }
        let name = contract.name.clone();
        let values = vec![0.0; dims];
        Ok(Self {
            session,
            name,
            tokenizer,
            input: at_in,
            tokens,
            constants,
            outputs,
            at: at_out,
            values,
        })
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

    /// The vector of `text`.
    ///
    /// # Errors
    /// [`TaskError::Question`] when the text cannot be tokenized or not one of its words is known;
    /// [`TaskError`] when the engine fails or gives a number that is not finite.
    pub fn embed(&mut self, text: &str) -> Result<&[f32], TaskError> {
        let encoded = self.tokenizer.encode(text)?;
        if encoded.unknown.len() == encoded.words {
            return Err(TaskError::Question(TokenizerError::Vocabulary {
                place: format!("of {}", self.name),
                reason: format!(
                    "it knows none of the words {:?}; it was made of {} others",
                    encoded.unknown.iter().take(5).collect::<Vec<_>>(),
                    self.tokenizer.vocabulary.len()
                ),
            }));
        }
        // Exact: ids are below 2^24.
        let ids: Vec<f32> = encoded.ids.iter().map(|id| *id as f32).collect();
        from_f32(&ids, self.tokens.data_mut());
        run(
            self.session.as_mut(),
            &self.constants,
            &[(self.input, self.tokens.view())],
            &mut self.outputs,
        )?;
        if let Some(made) = self.outputs.get(self.at) {
            to_f32(made.data(), &mut self.values);
        }
        finite(&self.name, &self.values)?;
        Ok(&self.values)
    }

    /// Words of the vocabulary, spread over its ids, for a self-test.
    #[must_use]
    pub fn samples(&self) -> Vec<String> {
        let words: Vec<&String> = self.tokenizer.vocabulary.keys().collect();
        let step = words.len().div_ceil(8).max(1);
        words.into_iter().step_by(step).cloned().collect()
    }
}

impl fmt::Debug for TextEmbedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextEmbedder")
            .field("name", &self.name)
            .field("dims", &self.dims())
            .finish_non_exhaustive()
    }
}
