//! Compression experiments: framecast's codec beside those of ffmpeg on the same frames.
//!
//! A [`Plan`] names the clips and what is to be measured on them; a [`Runner`] measures what is not
//! kept yet; a [`Report`] is what came of it, as JSON, [`csv`] and a [`page`].

mod clip;
mod error;
mod ffmpeg;
mod folder;
mod framecast;
mod load;
mod measure;
mod noise;
mod page;
mod prediction;
mod processor;
mod quality;
mod report;
mod run;
mod store;
mod study;

pub use clip::Clip;
pub use error::BenchError;
pub use ffmpeg::{Codec, Ffmpeg, Mode, StreamSize};
pub use folder::ReportFolder;
pub use framecast::{MakePredictor, Own};
pub use load::{ClipRequest, Loaded, Noise, load};
pub use measure::{Anchor, Coder, Coding, Measured, Prepared, Yardstick, measure};
pub use page::page;
pub use prediction::{Fed, GatePoint, RatePoint, Receiver};
pub use processor::processor;
pub use quality::{BdRate, Fit, Means, Quality, bd_rate, compare, rate_at};
pub use report::{
    ANCHORS, BASES, BdRates, CSV_FILES, ClipCurves, ClipInfo, ClipPoints, Curve, CurvePoint, Entry,
    FewerRow, LosslessRow, LosslessTable, NONE, PredictorEntry, PredictorRow, Report,
    SCHEMA_VERSION, Saved, Speeds, csv, short_name,
};
pub use run::{Inside, OpenReceiver, Plan, ReceiverChoice, Results, Runner};
pub use store::Store;
pub use study::{HONEST, clips as study_clips};
