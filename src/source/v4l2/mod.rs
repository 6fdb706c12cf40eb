//! Linux cameras: our own thin layer over V4L2, without C, libclang or a wrapper crate.
//!
//! A [`Camera`] is driven by one thread. Three to eight driver buffers are mapped and queued before
//! the stream starts; each frame is copied once into a buffer of the pool, so that the driver has
//! its own back at once. When all driver buffers are full the driver drops frames and its sequence
//! shows it ([`DropReason::DriverGap`](crate::frame::DropReason)); when the pool is exhausted the
//! frame is dropped here ([`DropReason::Ring`](crate::frame::DropReason)). No call waits past its
//! deadline, and the descriptor is closed as soon as the device fails, because some drivers bring a
//! device back only after its last descriptor is closed.
//!
//! Reference: the Linux Media Infrastructure userspace API, part I, *Video for Linux API*.

mod abi;
mod camera;
mod choice;
mod controls;
mod device;
mod errors;
mod format;
mod ioctl;
mod list;
mod mapping;
mod modes;
mod sequence;
mod stream;
mod timestamp;

pub use camera::{Camera, CaptureOptions};
pub use controls::{ControlInfo, ControlKind, Controls};
pub use list::{DeviceInfo, list};
pub use modes::{Mode, Rates, Sizes};
