//! A sink behind a bounded queue, so that a slow disk never slows prediction.
//!
//! When full: a live stream drops the result here and counts it (`sinks.<name>.dropped`); a file,
//! which waits for us anyway, waits for the sink too, until the run is interrupted or the sink has
//! taken nothing for [`PATIENCE`].
//!
//! Threading: `offer` is called by the inference thread; the sink has a thread of its own.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded};
use serde::Serialize;

use crate::frame::MonoTime;
use crate::pipeline::side::SideEvent;
use crate::pipeline::{FrameRecord, ModelUse, PipelineError, Stop};
use crate::source::StateChange;

use super::ResultSink;
use super::drain::{Entry, Shared, drain};

/// The accounts of a sink: `offered = written + dropped` once it has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SinkCounts {
    /// Results handed to the sink.
    pub offered: u64,
    /// Results the system has taken from the sink, after a flush that went well.
    pub written: u64,
    /// Results lost because the sink was too slow or failed.
    pub dropped: u64,
}

/// How long a file waits for a sink that takes nothing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How long the end of a run waits for a sink that writes nothing.
const GRACE: Duration = Duration::from_secs(10);

/// The same after an interrupt, when somebody waits for the program to end.
const HASTE: Duration = Duration::from_secs(2);

/// How often a wait looks whether the run was interrupted.
const POLL: Duration = Duration::from_millis(50);

/// A sink's thread, held by whoever ends the run.
#[derive(Debug)]
pub struct SinkQueue {
    name: String,
    feed: SinkFeed,
    ended: Receiver<()>,
    shared: Arc<Shared>,
}

/// The way into a sink, held by the inference thread.
#[derive(Clone, Debug)]
pub struct SinkFeed {
    sender: Sender<Entry>,
    shared: Arc<Shared>,
    lossy: bool,
}

impl SinkFeed {
    /// Hands a result over with the model that made it; a failed, full or stuck sink loses it,
    /// which is counted.
    pub fn offer(&self, record: &FrameRecord, model: Option<&Arc<ModelUse>>, stop: &Stop) {
        self.offer_within(Entry::Frame(*record, model.cloned()), stop, PATIENCE);
    }

    /// Hands over what a task beside prediction said: a result like others, in the counts too.
    pub fn tell(&self, event: &Arc<SideEvent>, stop: &Stop) {
        self.offer_within(Entry::Event(Arc::clone(event)), stop, PATIENCE);
    }

    fn offer_within(&self, mut record: Entry, stop: &Stop, patience: Duration) {
        self.shared.offered.fetch_add(1, Ordering::Relaxed);
        // A failure is the sink's: its thread keeps the error, the loss shows in the counts.
        if self.lossy {
            let _ = self.sender.try_send(record);
            return;
        }
        let given_up = MonoTime::now().after(patience);
        loop {
            let stuck = self.shared.stuck.load(Ordering::Relaxed);
            let wait = if stuck || stop.is_aborted() { Duration::ZERO } else { POLL };
            record = match self.sender.send_timeout(record, wait) {
                Ok(()) => return self.shared.stuck.store(false, Ordering::Relaxed),
                Err(SendTimeoutError::Disconnected(_)) => return,
                Err(SendTimeoutError::Timeout(_)) if wait.is_zero() => return,
                Err(SendTimeoutError::Timeout(back)) => back,
            };
            if MonoTime::now() >= given_up {
                tracing::warn!("a sink has taken nothing for {patience:?}; results are dropped");
                return self.shared.stuck.store(true, Ordering::Relaxed);
            }
        }
    }
}

impl SinkQueue {
    /// Starts a thread for `sink` with `places` waiting results. A `lossy` queue drops what does
    /// not fit, another waits.
    ///
    /// # Errors
    /// [`PipelineError::Thread`] when the thread cannot be started.
    pub fn start(
        mut sink: Box<dyn ResultSink>,
        places: usize,
        lossy: bool,
    ) -> Result<Self, PipelineError> {
        let (sender, receiver) = bounded(places.max(1));
        let (end, ended) = bounded(1);
        let shared = Arc::new(Shared::default());
        let name = sink.name().to_owned();
        let own = Arc::clone(&shared);
        std::thread::Builder::new()
            .name(format!("sink-{name}"))
            .spawn(move || {
                // Dropped on unwinding too, which is how the end learns of a panic.
                let _end = end;
                if let Err(error) = drain(&mut *sink, &receiver, &own) {
                    *own.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                }
                // The receiver goes here: offers fail from now on and count as dropped.
            })
            .map_err(|cause| PipelineError::Thread { thread: "sink", cause })?;
        let feed = SinkFeed { sender, shared: Arc::clone(&shared), lossy };
        Ok(Self { name, feed, ended, shared })
    }

