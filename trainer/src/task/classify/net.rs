//! The networks.

use framecast::model::Role;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use crate::net::{Form, Layers, Params, Slot, TaskNet};

/// Classes.
pub(super) const CLASSES: usize = 10;
/// Filters of the two pairs of convolutions, and numbers of the layer after them.
const FILTERS: [usize; 2] = [32, 64];
const DENSE: usize = 512;

/// Which network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A linear map of the pixels: the baseline.
    Pixels,
    /// Convolutions of 3x3 with 32, 32, 64 and 64 filters, pooled after each pair, and a layer of
    /// 512, with dropout of 0.25, 0.25 and 0.5.
    #[default]
    Slides,
}

/// A classifier of pictures with one channel. Pixels are standardised by mean and deviation of the
/// training pictures inside the graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Classifier {
    kind: Kind,
    size: [usize; 2],
    mean: f32,
    deviation: f32,
}

impl Classifier {
    /// For pictures of `[lines, columns]` of which `pixels` are examples.
    #[must_use]
    pub fn new(kind: Kind, size: [usize; 2], pixels: &[f32]) -> Self {
        let count = pixels.len().max(1) as f64;
        let mean = pixels.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
        let square = pixels.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;
        let (mean, deviation) = (mean as f32, (square.sqrt() as f32).max(1e-3));
        Self { kind, size, mean, deviation }
    }

    /// Numbers that reach the last layers.
    #[must_use]
    pub fn maps(&self) -> usize {
        let [height, width] = self.size;
        match self.kind {
            Kind::Pixels => height * width,
            // Twice: two lines fewer by the second convolution, then half.
            Kind::Slides if height < 16 || width < 16 => 0,
            Kind::Slides => {
                let inner = |n: usize| ((n - 2) / 2 - 2) / 2;
                inner(height) * inner(width) * FILTERS[1]
            }
        }
    }

    /// The untrained parameters.
    #[must_use]
    pub fn init(&self, seed: u64) -> Params {
        let mut by = Pcg64::seed_from_u64(seed);
        let mut p = Params::default();
        let maps = self.maps();
        match self.kind {
            Kind::Pixels => p.add_conv("scores", [CLASSES, maps, 1, 1], 1.0, &mut by),
            Kind::Slides => {
                let [low, high] = FILTERS;
                let layers = [("first", 1, low), ("second", low, low), ("third", low, high)];
                for (name, inputs, outputs) in layers.into_iter().chain([("fourth", high, high)]) {
                    p.add_conv(name, [outputs, inputs, 3, 3], 2.0, &mut by);
                }
                p.add_conv("dense", [DENSE, maps, 1, 1], 2.0, &mut by);
                p.add_conv("scores", [CLASSES, DENSE, 1, 1], 1.0, &mut by);
            }
        }
        p
    }

    /// The scores before they are made probabilities.
    pub(super) fn logits<G: Layers>(&self, g: &mut G, frame: &G::Value) -> G::Value {
        let scale = 1.0 / self.deviation;
        let mut x = g.affine(frame, scale, -self.mean * scale);
        if self.kind == Kind::Slides {
            for pair in [["first", "second"], ["third", "fourth"]] {
                for (name, border) in pair.into_iter().zip([1, 0]) {
                    x = g.convolve(&x, name, 1, [border; 2]);
                    x = g.relu(&x);
                }
                x = g.max_pool_by(&x, 2, 2);
                x = g.dropout(&x, 0.25);
            }
        }
        x = g.flatten(&x);
        if self.kind == Kind::Slides {
            x = g.linear(&x, "dense");
            x = g.relu(&x);
            x = g.dropout(&x, 0.5);
        }
        g.linear(&x, "scores")
    }
}

impl TaskNet for Classifier {
    fn inputs(&self) -> Vec<Slot> {
        let [height, width] = self.size;
        vec![Slot::new("frame", Role::Frame, Form::Picture([1, height, width]))]
    }

    fn outputs(&self) -> Vec<Slot> {
        vec![Slot::new("scores", Role::Scores, Form::Vector(CLASSES))]
    }

    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
        let Some(frame) = inputs.first() else { return Vec::new() };
        let logits = self.logits(g, frame);
        vec![g.softmax(&logits)]
    }
}

/// The same without the last step, for the loss.
pub(super) struct Logits<'a>(pub(super) &'a Classifier);

impl TaskNet for Logits<'_> {
    fn inputs(&self) -> Vec<Slot> {
        self.0.inputs()
    }

    fn outputs(&self) -> Vec<Slot> {
        self.0.outputs()
    }

    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
        inputs.first().map(|frame| self.0.logits(g, frame)).into_iter().collect()
    }
}
