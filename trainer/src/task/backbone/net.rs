//! Networks that make one vector of a picture.

use framecast::model::Role;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::statistics::{COUNT, statistics};
use crate::net::{Form, Layers, Params, Slot, TaskNet};

/// Which convolutions see the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tower {
    /// Seven convolutions that halve the picture four times; for one core of a small board.
    #[default]
    Edge,
    /// The tower of the original question answerer, after VGG (Simonyan and Zisserman, 2015): two, two
    /// and three convolutions of 64, 128 and 256 filters with a pool after each; the first of each is
    /// padded, the others are not.
    Original,
}

/// The `[backbone]` table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backbone {
    /// Its convolutions.
    pub tower: Tower,
    /// Side of the square picture it sees.
    pub side: usize,
    /// Numbers that are learned; those of a flat `original` tower follow from its side.
    pub dims: usize,
    /// Pool over the picture; without it the `original` tower's last channels are the embedding as
    /// they are, 160,000 numbers at 224 pixels.
    pub pool: bool,
    /// Colours and sharpness, 76 numbers for which nothing is learned, follow the learned ones.
    pub statistics: bool,
}

impl Default for Backbone {
    fn default() -> Self {
        Self { tower: Tower::Edge, side: 96, dims: 256, pool: true, statistics: false }
    }
}

/// A convolution with its rectifier.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layer {
    pub(super) name: &'static str,
    filters: usize,
    side: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
    /// Its result is added to what it sees (He et al., 2016).
    pub(super) adds: bool,
    /// The largest of each 2x2 block follows.
    pub(super) pools: bool,
    /// The mean of its result is part of the summary.
    pub(super) told: bool,
}

const fn layer(name: &'static str, filters: usize, side: usize, stride: usize) -> Layer {
    let padding = side / 2;
    Layer { name, filters, side, stride, padding, adds: stride == 1, pools: false, told: false }
}

const EDGE: [Layer; 7] = [
    layer("c1", 16, 5, 2),
    layer("c2", 32, 3, 2),
    Layer { told: true, ..layer("c3", 32, 3, 1) },
    layer("c4", 64, 3, 2),
    layer("c5", 64, 3, 1),
    layer("c6", 128, 3, 2),
    layer("c7", 128, 3, 1),
];

const fn vgg(name: &'static str, filters: usize, padding: usize, pools: bool) -> Layer {
    Layer { padding, adds: false, pools, ..layer(name, filters, 3, 1) }
}

const ORIGINAL: [Layer; 7] = [
    vgg("c1", 64, 1, false),
    vgg("c2", 64, 0, true),
    vgg("c3", 128, 1, false),
    vgg("c4", 128, 0, true),
    vgg("c5", 256, 1, false),
    vgg("c6", 256, 0, false),
    vgg("c7", 256, 0, true),
];

impl Backbone {
    /// A sentence when the sizes do not fit.
    pub(super) fn check(&self) -> Result<(), String> {
        if !(32..=512).contains(&self.side) {
            return Err(format!("backbone.side = {} is outside 32 to 512", self.side));
        }
        if !(8..=4096).contains(&self.dims) {
            return Err(format!("backbone.dims = {} is outside 8 to 4096", self.dims));
        }
        if self.statistics && !self.side.is_multiple_of(2) {
            return Err(format!(
                "backbone.side = {} is odd; statistics want an even one",
                self.side
            ));
        }
        if self.tower == Tower::Edge && !self.pool {
            return Err("the edge tower is always pooled; leave backbone.pool out".to_owned());
        }
        Ok(())
    }

    /// Side of the last picture of the original tower.
    const fn last_side(&self) -> usize {
        let first = (self.side - 2) / 2;
        let second = (first - 2) / 2;
        (second - 4) / 2
    }

    /// Numbers of the embedding that are learned.
    #[must_use]
    pub const fn numbers(&self) -> usize {
        match (self.tower, self.pool) {
            (Tower::Original, false) => self.last_side() * self.last_side() * 256,
            _ => self.dims,
        }
    }

