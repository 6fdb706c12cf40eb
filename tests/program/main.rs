//! Drives the built program as a user does: output, exit codes, files, pipes and signals.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod ask;
mod codec;
mod codec_report;
mod config;
#[path = "../vision/data.rs"]
mod data;
mod forecast;
mod inspect;
mod integers;
mod program;
mod rank;
#[cfg(unix)]
mod recording;
#[cfg(unix)]
mod reload;
mod run;
mod search;
mod statistics;
mod tag;
