//! Frames in, questions in, answers out.

use std::fmt;
use std::time::Duration;

use crate::engine::{LoadOptions, LoadReport, Session, load};
use crate::frame::{MonoTime, Size};
use crate::model::{
    Answering, ClipMemory, Contract, DType, ModelFile, ResetReason, Role, Task, TensorBuf,
    TensorData, TensorView, Tokenizer,
};
use crate::task::{FrameInput, TaskError};
use crate::vision::RgbImage;

use super::lane::Lane;
use super::{Answer, Reply, Withheld};

/// Memories of a recurrent model, begun one after the other, so that there is always one that has
/// seen at least half of what a question may be about.
const LANES: usize = 2;

/// Answers questions about the frames of one stream. One thread owns it; it starts none.
///
/// Without memory a frame costs a copy and a question one run. With memory each of the frames that
/// the model's rate takes costs two runs, and a question one more.
pub struct Responder {
    name: String,
    lanes: Vec<Lane>,
    input: FrameInput,
    words: Words,
    labels: Vec<String>,
    answering: Answering,
    /// Place of the scores among the outputs.
    scores_at: usize,
    outputs: Vec<TensorBuf>,
    /// Capture time of the newest frame taken, and when the next is due.
    newest: Option<MonoTime>,
    due: Option<MonoTime>,
}

/// The input for token ids.
struct Words {
    tokenizer: Tokenizer,
    at: usize,
    tensor: TensorBuf,
    /// Padding alone, while nothing is asked.
    blank: TensorBuf,
}

impl Words {
    fn new(contract: &Contract, session: &dyn Session) -> Result<Self, String> {
        let tokenizer = contract.tokenizer.clone().ok_or("it carries no tokenizer")?;
        let port = contract.input(Role::Tokens).ok_or("it has no input of role tokens")?;
        let inputs = &session.spec().inputs;
        let found = inputs.iter().enumerate().find(|(_, spec)| spec.name == port.name);
        let (at, spec) =
            found.ok_or_else(|| format!("the graph lacks its input {:?}", port.name))?;
        if !matches!(spec.dtype, DType::I64 | DType::I32 | DType::F32) {
            let (name, dtype) = (&spec.name, spec.dtype);
            return Err(format!("input {name:?} is {dtype}; token ids are i64, i32 or f32"));
        }
        let length: usize = spec.shape.iter().product();
        if tokenizer.length != length {
            let own = tokenizer.length;
            return Err(format!(
                "its tokenizer makes {own} ids; input {:?} takes {length}",
                spec.name
            ));
        }
        if inputs.len() != 2 {
            let names: Vec<&str> = inputs.iter().map(|i| i.name.as_str()).collect();
            return Err(format!(
                "a frame and token ids are all it may take; it takes {}",
                names.join(", ")
            ));
        }
        let mut words = Self {
            at,
            tensor: TensorBuf::zeros(spec.dtype, &spec.shape),
            blank: TensorBuf::zeros(spec.dtype, &spec.shape),
            tokenizer,
        };
        write(&vec![words.tokenizer.pad; length], words.blank.data_mut());
        Ok(words)
    }
}

fn write(ids: &[u32], to: &mut TensorData) {
    match to {
        TensorData::I64(values) => {
            values.iter_mut().zip(ids).for_each(|(v, id)| *v = i64::from(*id));
        }
        TensorData::I32(values) => {
            values.iter_mut().zip(ids).for_each(|(v, id)| *v = i32::try_from(*id).unwrap_or(0));
        }
        TensorData::F32(values) => values.iter_mut().zip(ids).for_each(|(v, id)| *v = *id as f32),
        _ => {}
    }
}

/// Frame and token ids in the order of the graph.
fn inputs<'a>(input: &'a FrameInput, words: &Words, tokens: &'a TensorBuf) -> [TensorView<'a>; 2] {
    if words.at == 0 { [tokens.view(), input.tensor()] } else { [input.tensor(), tokens.view()] }
}

