//! Questions to the tasks of a run, and what became of each.
//!
//! When full: questions wait in a queue of eight; one more is turned away.
//!
//! Threading: any thread asks and waits no longer than it says. Whoever asked counts the outcome, so
//! that each question is counted once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use serde::{Deserialize, Serialize};

use crate::frame::MonoTime;
use crate::task::TaskError;

/// Questions that wait.
const QUESTIONS: usize = 8;

/// Why a question got no answer, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// The question itself cannot be used: empty, too long, no text.
    Question,
    /// No frame has come yet.
    NothingSeen,
    /// No task of the run answers questions.
    NoTask,
    /// Too many questions wait already.
    Busy,
    /// There was no answer in time.
    Late,
    /// The run has ended.
    Ended,
    /// The task failed.
    Failed,
}

impl From<&TaskError> for Refusal {
    fn from(error: &TaskError) -> Self {
        match error {
            TaskError::Question(_) => Self::Question,
            TaskError::NothingSeen => Self::NothingSeen,
            _ => Self::Failed,
        }
    }
}

/// What was said to a question.
#[derive(Clone, Debug, PartialEq)]
pub enum Answered {
    /// The answer, with the name of the task.
    Answer(&'static str, serde_json::Value),
    /// Why there is none: for programs, and in words.
    Refused(Refusal, String),
}

/// What became of the questions to a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QuestionCounts {
    /// All of them.
    pub asked: u64,
    /// Answered, or withheld with the probabilities.
    pub answered: u64,
    /// Refused by the task, or with none to answer.
    pub refused: u64,
    /// Not answered in time, or before the run ended.
    pub unanswered: u64,
    /// Turned away, since too many waited.
    pub turned_away: u64,
}

impl QuestionCounts {
    const fn add(&mut self, answered: &Answered) {
        self.asked += 1;
        let count = match answered {
            Answered::Answer(..) => &mut self.answered,
            Answered::Refused(Refusal::Busy, _) => &mut self.turned_away,
            Answered::Refused(Refusal::Late | Refusal::Ended, _) => &mut self.unanswered,
            Answered::Refused(..) => &mut self.refused,
        };
        *count += 1;
    }
}

/// The counts, shared with the report.
pub(super) type SharedCounts = Arc<Mutex<QuestionCounts>>;

/// A question on its way.
pub(super) struct Question {
    pub(super) text: String,
    pub(super) asked: MonoTime,
    /// When nobody waits for the answer any more.
    pub(super) until: MonoTime,
    pub(super) reply: Sender<Answered>,
}

/// Asks the tasks of a run.
#[derive(Clone)]
pub struct Asker {
    questions: Sender<Question>,
    counts: SharedCounts,
}

impl std::fmt::Debug for Asker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Asker")
    }
}

impl Asker {
    /// An asker with the way its questions come out.
    pub(super) fn new() -> (Self, Receiver<Question>, SharedCounts) {
        let (questions, waiting) = bounded(QUESTIONS);
        let counts = SharedCounts::default();
        (Self { questions, counts: Arc::clone(&counts) }, waiting, counts)
    }

    /// The answer to `text`, or why there is none within `patience`.
    #[must_use]
    pub fn ask(&self, text: &str, patience: Duration) -> Answered {
        let answered = self.answer(text, patience);
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).add(&answered);
        answered
    }

    fn answer(&self, text: &str, patience: Duration) -> Answered {
        let ended = || Answered::Refused(Refusal::Ended, "the run has ended".to_owned());
        let (reply, answer) = bounded(1);
        let asked = MonoTime::now();
        let until = asked.after(patience);
        let question = Question { text: text.to_owned(), asked, until, reply };
        match self.questions.try_send(question) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                let reason = format!("{QUESTIONS} questions wait already; ask again later");
                return Answered::Refused(Refusal::Busy, reason);
            }
            Err(TrySendError::Disconnected(_)) => return ended(),
        }
        match answer.recv_timeout(patience) {
            Ok(answered) => answered,
            Err(RecvTimeoutError::Timeout) => {
                let reason = format!("no answer within {patience:?}; ask again later");
                Answered::Refused(Refusal::Late, reason)
            }
            Err(RecvTimeoutError::Disconnected) => ended(),
        }
    }
}
