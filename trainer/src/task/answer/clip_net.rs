//! The network that answers questions about a clip, one frame at a time.
//!
//! What a frame shows of each kind of shape updates a small memory, the same gated recurrent unit
//! for every kind. A question looks at the memories: it chooses kinds and what of them matters. The
//! work of a frame does not grow with the clip.

use framecast::model::Role;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

use super::encoder::Encoder;
use super::scene::{KINDS, SIDE};
use super::sentence::Sentence;
use crate::net::{Form, Layers, Params, Slot, TaskNet};

/// What is known of a kind at the end of a clip, asked of the memory in training beside the questions.
pub(super) const EVENTS: usize = 10;

/// Encoder, memory, question encoder and the head that joins them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ClipNet {
    pub(super) encoder: Encoder,
    pub(super) sentence: Sentence,
    /// Token ids of a question.
    pub(super) length: usize,
    /// Number of answers.
    pub(super) answers: usize,
    /// Numbers remembered of each kind.
    pub(super) memory: usize,
    /// What the logits are divided by before the softmax.
    pub(super) temperature: f32,
}

/// Channels a question looks at in each kind's memory.
const LOOK: usize = 16;
/// Numbers that a kind has in a frame: three seen, three changes, whether there was a frame before.
const INPUTS: usize = 7;
/// Movements between frames are this much larger for the memory; a pixel is 1/32 of half a side.
const CHANGE: f32 = 8.0;

impl ClipNet {
    /// Everything but the encoder.
    pub(super) fn init(&self, seed: u64) -> Params {
        let by = &mut Pcg64::seed_from_u64(seed);
        let mut params = Params::default();
        let (memory, size) = (self.memory, self.sentence.size);
        params.add_conv("memory.input", [3 * memory, INPUTS, 1, 1], 1.0, by);
        params.add_conv("memory.state", [3 * memory, memory, 1, 1], 1.0, by);
        params.add_conv("memory.events", [EVENTS, memory, 1, 1], 1.0, by);
        self.sentence.add(&mut params, by);
        params.add_conv("look.memory", [LOOK, memory, 1, 1], 1.0, by);
        params.add_conv("look.question", [LOOK, size, 1, 1], 1.0, by);
        params.add_conv("look.kinds", [KINDS, size, 1, 1], 1.0, by);
        params.add_conv("head.hidden", [96, LOOK + LOOK * KINDS + size, 1, 1], 2.0, by);
        params.add_conv("head.answers", [self.answers, 96, 1, 1], 1.0, by);
        params
    }

    /// The memory and what it compares the next frame with, after a frame in which `seen` was seen.
    pub(super) fn remember<G: Layers>(
        &self,
        g: &mut G,
        seen: &G::Value,
        memory: &G::Value,
        before: &G::Value,
    ) -> [G::Value; 2] {
        let now = g.unflatten(seen, [3, 1, KINDS]);
        let parts = g.split(before, &[3, 1]);
        let (last, begun) = (&parts[0], &parts[1]);
        let change = g.sub(&now, last);
        let change = g.affine(&change, CHANGE, 0.0);
        let change = g.clip(&change, -3.0, 3.0);
        let change = g.mul(&change, begun);
        let input = g.concat(&[now.clone(), change, begun.clone()]);
        let input = g.linear(&input, "memory.input");
        let own = g.linear(memory, "memory.state");
        let sizes = [self.memory; 3];
        let (input, own) = (g.split(&input, &sizes), g.split(&own, &sizes));
        let keep = g.add(&input[0], &own[0]);
        let keep = g.sigmoid(&keep);
        let reset = g.add(&input[1], &own[1]);
        let reset = g.sigmoid(&reset);
        let old = g.mul(&reset, &own[2]);
        let new = g.add(&input[2], &old);
        let new = g.tanh(&new);
        let kept = g.sub(memory, &new);
        let kept = g.mul(&keep, &kept);
        let memory = g.add(&new, &kept);
        let one = g.affine(begun, 0.0, 1.0);
        [memory, g.concat(&[now, one])]
    }

    /// The logits of the answers to `tokens` about a memory.
    pub(super) fn answer<G: Layers>(
        &self,
        g: &mut G,
        memory: &G::Value,
        tokens: &G::Value,
    ) -> G::Value {
        let question = self.sentence.forward(g, tokens);
        let kinds = g.linear(&question, "look.kinds");
        let kinds = g.sigmoid(&kinds);
        let kinds = g.unflatten(&kinds, [1, 1, KINDS]);
        let found = g.linear(memory, "look.memory");
        let wanted = g.linear(&question, "look.question");
        let found = g.add(&found, &wanted);
        let found = g.relu(&found);
        let found = g.mul(&found, &kinds);
        let sum = g.mean(&found);
        let sum = g.affine(&sum, KINDS as f32, 0.0);
        let each = g.flatten(&found);
        let all = g.concat(&[sum, each, question]);
        let hidden = g.linear(&all, "head.hidden");
        let hidden = g.relu(&hidden);
        g.linear(&hidden, "head.answers")
    }
}

impl TaskNet for ClipNet {
    fn inputs(&self) -> Vec<Slot> {
        vec![
            Slot::new("frame", Role::Frame, Form::Picture([3, SIDE, SIDE])),
            Slot::new("question", Role::Tokens, Form::Tokens(self.length)),
        ]
    }

    fn outputs(&self) -> Vec<Slot> {
        vec![Slot::new("scores", Role::Scores, Form::Vector(self.answers))]
    }

    fn state(&self) -> Vec<(String, Form)> {
        vec![
            ("memory".to_owned(), Form::Picture([self.memory, 1, KINDS])),
            ("before".to_owned(), Form::Picture([4, 1, KINDS])),
        ]
    }

    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
        let seen = self.encoder.see(g, &inputs[0]);
        let [memory, before] = self.remember(g, &seen, &inputs[2], &inputs[3]);
        let logits = self.answer(g, &memory, &inputs[1]);
        let logits = g.affine(&logits, 1.0 / self.temperature, 0.0);
        vec![g.softmax(&logits), memory, before]
    }
}
