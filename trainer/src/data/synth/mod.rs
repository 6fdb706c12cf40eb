//! Made data with what is true of them: `framecast-train data synth`.

mod cadence;
mod demo;
mod digits;
mod scenes;

pub use cadence::Cadence;
pub use demo::{DemoScenes, demo};
pub use digits::{Drifting, digits};
pub use scenes::{Labelled, scenes};
