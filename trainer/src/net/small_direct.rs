//! `small-direct`: a frame and state in, the next frame out, with a motion search of its own.
//!
//! How well each of 81 shifts of the frame before explains this one is measured in the graph, block
//! by block of 8x8 pixels, in luma. A softmax over the measures, corrected by a trunk of 3x3
//! convolutions with a gated memory, weighs the shifts of this frame in turn: first along lines, then
//! along columns, so that 18 shifted copies stand for 81. Motion is taken from the last *distinct*
//! frame, and the trunk knows how much changed in the last five steps, so that it can foresee
//! repeats. Before shifting, what was expected is mixed in where it came true (temporal denoising).
//!
//! The controls start at zero, so that an untrained network is copy-last exactly. No softmax and no
//! convolution runs at full resolution. All state has the frame's size.

use framecast::model::StateInit;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

use super::design::{Carried, Design};
use super::graph::Graph;
use super::params::Params;

/// Side of the blocks.
const BLOCK: usize = 8;
/// Channels of the trunk.
const WIDTH: usize = 64;
/// Residual convolutions of the trunk.
const BLOCKS: usize = 3;
/// Longest shift, in pixels.
const REACH: usize = 4;
/// Shifts along one axis.
const SHIFTS: usize = 2 * REACH + 1;
/// Steps before this one of which the change is known.
const PAST: usize = 4;
/// How sharply a measure tells at first; the measures are in 0..=1.
const SHARPNESS: f32 = 150.0;
/// Small differences are raised by this.
const GAIN: f32 = 4.0;
/// Luma of red, green and blue.
const LUMA: [f32; 3] = [77.0 / 256.0, 150.0 / 256.0, 29.0 / 256.0];
/// A change below this share of the largest of late is a repeat: none below the first, all above
/// the second.
const REPEAT: (f32, f32) = (0.2, 0.3);
/// Bounds of shares. A little below zero, so that they can learn from zero.
const SHARE: (f32, f32) = (-0.25, 1.25);

pub(super) fn design() -> Design {
    let carried = |name: &str, channels, init| Carried { name: name.to_owned(), channels, init };
    Design {
        window: None,
        state: vec![
            carried("newest", 3, StateInit::FirstFrame),
            carried("distinct", 3, StateInit::FirstFrame),
            carried("expected", 3, StateInit::FirstFrame),
            carried("changes", PAST, StateInit::Zeros),
            carried("memory", 1, StateInit::Zeros),
        ],
        multiple_of: BLOCK,
        copies_last: true,
    }
}

pub(super) fn init(seed: u64) -> Params {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut p = Params::default();
    let measures = SHIFTS * SHIFTS;
    p.add_conv("prior", [1, 1, 3, 3], 0.0, &mut random);
    if let [.., kernel, _] = p.list_mut() {
        kernel.values.fill(-SHARPNESS / 9.0);
    }
    p.add_conv("stem", [WIDTH, 9, BLOCK, BLOCK], 1.0, &mut random);
    p.add_conv("match", [WIDTH, measures + 3 + PAST, 1, 1], 1.0, &mut random);
    p.add_conv("recall", [WIDTH, BLOCK * BLOCK, 1, 1], 0.2, &mut random);
    for block in 0..BLOCKS {
        p.add_conv(&format!("block{block}"), [WIDTH, WIDTH, 3, 3], 0.7, &mut random);
    }
    p.add_conv("keep", [BLOCK * BLOCK, WIDTH, 1, 1], 0.5, &mut random);
    p.add_conv("write", [BLOCK * BLOCK, WIDTH, 1, 1], 0.5, &mut random);
    p.add_conv("shift", [measures, WIDTH, 1, 1], 0.0, &mut random);
    p.add_conv("controls", [3, WIDTH, 1, 1], 0.0, &mut random);
    p.add_conv("residual", [3 * BLOCK * BLOCK, WIDTH, 1, 1], 0.0, &mut random);
    p
}

