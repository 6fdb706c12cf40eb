//! Whole streams: round trips, and what becomes of damage.

mod clip;
mod damage;
mod golden;
mod resilient;
mod round_trip;
