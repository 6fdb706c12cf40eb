//! What can go wrong in training and export, grouped by what the user does next.

use std::path::PathBuf;

/// An error of the trainer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The recipe asks for something that cannot be.
    #[error("recipe {path}: {reason}")]
    Recipe {
        /// The recipe's file.
        path: String,
        /// What is wrong, the allowed range, and what to write instead.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {}: {cause}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: std::io::Error,
    },
    /// A checkpoint is damaged or belongs to another recipe.
    #[error("checkpoint {}: {reason}", path.display())]
    Checkpoint {
        /// The checkpoint's file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Training data could not be opened or decoded.
    #[error("training data {uri:?}: {reason}")]
    Data {
        /// The source.
        uri: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// The loss stopped being a number.
    #[error(
        "the loss became {loss} at step {step} (learning rate {rate:.2e}); nothing was saved since \
         the last checkpoint, and {} is intact: lower `train.learning_rate` or `train.clip`, then \
         run again with --resume", best.display()
    )]
    NotFinite {
        /// The step.
        step: u64,
        /// The loss.
        loss: f32,
        /// The learning rate at that step.
        rate: f64,
        /// The best checkpoint so far.
        best: PathBuf,
    },
    /// An untrained model that differs from copy-last, or a gradient that is missing: a defect of
    /// the network's definition.
    #[error("network {name}: {reason}")]
    Network {
        /// The preset.
        name: String,
        /// What does not hold.
        reason: String,
    },
    /// A folder that holds no run to report on.
    #[error("{}: {reason}", folder.display())]
    Report {
        /// The folder.
        folder: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// A device that is not built in, not there, or not usable.
    #[error("device {name}: {reason}")]
    Device {
        /// The device.
        name: String,
        /// Why it cannot be used, and what can.
        reason: String,
    },
    /// A model that could not be made, or did not pass its check.
    #[error("export of {name}: {reason}")]
    Export {
        /// The model.
        name: String,
        /// What went wrong.
        reason: String,
    },
}

impl TrainError {
    /// Makes the error of a file operation.
    pub fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |cause| Self::Io { action, path, cause }
    }

    /// The exit code of the program.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Recipe { .. } | Self::Checkpoint { .. } => 3,
            Self::Data { .. } | Self::Device { .. } | Self::Report { .. } => 4,
            _ => 1,
        }
    }
}