    /// Its convolutions in order.
    pub(super) const fn layers(&self) -> &'static [Layer] {
        match self.tower {
            Tower::Edge => &EDGE,
            Tower::Original => &ORIGINAL,
        }
    }

    /// The untrained parameters.
    #[must_use]
    pub fn init(&self, by: &mut Pcg64) -> Params {
        let mut params = Params::default();
        let (mut inputs, mut told) = (3, 0);
        for layer in self.layers() {
            let shape = [layer.filters, inputs, layer.side, layer.side];
            params.add_conv(layer.name, shape, 2.0, by);
            inputs = layer.filters;
            told += if layer.told { layer.filters } else { 0 };
        }
        if self.pool {
            params.add_conv("out", [self.dims, 2 * inputs + told, 1, 1], 1.0, by);
        }
        params
    }

    /// The embedding of a picture of values from 0 to 1, before it is made one of length one.
    pub(super) fn summary<G: Layers>(&self, g: &mut G, frame: &G::Value) -> G::Value {
        let mut x = g.affine(frame, 2.0, -1.0);
        let mut told = Vec::new();
        for layer in self.layers() {
            let y = g.convolve(&x, layer.name, layer.stride, [layer.padding; 2]);
            let y = g.relu(&y);
            x = if layer.adds { g.add(&x, &y) } else { y };
            if layer.told {
                told.push(g.mean(&x));
            }
            if layer.pools {
                x = g.max_pool_by(&x, 2, 2);
            }
        }
        if !self.pool {
            return g.flatten(&x);
        }
        let mut parts = vec![g.mean(&x), g.max_over(&x)];
        parts.append(&mut told);
        let summary = g.concat(&parts);
        g.linear(&summary, "out")
    }
}

impl TaskNet for Backbone {
    fn inputs(&self) -> Vec<Slot> {
        vec![Slot::new("frame", Role::Frame, Form::Picture([3, self.side, self.side]))]
    }

    fn outputs(&self) -> Vec<Slot> {
        let statistics = if self.statistics { COUNT } else { 0 };
        vec![Slot::new("embedding", Role::Embedding, Form::Vector(self.numbers() + statistics))]
    }

    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
        let Some(frame) = inputs.first() else { return Vec::new() };
        let summary = self.summary(g, frame);
        let learned = g.normalise(&summary);
        if !self.statistics {
            return vec![learned];
        }
        let [colours, sharpness] = statistics(g, frame);
        let all = g.concat(&[learned, colours, sharpness]);
        vec![g.normalise(&all)]
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};
    use rand::SeedableRng as _;

    use super::*;

    fn made(backbone: &Backbone) -> Vec<f32> {
        let params = backbone.init(&mut Pcg64::seed_from_u64(1));
        let device = Device::flex();
        let frame = Tensor::ones([1, 3, backbone.side, backbone.side], &device) * 0.3;
        let out = backbone.compute(&params.by_name(&device), &[frame], None).remove(0);
        assert_eq!(out.dims(), [1, backbone.numbers(), 1, 1]);
        out.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn embeddings_have_their_numbers_and_length_one() {
        for (tower, pool) in
            [(Tower::Edge, true), (Tower::Original, true), (Tower::Original, false)]
        {
            let backbone = Backbone { tower, pool, side: 40, dims: 24, statistics: false };
            backbone.check().unwrap();
            let values = made(&backbone);
            let length = values.iter().map(|v| v * v).sum::<f32>().sqrt();
            assert!((length - 1.0).abs() < 1e-3, "{tower:?} {length}");
        }
    }

    /// The numbers of the original: 160,000 flat features, 1.735 million parameters.
    #[test]
    fn the_original_tower_has_its_size() {
        let flat = Backbone {
            tower: Tower::Original,
            side: 224,
            dims: 256,
            pool: false,
            ..Backbone::default()
        };
        assert_eq!(flat.numbers(), 160_000);
        let params = flat.init(&mut Pcg64::seed_from_u64(1));
        assert!((1_735_000..1_736_000).contains(&params.len()), "{}", params.len());
        assert!(Backbone { side: 16, ..flat }.check().unwrap_err().contains("32 to 512"));
        let edge = Backbone { pool: false, ..Backbone::default() };
        assert!(edge.check().unwrap_err().contains("always pooled"));
    }
}
