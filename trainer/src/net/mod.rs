//! Networks and their parameters.

pub mod base;
pub mod blend;
mod convolution;
mod design;
pub mod direct;
mod graph;
pub mod integer;
mod layers;
mod network;
mod original;
mod params;
pub mod patch;
mod small_direct;
pub mod standard;
mod task_net;
mod tensors;
mod traced;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use framecast::model::PredictKind;
use serde::{Deserialize, Serialize};

pub use convolution::Precision;
pub use design::{Carried, Design};
pub use graph::Graph;
pub use layers::{Cell, Layers, SHORTEST, add_table};
pub use network::{Network, State};
pub use original::Original;
pub use params::{Leaf, Outline, Param, Params, Start};
pub use standard::Standard;
pub use task_net::{Form, Slot, TaskNet};
pub use tensors::Tensors;
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
    /// A window of frames in, several coming frames out; for a GPU.
    Base,
    /// The same at the size of one core of a CPU.
    BaseTiny,
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
    /// Sizes of a network that sees a window of frames; the others have none.
    pub base: Option<base::Sizes>,
    /// How what it sees is standardised.
    pub standard: Standard,
}

impl Preset {
    /// The sizes of its layers.
    #[must_use]
    pub const fn shape(self) -> Shape {
        match self {
            Self::Nano | Self::NanoInt => Self::plain(self, 0, 32, 3),
            Self::Small => Self::plain(self, 0, 64, 4),
            Self::NanoDirect => Self::plain(self, 32, 48, 3),
            Self::Base => Self::windowed(self, base::Sizes::FULL),
            Self::BaseTiny => Self::windowed(self, base::Sizes::TINY),
            // Their layers are fixed.
            _ => Self::plain(self, 0, 0, 0),
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

    const fn plain(self, fine: usize, coarse: usize, blocks: usize) -> Shape {
        Shape { preset: self, fine, coarse, blocks, base: None, standard: Standard::NONE }
    }

    const fn windowed(self, sizes: base::Sizes) -> Shape {
        Shape { base: Some(sizes), ..Self::plain(self, 0, 0, 0) }
    }

    /// The untrained parameters.
    #[must_use]
    pub fn init(self, seed: u64) -> Params {
        self.shape().init(seed)
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
            Self::Base | Self::BaseTiny => return None,
        }))
    }

    /// True when the untrained network is copy-last exactly; the others must learn to copy, or
    /// start as the causal gate.
    #[must_use]
    pub fn copies_last(self) -> bool {
        let alone = matches!(self, Self::NanoDirect | Self::Base | Self::BaseTiny);
        self.traced().map_or(alone, |t| t.design().copies_last)
    }

    /// Frame sides must be multiples of this.
    #[must_use]
    pub fn multiple_of(self) -> usize {
        match (self.shape().base, self.traced()) {
            (Some(_), _) => base::MULTIPLE_OF,
            (None, Some(traced)) => traced.design().multiple_of,
            (None, None) => direct::MULTIPLE_OF,
        }
    }
}

impl Shape {
    /// The untrained parameters.
    #[must_use]
    pub fn init(&self, seed: u64) -> Params {
        let mut params = match (&self.base, self.preset.kind(), self.preset.traced()) {
            (Some(sizes), ..) => base::init(sizes, seed),
            (None, PredictKind::Blend, _) => blend::init(self, seed),
            (None, PredictKind::Direct, None) => direct::init(self, seed),
            (None, PredictKind::Direct, Some(traced)) => traced.init(seed),
        };
        self.standard.add(&mut params);
        params
    }

    /// Names and shapes of the parameters, made once for a shape: a training step asks for them
    /// many times.
    #[must_use]
    pub fn outline(&self) -> Arc<Outline> {
        static MADE: Mutex<Vec<(Shape, Arc<Outline>)>> = Mutex::new(Vec::new());
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, outline)) = made.iter().find(|(shape, _)| shape == self) {
            return Arc::clone(outline);
        }
        let outline = Arc::new(Outline::of(&self.init(0)));
        made.push((*self, Arc::clone(&outline)));
        outline
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
            Self::Base => "base",
            Self::BaseTiny => "base-tiny",
        })
    }
}
