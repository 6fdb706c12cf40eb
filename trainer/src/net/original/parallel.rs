//! Three strategies in parallel, as the winner of the original leaderboard is described: the last
//! frame, a convolution over three frames, and one over all five with ReLU. They are put side by
//! side, and a 3x3 convolution that starts as copying the last frame combines them.

use rand_pcg::Pcg64;

use super::{conv2d, conv3d};
use crate::net::Params;
use crate::net::graph::Graph;

/// Strategies, of three channels each.
const STRATEGIES: usize = 3;

pub(super) fn add(params: &mut Params, channels: usize, random: &mut Pcg64) {
    conv3d::add(params, 1.0, random);
    conv2d::add(params, channels, random);
    params.add_conv("combine", [3, 3 * STRATEGIES, 3, 3], 0.0, random);
    if let [.., combine, _] = params.list_mut() {
        for colour in 0..3 {
            // The middle of the kernel from the last frame's colour to the same.
            combine.values[(colour * 3 * STRATEGIES + colour) * 9 + 4] = 1.0;
        }
    }
}

pub(super) fn step<G: Graph>(g: &mut G, window: &G::Value) -> G::Value {
    let last = g.newest(window);
    let moving = g.conv_over_time(window, "time");
    let learned = g.conv_over_time(window, "conv");
    let learned = g.relu(&learned);
    let all = g.concat(&[last, moving, learned]);
    g.conv(&all, "combine", 1)
}