pub(super) fn step<G: Graph>(
    g: &mut G,
    frame: &G::Value,
    state: &[G::Value],
) -> (G::Value, Vec<G::Value>) {
    let [newest, distinct, expected, changes, memory] = [0, 1, 2, 3, 4].map(|i| &state[i]);
    let luma = g.weighted(frame, &[LUMA.to_vec()]);
    let change = difference(g, frame, newest);
    let surprise = difference(g, frame, expected);
    let history = [g.mean(&change), g.mean(changes)];
    let history = g.concat(&history);
    let rhythm = rhythm(g, &history);
    let reference = reference(g, &rhythm, newest, distinct);
    let measures = measures(g, &luma, &reference);

    let seen = g.concat(&[change, surprise.clone()]);
    let seen = g.average_pool(&seen, BLOCK);
    let rhythm = planes(g, &seen, 2, &rhythm);
    let seen = g.concat(&[measures.clone(), seen]);
    let seen = g.affine(&seen, GAIN, 0.0);
    let seen = g.concat(&[seen, rhythm]);
    let seen = g.conv(&seen, "match", 1);
    let stem = stem(g, frame, &reference, expected);
    let recalled = g.space_to_depth(memory, BLOCK);
    let past = g.conv(&recalled, "recall", 1);
    let sum = g.add(&stem, &seen);
    let sum = g.add(&sum, &past);
    let mut x = g.relu(&sum);
    for block in 0..BLOCKS {
        let more = g.conv(&x, &format!("block{block}"), 1);
        let sum = g.add(&more, &x);
        x = g.relu(&sum);
    }
    let memory = remember(g, &x, &recalled);

    let weights = axis_weights(g, &measures, &x);
    let controls = g.conv(&x, "controls", 1);
    let all = g.concat(&[weights, controls]);
    let all = g.spread(&all);
    let parts = g.split(&all, &[SHIFTS, SHIFTS, 1, 1, 1]);
    // What was expected is trusted the less, the farther it is from what came.
    let surprise = g.affine(&surprise, 8.0 * GAIN, 0.0);
    let doubt = g.mul(&parts[4], &surprise);
    let trust = g.sub(&parts[3], &doubt);
    let steady = towards(g, frame, expected, &trust);
    let shifted = shift(g, &steady, &parts[0], 0);
    let shifted = shift(g, &shifted, &parts[1], 1);
    let moved = towards(g, &steady, &shifted, &parts[2]);
    let residual = g.conv(&x, "residual", 1);
    let residual = g.depth_to_space(&residual, BLOCK);
    let sum = g.add(&moved, &residual);
    let prediction = g.clip(&sum, 0.0, 1.0);

    let history = g.split(&history, &[PAST, 1]);
    let changes = planes(g, &luma, 1, &history[0]);
    (prediction.clone(), vec![frame.clone(), reference, prediction, changes, memory])
}

/// The absolute difference of two pictures in luma.
fn difference<G: Graph>(g: &mut G, a: &G::Value, b: &G::Value) -> G::Value {
    let difference = g.sub(a, b);
    let luma = g.weighted(&difference, &[LUMA.to_vec()]);
    g.abs(&luma)
}

/// How much the last steps changed, newest first, as shares of the largest of them.
fn rhythm<G: Graph>(g: &mut G, history: &G::Value) -> G::Value {
    let largest = g.largest(history);
    let largest = g.affine(&largest, 1.0, 1.0 / 1024.0);
    g.div(history, &largest)
}

/// The last distinct frame before this one: the newest, or after a repeat the one before that.
fn reference<G: Graph>(
    g: &mut G,
    rhythm: &G::Value,
    newest: &G::Value,
    distinct: &G::Value,
) -> G::Value {
    let newest_change = g.split(rhythm, &[1, PAST]);
    let (none, all) = REPEAT;
    let slope = 1.0 / (all - none);
    let new = g.affine(&newest_change[0], slope, -none * slope);
    let new = g.clip(&new, 0.0, 1.0);
    let more = g.sub(newest, distinct);
    let more = g.mul(&more, &new);
    g.add(distinct, &more)
}

/// One number a channel as planes of the size of `like`, which has `channels` channels.
fn planes<G: Graph>(g: &mut G, like: &G::Value, channels: usize, numbers: &G::Value) -> G::Value {
    let one = g.weighted(like, &[vec![0.0; channels]]);
    g.add(&one, numbers)
}

/// For each shift, lines before columns, how far this frame is from the shifted `reference`: the
/// mean absolute difference of each block.
fn measures<G: Graph>(g: &mut G, luma: &G::Value, reference: &G::Value) -> G::Value {
    let reference = g.weighted(reference, &[LUMA.to_vec()]);
    let wide = g.extend(&reference, [REACH, REACH]);
    let mut all = Vec::with_capacity(SHIFTS);
    for down in 0..SHIFTS {
        let lines = [SHIFTS - 1 - down, down];
        let row: Vec<G::Value> =
            (0..SHIFTS).map(|across| g.crop(&wide, lines, [SHIFTS - 1 - across, across])).collect();
        let row = g.concat(&row);
        let difference = g.sub(&row, luma);
        let difference = g.abs(&difference);
        all.push(g.average_pool(&difference, BLOCK));
    }
    g.concat(&all)
}

/// What the trunk sees of the pictures themselves.
fn stem<G: Graph>(
    g: &mut G,
    frame: &G::Value,
    reference: &G::Value,
    expected: &G::Value,
) -> G::Value {
    let centred = g.affine(frame, 1.0, -0.5);
    let mut seen = vec![centred];
    for other in [reference, expected] {
        let difference = g.sub(frame, other);
        seen.push(g.affine(&difference, GAIN, 0.0));
    }
    let seen = g.concat(&seen);
    g.conv(&seen, "stem", BLOCK)
}

