//! The two towers: a picture or its features, and token ids, to vectors of unit length.

use framecast::model::Role;
use rand_pcg::Pcg64;

use super::features::{SIDE, features};
use super::settings::{EmbedSettings, TextKind};
use crate::net::{Cell, Form, Layers, Params, Slot, TaskNet};

/// What is trained of both towers.
pub(super) fn init(settings: &EmbedSettings, by: &mut Pcg64) -> Params {
    let mut params = Params::default();
    // A small start: the standardised features are many.
    params.add_conv("picture", [settings.size, settings.width, 1, 1], 0.1, by);
    let inside = match settings.text {
        TextKind::Gru => {
            Cell::Gru.add(&mut params, "gru", settings.words, settings.hidden, by);
            settings.hidden
        }
        TextKind::Bag => settings.words,
    };
    params.add_conv("sentence", [settings.size, inside, 1, 1], 1.0, by);
    params
}

/// The picture tower on features that are there already.
#[derive(Clone, Copy, Debug)]
pub(super) struct PictureHead<'a>(pub(super) &'a EmbedSettings);

impl TaskNet for PictureHead<'_> {
    fn inputs(&self) -> Vec<Slot> {
        vec![Slot::new("features", Role::Features, Form::Vector(self.0.width))]
    }

    fn outputs(&self) -> Vec<Slot> {
        vec![Slot::new("embedding", Role::Embedding, Form::Vector(self.0.size))]
    }

    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
        let tower = |features: &G::Value| {
            let x = g.channel_affine(features, "standard");
            let x = g.dropout(&x, self.0.dropout);
            let x = g.noise(&x, self.0.noise);
            let x = g.linear(&x, "picture");
            let x = g.tanh(&x);
            g.normalise(&x)
        };
        inputs.iter().map(tower).collect()
    }
}

/// The picture tower on frames, as it is exported.
#[derive(Clone, Copy, Debug)]
pub(super) struct PictureTower<'a>(pub(super) &'a EmbedSettings);

impl TaskNet for PictureTower<'_> {
    fn inputs(&self) -> Vec<Slot> {
        vec![Slot::new("frame", Role::Frame, Form::Picture([3, SIDE, SIDE]))]
    }

    fn outputs(&self) -> Vec<Slot> {
        PictureHead(self.0).outputs()
    }

    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
        let features: Vec<G::Value> = inputs.iter().map(|frame| features(g, frame)).collect();
        PictureHead(self.0).forward(g, &features)
    }
}

/// The text tower on token ids.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextTower<'a>(pub(super) &'a EmbedSettings);

impl TaskNet for TextTower<'_> {
    fn inputs(&self) -> Vec<Slot> {
        vec![Slot::new("tokens", Role::Tokens, Form::Tokens(self.0.length))]
    }

    fn outputs(&self) -> Vec<Slot> {
        vec![Slot::new("embedding", Role::Embedding, Form::Vector(self.0.size))]
    }

    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
        let tower = |tokens: &G::Value| {
            let words = g.embed(tokens, "words");
            let words = g.dropout(&words, 0.5 * self.0.dropout);
            let all = match self.0.text {
                TextKind::Gru => {
                    let states = g.recurrent(&words, "gru", Cell::Gru);
                    g.last(&states)
                }
                TextKind::Bag => {
                    let mean = g.mean(&words);
                    g.affine(&mean, self.0.length as f32 / 3.0, 0.0)
                }
            };
            let all = g.dropout(&all, 0.5 * self.0.dropout);
            let all = g.linear(&all, "sentence");
            let all = g.tanh(&all);
            g.normalise(&all)
        };
        inputs.iter().map(tower).collect()
    }
}