impl Responder {
    /// Loads `model` for frames of `frame`, as often as it needs memories.
    ///
    /// # Errors
    /// [`TaskError::Contract`] when its contract is not that of a model that answers, and the errors
    /// of loading.
    pub fn load(
        model: &ModelFile,
        options: &LoadOptions,
        frame: Size,
    ) -> Result<(Self, LoadReport), TaskError> {
        let bad = |reason: &str| TaskError::Contract {
            model: model.name().to_owned(),
            reason: reason.to_owned(),
        };
        let contract = model.contract()?.ok_or_else(|| {
            bad("it carries no contract; answers, words and probabilities are said there")
        })?;
        if contract.task != Task::Answer {
            let task = serde_json::to_value(contract.task).ok();
            let task = task.as_ref().and_then(serde_json::Value::as_str).unwrap_or("another");
            return Err(bad(&format!(
                "its task is {task}; questions need one with task answer, such as answer-clip"
            )));
        }
        let mut options = options.clone();
        options.bind.append(&mut FrameInput::binding(&contract, frame)?);
        let first = load(model, &options)?;
        let mut sessions = vec![first.session];
        if !contract.state.is_empty() {
            // Tested and warm already.
            (options.self_test, options.warm_up) = (false, 1);
            while sessions.len() < LANES {
                sessions.push(load(model, &options)?.session);
            }
        }
        Ok((Self::new(sessions, &contract, frame)?, first.report))
    }

    /// Answers with `sessions` of one model, one for each memory; frames are of size `frame`, or of
    /// any where the model's own is fixed.
    ///
    /// # Errors
    /// [`TaskError::Contract`] when contract and sessions are not those of a model that answers.
    pub fn new(
        sessions: Vec<Box<dyn Session>>,
        contract: &Contract,
        frame: Size,
    ) -> Result<Self, TaskError> {
        let bad = |reason: String| TaskError::Contract { model: contract.name.clone(), reason };
        let lanes: Vec<Lane> = sessions.into_iter().map(Lane::new).collect();
        let Some(first) = lanes.first() else { return Err(bad("no session is given".into())) };
        let spec = first.session().spec();
        let input = FrameInput::new(contract, spec, frame)?;
        let words = Words::new(contract, first.session()).map_err(bad)?;
        let port = contract
            .output(Role::Scores)
            .ok_or_else(|| bad("its contract names no output of role scores".into()))?;
        let found = spec.outputs.iter().enumerate().find(|(_, o)| o.name == port.name);
        let (scores_at, scores) =
            found.ok_or_else(|| bad(format!("the graph lacks its output {:?}", port.name)))?;
        let (count, labels) = (scores.shape.iter().product::<usize>(), contract.labels.len());
        if count != labels || labels == 0 || scores.dtype != DType::F32 {
            return Err(bad(format!(
                "output {:?} has {count} numbers of {} for {labels} answers",
                scores.name, scores.dtype
            )));
        }
        let outputs = spec.outputs.iter().map(|o| TensorBuf::zeros(o.dtype, &o.shape)).collect();
        Ok(Self {
            name: contract.name.clone(),
            input,
            words,
            labels: contract.labels.clone(),
            answering: contract.answering.unwrap_or(Answering { abstain: 0.0, clip: None }),
            scores_at,
            outputs,
            lanes,
            newest: None,
            due: None,
        })
    }

    /// Name of the model.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All answers there are.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The time between the frames that a model with memory takes; none for one without.
    #[must_use]
    pub fn interval(&self) -> Option<Duration> {
        self.memory().map(|clip| Duration::from_secs_f64(1.0 / f64::from(clip.rate)))
    }

    fn memory(&self) -> Option<ClipMemory> {
        self.answering.clip.filter(|_| !self.first_has_no_state())
    }

    fn first_has_no_state(&self) -> bool {
        self.lanes.first().is_none_or(|lane| lane.session().spec().state.is_empty())
    }

