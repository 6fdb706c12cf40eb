//! The ConvLSTM encoder and decoder: 4, 8 and 16 filters on the way down with max pooling, 16, 8
//! and 4 on the way up with doubling, what the encoder gave added on each level of the decoder.
//!
//! The original's batch normalisation stands in the form it has when it is folded for inference, a
//! scale and a shift a channel, both learned; the outputs of a ConvLSTM are within -1..=1 by
//! themselves. A 1x1 convolution over the last frame and the four channels is the gate between
//! copying and the network; it starts as copying.
//!
//! State of the lower levels lies in blocks of pixels, so that all of it has the size of the frame.

use rand_pcg::Pcg64;

use super::cell::Cell;
use crate::net::Params;
use crate::net::graph::Graph;

/// The cells in their order, each with the factor its pictures are smaller by.
pub(super) const CELLS: [(Cell, usize); 6] = [
    (Cell { name: "down1", inputs: 3, filters: 4 }, 1),
    (Cell { name: "down2", inputs: 4, filters: 8 }, 2),
    (Cell { name: "down3", inputs: 8, filters: 16 }, 4),
    (Cell { name: "up3", inputs: 16, filters: 16 }, 4),
    (Cell { name: "up2", inputs: 16, filters: 8 }, 2),
    (Cell { name: "up1", inputs: 8, filters: 4 }, 1),
];
/// Share of the last outputs that is left out in training.
const DROPOUT: f32 = 0.2;

pub(super) fn add(params: &mut Params, random: &mut Pcg64) {
    for (cell, _) in CELLS {
        cell.add(params, random);
    }
    let (last, _) = CELLS[5];
    params.add_conv("norm", [last.filters, 1, 1, 1], 0.0, random);
    if let [.., scale, _] = params.list_mut() {
        scale.values.fill(1.0);
    }
    params.add_conv("gate", [3, 3 + last.filters, 1, 1], 0.0, random);
    if let [.., gate, _] = params.list_mut() {
        for colour in 0..3 {
            gate.values[colour * (3 + last.filters) + colour] = 1.0;
        }
    }
}

pub(super) fn step<G: Graph>(
    g: &mut G,
    frame: &G::Value,
    state: &[G::Value],
) -> (G::Value, Vec<G::Value>) {
    let mut next = Vec::with_capacity(state.len());
    let mut run = |g: &mut G, at: usize, x: &G::Value| {
        let (cell, smaller) = CELLS[at];
        let [hidden, memory] = [0, 1].map(|i| g.space_to_depth(&state[2 * at + i], smaller));
        let out = cell.step(g, x, [&hidden, &memory]);
        next.extend(out.each_ref().map(|v| g.depth_to_space(v, smaller)));
        let [hidden, _] = out;
        hidden
    };
    let full = run(g, 0, frame);
    let x = g.max_pool(&full);
    let half = run(g, 1, &x);
    let x = g.max_pool(&half);
    let x = run(g, 2, &x);
    let x = run(g, 3, &x);
    let x = g.double(&x);
    let x = run(g, 4, &x);
    let x = g.add(&x, &half);
    let x = g.double(&x);
    let x = run(g, 5, &x);
    let x = g.add(&x, &full);
    let x = g.channel_affine(&x, "norm");
    let x = g.dropout(&x, DROPOUT);
    let both = g.concat(&[frame.clone(), x]);
    (g.conv(&both, "gate", 1), next)
}
