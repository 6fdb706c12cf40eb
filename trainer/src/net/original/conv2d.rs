//! The first original predictor: one 3x3 convolution with ReLU over five frames in 15 channels. It
//! has no way to pass the last frame on, so it must learn even to copy.

use rand_pcg::Pcg64;

use crate::net::Params;
use crate::net::graph::Graph;

pub(super) fn add(params: &mut Params, channels: usize, random: &mut Pcg64) {
    // A unit of a ReLU that starts below zero for every picture would never learn.
    params.add_conv("conv", [3, channels, 3, 3], 0.05, random);
    if let Some(bias) = params.list_mut().last_mut() {
        bias.values.fill(0.3);
    }
}

pub(super) fn step<G: Graph>(g: &mut G, window: &G::Value) -> G::Value {
    let sum = g.conv(window, "conv", 1);
    g.relu(&sum)
}
