//! The network that makes sentences, asked one word at a time.

use std::fmt;

use super::beam::{Beam, Beams, best, log_softmax};
use crate::engine::Session;
use crate::model::{Contract, ResetReason, Role, TensorBuf, TensorView, Tokenizer};
use crate::task::TaskError;
use crate::task::predict::sample::{from_f32, to_f32};

/// A sentence about a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Sentence {
    /// The words.
    pub text: String,
    /// Mean logarithm of the probabilities of its words and its end.
    pub score: f64,
    /// It was cut: no sentence had come to its end.
    pub cut: bool,
}

/// Makes sentences about pictures. One thread owns it.
pub struct Decoder {
    session: Box<dyn Session>,
    name: String,
    tokenizer: Tokenizer,
    picture: TensorBuf,
    token: TensorBuf,
    /// Whether the picture is the first of the two inputs.
    picture_first: bool,
    outputs: Vec<TensorBuf>,
    at: usize,
    scores: Vec<f32>,
}

impl Decoder {
    /// Runs `session` by `contract`: inputs of role `features` (the picture's embedding) and
    /// `tokens` (one word), an output of role `scores`, state, and a tokenizer.
    ///
    /// # Errors
    /// [`TaskError::Contract`] when one of them is missing or does not fit.
    pub fn new(session: Box<dyn Session>, contract: &Contract) -> Result<Self, TaskError> {
        let bad = |reason: String| TaskError::Contract { model: contract.name.clone(), reason };
        let lacks = |what: &str| bad(format!("its contract names no {what}; a decoder has one"));
        let tokenizer = contract.tokenizer.clone().ok_or_else(|| lacks("tokenizer"))?;
        let Tokenizer { pad, unknown, end, .. } = tokenizer;
        if end == pad || end == unknown {
            return Err(bad(format!(
                "its tokenizer has the id {end} for the end and for another mark (pad {pad}, \
                 unknown {unknown}), so that no sentence could end; give the end an id of its own"
            )));
        }
        let picture = contract.input(Role::Features).ok_or_else(|| lacks("input of features"))?;
        let token = contract.input(Role::Tokens).ok_or_else(|| lacks("input of tokens"))?;
        let output = contract.output(Role::Scores).ok_or_else(|| lacks("output of scores"))?;
        let spec = session.spec();
        let place = |name: &str| spec.inputs.iter().position(|i| i.name == name);
        let (Some(first), Some(second)) = (place(&picture.name), place(&token.name)) else {
            return Err(bad("the graph lacks one of its inputs".to_owned()));
        };
        let at = spec.outputs.iter().position(|o| o.name == output.name);
        let at = at.ok_or_else(|| bad("the graph lacks its scores".to_owned()))?;
        let tensor = |at: usize| {
            let input = spec.inputs.get(at);
            input
                .map(|i| TensorBuf::zeros(i.dtype, &i.shape))
                .unwrap_or(TensorBuf::zeros(crate::model::DType::F32, &[]))
        };
        let (picture, token) = (tensor(first), tensor(second));
        let outputs: Vec<TensorBuf> =
            spec.outputs.iter().map(|o| TensorBuf::zeros(o.dtype, &o.shape)).collect();
        let words = outputs.get(at).map_or(0, |o| o.data().len());
        if spec.inputs.len() != 2 || token.data().len() != 1 {
            return Err(bad("a decoder takes an embedding and one word at a time".to_owned()));
        }
        if words < tokenizer.ids() || spec.state.is_empty() {
            return Err(bad(format!(
                "it scores {words} words of {} and has {} states; it needs all words and a state",
                tokenizer.ids(),
                spec.state.len()
            )));
        }
        let name = contract.name.clone();
        let picture_first = first < second;
        let scores = vec![0.0; words];
        Ok(Self { session, name, tokenizer, picture, token, picture_first, outputs, at, scores })
    }

    /// Numbers of the embeddings it takes.
    #[must_use]
    pub fn dims(&self) -> usize {
        self.picture.data().len()
    }

    /// Sentences about the picture with `embedding`, best first, at most as many as `beams` are wide.
    /// Where none comes to its end within the longest, they are cut there.
    ///
    /// # Errors
    /// [`TaskError`] when the embedding has another length or numbers that are not finite, or the
    /// engine fails.
    pub fn describe(
        &mut self,
        embedding: &[f32],
        beams: Beams,
    ) -> Result<Vec<Sentence>, TaskError> {
        if embedding.len() != self.dims() || embedding.iter().any(|v| !v.is_finite()) {
            return Err(TaskError::Contract {
                model: self.name.clone(),
                reason: format!(
                    "it takes {} finite numbers of a picture, not these {}",
                    self.dims(),
                    embedding.len()
                ),
            });
        }
        from_f32(embedding, self.picture.data_mut());
        self.session.reset_state(ResetReason::Start);
        let start = Beam { words: Vec::new(), sum: 0.0, state: self.session.export_state()? };
        let (mut open, mut done) = (vec![start], Vec::new());
        let width = beams.width.max(1);
        for _ in 0..beams.longest {
            let mut logs = Vec::new();
            let mut states = Vec::new();
            for beam in &open {
                logs.push(self.step(beam)?);
                states.push(self.session.export_state()?);
            }
            let mut next = Vec::new();
            for (place, word, sum) in best(&open, &logs, width) {
                let (Some(beam), Some(state)) = (open.get(place), states.get(place)) else {
                    continue;
                };
                let mut grown = Beam { words: beam.words.clone(), sum, state: state.clone() };
                if word == self.tokenizer.end {
                    done.push(grown);
                } else {
                    grown.words.push(word);
                    next.push(grown);
                }
            }
            open = next;
            if open.is_empty() || done.len() >= width {
                break;
            }
        }
        // What has no end yet is a fragment, likelier than any whole sentence it may become: it
        // stands for one only where there is none.
        let cut = done.is_empty();
        let mut said = if cut { open } else { done };
        said.sort_by(|a, b| b.mean(!cut).total_cmp(&a.mean(!cut)));
        said.truncate(width);
        let say = |beam: Beam| {
            let (text, score) = (self.tokenizer.decode(&beam.words), beam.mean(!cut));
            Sentence { text, score, cut }
        };
        Ok(said.into_iter().map(say).collect())
    }

    /// Scores of the word after `beam`; the session's state is the one after it then.
    fn step(&mut self, beam: &Beam) -> Result<Vec<f64>, TaskError> {
        self.session.import_state(&beam.state)?;
        let last = beam.words.last().copied().unwrap_or(self.tokenizer.end);
        from_f32(&[last as f32], self.token.data_mut());
        let (picture, token) = (self.picture.view(), self.token.view());
        let inputs: [TensorView<'_>; 2] =
            if self.picture_first { [picture, token] } else { [token, picture] };
        self.session.run(&inputs, &mut self.outputs)?;
        self.session.advance_state();
        if let Some(scores) = self.outputs.get(self.at) {
            to_f32(scores.data(), &mut self.scores);
        }
        if let Some(at) = self.scores.iter().position(|v| !v.is_finite()) {
            return Err(TaskError::NotFinite { model: self.name.clone(), at });
        }
        let mut never = vec![self.tokenizer.pad, self.tokenizer.unknown];
        if beam.words.is_empty() {
            never.push(self.tokenizer.end);
        }
        Ok(log_softmax(&self.scores, &never))
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("name", &self.name).finish_non_exhaustive()
    }
}
