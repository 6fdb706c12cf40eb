//! Pixel kernels: colour conversion, resizing, tensors, and image metrics.
//!
//! Everything here is a plain function of its inputs: no threads, no queues, no files. Types that
//! keep scratch memory ([`FrameConverter`], [`resize::Resizer`], [`metrics::Metrics`],
//! [`scene::SceneChange`]) belong to one thread each and allocate only when a picture is larger
//! than all before it.

pub mod blend;
mod colour;
pub(crate) mod dispatch;
mod error;
mod float_image;
mod image;
pub mod jpeg;
pub mod metrics;
pub mod motion;
pub mod resize;
pub mod scene;
pub mod simd;
pub mod tensor;
mod yuv_output;

pub use colour::FrameConverter;
pub(crate) use dispatch::vectorised;
pub use error::VisionError;
pub use float_image::FloatImage;
pub use image::RgbImage;
pub use yuv_output::{rgb_to_i420, rgb_to_i444};
