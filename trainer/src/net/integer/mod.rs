//! The integers of a `blend` network whose arithmetic is exact: `docs/exact.md`.
//!
//! A trained weight stays a real number; [`Integers::of`] says which integers stand for the weights
//! as they are, and `Integers::logits` computes with them in floating point, which is exact as
//! long as sums stay below 2^24. So training sees the very numbers the runtime's engine computes,
//! and the gradient passes every rounding as if it were not there (Bengio, Leonard and Courville,
//! 2013).

mod forward;

use framecast::vision::blend::{CANDIDATES, FEATURES};

use super::blend::{GATE, standard};
use super::{Params, Shape};

/// Bits behind the point of an activation: a byte stands for 0 to 255/32.
pub const ACTIVATION: u32 = 5;
/// The largest activation.
pub const HIGHEST: f64 = 255.0 / (1 << ACTIVATION) as f64;
/// Bits behind the point of a weight of the linear map, in steps of the logits (1/64) for a step
/// of a feature.
pub const PRIOR: u32 = 6;
/// The linear map's weights are `64 * high + low`.
pub const HIGH: i32 = 64;
/// Weights are within -64..=63, so that products of bytes can be added in pairs in 16 bits.
const WEIGHT: f64 = 63.0;
/// Sums of floating-point numbers are exact up to here.
const EXACT: i64 = 1 << 24;

/// A convolution whose output is bytes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Outputs, inputs, lines, columns.
    pub shape: [usize; 4],
    /// Weights in -64..=63, in units of 2^-`exponent`.
    pub weights: Vec<i8>,
    /// Bits behind the point of the weights.
    pub exponent: u32,
    /// Biases in the unit of the sums.
    pub bias: Vec<i32>,
    /// Sums are divided by 2^`shift`, half up.
    pub shift: u32,
}

/// All integers of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Integers {
    /// From features to activations.
    pub stem: Kernel,
    /// From activations to activations, which they are added to.
    pub blocks: Vec<Kernel>,
    /// From activations to logits; its sums are divided with those of the linear map.
    pub head: Kernel,
    /// Weights of the linear map, `CANDIDATES x FEATURES`.
    pub prior: Vec<i32>,
    /// What the sums of the linear map and of the head are multiplied by before they are added.
    pub factors: [i32; 2],
    /// Biases of the logits, in the unit of that sum.
    pub bias: Vec<i32>,
    /// The sum is divided by 2^`shift`, half up, and is the logits in 1/64.
    pub shift: u32,
}

/// Makes parameters of a network in real numbers, whose stem sees standardised features, those of
/// an integer network, which sees the bytes. Beyond the border one sees means and the other zeros;
/// elsewhere they answer alike.
pub fn without_standard(params: &mut Params) {
    let (slope, offset) = standard();
    let mut bias = Vec::new();
    for param in params.list_mut() {
        if let ("stem.weight", &[_, inputs, lines, columns]) =
            (param.name.as_str(), param.shape.as_slice())
        {
            let side = lines * columns;
            for output in param.values.chunks_exact_mut(inputs * side) {
                let mut sum = 0.0;
                for ((plane, slope), offset) in
                    output.chunks_exact_mut(side).zip(&slope).zip(&offset)
                {
                    sum += plane.iter().sum::<f32>() * offset;
                    plane.iter_mut().for_each(|w| *w *= slope);
                }
                bias.push(sum);
            }
        }
        if param.name == "stem.bias" {
            param.values.iter_mut().zip(&bias).for_each(|(b, sum)| *b += sum);
        }
    }
}

/// Half up, as everywhere in this arithmetic.
fn rounded(value: f64) -> f64 {
    (value + 0.5).floor()
}

/// The most bits behind the point, within `least..=most`, with which no weight is beyond 63.
fn exponent(values: &[f32], unit: f64, least: u32, most: u32) -> u32 {
    let largest = values.iter().fold(0.0f64, |m, v| m.max((f64::from(*v) * unit).abs()));
    let fits = |e: &u32| largest * f64::from(1u32 << *e) < WEIGHT + 0.5;
    (least..=most).rev().find(fits).unwrap_or(least)
}

impl Kernel {
    /// The kernel `name` of `params`, whose real weights are multiplied by `unit`; sums are in units
    /// of 2^-(`input` + its exponent), which lies in `least..=most`.
    fn of(
        params: &Params,
        name: &str,
        unit: f64,
        input: u32,
        [least, most]: [u32; 2],
    ) -> Result<Self, String> {
        let missing = || format!("it has no convolution {name}");
        let weight = params.get(&format!("{name}.weight")).ok_or_else(missing)?;
        let bias = params.get(&format!("{name}.bias")).ok_or_else(missing)?;
        let &[outputs, inputs, lines, columns] = weight.shape.as_slice() else {
            return Err(missing());
        };
        let exponent = exponent(&weight.values, unit, least, most);
        let scale = unit * f64::from(1u32 << exponent);
        let byte = |v: &f32| rounded(f64::from(*v) * scale).clamp(-64.0, WEIGHT) as i8;
        let weights: Vec<i8> = weight.values.iter().map(byte).collect();
        let sums = f64::from(1u32 << (input + exponent));
        let bias = bias.values.iter().map(|v| rounded(f64::from(*v) * sums) as i32).collect();
        let shape = [outputs, inputs, lines, columns];
        Ok(Self { shape, weights, exponent, bias, shift: 0 })
    }

