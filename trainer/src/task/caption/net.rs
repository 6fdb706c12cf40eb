//! One step of the decoder: picture, word and state in; scores of the next word and state out.

use framecast::model::Role;
use rand_pcg::Pcg64;

use super::lesson::CaptionSettings;
use crate::net::{Form, Layers, Params, Slot, TaskNet, add_table};

/// The decoder for `words` words and pictures of `picture` numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct DecoderNet<'a> {
    pub(super) settings: &'a CaptionSettings,
    pub(super) words: usize,
    pub(super) picture: usize,
}

impl DecoderNet<'_> {
    pub(super) fn init(&self, by: &mut Pcg64) -> Params {
        let (size, hidden) = (self.settings.words, self.settings.hidden);
        let mut params = Params::default();
        add_table(&mut params, "words", self.words, size, by);
        params.add_conv("input", [3 * hidden, size + self.picture, 1, 1], 1.0, by);
        params.add_conv("gates", [2 * hidden, hidden, 1, 1], 1.0, by);
        params.add_conv("candidate", [hidden, hidden, 1, 1], 1.0, by);
        params.add_conv("scores", [self.words, hidden, 1, 1], 1.0, by);
        params
    }
}

impl TaskNet for DecoderNet<'_> {
    fn inputs(&self) -> Vec<Slot> {
        vec![
            Slot::new("picture", Role::Features, Form::Vector(self.picture)),
            Slot::new("word", Role::Tokens, Form::Tokens(1)),
        ]
    }

    fn outputs(&self) -> Vec<Slot> {
        vec![Slot::new("scores", Role::Scores, Form::Vector(self.words))]
    }

    fn state(&self) -> Vec<(String, Form)> {
        vec![("memory".to_owned(), Form::Vector(self.settings.hidden))]
    }

    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
        let [picture, word, memory] = inputs else { return Vec::new() };
        let hidden = self.settings.hidden;
        let word = g.embed(word, "words");
        let word = g.dropout(&word, self.settings.dropout);
        let both = g.concat(&[word, picture.clone()]);
        let input = g.linear(&both, "input");
        let input = g.split(&input, &[hidden; 3]);
        let past = g.linear(memory, "gates");
        let past = g.split(&past, &[hidden; 2]);
        let mut gate = |at: usize| {
            let sum = g.add(&input[at], &past[at]);
            g.sigmoid(&sum)
        };
        let (keep, reset) = (gate(0), gate(1));
        let kept = g.mul(&reset, memory);
        let new = g.linear(&kept, "candidate");
        let new = g.add(&input[2], &new);
        let new = g.tanh(&new);
        let apart = g.sub(memory, &new);
        let apart = g.mul(&keep, &apart);
        let next = g.add(&new, &apart);
        let told = g.dropout(&next, self.settings.dropout);
        vec![g.linear(&told, "scores"), next]
    }
}
