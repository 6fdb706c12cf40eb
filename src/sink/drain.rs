//! The thread of a sink: writes what waits in the queue, and knows what got through.
//!
//! A result counts as written after a flush that went well, since a sink's own buffer takes
//! anything, also on a full disk. Threading: runs in the sink's thread; what it tells is atomic.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::frame::MonoTime;
use crate::pipeline::side::SideEvent;
use crate::pipeline::{FrameRecord, ModelUse};
use crate::source::StateChange;

use super::ResultSink;

/// How long results may lie in a sink's own buffer.
const FLUSH_EVERY: Duration = Duration::from_millis(500);

/// How many results may lie there: what is lost at most when a disk is full.
pub(super) const FLUSH_AT: u64 = 64;

/// What a queue holds.
#[derive(Debug)]
pub(super) enum Entry {
    /// With the model that made it, so that a change of models cannot be lost between two results.
    Frame(FrameRecord, Option<Arc<ModelUse>>),
    /// What a task beside prediction said.
    Event(Arc<SideEvent>),
    /// Shared, since a change of state is rare and may carry a text.
    Link(Arc<StateChange>),
}

/// What the two ends of a queue know of each other.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) offered: AtomicU64,
    /// Taken by the sink, perhaps into its buffer only: the sign that it is alive.
    pub(super) taken: AtomicU64,
    pub(super) written: AtomicU64,
    pub(super) closing: AtomicBool,
    /// It took nothing for too long; until it takes something again nobody waits for it.
    pub(super) stuck: AtomicBool,
    pub(super) failed: Mutex<Option<io::Error>>,
}

/// Writes until the queue is closed and empty.
///
/// # Errors
/// The first error of the sink, which gets no more results then.
pub(super) fn drain(
    sink: &mut dyn ResultSink,
    results: &Receiver<Entry>,
    shared: &Shared,
) -> io::Result<()> {
    let mut held = Held { results: 0, since: MonoTime::now(), shared };
    let mut said: Option<Arc<ModelUse>> = None;
    loop {
        match results.recv_timeout(FLUSH_EVERY) {
            Ok(Entry::Link(change)) => sink.write_change(&change)?,
            Ok(Entry::Event(event)) => {
                if let Err(error) = sink.write_event(&event) {
                    let _ = held.flush(sink);
                    return Err(error);
                }
                held.results += 1;
                shared.taken.fetch_add(1, Ordering::Relaxed);
            }
            Ok(Entry::Frame(record, model)) => {
                let known = match (&model, &said) {
                    (Some(new), Some(old)) => Arc::ptr_eq(new, old),
                    (new, _) => new.is_none(),
                };
                let outcome = match &model {
                    Some(model) if !known => sink.write_model(model),
                    _ => Ok(()),
                };
                said = model;
                if let Err(error) = outcome.and_then(|()| sink.write(&record)) {
                    // Those before it may still get through; the error is the first one.
                    let _ = held.flush(sink);
                    return Err(error);
                }
                held.results += 1;
                shared.taken.fetch_add(1, Ordering::Relaxed);
            }
            Err(RecvTimeoutError::Timeout) => {
                held.flush(sink)?;
                if shared.closing.load(Ordering::Acquire) {
                    return Ok(());
                }
            }
            Err(RecvTimeoutError::Disconnected) => return held.flush(sink),
        }
        // Who reads along wants the newest now, not when a buffer is full.
        if results.is_empty()
            || held.results >= FLUSH_AT
            || MonoTime::now().since(held.since) >= FLUSH_EVERY
        {
            held.flush(sink)?;
        }
    }
}

/// Results in the sink's buffer, of which nobody knows yet whether there is room for them.
struct Held<'a> {
    results: u64,
    since: MonoTime,
    shared: &'a Shared,
}

impl Held<'_> {
    fn flush(&mut self, sink: &mut dyn ResultSink) -> io::Result<()> {
        self.since = MonoTime::now();
        sink.flush()?;
        self.shared.written.fetch_add(std::mem::take(&mut self.results), Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::{Sender, bounded};

    use super::super::sample::record;
    use super::*;

    /// Says what it is told to do.
    struct Told(Sender<&'static str>);

    impl ResultSink for Told {
        fn name(&self) -> &str {
            "told"
        }

        fn write(&mut self, _record: &FrameRecord) -> io::Result<()> {
            self.0.send("write").map_err(io::Error::other)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.0.send("flush").map_err(io::Error::other)
        }
    }

    #[test]
    fn the_last_of_a_burst_is_flushed_at_once() {
        let (say, told) = bounded(8);
        let (send, results) = bounded(2);
        for _ in 0..2 {
            send.send(Entry::Frame(record(), None)).unwrap();
        }
        drop(send);
        drain(&mut Told(say), &results, &Shared::default()).unwrap();
        // The last one belongs to the end of the results.
        assert_eq!(told.iter().collect::<Vec<_>>(), ["write", "write", "flush", "flush"]);
    }

    #[test]
    fn the_model_is_said_before_its_first_result_that_gets_through() {
        struct Lines(Sender<String>);
        impl ResultSink for Lines {
            fn name(&self) -> &str {
                "lines"
            }
            fn write(&mut self, _record: &FrameRecord) -> io::Result<()> {
                self.0.send("result".to_owned()).map_err(io::Error::other)
            }
            fn write_model(&mut self, model: &ModelUse) -> io::Result<()> {
                self.0.send(model.name.clone()).map_err(io::Error::other)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let model = |name: &str| {
            let (name, identity) = (name.to_owned(), String::new());
            Some(Arc::new(ModelUse { from_seq: 0, name, identity, load: None }))
        };
        let (first, second) = (model("first"), model("second"));
        let (say, told) = bounded(8);
        let (send, results) = bounded(4);
        for model in [&first, &first, &second] {
            send.send(Entry::Frame(record(), model.clone())).unwrap();
        }
        drop(send);
        drain(&mut Lines(say), &results, &Shared::default()).unwrap();
        let told: Vec<_> = told.iter().collect();
        assert_eq!(told, ["first", "result", "result", "second", "result"]);
    }
}