    /// The largest sum of absolute products of one output, with inputs up to 255.
    fn reach(&self) -> i64 {
        let [_, inputs, lines, columns] = self.shape;
        let one = |w: &[i8]| 255 * w.iter().map(|w| i64::from(w.unsigned_abs())).sum::<i64>();
        self.weights.chunks_exact(inputs * lines * columns).map(one).max().unwrap_or(0)
    }
}

fn largest(values: &[i32]) -> i64 {
    values.iter().map(|b| i64::from(b.unsigned_abs())).max().unwrap_or(0)
}

impl Integers {
    /// The integers that stand for `params`.
    ///
    /// # Errors
    /// A sentence when a parameter is missing, or so large that training could not compute exactly.
    pub fn of(shape: &Shape, params: &Params) -> Result<Self, String> {
        // Features are bytes: 255 stands for 1.
        let bytes = 1.0 / 255.0;
        let mut stem = Kernel::of(params, "stem", bytes, 0, [ACTIVATION + 1, 20])?;
        stem.shift = stem.exponent - ACTIVATION;
        let mut blocks = Vec::new();
        for block in 0..shape.blocks {
            let name = format!("block{block}");
            let mut block = Kernel::of(params, &name, 1.0, ACTIVATION, [1, 14])?;
            block.shift = block.exponent;
            blocks.push(block);
        }
        // Its sums are logits with ACTIVATION + exponent bits behind the point; logits in 1/64 have 6
        // fewer.
        let head = Kernel::of(params, "head", 1.0, ACTIVATION, [1, 8])?;
        let bits = head.exponent + ACTIVATION - 6;
        let shift = bits.max(PRIOR);
        let factors = [PRIOR, bits].map(|b| 1 << (shift - b));

        let gate = |part: &str| {
            let values = params.get(&format!("{GATE}.{part}")).map(|p| p.values.as_slice());
            values.ok_or_else(|| format!("it has no parameter {GATE}.{part}"))
        };
        let (weights, biases) = (gate("weight")?, gate("bias")?);
        let unit = 64.0 * bytes * f64::from(1u32 << PRIOR);
        let highest = f64::from(HIGH * 63 + HIGH / 2 - 1);
        let prior =
            weights.iter().map(|w| rounded(f64::from(*w) * unit).clamp(-highest, highest) as i32);
        let prior: Vec<i32> = prior.collect();
        let own = params.get("head.bias").map(|p| p.values.as_slice()).unwrap_or_default();
        let scale = 64.0 * f64::from(1u32 << shift);
        let bias = biases.iter().zip(own);
        let bias = bias.map(|(a, b)| rounded((f64::from(*a) + f64::from(*b)) * scale) as i32);
        let bias: Vec<i32> = bias.collect();
        let integers = Self { stem, blocks, head, prior, factors, bias, shift };
        integers.check()?;
        Ok(integers)
    }

    /// The high and the low parts of the linear map's weights, each within -64..=63.
    #[must_use]
    pub fn prior_parts(&self) -> [Vec<i8>; 2] {
        let high = |n: &i32| (n + HIGH / 2).div_euclid(HIGH);
        let low = |n: &i32| (n - HIGH * high(n)) as i8;
        let list = &self.prior;
        [list.iter().map(|n| high(n) as i8).collect(), list.iter().map(low).collect()]
    }

    fn check(&self) -> Result<(), String> {
        let sums = |k: &Kernel| k.reach() + largest(&k.bias) + (256 << k.shift);
        let lines = self.prior.chunks_exact(FEATURES);
        let line = |w: &[i32]| 255 * w.iter().map(|w| i64::from(w.unsigned_abs())).sum::<i64>();
        let prior = lines.map(line).max().unwrap_or(0) * i64::from(self.factors[0]);
        let head = self.head.reach() * i64::from(self.factors[1]);
        let logits = prior + head + largest(&self.bias);
        let all = [&self.stem].into_iter().chain(&self.blocks).map(sums).chain([logits]);
        match all.max().filter(|sum| *sum >= EXACT) {
            Some(sum) => Err(format!(
                "its integers can add up to {sum}, which training cannot follow exactly beyond \
                 {EXACT}; lower train.learning_rate or train.gate_rate"
            )),
            None if self.prior.len() != CANDIDATES * FEATURES => {
                Err(format!("its linear map has {} weights", self.prior.len()))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
