//! Where results go. A sink has a bounded queue and a thread of its own, so that it degrades
//! before prediction does.

mod decoded;
mod drain;
mod growing;
mod jsonl;
mod queue;
mod recorder;
mod result_sink;
#[cfg(test)]
mod sample;
mod syncing;
mod y4m;

pub use decoded::{DecodedWriter, WriteDecodedError};
pub use growing::GrowingFile;
pub use jsonl::Jsonl;
pub(crate) use queue::PATIENCE;
pub use queue::{SinkCounts, SinkFeed, SinkQueue};
pub use recorder::{Recorder, RecorderFeed, Recording};
pub use result_sink::ResultSink;
pub use y4m::{Chroma, Y4mError, Y4mWriter};
