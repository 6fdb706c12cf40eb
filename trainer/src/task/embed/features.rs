//! Features of a picture that nothing is learned for, as part of the exported graph.
//!
//! Colours: how much of each of 55 colours there is, in nine cells and over all; a pixel is shared
//! among the colours by a softmax over their distances. Edges: strength of even and odd filters
//! (Gabor) of six directions at three scales, in nine cells and over all.

use framecast::model::Role;
use std::f32::consts::PI;

use crate::net::{Form, Layers, Params, Slot, TaskNet};

/// Lines and columns of the pictures.
pub const SIDE: usize = 96;
/// Side of a cell.
const CELL: usize = 32;
/// How sharply a pixel belongs to its nearest colour.
const SHARPNESS: f32 = 60.0;
/// Directions of edges.
const DIRECTIONS: usize = 6;
/// Side of an edge filter.
const KERNEL: usize = 7;
/// Scales of edges: the picture is averaged over blocks of this side.
const SCALES: [usize; 3] = [1, 2, 4];

/// The colours: seven greys, and twelve hues at two saturations and two brightnesses.
fn colours() -> Vec<[f32; 3]> {
    let mut list: Vec<[f32; 3]> = (0..7).map(|i| [i as f32 / 6.0; 3]).collect();
    for hue in 0..12 {
        for saturation in [0.35, 0.8] {
            for value in [0.4, 0.85] {
                list.push(from_hsv(hue as f32 / 2.0, saturation, value));
            }
        }
    }
    list
}

/// Red, green and blue of a hue in 0..6.
fn from_hsv(hue: f32, saturation: f32, value: f32) -> [f32; 3] {
    let channel = |shift: f32| {
        let k = (shift + hue) % 6.0;
        value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0)
    };
    [channel(5.0), channel(3.0), channel(1.0)]
}

/// An even and an odd filter for each direction.
fn filters() -> Vec<f32> {
    let mut all = Vec::new();
    let half = (KERNEL / 2) as f32;
    for direction in 0..DIRECTIONS {
        let angle = direction as f32 * PI / DIRECTIONS as f32;
        for phase in [0.0, PI / 2.0] {
            let mut filter: Vec<f32> = (0..KERNEL * KERNEL)
                .map(|i| {
                    let (x, y) = ((i % KERNEL) as f32 - half, (i / KERNEL) as f32 - half);
                    let along = x * angle.cos() + y * angle.sin();
                    (-(x * x + y * y) / 8.0).exp() * (PI / 2.0 * along + phase).cos()
                })
                .collect();
            let mean = filter.iter().sum::<f32>() / filter.len() as f32;
            filter.iter_mut().for_each(|v| *v -= mean);
            let size = filter.iter().map(|v| v.abs()).sum::<f32>();
            all.extend(filter.iter().map(|v| v / size));
        }
    }
    all
}

/// Numbers the features have.
#[must_use]
pub fn count() -> usize {
    let cells = (SIDE / CELL).pow(2) + 1;
    cells * (colours().len() + DIRECTIONS * SCALES.len())
}

/// The parameters of [`features`], which are never trained.
#[must_use]
pub fn fixed() -> Params {
    let colours = colours();
    let mut params = Params::default();
    // -|x - c|^2 without |x|^2, which is the same for all colours.
    let weights = colours.iter().flatten().map(|c| 2.0 * SHARPNESS * c).collect();
    let lengths = colours.iter().map(|c| -SHARPNESS * c.iter().map(|v| v * v).sum::<f32>());
    params.add_values("colours.weight", &[colours.len(), 3, 1, 1], weights);
    params.add_values("colours.bias", &[colours.len()], lengths.collect());
    params.add_values("edges.weight", &[2 * DIRECTIONS, 1, KERNEL, KERNEL], filters());
    params.add_values("edges.bias", &[2 * DIRECTIONS], vec![0.0; 2 * DIRECTIONS]);
    params
}

/// The features of a picture of [`SIDE`] x [`SIDE`].
pub fn features<G: Layers>(g: &mut G, frame: &G::Value) -> G::Value {
    let shares = g.conv(frame, "colours", 1);
    let shares = g.softmax(&shares);
    let mut parts = Vec::new();
    pooled(g, &shares, CELL, &mut parts);
    let grey = g.weighted(frame, &[vec![1.0 / 3.0; 3]]);
    let pairs: Vec<Vec<f32>> = (0..DIRECTIONS)
        .map(|d| (0..2 * DIRECTIONS).map(|i| f32::from(i / 2 == d)).collect())
        .collect();
    for scale in SCALES {
        let smaller = if scale > 1 { g.average_pool(&grey, scale) } else { grey.clone() };
        let edges = g.conv(&smaller, "edges", 1);
        let edges = g.abs(&edges);
        let strength = g.weighted(&edges, &pairs);
        pooled(g, &strength, CELL / scale, &mut parts);
    }
    g.concat(&parts)
}

fn pooled<G: Layers>(g: &mut G, x: &G::Value, cell: usize, parts: &mut Vec<G::Value>) {
    let cells = g.average_pool(x, cell);
    parts.push(g.flatten(&cells));
    parts.push(g.mean(x));
}

/// The features by themselves.
#[derive(Clone, Copy, Debug)]
pub struct FeatureNet;

impl TaskNet for FeatureNet {
    fn inputs(&self) -> Vec<Slot> {
        vec![Slot::new("frame", Role::Frame, Form::Picture([3, SIDE, SIDE]))]
    }

    fn outputs(&self) -> Vec<Slot> {
        vec![Slot::new("features", Role::Embedding, Form::Vector(count()))]
    }

    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
        inputs.iter().map(|frame| features(g, frame)).collect()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};

    use super::*;

    #[test]
    fn a_plain_picture_is_its_colour_and_has_no_edges_inside() {
        let device = Device::flex();
        let leaves = fixed().by_name(&device);
        // Red at saturation 0.8 and brightness 0.85: the colour at place 7 + 3.
        let red = from_hsv(0.0, 0.8, 0.85);
        let planes = red.map(|v| Tensor::<4>::full([1, 1, SIDE, SIDE], v, &device));
        let frame = Tensor::cat(planes.to_vec(), 1);
        let out = FeatureNet.compute(&leaves, &[frame], None).remove(0);
        let values = out.into_data().try_to_vec::<f32>().unwrap();
        assert_eq!(values.len(), count());
        let colours = colours().len();
        let over_all = &values[9 * colours..10 * colours];
        assert!((over_all.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        let most = over_all.iter().copied().fold(0.0, f32::max);
        assert!(most > 0.9 && over_all[10] == most, "{over_all:?}");
        // The middle cell of the finest scale sees no border.
        let edges = &values[10 * colours..];
        assert!((0..DIRECTIONS).all(|d| edges[d * 9 + 4].abs() < 1e-5));
    }
}
