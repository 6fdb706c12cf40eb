//! Networks from a question to its kind, and one arrangement without a network.

use framecast::model::Role;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::questions::Question;
use crate::net::{Cell, Form, Layers, Params, Slot, TaskNet, add_table};

/// Words of a window.
const WINDOW: usize = 4;
/// Numbers of a word, and of the layers after it.
const WORD: usize = 32;
const WIDE: usize = 64;

/// How a sentence is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A convolution over three words, its largest values, a layer.
    #[default]
    Cnn,
    /// The last state of an LSTM.
    Lstm,
    /// No network: naive Bayes on each window of four words, and a stacker over what they say.
    Windows,
}

/// Takes token ids to scores of kinds.
#[derive(Clone, Debug, PartialEq)]
pub struct Judge {
    /// The arrangement.
    pub kind: Kind,
    /// Ids of the vocabulary.
    pub words: usize,
    /// Ids of a sentence.
    pub length: usize,
    /// Kinds of questions.
    pub kinds: usize,
}

impl Judge {
    /// Untrained parameters; those of naive Bayes are counted in `questions`, given as ids.
    #[must_use]
    pub(super) fn init(&self, seed: u64, questions: &[(Vec<f32>, usize)]) -> Params {
        let mut by = Pcg64::seed_from_u64(seed);
        let mut p = Params::default();
        match self.kind {
            Kind::Cnn => {
                add_table(&mut p, "words", self.words, WORD, &mut by);
                p.add_conv("triples", [WIDE, WORD, 1, 3], 2.0, &mut by);
                p.add_conv("dense", [WIDE, WIDE, 1, 1], 2.0, &mut by);
                p.add_conv("scores", [self.kinds, WIDE, 1, 1], 1.0, &mut by);
            }
            Kind::Lstm => {
                add_table(&mut p, "words", self.words, WORD, &mut by);
                Cell::Lstm.add(&mut p, "lstm", WORD, WIDE, &mut by);
                p.add_conv("scores", [self.kinds, WIDE, 1, 1], 1.0, &mut by);
            }
            Kind::Windows => {
                let (table, prior) = self.bayes(questions);
                p.add_values("words.weight", &[self.words, self.kinds, 1, 1], table);
                let ones = vec![1.0; self.kinds * WINDOW];
                p.add_values("window.weight", &[self.kinds, 1, 1, WINDOW], ones);
                p.add_values("window.bias", &[self.kinds], prior);
                p.add_conv("scores", [self.kinds, 2 * self.kinds, 1, 1], 1.0, &mut by);
            }
        }
        p
    }

    /// Logarithms of the chance of each word in a window of each kind, and of each kind; one is
    /// added to every count (Laplace). A window has the kind of its sentence.
    fn bayes(&self, questions: &[(Vec<f32>, usize)]) -> (Vec<f32>, Vec<f32>) {
        let mut table = vec![1.0_f64; self.words * self.kinds];
        let mut windows = vec![1.0_f64; self.kinds];
        for (ids, kind) in questions {
            for window in ids.windows(WINDOW) {
                windows.get_mut(*kind).into_iter().for_each(|n| *n += 1.0);
                for id in window {
                    // Ids are small whole numbers.
                    let at = *id as usize * self.kinds + kind;
                    table.get_mut(at).into_iter().for_each(|n| *n += 1.0);
                }
            }
        }
        let totals: Vec<f64> = (0..self.kinds)
            .map(|k| table.iter().skip(k).step_by(self.kinds.max(1)).sum())
            .collect();
        let all: f64 = windows.iter().sum();
        let words = table.chunks_exact(self.kinds.max(1)).flat_map(|row| {
            row.iter().zip(&totals).map(|(n, total)| (n / total).ln() as f32).collect::<Vec<_>>()
        });
        (words.collect(), windows.iter().map(|n| (n / all).ln() as f32).collect())
    }

    /// The scores before they are made probabilities.
    fn logits<G: Layers>(&self, g: &mut G, question: &G::Value) -> G::Value {
        let words = g.embed(question, "words");
        let x = match self.kind {
            Kind::Cnn => {
                let x = g.dropout(&words, 0.2);
                let x = g.convolve(&x, "triples", 1, [0, 1]);
                let x = g.relu(&x);
                let x = g.max_over(&x);
                let x = g.linear(&x, "dense");
                let x = g.dropout(&x, 0.2);
                g.relu(&x)
            }
            Kind::Lstm => {
                let x = g.dropout(&words, 0.2);
                let x = g.recurrent(&x, "lstm", Cell::Lstm);
                g.last(&x)
            }
            Kind::Windows => {
                let sums = g.depthwise(&words, "window", 1, [0, 0]);
                let said = g.softmax(&sums);
                let (mean, most) = (g.mean(&said), g.max_over(&said));
                g.concat(&[mean, most])
            }
        };
        g.linear(&x, "scores")
    }
}

impl TaskNet for Judge {
    fn inputs(&self) -> Vec<Slot> {
        vec![Slot::new("question", Role::Tokens, Form::Tokens(self.length))]
    }

    fn outputs(&self) -> Vec<Slot> {
        vec![Slot::new("scores", Role::Scores, Form::Vector(self.kinds))]
    }

    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
        let Some(question) = inputs.first() else { return Vec::new() };
        let logits = self.logits(g, question);
        vec![g.softmax(&logits)]
    }
}

/// The same without the last step, for the loss.
pub(super) struct Logits<'a>(pub(super) &'a Judge);

impl TaskNet for Logits<'_> {
    fn inputs(&self) -> Vec<Slot> {
        self.0.inputs()
    }

    fn outputs(&self) -> Vec<Slot> {
        self.0.outputs()
    }

    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
        inputs.first().map(|question| self.0.logits(g, question)).into_iter().collect()
    }
}

/// The most frequent kind.
pub(super) fn majority(questions: &[Question], kinds: usize) -> usize {
    let count = |kind: &usize| questions.iter().filter(|(_, k)| k == kind).count();
    (0..kinds).max_by_key(count).unwrap_or_default()
}
