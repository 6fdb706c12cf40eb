//! Networks and their parameters.

pub mod blend;
mod design;
pub mod direct;
mod graph;
pub mod integer;
mod network;
mod original;
mod params;
mod small_direct;
mod tensors;
mod traced;

use std::fmt;

use framecast::model::PredictKind;
use serde::{Deserialize, Serialize};

pub use design::{Carried, Design};
pub use graph::Graph;
pub use network::{Network, State};
pub use original::Original;
pub use params::{Leaf, Param, Params, Start};
pub use traced::Traced;

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
    /// A larger `direct` predictor with a motion search of its own.
    SmallDirect,
    /// [`Original::Conv2d`].
    OriginalConv2d,
    /// [`Original::LastSequential`].
    OriginalLastSequential,
    /// [`Original::LastFunctional`].
    OriginalLastFunctional,
    /// [`Original::Conv3d`].
    OriginalConv3d,
    /// [`Original::Conv3dNoise`].
    OriginalConv3dNoise,
    /// [`Original::ConvLstm`].
    #[serde(rename = "original-convlstm")]
    OriginalConvLstm,
    /// [`Original::Autoencoder`].
    OriginalAutoencoder,
    /// [`Original::Parallel`].
    OriginalParallel,
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
            // Their layers are fixed.
            _ => Shape { preset: self, fine: 0, coarse: 0, blocks: 0 },
        }
    }
}

impl Preset {
    /// What the runtime does with its output.
    #[must_use]
    pub const fn kind(self) -> PredictKind {
        match self {
            Self::Nano | Self::NanoInt | Self::Small => PredictKind::Blend,
            _ => PredictKind::Direct,
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
        match (self.kind(), self.traced()) {
            (PredictKind::Blend, _) => blend::init(&self.shape(), seed),
            (PredictKind::Direct, None) => direct::init(&self.shape(), seed),
            (PredictKind::Direct, Some(traced)) => traced.init(seed),
        }
    }

    /// The network, when it is written over [`Graph`].
    #[must_use]
    pub const fn traced(self) -> Option<Traced> {
        Some(Traced::Original(match self {
            Self::OriginalConv2d => Original::Conv2d,
            Self::OriginalLastSequential => Original::LastSequential,
            Self::OriginalLastFunctional => Original::LastFunctional,
            Self::OriginalConv3d => Original::Conv3d,
            Self::OriginalConv3dNoise => Original::Conv3dNoise,
            Self::OriginalConvLstm => Original::ConvLstm,
            Self::OriginalAutoencoder => Original::Autoencoder,
            Self::OriginalParallel => Original::Parallel,
            Self::SmallDirect => return Some(Traced::SmallDirect),
            Self::Nano | Self::NanoInt | Self::Small | Self::NanoDirect => return None,
        }))
    }

    /// True when the untrained network is copy-last exactly; the others must learn to copy, or
    /// start as the causal gate.
    #[must_use]
    pub fn copies_last(self) -> bool {
        self.traced().map_or(self == Self::NanoDirect, |t| t.design().copies_last)
    }

    /// Frame sides must be multiples of this.
    #[must_use]
    pub fn multiple_of(self) -> usize {
        self.traced().map_or(direct::MULTIPLE_OF, |t| t.design().multiple_of)
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nano => "predict-nano",
            Self::NanoInt => "predict-nano-int",
            Self::Small => "predict-small",
            Self::NanoDirect => "predict-nano-direct",
            Self::SmallDirect => "predict-small-direct",
            Self::OriginalConv2d => "original-conv2d",
            Self::OriginalLastSequential => "original-last-sequential",
            Self::OriginalLastFunctional => "original-last-functional",
            Self::OriginalConv3d => "original-conv3d",
            Self::OriginalConv3dNoise => "original-conv3d-noise",
            Self::OriginalConvLstm => "original-convlstm",
            Self::OriginalAutoencoder => "original-autoencoder",
            Self::OriginalParallel => "original-parallel",
        })
    }
}
