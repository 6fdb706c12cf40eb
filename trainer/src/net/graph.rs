//! The operators that networks are written in.
//!
//! A network is one function over this trait. The trainer runs it on tensors, the exporter writes
//! the same calls down as ONNX nodes, so that what is trained and what is shipped cannot drift
//! apart. Values are pictures `N x C x H x W`, but for windows of frames.

/// Something that takes a network down, operator by operator.
pub trait Graph {
    /// A picture, or a window of frames.
    type Value: Clone;

    /// The convolution with the parameters `name.weight` and `name.bias`; with a stride of 1 it
    /// keeps the size (zero padding), with a larger one nothing is padded.
    fn conv(&mut self, x: &Self::Value, name: &str, stride: usize) -> Self::Value;

    /// The convolution over time, lines and columns of the newest frames of `window`: a kernel of
    /// `taps x k x k` over three colours, causal in time, of which only the newest result is made.
    /// `name.weight` has the shape `out x (3 taps) x k x k`, oldest frame first.
    fn conv_over_time(&mut self, window: &Self::Value, name: &str) -> Self::Value;

    /// The convolution of every channel by itself with the one kernel of `name.weight`, `1 x 1 x k x
    /// k`, plus `name.bias`; it keeps the size (zero padding).
    fn conv_each(&mut self, x: &Self::Value, name: &str) -> Self::Value;

    /// Weighted sums of channels that are never trained: a row of `weights` for each new channel.
    fn weighted(&mut self, x: &Self::Value, weights: &[Vec<f32>]) -> Self::Value;

    /// The newest frame of `window`.
    fn newest(&mut self, window: &Self::Value) -> Self::Value;

    /// The newest frame of a window of `frames` frames in channels, by taking the window apart:
    /// `1 x 3N x H x W` to `1 x N x 3 x H x W` to `1 x 3 x H x W x N`, of which the last.
    fn newest_by_axes(&mut self, window: &Self::Value, frames: usize) -> Self::Value;

    /// `a + b`, either may have one channel.
    fn add(&mut self, a: &Self::Value, b: &Self::Value) -> Self::Value;

    /// `a - b`.
    fn sub(&mut self, a: &Self::Value, b: &Self::Value) -> Self::Value;

    /// `a * b`, either may have one channel.
    fn mul(&mut self, a: &Self::Value, b: &Self::Value) -> Self::Value;

    /// `a / b`.
    fn div(&mut self, a: &Self::Value, b: &Self::Value) -> Self::Value;

    /// `x * scale + shift`.
    fn affine(&mut self, x: &Self::Value, scale: f32, shift: f32) -> Self::Value;

    /// Every channel times its own `name.weight`, plus its own `name.bias`.
    fn channel_affine(&mut self, x: &Self::Value, name: &str) -> Self::Value;

    /// The absolute value.
    fn abs(&mut self, x: &Self::Value) -> Self::Value;

    /// `max(x, 0)`.
    fn relu(&mut self, x: &Self::Value) -> Self::Value;

    /// `1 / (1 + exp(-x))`.
    fn sigmoid(&mut self, x: &Self::Value) -> Self::Value;

    /// Hyperbolic tangent.
    fn tanh(&mut self, x: &Self::Value) -> Self::Value;

    /// `x` within `low..=high`.
    fn clip(&mut self, x: &Self::Value, low: f32, high: f32) -> Self::Value;

    /// Weights that sum to one over the channels.
    fn softmax(&mut self, x: &Self::Value) -> Self::Value;

    /// The mean of every channel, as one pixel.
    fn mean(&mut self, x: &Self::Value) -> Self::Value;

    /// The largest channel of every pixel, as one channel.
    fn largest(&mut self, x: &Self::Value) -> Self::Value;

    /// Channels one after the other.
    fn concat(&mut self, parts: &[Self::Value]) -> Self::Value;

    /// The channels in parts of `sizes`.
    fn split(&mut self, x: &Self::Value, sizes: &[usize]) -> Vec<Self::Value>;

    /// Largest value of each 2x2 block.
    fn max_pool(&mut self, x: &Self::Value) -> Self::Value;

    /// Mean of each block of `side x side` pixels.
    fn average_pool(&mut self, x: &Self::Value, side: usize) -> Self::Value;

    /// Linear interpolation between the centres of blocks of 8x8 pixels, edges repeated, as the
    /// runtime's mixer does it.
    fn spread(&mut self, x: &Self::Value) -> Self::Value;

    /// Edges repeated: `[lines, columns]` more on each side.
    fn extend(&mut self, x: &Self::Value, by: [usize; 2]) -> Self::Value;

    /// What is left without the first and last `lines` and `columns`.
    fn crop(&mut self, x: &Self::Value, lines: [usize; 2], columns: [usize; 2]) -> Self::Value;

    /// Every value twice along lines and columns.
    fn double(&mut self, x: &Self::Value) -> Self::Value;

    /// Channels into `side x side` blocks of pixels: channel `(i * side + j) * C + c` goes to row
    /// `i`, column `j` of channel `c` (`DepthToSpace`, mode `DCR`).
    fn depth_to_space(&mut self, x: &Self::Value, side: usize) -> Self::Value;

    /// The inverse of [`Graph::depth_to_space`].
    fn space_to_depth(&mut self, x: &Self::Value, side: usize) -> Self::Value;

    /// `x` with Gaussian noise in training, `x` itself otherwise.
    fn noise(&mut self, x: &Self::Value, deviation: f32) -> Self::Value;

    /// `x` with a share of its values at zero and the others raised in training, `x` itself
    /// otherwise.
    fn dropout(&mut self, x: &Self::Value, share: f32) -> Self::Value;
}
