//! Stages, schedule, frame accounting and health of a running stream.
//!
//! A frame goes from the source through the ring ([`Intake`]) to the main stage ([`Worker`]); its
//! [`Ticket`] settles in the [`FrameLedger`], its result goes to the sinks.

mod error;
mod fresh;
mod intake;
mod latency;
mod ledger;
mod link;
mod model_use;
mod predict_stage;
mod record;
mod reload;
mod report;
mod run;
pub mod side;
mod stage;
mod state_keeper;
mod stats;
mod stop;
mod time_line;
mod worker;

#[cfg(test)]
mod tests;

pub use error::PipelineError;
pub use fresh::Fresh;
pub use intake::{Captured, Intake};
pub use latency::{Latency, Percentiles, SAMPLES_FOR_P999};
pub use ledger::{DropCounts, FrameCounts, FrameLedger, Ticket};
pub use link::{LinkChange, LinkReport};
pub use model_use::{ModelLog, ModelUse};
pub use predict_stage::PredictStage;
pub use record::FrameRecord;
pub use reload::{Load, LoadedModel, Reloader, Stamp, Watching};
pub use report::{Finished, Outcome, RunReport, StageCounts, Status};
pub use run::{RunOptions, run, run_beside};
pub use stage::Stage;
pub use state_keeper::StateKeeper;
pub use stats::{Quality, RunStats};
pub use stop::Stop;
pub use time_line::{GAP, Moment, TimeLine};
pub use worker::Worker;
