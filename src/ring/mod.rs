//! The bounded places between threads: the frame ring with its policies, the latest-value slot and
//! the in-flight limiter.
//!
//! Each file opens with what happens when it is full. Nothing here allocates after construction,
//! and every wait has a deadline.

mod frame_ring;
mod in_flight;
mod latest_slot;
mod policy;

pub use frame_ring::{FrameRing, Popped, Pushed};
pub use in_flight::{InFlight, Permit};
pub use latest_slot::LatestSlot;
pub use policy::{Policy, PolicyError};
