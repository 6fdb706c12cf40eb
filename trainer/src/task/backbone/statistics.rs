//! What of a picture needs no learning to tell its recording from others: its colours and how sharp
//! the camera is, as parts of the embedding.
//!
//! Colours: the share of each of 4 x 4 x 4 colours, a pixel being shared among them by a softmax over
//! distances; the roots of shares have length one, and their inner product is the coefficient of
//! Bhattacharyya. Sharpness: the strength of details at full and at half size, whose ratio hardly
//! depends on what is shown, but on lens, size and coding; the direction of the pair is shared among
//! twelve directions.

use crate::net::{Layers, Params};

/// Levels of each channel of a colour.
const LEVELS: usize = 4;
/// How sharply a pixel belongs to its nearest colour.
const COLOUR: f32 = 60.0;
/// Directions of the pair of strengths.
const DIRECTIONS: usize = 12;
/// The first and the last of them: recordings lie between.
const FROM_TO: [f32; 2] = [0.685, 1.185];
/// How sharply a pair belongs to its nearest direction.
const DIRECTION: f32 = 600.0;
/// The strength of details that counts as none.
const LEAST: f32 = 1e-3;
/// Lengths of the colours' and of the sharpness' part beside one of the learned part.
const WEIGHTS: [f32; 2] = [2.0, 0.8];

/// Numbers of both.
pub(super) const COUNT: usize = LEVELS * LEVELS * LEVELS + DIRECTIONS;

/// The parameters of [`statistics`], which are never trained.
pub(super) fn fixed() -> Params {
    let mut params = Params::default();
    let level = |at: usize| (at as f32 + 0.5) / LEVELS as f32;
    let colours: Vec<[f32; 3]> = (0..LEVELS * LEVELS * LEVELS)
        .map(|c| [c / (LEVELS * LEVELS), c / LEVELS % LEVELS, c % LEVELS].map(level))
        .collect();
    // -|x - c|^2 without |x|^2, which is the same for all colours.
    let weights = colours.iter().flatten().map(|c| 2.0 * COLOUR * c).collect();
    let lengths = colours.iter().map(|c| -COLOUR * c.iter().map(|v| v * v).sum::<f32>());
    params.add_values("colours.weight", &[colours.len(), 3, 1, 1], weights);
    params.add_values("colours.bias", &[colours.len()], lengths.collect());
    let laplacian = vec![0.0, -1.0, 0.0, -1.0, 4.0, -1.0, 0.0, -1.0, 0.0];
    params.add_values("details.weight", &[1, 1, 3, 3], laplacian);
    params.add_values("details.bias", &[1], vec![0.0]);
    let [from, to] = FROM_TO;
    let angle = |at: usize| from + (to - from) * at as f32 / (DIRECTIONS - 1) as f32;
    let directions = (0..DIRECTIONS).flat_map(|at| [angle(at).cos(), angle(at).sin()]);
    let directions = directions.map(|v| DIRECTION * v).collect();
    params.add_values("sharpness.weight", &[DIRECTIONS, 2, 1, 1], directions);
    params.add_values("sharpness.bias", &[DIRECTIONS], vec![0.0; DIRECTIONS]);
    params
}

/// Both of a picture of values from 0 to 1 with even sides.
pub(super) fn statistics<G: Layers>(g: &mut G, frame: &G::Value) -> [G::Value; 2] {
    let half = g.average_pool(frame, 2);
    let shares = g.conv(&half, "colours", 1);
    let shares = g.softmax(&shares);
    let shares = g.mean(&shares);
    // The root, by way of logarithms.
    let shares = g.affine(&shares, 1.0, 1e-7);
    let shares = g.log(&shares);
    let shares = g.affine(&shares, 0.5, 0.0);
    let roots = g.exp(&shares);
    let mut strength = |picture: &G::Value| {
        let grey = g.weighted(picture, &[vec![1.0 / 3.0; 3]]);
        let details = g.convolve(&grey, "details", 1, [0; 2]);
        let details = g.abs(&details);
        let mean = g.mean(&details);
        g.affine(&mean, 1.0, LEAST)
    };
    let pair = [strength(frame), strength(&half)];
    let pair = g.concat(&pair);
    let pair = g.normalise(&pair);
    let near = g.linear(&pair, "sharpness");
    let near = g.softmax(&near);
    let [colours, sharpness] = [roots, near].map(|part| g.normalise(&part));
    [g.affine(&colours, WEIGHTS[0], 0.0), g.affine(&sharpness, WEIGHTS[1], 0.0)]
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};

    use super::*;
    use crate::net::Tensors;

    fn of(picture: impl Fn(usize, usize) -> [f32; 3]) -> [Vec<f32>; 2] {
        let device = Device::flex();
        let leaves = fixed().by_name(&device);
        let side = 32;
        let plane = |c: usize| (0..side * side).map(move |at| (c, at));
        let values: Vec<f32> =
            (0..3).flat_map(plane).map(|(c, at)| picture(at % side, at / side)[c]).collect();
        let frame = Tensor::from_data(TensorData::new(values, [1, 3, side, side]), &device);
        let parts = statistics(&mut Tensors::new(&leaves), &frame);
        parts.map(|part| part.into_data().try_to_vec().unwrap())
    }

    fn dot(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn colours_are_told_apart_wherever_they_are() {
        let [red, _] = of(|_, _| [0.875, 0.125, 0.125]);
        assert_eq!(red.len(), 64);
        let most = red.iter().copied().fold(0.0, f32::max);
        assert!(red[3 * 16] == most && most > 1.9, "{red:?}");
        let two = |left: bool| {
            move |x: usize, _| if (x < 16) == left { [0.9, 0.1, 0.1] } else { [0.1, 0.1, 0.9] }
        };
        let ([a, _], [b, _]) = (of(two(true)), of(two(false)));
        assert!((dot(&a, &b) - 4.0).abs() < 1e-3 && (dot(&a, &a) - 4.0).abs() < 1e-3);
        assert!(dot(&a, &red) < 3.5);
    }

    #[test]
    fn sharpness_is_that_of_details_and_not_of_contrast() {
        let stripes = |period: usize, contrast: f32| {
            move |x: usize, _| {
                [0.5 + if (x / period).is_multiple_of(2) { contrast } else { -contrast }; 3]
            }
        };
        let [_, fine] = of(stripes(2, 0.4));
        let [_, pale] = of(stripes(2, 0.2));
        let [_, sharp] = of(stripes(1, 0.4));
        assert!((dot(&fine, &fine) - 0.64).abs() < 1e-4);
        assert!(dot(&fine, &pale) > 0.62 && dot(&fine, &sharp) < 0.1, "{fine:?} {sharp:?}");
    }
}
