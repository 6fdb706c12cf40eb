//! What decides which checkpoint is best.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Report;

/// A metric of a validation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Metric {
    /// PSNR over copy-last, in dB.
    #[default]
    Gain,
    /// Perceptual distance.
    Pd,
    /// Mean squared error, 0..=1.
    Mse,
    /// Signal-to-noise ratio of the mean error, in dB.
    Psnr,
    /// Structural similarity.
    Ssim,
}

/// Which values are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// Larger ones.
    Max,
    /// Smaller ones.
    Min,
}

impl Metric {
    /// Its value.
    #[must_use]
    pub fn of(self, report: &Report) -> f64 {
        match self {
            Self::Gain => report.gain(),
            Self::Pd => report.model.pd,
            Self::Mse => report.model.mse,
            Self::Psnr => report.model.psnr(),
            Self::Ssim => report.model.ssim,
        }
    }

    /// What is better by its nature.
    #[must_use]
    pub const fn goal(self) -> Goal {
        match self {
            Self::Pd | Self::Mse => Goal::Min,
            _ => Goal::Max,
        }
    }

    /// Its value as the name of a file has it, such as `pd17.44`.
    #[must_use]
    pub fn label(self, value: f64) -> String {
        let digits = match self {
            Self::Gain | Self::Pd | Self::Psnr => 2,
            Self::Mse => 6,
            Self::Ssim => 4,
        };
        format!("{self}{value:.digits$}")
    }
}

impl Goal {
    /// Whether `value` is better than `other`; nothing that is no number is.
    #[must_use]
    pub fn better(self, value: f64, other: f64) -> bool {
        match self {
            _ if value.is_nan() => false,
            _ if other.is_nan() => true,
            Self::Max => value > other,
            Self::Min => value < other,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Gain => "gain",
            Self::Pd => "pd",
            Self::Mse => "mse",
            Self::Psnr => "psnr",
            Self::Ssim => "ssim",
        })
    }
}
