//! Encoders of questions: token ids to one vector.

use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use crate::net::{Cell, Layers, Params, add_table};

/// How a question is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reader {
    /// The mean of the words' vectors, whatever their order.
    #[default]
    Bag,
    /// A convolution over three words, then the largest values.
    Cnn,
    /// A gated recurrent unit.
    Gru,
    /// A long short-term memory.
    Lstm,
}

/// A question encoder with its sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sentence {
    /// How it reads.
    pub(super) reader: Reader,
    /// Rows of the table of words.
    pub(super) words: usize,
    /// Numbers of a word's vector.
    pub(super) embedding: usize,
    /// Numbers of the question's vector.
    pub(super) size: usize,
}

impl Sentence {
    /// Adds its parameters.
    pub(super) fn add(&self, params: &mut Params, by: &mut Pcg64) {
        add_table(params, "question.words", self.words, self.embedding, by);
        let (inputs, size) = (self.embedding, self.size);
        match self.reader {
            Reader::Bag => params.add_conv("question.vector", [size, inputs, 1, 1], 1.0, by),
            Reader::Cnn => {
                params.add_conv("question.phrase", [size, inputs, 1, 3], 2.0, by);
                params.add_conv("question.vector", [size, size, 1, 1], 1.0, by);
            }
            Reader::Gru => Cell::Gru.add(params, "question.gru", inputs, size, by),
            Reader::Lstm => Cell::Lstm.add(params, "question.lstm", inputs, size, by),
        }
    }

    /// The vector of `tokens`, from -1 to 1.
    pub(super) fn forward<G: Layers>(&self, g: &mut G, tokens: &G::Value) -> G::Value {
        let words = g.embed(tokens, "question.words");
        let vector = match self.reader {
            Reader::Bag => {
                // Padding counts too: a constant that the bias takes up.
                let mean = g.mean(&words);
                let sum = g.affine(&mean, 4.0, 0.0);
                g.linear(&sum, "question.vector")
            }
            Reader::Cnn => {
                let phrases = g.convolve(&words, "question.phrase", 1, [0, 1]);
                let phrases = g.relu(&phrases);
                let largest = g.max_over(&phrases);
                g.linear(&largest, "question.vector")
            }
            Reader::Gru => {
                let states = g.recurrent(&words, "question.gru", Cell::Gru);
                return g.last(&states);
            }
            Reader::Lstm => {
                let states = g.recurrent(&words, "question.lstm", Cell::Lstm);
                return g.last(&states);
            }
        };
        g.tanh(&vector)
    }
}
