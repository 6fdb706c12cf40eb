//! The operators of networks that see sentences, vectors and whole pictures: those of [`Graph`] and
//! the layers of classifiers, encoders of text and recurrent networks.
//!
//! A vector is `N x C x 1 x 1`, a sequence `N x C x 1 x T`, oldest first; token ids are a sequence of
//! one channel.

use burn::tensor::activation::{sigmoid, tanh};
use burn::tensor::module::{conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Int, Tensor};

use super::graph::Graph;
use super::params::{Leaf, Params, Start};
use super::tensors::Tensors;
use rand_pcg::Pcg64;

/// Added to the square of a vector's length before it is divided by it.
pub const SHORTEST: f32 = 1e-6;

/// Kinds of recurrent layers over whole sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Gated recurrent unit (Cho et al., 2014) in the form of ONNX with `linear_before_reset`.
    Gru,
    /// Long short-term memory (Hochreiter and Schmidhuber, 1997; with a forget gate).
    Lstm,
}

impl Cell {
    /// Gates a state element has, in the order of ONNX: `z r h`, `i o f c`.
    #[must_use]
    pub const fn gates(self) -> usize {
        match self {
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }

    /// Adds the parameters of the layer `name`: `inputs` channels in, `size` out.
    pub fn add(self, params: &mut Params, name: &str, inputs: usize, size: usize, by: &mut Pcg64) {
        let gates = self.gates() * size;
        params.add_conv(&format!("{name}.input"), [gates, inputs, 1, 1], 1.0, by);
        params.add_conv(&format!("{name}.state"), [gates, size, 1, 1], 1.0, by);
        if self == Self::Lstm {
            // A memory that forgets nothing at first (Jozefowicz et al., 2015).
            let bias = format!("{name}.input.bias");
            if let Some(bias) = params.list_mut().iter_mut().find(|p| p.name == bias) {
                bias.values[2 * size..3 * size].fill(1.0);
            }
        }
    }
}

/// Adds the table `name.weight` of `words` vectors of `size` numbers.
pub fn add_table(params: &mut Params, name: &str, words: usize, size: usize, by: &mut Pcg64) {
    // Vectors of length one, about.
    let start = Start::Uniform { fan_in: size, gain: 1.0 };
    params.add(&format!("{name}.weight"), &[words, size, 1, 1], start, by);
}

/// What is added to [`Graph`].
pub trait Layers: Graph {
    /// Every position of a sequence (or a vector) by `name.weight`, `out x in x 1 x 1`, plus
    /// `name.bias`.
    fn linear(&mut self, x: &Self::Value, name: &str) -> Self::Value;

    /// The convolution with `name.weight`, `out x in x a x b`, and `name.bias`, with zeros added at
    /// `[lines, columns]` on each side.
    fn convolve(
        &mut self,
        x: &Self::Value,
        name: &str,
        stride: usize,
        padding: [usize; 2],
    ) -> Self::Value;

    /// The convolution of every channel by its own kernel of `name.weight`, `C x 1 x k x k`, plus
    /// `name.bias`.
    fn depthwise(
        &mut self,
        x: &Self::Value,
        name: &str,
        stride: usize,
        padding: [usize; 2],
    ) -> Self::Value;

    /// The rows of the table `name.weight`, `words x size x 1 x 1`, that `tokens` say; ids outside
    /// of it are the nearest ones inside.
    fn embed(&mut self, tokens: &Self::Value, name: &str) -> Self::Value;

    /// The states of a recurrent layer after each element of a sequence, from zeros.
    fn recurrent(&mut self, x: &Self::Value, name: &str, cell: Cell) -> Self::Value;

    /// The last element of a sequence, as a vector.
    fn last(&mut self, x: &Self::Value) -> Self::Value;

    /// The largest value of every channel over all pixels or positions, as a vector.
    fn max_over(&mut self, x: &Self::Value) -> Self::Value;

    /// Largest value of each block of `side x side` pixels, `stride` apart, nothing added around.
    fn max_pool_by(&mut self, x: &Self::Value, side: usize, stride: usize) -> Self::Value;

    /// `x` divided by the length of its channels, `sqrt(sum of squares + 1e-6)`.
    fn normalise(&mut self, x: &Self::Value) -> Self::Value;

    /// All numbers as one vector, channel by channel.
    fn flatten(&mut self, x: &Self::Value) -> Self::Value;

    /// A vector as a picture of `[channels, lines, columns]`.
    fn unflatten(&mut self, x: &Self::Value, size: [usize; 3]) -> Self::Value;

    /// `exp(x)`.
    fn exp(&mut self, x: &Self::Value) -> Self::Value;

    /// Natural logarithm.
    fn log(&mut self, x: &Self::Value) -> Self::Value;

    /// The sum over the channels, as one channel.
    fn total(&mut self, x: &Self::Value) -> Self::Value;
}

impl Tensors<'_> {
    fn table(&self, name: &str) -> Option<Tensor<4>> {
        match self.leaves.get(&format!("{name}.weight"))? {
            Leaf::Kernel(table) => Some(table.clone()),
            Leaf::Bias(_) => None,
        }
    }