    /// Name of the sink.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A way into the sink.
    #[must_use]
    pub fn feed(&self) -> SinkFeed {
        self.feed.clone()
    }

    /// Hands a change of the source over; never waits. It is no result and not in the counts.
    pub fn note(&self, change: &Arc<StateChange>) {
        let _ = self.feed.sender.try_send(Entry::Link(Arc::clone(change)));
    }

    /// The kind of error that ended the sink, if one did.
    #[must_use]
    pub fn failure(&self) -> Option<io::ErrorKind> {
        let failed = self.shared.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.as_ref().map(io::Error::kind)
    }

    /// Writes what waits and ends the thread; a sink that writes nothing for a while, or an
    /// interrupt, ends the waiting. The error is what went wrong at any time; the counts are right
    /// all the same.
    pub fn finish(self, stop: &Stop) -> (String, SinkCounts, Option<PipelineError>) {
        // A hung inference thread may hold another feed, so the end is told by a flag as well.
        self.shared.closing.store(true, Ordering::Release);
        drop(self.feed);
        let late = !ended_in_time(&self.ended, &self.shared, stop);
        let failed = self.shared.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        let offered = self.shared.offered.load(Ordering::Relaxed);
        let written = self.shared.written.load(Ordering::Relaxed);
        let counts = SinkCounts { offered, written, dropped: offered.saturating_sub(written) };
        let error = match failed {
            Some(cause) => Some(PipelineError::Sink { name: self.name.clone(), cause }),
            None if late && stop.is_aborted() => {
                // An interrupt is meant to leave behind what cannot be written; the counts say it.
                tracing::warn!(
                    "sink {} did not end; {} results are lost",
                    self.name,
                    counts.dropped
                );
                None
            }
            None if late => Some(PipelineError::Unresponsive { thread: "sink", wait: GRACE }),
            None => None,
        };
        (self.name, counts, error)
    }
}

