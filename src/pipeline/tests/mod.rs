//! Tests of whole runs: in simulated time, and with real threads and injected faults.

mod faults;
pub(super) mod scripted;
mod simulation;
