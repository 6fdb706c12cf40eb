//! Made data with what is true of them: `framecast-train data synth`.

mod cadence;
mod demo;
mod digits;

pub use cadence::Cadence;
pub use demo::{DemoScenes, demo};
pub use digits::{Drifting, digits};