/// Waits for the thread while it still writes.
fn ended_in_time(ended: &Receiver<()>, shared: &Shared, stop: &Stop) -> bool {
    let began = MonoTime::now();
    let mut progress = (shared.taken.load(Ordering::Relaxed), began);
    let mut aborted = None;
    loop {
        if ended.recv_timeout(POLL) != Err(RecvTimeoutError::Timeout) {
            return true;
        }
        let now = MonoTime::now();
        let taken = shared.taken.load(Ordering::Relaxed);
        if taken != progress.0 {
            progress = (taken, now);
        }
        if stop.is_aborted() && now.since(*aborted.get_or_insert(now)) >= HASTE
            || now.since(progress.1) >= GRACE
        {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::drain::FLUSH_AT;
    use super::super::sample::record;
    use super::*;

    /// Takes everything into a buffer; a disk with room for `room` results takes it from there.
    struct Buffered {
        room: u64,
        taken: u64,
        flushed: Sender<()>,
    }

    impl ResultSink for Buffered {
        fn name(&self) -> &str {
            "buffered"
        }

        fn write(&mut self, _record: &FrameRecord) -> io::Result<()> {
            self.taken += 1;
            Ok(())
        }

        fn flush(&mut self) -> io::Result<()> {
            let _ = self.flushed.try_send(());
            if self.taken > self.room { Err(io::Error::other("full disk")) } else { Ok(()) }
        }
    }

    #[test]
    fn what_only_reached_a_buffer_is_not_written() {
        for (offered, room) in [(17, 0), (17, 17), (2 * FLUSH_AT, FLUSH_AT)] {
            let sink = Buffered { room, taken: 0, flushed: bounded(1).0 };
            let queue = SinkQueue::start(Box::new(sink), 1_000, false).unwrap();
            let feed = queue.feed();
            (0..offered).for_each(|_| feed.offer(&record(), None, &Stop::new()));
            drop(feed);
            let (_, counts, error) = queue.finish(&Stop::new());
            assert_eq!((counts.offered, counts.written + counts.dropped), (offered, offered));
            assert!(counts.written <= room, "{counts:?}");
            assert_eq!((counts.dropped > 0, error.is_some()), (offered > room, offered > room));
        }
    }

    #[test]
    fn a_stream_without_a_pause_is_flushed_too() {
        let (tell, flushed) = bounded(1);
        let sink = Buffered { room: u64::MAX, taken: 0, flushed: tell };
        let queue = SinkQueue::start(Box::new(sink), 4, false).unwrap();
        let feed = queue.feed();
        while flushed.try_recv().is_err() {
            feed.offer(&record(), None, &Stop::new());
        }
        drop(feed);
        let (_, counts, error) = queue.finish(&Stop::new());
        assert!(error.is_none() && counts.dropped == 0, "{counts:?}");
    }

    /// Holds each write until it is let through, and fails at number `fail_at`.
    struct Gate {
        go: Receiver<()>,
        fail_at: u32,
        writes: u32,
    }

    impl ResultSink for Gate {
        fn name(&self) -> &str {
            "gate"
        }

        fn write(&mut self, _record: &FrameRecord) -> io::Result<()> {
            let _ = self.go.recv();
            self.writes += 1;
            if self.writes == self.fail_at { Err(io::Error::other("full disk")) } else { Ok(()) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_slow_sink_loses_and_counts() {
        let (open, go) = bounded::<()>(0);
        let sink = Gate { go, fail_at: 0, writes: 0 };
        let queue = SinkQueue::start(Box::new(sink), 2, true).unwrap();
        let feed = queue.feed();
        for _ in 0..10 {
            feed.offer(&record(), None, &Stop::new());
        }
        drop((open, feed));
        let (_, counts, error) = queue.finish(&Stop::new());
        assert!(error.is_none());
        assert_eq!((counts.offered, counts.written + counts.dropped), (10, 10));
        assert!(counts.dropped >= 7, "two places and one in work: {counts:?}");
    }

    #[test]
    fn a_failed_sink_keeps_its_error() {
        let (open, go) = bounded::<()>(0);
        drop(open);
        let sink = Gate { go, fail_at: 2, writes: 0 };
        let queue = SinkQueue::start(Box::new(sink), 1, false).unwrap();
        let feed = queue.feed();
        for _ in 0..20 {
            feed.offer(&record(), None, &Stop::new());
        }
        drop(feed);
        let (name, counts, error) = queue.finish(&Stop::new());
        assert_eq!((name.as_str(), counts.offered, counts.written), ("gate", 20, 1));
        assert!(error.unwrap().to_string().contains("full disk"));
    }

    #[test]
    fn a_stuck_sink_is_given_up_and_takes_results_again_later() {
        let (open, go) = bounded::<()>(0);
        let queue =
            SinkQueue::start(Box::new(Gate { go, fail_at: 0, writes: 0 }), 1, false).unwrap();
        let (feed, stop) = (queue.feed(), Stop::new());
        let offer =
            || feed.offer_within(Entry::Frame(record(), None), &stop, Duration::from_millis(10));
        while !feed.shared.stuck.load(Ordering::Relaxed) {
            offer();
        }
        open.send(()).unwrap();
        while feed.shared.stuck.load(Ordering::Relaxed) {
            offer();
        }
        drop((open, feed));
        let (_, counts, error) = queue.finish(&stop);
        assert!(error.is_none() && counts.dropped > 0, "{counts:?}");
    }

    #[test]
    fn an_interrupt_ends_the_wait_for_a_stuck_sink() {
        let (open, go) = bounded::<()>(0);
        let queue =
            SinkQueue::start(Box::new(Gate { go, fail_at: 0, writes: 0 }), 1, false).unwrap();
        let (feed, stop) = (queue.feed(), Stop::new());
        let waiting = std::thread::spawn({
            let stop = stop.clone();
            // Not one of these can be written, so this would wait for ever.
            move || {
                (0..4).for_each(|_| {
                    feed.offer_within(Entry::Frame(record(), None), &stop, Duration::MAX);
                });
            }
        });
        stop.abort();
        waiting.join().unwrap();
        let (_, counts, error) = queue.finish(&stop);
        assert!(error.is_none(), "an interrupt is no failure: {error:?}");
        assert_eq!((counts.offered, counts.written, counts.dropped), (4, 0, 4));
        drop(open);
    }
}