    /// Shows a frame captured at `captured`. A model with memory leaves out frames above its rate,
    /// and forgets what it saw when nothing came for as long as it remembers.
    ///
    /// # Errors
    /// [`TaskError::FrameSize`] for a frame of another size than a model of any size was loaded for,
    /// and the errors of the engine.
    pub fn see(&mut self, frame: &RgbImage, captured: MonoTime) -> Result<(), TaskError> {
        if let Some(ClipMemory { rate, frames }) = self.memory() {
            let interval = Duration::from_secs_f64(1.0 / f64::from(rate));
            if self.due.is_some_and(|due| captured.after(interval / 4) < due) {
                return Ok(());
            }
            let span = interval.saturating_mul(u32::try_from(frames).unwrap_or(u32::MAX));
            if self.newest.is_some_and(|newest| captured.since(newest) > span) {
                self.reset(ResetReason::Gap);
            }
            // A steady pace where frames keep it, and from the frame itself where they do not.
            self.due = match self.due {
                Some(due) if captured < due.after(interval) => Some(due.after(interval)),
                _ => Some(captured.after(interval)),
            };
        }
        self.input.fill(frame)?;
        self.newest = Some(captured);
        if self.first_has_no_state() {
            return Ok(());
        }
        let most = self.memory().map_or(usize::MAX, |clip| clip.frames);
        let half = most / 2;
        let inputs = inputs(&self.input, &self.words, &self.words.blank);
        let (mut older, mut begun) = (0, false);
        for lane in &mut self.lanes {
            // The second memory begins when the first is half full.
            if begun && lane.frames == 0 && older < half {
                continue;
            }
            older = lane.frames;
            begun = true;
            lane.see(captured, most, &inputs, &mut self.outputs)?;
        }
        Ok(())
    }

    /// Forgets all frames.
    pub fn reset(&mut self, reason: ResetReason) {
        self.lanes.iter_mut().for_each(|lane| lane.forget(reason));
        (self.newest, self.due) = (None, None);
    }

    /// Answers `question` about what was seen.
    ///
    /// # Errors
    /// [`TaskError::Question`] for a question that is empty or too long, [`TaskError::NothingSeen`]
    /// before the first frame, [`TaskError::NotFinite`] when the model's answer is no number (what
    /// it remembered is forgotten then), and the errors of the engine.
    pub fn ask(&mut self, question: &str) -> Result<Reply, TaskError> {
        let encoded = self.words.tokenizer.encode(question)?;
        let Some(newest) = self.newest else { return Err(TaskError::NothingSeen) };
        write(&encoded.ids, self.words.tensor.data_mut());
        let inputs = inputs(&self.input, &self.words, &self.words.tensor);
        let Some(lane) = self.lanes.iter_mut().max_by_key(|lane| lane.frames) else {
            return Err(TaskError::NothingSeen);
        };
        lane.ask(&inputs, &mut self.outputs)?;
        let (frames, first) = (lane.frames.max(1), lane.first);
        let seconds = if lane.frames > 1 { newest.since(first).as_secs_f64() } else { 0.0 };
        let scores = self.outputs.get(self.scores_at).and_then(TensorBuf::as_f32);
        let scores = scores.unwrap_or_default();
        if let Some(at) = scores.iter().position(|s| !s.is_finite()) {
            let error = TaskError::NotFinite { model: self.name.clone(), at };
            self.reset(ResetReason::NonFinite);
            return Err(error);
        }
        let probabilities = probabilities(scores);
        let mut answers: Vec<Answer> = self
            .labels
            .iter()
            .zip(probabilities)
            .map(|(answer, probability)| Answer { answer: answer.clone(), probability })
            .collect();
        // Stable, so that equals keep their order.
        answers.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        let top = answers.first().map_or(0.0, |a| a.probability);
        let withheld = if !encoded.unknown.is_empty() {
            Some(Withheld::UnknownWords(encoded.unknown))
        } else if top < self.answering.abstain {
            Some(Withheld::Unsure(self.answering.abstain))
        } else {
            None
        };
        let answer = match withheld {
            Some(_) => None,
            None => answers.first().map(|a| a.answer.clone()),
        };
        let (question, cut) = (question.to_owned(), encoded.cut);
        Ok(Reply { question, answer, withheld, answers, cut, frames, seconds })
    }
}

/// Scores as they are when they are probabilities; the softmax of anything else.
fn probabilities(scores: &[f32]) -> Vec<f32> {
    let sum: f32 = scores.iter().sum();
    if scores.iter().all(|s| (0.0..=1.0).contains(s)) && (sum - 1.0).abs() < 1e-3 {
        return scores.to_vec();
    }
    let top = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let grown: Vec<f32> = scores.iter().map(|s| (s - top).exp()).collect();
    let sum: f32 = grown.iter().sum();
    grown.iter().map(|g| g / sum).collect()
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder").field("name", &self.name).finish_non_exhaustive()
    }
}
