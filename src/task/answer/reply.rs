//! What comes back of a question.

use serde::{Deserialize, Serialize};

/// A possible answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The answer.
    pub answer: String,
    /// How probable it is, 0..=1.
    pub probability: f32,
}

/// Why no answer is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withheld {
    /// The likeliest answer is less probable than this.
    Unsure(f32),
    /// The question has words that the model does not know.
    UnknownWords(Vec<String>),
}

impl Withheld {
    /// The reason in words.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Unsure(least) => format!("no answer is as probable as {least}"),
            Self::UnknownWords(words) => {
                format!("the model does not know the words {}", words.join(", "))
            }
        }
    }
}

/// The answers to a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The question.
    pub question: String,
    /// The answer; none when it is withheld.
    pub answer: Option<String>,
    /// Why it is withheld.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<Withheld>,
    /// All answers, likeliest first; equals in the order of the labels.
    pub answers: Vec<Answer>,
    /// Words of the question that did not fit and were not looked at.
    pub cut: usize,
    /// Frames that it is about.
    pub frames: usize,
    /// From the first of them to the last, in seconds.
    pub seconds: f64,
}
