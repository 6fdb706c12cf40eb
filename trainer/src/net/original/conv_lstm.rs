//! The ConvLSTM hybrid: the last frame plus a 3x3 convolution, which starts at zero, of a ConvLSTM
//! with six filters. One step a frame: output and memory of the cell are state.

use rand_pcg::Pcg64;

use super::cell::Cell;
use crate::net::Params;
use crate::net::graph::Graph;

pub(super) const CELL: Cell = Cell { name: "lstm", inputs: 3, filters: 6 };

pub(super) fn add(params: &mut Params, random: &mut Pcg64) {
    CELL.add(params, random);
    params.add_conv("out", [3, CELL.filters, 3, 3], 0.0, random);
}

pub(super) fn step<G: Graph>(
    g: &mut G,
    frame: &G::Value,
    state: [&G::Value; 2],
) -> (G::Value, Vec<G::Value>) {
    let next = CELL.step(g, frame, state);
    let change = g.conv(&next[0], "out", 1);
    (g.add(frame, &change), next.to_vec())
}
