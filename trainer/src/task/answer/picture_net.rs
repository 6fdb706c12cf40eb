//! The network that answers questions about a picture.

use framecast::model::Role;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

use super::encoder::Encoder;
use super::scene::{CELLS, KINDS, SIDE};
use super::sentence::Sentence;
use crate::net::{Form, Layers, Params, Slot, TaskNet};

/// Encoder, question encoder and the fusion of both: product, both by themselves, one hidden layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PictureNet {
    pub(super) encoder: Encoder,
    pub(super) sentence: Sentence,
    /// Token ids of a question.
    pub(super) length: usize,
    /// Number of answers.
    pub(super) answers: usize,
    /// What the logits are divided by before the softmax.
    pub(super) temperature: f32,
}

impl PictureNet {
    pub(super) fn init(&self, seed: u64) -> Params {
        let by = &mut Pcg64::seed_from_u64(seed);
        let mut params = Params::default();
        self.encoder.add(&mut params, by);
        self.sentence.add(&mut params, by);
        let size = self.sentence.size;
        let inputs = self.encoder.widths[3] + KINDS;
        params.add_conv("picture.vector", [size, inputs, 1, 1], 2.0, by);
        params.add_conv("fusion.hidden", [size, 3 * size, 1, 1], 2.0, by);
        params.add_conv("fusion.answers", [self.answers, size, 1, 1], 1.0, by);
        params
    }

    /// The vector of a picture, and its maps before the sigmoid.
    pub(super) fn look<G: Layers>(&self, g: &mut G, picture: &G::Value) -> (G::Value, G::Value) {
        let (cells, maps) = self.encoder.forward(g, picture);
        let largest = g.max_over(&cells);
        let seen = g.sigmoid(&maps);
        let seen = g.mean(&seen);
        let seen = g.affine(&seen, (CELLS * CELLS) as f32, 0.0);
        let all = g.concat(&[largest, seen]);
        let vector = g.linear(&all, "picture.vector");
        (g.relu(&vector), maps)
    }

    /// The logits of the answers to `tokens` about a picture's vector.
    pub(super) fn answer<G: Layers>(
        &self,
        g: &mut G,
        vector: &G::Value,
        tokens: &G::Value,
    ) -> G::Value {
        let question = self.sentence.forward(g, tokens);
        let product = g.mul(vector, &question);
        let all = g.concat(&[product, vector.clone(), question]);
        let hidden = g.linear(&all, "fusion.hidden");
        let hidden = g.relu(&hidden);
        g.linear(&hidden, "fusion.answers")
    }
}

impl TaskNet for PictureNet {
    fn inputs(&self) -> Vec<Slot> {
        vec![
            Slot::new("frame", Role::Frame, Form::Picture([3, SIDE, SIDE])),
            Slot::new("question", Role::Tokens, Form::Tokens(self.length)),
        ]
    }

    fn outputs(&self) -> Vec<Slot> {
        vec![Slot::new("scores", Role::Scores, Form::Vector(self.answers))]
    }

    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
        let (vector, _) = self.look(g, &inputs[0]);
        let logits = self.answer(g, &vector, &inputs[1]);
        let logits = g.affine(&logits, 1.0 / self.temperature, 0.0);
        vec![g.softmax(&logits)]
    }
}