    fn windows(&mut self, x: &Tensor<4>, name: &str, options: ConvOptions<2>) -> Tensor<4> {
        let Some((kernel, bias)) = self.kernel(name) else { return x.clone() };
        conv2d(x.clone(), kernel, Some(bias), options)
    }
}

impl Layers for Tensors<'_> {
    fn linear(&mut self, x: &Tensor<4>, name: &str) -> Tensor<4> {
        let Some((kernel, bias)) = self.kernel(name) else { return x.clone() };
        let [n, inputs, h, w] = x.dims();
        let outputs = kernel.dims()[0];
        let rows = x.clone().permute([0, 2, 3, 1]).reshape([n * h * w, inputs]);
        let kernel: Tensor<2> = kernel.reshape([outputs, inputs]);
        let sums = rows.matmul(kernel.transpose()) + bias.unsqueeze::<2>();
        sums.reshape([n, h, w, outputs]).permute([0, 3, 1, 2])
    }

    fn convolve(
        &mut self,
        x: &Tensor<4>,
        name: &str,
        stride: usize,
        padding: [usize; 2],
    ) -> Tensor<4> {
        self.windows(x, name, ConvOptions::new([stride; 2], padding, [1, 1], 1))
    }

    fn depthwise(
        &mut self,
        x: &Tensor<4>,
        name: &str,
        stride: usize,
        padding: [usize; 2],
    ) -> Tensor<4> {
        let groups = x.dims()[1];
        self.windows(x, name, ConvOptions::new([stride; 2], padding, [1, 1], groups))
    }

    fn embed(&mut self, tokens: &Tensor<4>, name: &str) -> Tensor<4> {
        let Some(table) = self.table(name) else { return tokens.clone() };
        let [n, _, _, time] = tokens.dims();
        let [words, size, _, _] = table.dims();
        let last = words.saturating_sub(1) as f32;
        let ids: Tensor<1, Int> = tokens.clone().clamp(0.0, last).reshape([n * time]).int();
        let rows: Tensor<2> = table.reshape([words, size]).select(0, ids);
        rows.reshape([n, time, size]).permute([0, 2, 1]).reshape([n, size, 1, time])
    }

    fn recurrent(&mut self, x: &Tensor<4>, name: &str, cell: Cell) -> Tensor<4> {
        let inputs = self.linear(x, &format!("{name}.input"));
        let [n, gates, _, time] = inputs.dims();
        let size = gates / cell.gates();
        let mut state = Tensor::<4>::zeros([n, size, 1, 1], &x.device());
        let mut memory = state.clone();
        let mut states = Vec::with_capacity(time);
        for at in 0..time {
            let input = inputs.clone().narrow(3, at, 1);
            let own = self.linear(&state, &format!("{name}.state"));
            let part = |of: &Tensor<4>, gate: usize| of.clone().narrow(1, gate * size, size);
            let both = |gate: usize| part(&input, gate) + part(&own, gate);
            match cell {
                Cell::Gru => {
                    let (keep, reset) = (sigmoid(both(0)), sigmoid(both(1)));
                    let new = tanh(part(&input, 2) + reset * part(&own, 2));
                    state = new.clone() + keep * (state - new);
                }
                Cell::Lstm => {
                    let (input, output, forget) =
                        (sigmoid(both(0)), sigmoid(both(1)), sigmoid(both(2)));
                    memory = forget * memory + input * tanh(both(3));
                    state = output * tanh(memory.clone());
                }
            }
            states.push(state.clone());
        }
        Tensor::cat(states, 3)
    }

    fn last(&mut self, x: &Tensor<4>) -> Tensor<4> {
        let time = x.dims()[3];
        x.clone().narrow(3, time.saturating_sub(1), 1)
    }

    fn max_over(&mut self, x: &Tensor<4>) -> Tensor<4> {
        x.clone().max_dim(3).max_dim(2)
    }

    fn max_pool_by(&mut self, x: &Tensor<4>, side: usize, stride: usize) -> Tensor<4> {
        max_pool2d(x.clone(), MaxPoolOptions::new([side; 2]).with_stride([stride; 2]))
    }

    fn normalise(&mut self, x: &Tensor<4>) -> Tensor<4> {
        let length = (x.clone() * x.clone()).sum_dim(1).add_scalar(SHORTEST).sqrt();
        x.clone() / length
    }

    fn flatten(&mut self, x: &Tensor<4>) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        x.clone().reshape([n, c * h * w, 1, 1])
    }

    fn unflatten(&mut self, x: &Tensor<4>, [c, h, w]: [usize; 3]) -> Tensor<4> {
        let n = x.dims()[0];
        x.clone().reshape([n, c, h, w])
    }

    fn exp(&mut self, x: &Tensor<4>) -> Tensor<4> {
        x.clone().exp()
    }

    fn log(&mut self, x: &Tensor<4>) -> Tensor<4> {
        x.clone().log()
    }

    fn total(&mut self, x: &Tensor<4>) -> Tensor<4> {
        x.clone().sum_dim(1)
    }
}
