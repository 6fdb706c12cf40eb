//! The conv3d hybrid: the last frame plus what a 3x3x3 convolution adds, which starts at zero.
//!
//! The original convolves over lines, columns and *colours*, with time as channels, which mixes
//! colours by their place and knows no motion. This is what was meant: a convolution over time,
//! lines and columns, with colours as channels. It is causal, so the newest result sees the newest
//! three frames. The noise of the second variant enters this branch alone: the frame that is
//! passed on stays clean, where the original's was noisy as well.

use rand_pcg::Pcg64;

use crate::net::Params;
use crate::net::graph::Graph;

/// Frames under the kernel.
pub(super) const TAPS: usize = 3;
/// Standard deviation of the noise in training, frames being in 0..=1.
const NOISE: f32 = 0.1;

pub(super) fn add(params: &mut Params, gain: f32, random: &mut Pcg64) {
    params.add_conv("time", [3, 3 * TAPS, 3, 3], gain, random);
}

pub(super) fn step<G: Graph>(g: &mut G, window: &G::Value, noisy: bool) -> G::Value {
    let seen = if noisy { g.noise(window, NOISE) } else { window.clone() };
    let change = g.conv_over_time(&seen, "time");
    let last = g.newest(window);
    g.add(&last, &change)
}
