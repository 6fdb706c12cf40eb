//! A gated recurrent unit, one character a call.

use framecast::model::Role;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

use crate::net::{Form, Layers, Params, Slot, TaskNet, add_table};

/// Numbers of a character.
const CHARACTER: usize = 16;

/// Takes a character and what was kept of those before; gives logits of the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Writer {
    /// Ids of the vocabulary.
    pub characters: usize,
    /// Numbers that are kept.
    pub state: usize,
}

impl Writer {
    /// The untrained parameters.
    #[must_use]
    pub fn init(&self, seed: u64) -> Params {
        let mut by = Pcg64::seed_from_u64(seed);
        let mut p = Params::default();
        let (inputs, size) = (CHARACTER + self.state, self.state);
        add_table(&mut p, "characters", self.characters, CHARACTER, &mut by);
        p.add_conv("gates", [2 * size, inputs, 1, 1], 1.0, &mut by);
        p.add_conv("fresh", [size, inputs, 1, 1], 1.0, &mut by);
        p.add_conv("scores", [self.characters, size, 1, 1], 1.0, &mut by);
        p
    }
}

impl TaskNet for Writer {
    fn inputs(&self) -> Vec<Slot> {
        vec![Slot::new("character", Role::Tokens, Form::Tokens(1))]
    }

    fn outputs(&self) -> Vec<Slot> {
        vec![Slot::new("scores", Role::Scores, Form::Vector(self.characters))]
    }

    fn state(&self) -> Vec<(String, Form)> {
        vec![("state".to_owned(), Form::Vector(self.state))]
    }

    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
        let [character, state] = inputs else { return Vec::new() };
        let x = g.embed(character, "characters");
        let both = g.concat(&[x.clone(), state.clone()]);
        let gates = g.linear(&both, "gates");
        let gates = g.sigmoid(&gates);
        let gates = g.split(&gates, &[self.state, self.state]);
        let [keep, reset] = gates.as_slice() else { return Vec::new() };
        let part = g.mul(reset, state);
        let both = g.concat(&[x, part]);
        let fresh = g.linear(&both, "fresh");
        let fresh = g.tanh(&fresh);
        let change = g.sub(state, &fresh);
        let kept = g.mul(keep, &change);
        let next = g.add(&fresh, &kept);
        vec![g.linear(&next, "scores"), next]
    }
}
