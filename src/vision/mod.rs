//! Pixel kernels: colour conversion, resizing, tensors, and image metrics.

mod image;

pub use image::RgbImage;
