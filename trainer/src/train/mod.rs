//! Training: the loop, its optimiser, checkpoints, validation and what it tells while running.

mod adamw;
mod adversary;
mod checkpoint;
mod measure;
mod metric;
mod options;
mod progress;
mod replace;
mod run;
mod sampling;
mod schedule;
pub(crate) mod sealed;
mod share;
mod sheet;
mod standing;
mod throughput;
mod validate;
mod validation;
mod windowed;

pub use adamw::AdamW;
pub use adversary::Adversarial;
pub use checkpoint::Checkpoint;
pub use metric::{Goal, Metric};
pub use options::Options;
pub(crate) use progress::{Progress, Step as Told};
pub(crate) use replace::replace;
pub use run::{Outcome, train};
pub use sampling::Sampling;
pub use schedule::learning_rate;
pub(crate) use share::gradient_of;
pub use standing::{Kept, Placing, Standing};
pub use throughput::{Throughput, throughput};
pub use validate::{Report, Scores, Validator};
