//! Training: the loop, its optimiser, checkpoints, validation and what it tells while running.

mod adamw;
mod checkpoint;
mod measure;
mod progress;
mod run;
mod schedule;
mod share;
mod sheet;
mod validate;
mod windowed;

pub use adamw::AdamW;
pub use checkpoint::Checkpoint;
pub use run::{Options, Outcome, train};
pub use schedule::learning_rate;
pub use validate::{Report, Scores, Validator};
