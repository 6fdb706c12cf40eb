//! An integer network as the kernels run it: planes of bytes, sums over them, and what makes bytes
//! or real numbers of a sum.

use super::kernel::Conv;

/// What enters a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Term {
    /// A convolution, by its number.
    Conv(usize),
    /// A plane's own bytes, by its number.
    Plane(usize),
}

/// What happens to a sum after it is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `min(max(v, low), high)`.
    Clip(i32, i32),
    /// `v >> n` of a value that is not negative.
    Shift(u32),
    /// `v + n`.
    Offset(i32),
}

/// Where the result goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
    /// Bytes, into the plane of this number.
    Plane(usize),
    /// The graph output of this number, times a power of two.
    Output(usize, f32),
}

/// `steps(bias + sum of factor * term)`, one after the other in the order of the graph.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) terms: Vec<(Term, i32)>,
    /// One number a channel.
    pub(super) bias: Vec<i32>,
    pub(super) steps: Vec<Step>,
    pub(super) target: Target,
}

/// A tensor of bytes, `1 x channels x h x w` in the graph.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plane {
    pub(super) channels: usize,
    /// Zeros around it: half the side of the largest kernel that reads it.
    pub(super) border: usize,
}

/// The whole network. Plane 0 is the input.
#[derive(Clone, Debug, Default)]
pub(super) struct Network {
    pub(super) planes: Vec<Plane>,
    /// The plane a convolution reads, and the convolution.
    pub(super) convs: Vec<(usize, Conv)>,
    pub(super) layers: Vec<Layer>,
    /// Nodes of the graph.
    pub(super) nodes: usize,
}
