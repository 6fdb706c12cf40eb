//! Networks and their parameters.

pub mod blend;
pub mod direct;
pub mod integer;
mod params;

use std::fmt;

use framecast::model::PredictKind;
use serde::{Deserialize, Serialize};

pub use params::{Leaf, Param, Params, Start};

/// A network by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Preset {
    /// The smallest `blend` predictor.
    Nano,
    /// The smallest `blend` predictor in integers.
    NanoInt,
    /// A larger `blend` predictor.
    Small,
    /// The smallest `direct` predictor.
    NanoDirect,
}

/// Sizes of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The preset it belongs to.
    pub preset: Preset,
    /// Channels at 1/4 resolution; `direct` only.
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
            Self::Nano | Self::NanoInt => Shape { preset: self, fine: 0, coarse: 32, blocks: 3 },
            Self::Small => Shape { preset: self, fine: 0, coarse: 64, blocks: 4 },
            Self::NanoDirect => Shape { preset: self, fine: 32, coarse: 48, blocks: 3 },
        }
    }
}

impl Preset {
    /// What the runtime does with its output.
    #[must_use]
    pub const fn kind(self) -> PredictKind {
        match self {
            Self::Nano | Self::NanoInt | Self::Small => PredictKind::Blend,
            Self::NanoDirect => PredictKind::Direct,
        }
    }

    /// True for networks whose arithmetic is whole numbers.
    #[must_use]
    pub const fn is_integer(self) -> bool {
        matches!(self, Self::NanoInt)
    }

    /// The untrained parameters.
    #[must_use]
    pub fn init(self, seed: u64) -> Params {
        match self.kind() {
            PredictKind::Blend => blend::init(&self.shape(), seed),
            PredictKind::Direct => direct::init(&self.shape(), seed),
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nano => "predict-nano",
            Self::NanoInt => "predict-nano-int",
            Self::Small => "predict-small",
            Self::NanoDirect => "predict-nano-direct",
        })
    }
}
