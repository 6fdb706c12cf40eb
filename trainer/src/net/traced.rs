//! The networks that are written over [`Graph`].

use super::design::Design;
use super::graph::Graph;
use super::original::Original;
use super::{Params, small_direct};

/// A network that is written over [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traced {
    /// A predictor of the lecture.
    Original(Original),
    /// A motion search, a gated memory and a residual in one graph.
    SmallDirect,
}

impl Traced {
    /// What it takes and carries.
    #[must_use]
    pub fn design(self) -> Design {
        match self {
            Self::Original(original) => original.design(),
            Self::SmallDirect => small_direct::design(),
        }
    }

    /// The untrained parameters.
    #[must_use]
    pub fn init(self, seed: u64) -> Params {
        match self {
            Self::Original(original) => original.init(seed),
            Self::SmallDirect => small_direct::init(seed),
        }
    }

    /// The prediction and the next state, in the order of [`Design::state`].
    pub fn step<G: Graph>(
        self,
        g: &mut G,
        input: &G::Value,
        state: &[G::Value],
    ) -> (G::Value, Vec<G::Value>) {
        match self {
            Self::Original(original) => original.step(g, input, state),
            Self::SmallDirect => small_direct::step(g, input, state),
        }
    }
}
