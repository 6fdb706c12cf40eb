//! Frames and sentences as vectors: one backbone, computed once a frame, for all heads that follow.
//!
//! A [`FrameEmbedder`] runs any model that makes one vector of a picture: our own backbone
//! (`task = "embed"`), or a third-party feature extractor described by a few lines of configuration.

pub(in crate::task) mod frame;
mod text;
mod vary;

pub use frame::{FrameEmbedder, backbone_name};
pub use text::TextEmbedder;
pub use vary::constant;
