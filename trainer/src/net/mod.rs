//! Networks and their parameters.

pub mod direct;
mod params;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use params::{Leaf, Param, Params, Start};

/// A network by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Preset {
    /// The smallest `direct` predictor.
    NanoDirect,
}

/// Sizes of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The preset it belongs to.
    pub preset: Preset,
    /// Channels at 1/4 resolution.
    pub fine: usize,
    /// Channels at 1/8 resolution.
    pub coarse: usize,
    /// Number of 3x3 convolutions at 1/8 resolution.
    pub blocks: usize,
}

impl Preset {
    /// The sizes of its layers.
    #[must_use]
    pub const fn shape(self) -> Shape {
        match self {
            Self::NanoDirect => Shape { preset: self, fine: 32, coarse: 48, blocks: 3 },
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NanoDirect => "predict-nano-direct",
        })
    }
}
