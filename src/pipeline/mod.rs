//! Stages, schedule, frame accounting and health of a running stream.

mod latency;
mod ledger;

pub use latency::{Latency, Percentiles, SAMPLES_FOR_P999};
pub use ledger::{DropCounts, FrameCounts, FrameLedger, Ticket};
