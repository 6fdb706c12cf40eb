//! The networks.

use framecast::model::Role;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use crate::net::{Form, Layers, Params, Slot, TaskNet};

/// Numbers of a signature.
pub(super) const SIGNATURE: usize = 32;
/// Filters of the convolutional network.
const FILTERS: [usize; 2] = [16, 8];

/// Which network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Pixels to 32 numbers with a ReLU, and back with a sigmoid.
    #[default]
    Dense,
    /// Two convolutions that halve the picture before the 32 numbers, two that double it after them.
    Convolutional,
}

/// Takes a picture to a signature of 32 numbers and back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Autoencoder {
    /// The layers.
    pub kind: Kind,
    /// `[lines, columns]`, multiples of 4.
    pub size: [usize; 2],
    /// Deviation of the noise that is added in training.
    pub noise: f32,
}

impl Autoencoder {
    fn form(&self) -> Form {
        Form::Picture([1, self.size[0], self.size[1]])
    }

    /// The untrained parameters.
    #[must_use]
    pub fn init(&self, seed: u64) -> Params {
        let mut by = Pcg64::seed_from_u64(seed);
        let mut p = Params::default();
        let [height, width] = self.size;
        let mut conv = |name: &str, shape: [usize; 4], gain| p.add_conv(name, shape, gain, &mut by);
        match self.kind {
            Kind::Dense => {
                conv("signature", [SIGNATURE, height * width, 1, 1], 2.0);
                conv("picture", [height * width, SIGNATURE, 1, 1], 1.0);
            }
            Kind::Convolutional => {
                let [wide, narrow] = FILTERS;
                let inner = narrow * (height / 4) * (width / 4);
                conv("half", [wide, 1, 3, 3], 2.0);
                conv("quarter", [narrow, wide, 3, 3], 2.0);
                conv("signature", [SIGNATURE, inner, 1, 1], 2.0);
                conv("back", [inner, SIGNATURE, 1, 1], 2.0);
                conv("double", [wide, narrow, 3, 3], 2.0);
                conv("picture", [1, wide, 3, 3], 1.0);
            }
        }
        p
    }
}

impl TaskNet for Autoencoder {
    fn inputs(&self) -> Vec<Slot> {
        vec![Slot::new("frame", Role::Frame, self.form())]
    }

    /// The signature, the picture it stands for, and the anomaly score: the mean squared error.
    fn outputs(&self) -> Vec<Slot> {
        vec![
            Slot::new("signature", Role::Embedding, Form::Vector(SIGNATURE)),
            Slot::new("picture", Role::Other, self.form()),
            Slot::new("anomaly", Role::Scores, Form::Vector(1)),
        ]
    }

    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
        let Some(frame) = inputs.first() else { return Vec::new() };
        let [height, width] = self.size;
        let mut x = g.noise(frame, self.noise);
        if self.kind == Kind::Convolutional {
            for name in ["half", "quarter"] {
                x = g.convolve(&x, name, 2, [1, 1]);
                x = g.relu(&x);
            }
        }
        x = g.flatten(&x);
        x = g.linear(&x, "signature");
        let signature = g.relu(&x);
        x = match self.kind {
            Kind::Dense => {
                let x = g.linear(&signature, "picture");
                g.unflatten(&x, [1, height, width])
            }
            Kind::Convolutional => {
                let x = g.linear(&signature, "back");
                let x = g.relu(&x);
                let x = g.unflatten(&x, [FILTERS[1], height / 4, width / 4]);
                let x = g.double(&x);
                let x = g.convolve(&x, "double", 1, [1, 1]);
                let x = g.relu(&x);
                let x = g.double(&x);
                g.convolve(&x, "picture", 1, [1, 1])
            }
        };
        let picture = g.sigmoid(&x);
        let off = g.sub(frame, &picture);
        let square = g.mul(&off, &off);
        let anomaly = g.mean(&square);
        vec![signature, picture, anomaly]
    }
}
