//! Tests of whole runs: in simulated time, and with real threads and injected faults.

mod faults;
mod scripted;
mod simulation;