/// The memory after this step; bounded, so that it stays within -1..=1 for ever.
fn remember<G: Graph>(g: &mut G, x: &G::Value, before: &G::Value) -> G::Value {
    let keep = g.conv(x, "keep", 1);
    let keep = g.affine(&keep, 0.2, 0.5);
    let keep = g.clip(&keep, 0.0, 1.0);
    let write = g.conv(x, "write", 1);
    let write = g.clip(&write, -1.0, 1.0);
    let change = g.sub(&write, before);
    let change = g.mul(&keep, &change);
    let memory = g.add(before, &change);
    g.depth_to_space(&memory, BLOCK)
}

/// The weights of shifts along lines, then of those along columns: the sums of the weights of both
/// together.
fn axis_weights<G: Graph>(g: &mut G, measures: &G::Value, x: &G::Value) -> G::Value {
    let prior = g.conv_each(measures, "prior");
    let learned = g.conv(x, "shift", 1);
    let logits = g.add(&prior, &learned);
    let weights = g.softmax(&logits);
    let sum = |of: fn(usize) -> usize| {
        let row = move |k| (0..SHIFTS * SHIFTS).map(move |i| f32::from(u8::from(of(i) == k)));
        (0..SHIFTS).map(move |k| row(k).collect::<Vec<f32>>())
    };
    let sums: Vec<Vec<f32>> = sum(|i| i / SHIFTS).chain(sum(|i| i % SHIFTS)).collect();
    g.weighted(&weights, &sums)
}

/// The weighted sum of the shifts of `x` along `axis`, lines 0 and columns 1.
fn shift<G: Graph>(g: &mut G, x: &G::Value, weights: &G::Value, axis: usize) -> G::Value {
    let weights = g.split(weights, &[1; SHIFTS]);
    let mut reach = [0, 0];
    reach[axis] = REACH;
    let wide = g.extend(x, reach);
    let mut sum: Option<G::Value> = None;
    for (at, weight) in weights.iter().enumerate() {
        let mut cut = [[0, 0], [0, 0]];
        cut[axis] = [SHIFTS - 1 - at, at];
        let moved = g.crop(&wide, cut[0], cut[1]);
        let part = g.mul(&moved, weight);
        sum = Some(match sum {
            Some(sum) => g.add(&sum, &part),
            None => part,
        });
    }
    sum.unwrap_or(wide)
}

/// `from`, moved towards `to` by a share.
fn towards<G: Graph>(g: &mut G, from: &G::Value, to: &G::Value, share: &G::Value) -> G::Value {
    let share = g.clip(share, SHARE.0, SHARE.1);
    let way = g.sub(to, from);
    let way = g.mul(&way, &share);
    g.add(from, &way)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution, Tensor};

    use super::*;
    use crate::net::{Network, Preset};

    fn numbers(tensor: Tensor<4>) -> Vec<f32> {
        tensor.into_data().try_to_vec::<f32>().unwrap()
    }

    /// A picture of 48x48 whose content moves by `shift` pixels right and down.
    fn moved(shift: usize, device: &Device) -> Tensor<4> {
        let mut values = Vec::new();
        for colour in 0..3 {
            for y in 0..48_usize {
                for x in 0..48_usize {
                    let (x, y) = (x + 100 - shift, y + 100 - 2 * shift);
                    let hash = (x * 73_856_093) ^ (y * 19_349_663) ^ (colour * 83_492_791);
                    let place = hash % 1009;
                    values.push(place as f32 / 1009.0);
                }
            }
        }
        Tensor::from_data(burn::tensor::TensorData::new(values, [1, 3, 48, 48]), device)
    }

    #[test]
    fn an_untrained_network_is_copy_last() {
        let device = Device::flex();
        let shape = Preset::SmallDirect.shape();
        let (net, _) = Network::new(&shape, &init(3), &device).unwrap();
        let mut state = None;
        for _ in 0..3 {
            let uniform = Distribution::Uniform(0.0, 1.0);
            let frame = Tensor::<4>::random([2, 3, 16, 24], uniform, &device);
            let before = state.unwrap_or_else(|| net.first(&frame));
            let (prediction, next) = net.step(&frame, &before, None);
            assert_eq!(prediction.into_data(), frame.into_data());
            state = Some(next);
        }
    }

    #[test]
    fn moved_by_its_whole_share_it_follows_motion_also_after_a_repeat() {
        let device = Device::flex();
        let mut params = init(3);
        for param in params.list_mut() {
            if param.name == "controls.bias" {
                param.values[0] = 1.0;
            }
        }
        let (net, _) = Network::new(&Preset::SmallDirect.shape(), &params, &device).unwrap();
        let mut state = net.first(&moved(0, &device));
        // The third frame is shown twice.
        for at in [0, 1, 2, 2] {
            let frame = moved(at, &device);
            let (prediction, next) = net.step(&frame, &state, None);
            state = next;
            if at == 0 {
                continue;
            }
            let coming = moved(at + 1, &device);
            let inside = |t: Tensor<4>| numbers(t.narrow(2, 16, 16).narrow(3, 16, 16));
            let (got, want) = (inside(prediction), inside(coming));
            let worst = got.iter().zip(&want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 0.02, "frame {at}: {worst}");
        }
    }
}
