//! Whole streams: round trips, and what becomes of damage.

pub(super) mod clip;
mod damage;
mod golden;
mod resilient;
mod round_trip;
