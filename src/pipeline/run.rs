//! A run: the capture thread, the inference thread and the watch over both.
//!
//! The capture thread reads the source and fills the ring; the inference thread empties it; the
//! calling thread watches the clock, the limits and the health of both, and reports a few times a
//! second. An error or panic in one thread ends the others in order and becomes a value; what was
//! measured and written until then is kept. Every wait has a deadline, so a hung library or device
//! ends the run with a message instead of hanging it.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::frame::{DropReason, MonoTime, SystemClock};
use crate::ring::{FrameRing, InFlight, Policy, Popped};
use crate::sink::{self, RecorderFeed, Recording, ResultSink, SinkFeed, SinkQueue};
use crate::source::{Read, Source, SourceError, StateChange};

use super::side::{self, Beside, SideFeed, SideLine};
use super::{
    Captured, Finished, FrameLedger, Fresh, Intake, LinkReport, Outcome, PipelineError, RunReport,
    RunStats, Stage, Status, Stop, Worker,
};

/// How long a thread sleeps at most before it looks at the stop signal.
const POLL: Duration = Duration::from_millis(200);

/// How long the end of a run waits for a thread that does nothing.
const GRACE: Duration = Duration::from_secs(5);

/// Settings of a run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Ring policy; [`None`] is `latest` for a live source and `block` for a file.
    pub policy: Option<Policy>,
    /// Places of the ring.
    pub capacity: usize,
    /// How long a live source waits for a place.
    pub block_timeout: Duration,
    /// The age from which a frame is dropped as `deadline`.
    pub max_age: Option<Duration>,
    /// Ends the run when this many frames have been captured.
    pub frames: Option<u64>,
    /// Ends the run after this time.
    pub duration: Option<Duration>,
    /// The longest inference.
    pub engine_timeout: Duration,
    /// The longest single read of the source, which is asked to answer several times a second.
    pub read_timeout: Duration,
    /// Results waiting for a sink.
    pub sink_queue: usize,
    /// How often the observer is called.
    pub report_every: Duration,
    /// Changes of a supervised source, for the sinks and the report.
    pub link_events: Option<Receiver<StateChange>>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            policy: None,
            capacity: 4,
            block_timeout: Duration::from_secs(1),
            max_age: None,
            frames: None,
            duration: None,
            engine_timeout: Duration::from_secs(30),
            read_timeout: Duration::from_secs(60),
            sink_queue: 256,
            report_every: Duration::from_millis(250),
            link_events: None,
        }
    }
}

impl RunOptions {
    /// Frame buffers a run needs: those waiting, the one in work, the one being read, and one to
    /// spare for a source that reads ahead.
    #[must_use]
    pub const fn pool_slots(&self) -> usize {
        self.capacity + 4
    }
}

/// Runs `source` through `stage` until one of them ends it, a limit is reached or `stop` is set.
pub fn run(
    source: Box<dyn Source>,
    stage: Box<dyn Stage>,
    sinks: Vec<Box<dyn ResultSink>>,
    options: &RunOptions,
    stop: &Stop,
    observe: &mut dyn FnMut(&Status),
) -> Finished {
    run_beside(source, stage, Beside::default(), sinks, options, stop, observe)
}

/// As [`run`], with tasks beside the main stage.
pub fn run_beside(
    source: Box<dyn Source>,
    stage: Box<dyn Stage>,
    beside: Beside,
    sinks: Vec<Box<dyn ResultSink>>,
    options: &RunOptions,
    stop: &Stop,
    observe: &mut dyn FnMut(&Status),
) -> Finished {
    let started = MonoTime::now();
    let stats = Arc::new(Mutex::new(RunStats::default()));
    let ledger = FrameLedger::default();
    let mut errors = Vec::new();
    let mut link = options.link_events.as_ref().map(|_| LinkReport::default());
    let mut queues = Vec::new();
    let name = source.info().uri.clone();
    let (mut side, mut recording) = (None, None);
    let parts = Parts { source, stage, beside, sinks };
    match start(parts, options, stop, &stats, &ledger, &mut queues, &mut side, &mut recording) {
        Ok(threads) => {
            let (sinks, source, side) = (queues.as_slice(), name.as_str(), side.as_ref());
            let watch =
                Watch { options, stop, ledger: &ledger, stats: &stats, sinks, side, source };
            watch.until_end(threads, observe, &mut errors, &mut link);
        }
        Err(error) => errors.push(error),
    }
    let frames = ledger.close(DropReason::Shutdown);
    // Before the sinks, which get its last events.
    let side = side.map(|side| side.finish(stop)).unwrap_or_default();
    let mut sinks = BTreeMap::new();
    for queue in queues {
        let (name, counts, error) = queue.finish(stop);
        sinks.insert(name, counts);
        errors.extend(error);
    }
    if let Some(recording) = recording {
        let (name, counts, error) = recording.finish(stop);
        sinks.insert(name, counts);
        errors.extend(error);
    }
    let outcome = match (errors.is_empty(), stop.is_aborted()) {
        (false, _) => Outcome::Failed,
        (true, true) => Outcome::Interrupted,
        (true, false) => Outcome::Complete,
    };
    let elapsed = MonoTime::now().since(started);
    let stats = stats.lock().unwrap_or_else(PoisonError::into_inner);
    let report = RunReport::new(outcome, elapsed, frames, &stats, sinks, link, side);
    // The first error is the cause; what follows it are consequences.
    for consequence in errors.iter().skip(1) {
        tracing::warn!("{consequence}");
    }
    Finished { report, error: errors.into_iter().next() }
}

type ThreadResult = Result<(), PipelineError>;

struct Threads {
    capture: JoinHandle<ThreadResult>,
    infer: JoinHandle<ThreadResult>,
    limiter: InFlight,
    ended: Receiver<()>,
    ring: Arc<FrameRing<Captured>>,
    reading: Reading,
}

/// Since when the capture thread has been in one read of the source; 0 while it is in none.
#[derive(Clone, Debug, Default)]
struct Reading(Arc<AtomicU64>);

impl Reading {
    fn of<T>(&self, read: impl FnOnce() -> T) -> T {
        self.0.store(MonoTime::now().as_nanos(), Ordering::Relaxed);
        let answer = read();
        self.0.store(0, Ordering::Relaxed);
        answer
    }

    fn lasts(&self, now: MonoTime) -> Duration {
        match self.0.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => now.since(MonoTime::from_nanos(since)),
        }
    }
}

/// Closes the ring and wakes the watch when a thread ends, by whatever way.
struct Ending {
    ring: Arc<FrameRing<Captured>>,
    ended: Sender<()>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.ring.close();
        let _ = self.ended.try_send(());
    }
}

/// What a run is made of.
struct Parts {
    source: Box<dyn Source>,
    stage: Box<dyn Stage>,
    beside: Beside,
    sinks: Vec<Box<dyn ResultSink>>,
}

#[expect(clippy::too_many_arguments, reason = "what the threads of a run share")]
fn start(
    parts: Parts,
    options: &RunOptions,
    stop: &Stop,
    stats: &Arc<Mutex<RunStats>>,
    ledger: &FrameLedger,
    queues: &mut Vec<SinkQueue>,
    side: &mut Option<SideLine>,
    recording: &mut Option<Recording>,
) -> Result<Threads, PipelineError> {
    let Parts { source, stage, mut beside, sinks } = parts;
    let mut record = None;
    if let Some(recorder) = beside.recorder.take() {
        let (running, feed) = recorder.start(source.info())?;
        *recording = Some(running);
        record = Some(feed);
    }
    let live = source.info().live;
    let policy = options.policy.unwrap_or(if live { Policy::Latest } else { Policy::Block });
    let ring = Arc::new(FrameRing::new(policy, options.capacity));
    let limiter = InFlight::new(1, options.engine_timeout);
    for sink in sinks {
        queues.push(SinkQueue::start(sink, options.sink_queue, live)?);
    }
    let feeds: Vec<SinkFeed> = queues.iter().map(SinkQueue::feed).collect();
    let side_feed = beside.start(source.info(), &feeds, stop, side)?;
    let worker = Worker::new(
        stage,
        Arc::new(SystemClock),
        limiter.clone(),
        Arc::clone(stats),
        options.max_age,
    );
    let patience = live.then_some(options.block_timeout);
    let intake = Intake::new(Arc::clone(&ring), ledger.clone(), stop.clone(), patience);
    let (end, ended) = bounded(2);
    let reading = Reading::default();
    let ending = || Ending { ring: Arc::clone(&ring), ended: end.clone() };
    let infer = spawn("infer", {
        let (ending, ring, stop) = (ending(), Arc::clone(&ring), stop.clone());
        move || {
            let ending = ending;
            let outcome = infer_loop(worker, &ring, &stop, &feeds, side_feed);
            drop(ending);
            outcome
        }
    })?;
    let capture = spawn("capture", {
        let (ending, stop, frames) = (ending(), stop.clone(), options.frames);
        let (reading, stats) = (reading.clone(), Arc::clone(stats));
        let mut source = Fresh::new(source);
        move || {
            let ending = ending;
            let outcome =
                capture_loop(&mut source, intake, &stop, frames, &reading, record.as_ref());
            drop(record);
            let damage = source.damage();
            if !damage.is_none() {
                tracing::warn!("{}: {damage}", source.info().uri);
                stats.lock().unwrap_or_else(PoisonError::into_inner).damage = damage;
            }
            drop(ending);
            outcome
        }
    });
    // Without a capture thread the ring is closed (its ending is gone), so inference ends too.
    Ok(Threads { capture: capture?, infer, limiter, ended, ring, reading })
}

fn spawn(
    thread: &'static str,
    body: impl FnOnce() -> ThreadResult + Send + 'static,
) -> Result<JoinHandle<ThreadResult>, PipelineError> {
    std::thread::Builder::new()
        .name(format!("framecast-{thread}"))
        .spawn(body)
        .map_err(|cause| PipelineError::Thread { thread, cause })
}

fn capture_loop(
    source: &mut Fresh,
    mut intake: Intake,
    stop: &Stop,
    frames: Option<u64>,
    reading: &Reading,
    record: Option<&RecorderFeed>,
) -> ThreadResult {
    while !stop.is_finishing() && frames.is_none_or(|limit| intake.captured() < limit) {
        let read = reading.of(|| source.read(MonoTime::now().after(POLL)));
        intake.before_start(source.take_let_go());
        match read? {
            Read::Frame(frame) => {
                let now = MonoTime::now();
                if let Some(record) = record {
                    record.offer(&frame, stop);
                }
                intake.accept(frame, now);
            }
            Read::Lost { frames, reason } => intake.lost(frames, reason),
            Read::Reopened => intake.note_reopened(),
            Read::Timeout => {}
            Read::End => break,
        }
    }
    Ok(())
}

fn infer_loop(
    mut worker: Worker,
    ring: &FrameRing<Captured>,
    stop: &Stop,
    sinks: &[SinkFeed],
    mut side: Option<SideFeed>,
) -> ThreadResult {
    let outcome = loop {
        match ring.pop(MonoTime::now().after(POLL)) {
            Popped::Item(lost, _) if stop.is_aborted() => lost.ticket.dropped(DropReason::Shutdown),
            Popped::Item(captured, left_out) => match worker.process(captured, left_out) {
                Ok(Some(record)) => {
                    sinks.iter().for_each(|sink| sink.offer(&record, worker.model(), stop));
                    if let Some(side) = &mut side {
                        side.offer(worker.image(), &record);
                    }
                }
                Ok(None) => {}
                Err(error) => break Err(error),
            },
            Popped::Timeout => {}
            Popped::Closed => break Ok(()),
        }
    };
    // What still waits has no one to work on it; its tickets count it.
    ring.close();
    while let Popped::Item(lost, _) = ring.try_pop() {
        lost.ticket.dropped(DropReason::Shutdown);
    }
    // A state file is written after a failure too: it is from before the failed frame.
    let finished = worker.stage().finish().map_err(PipelineError::from);
    outcome.and(finished)
}

/// What the calling thread looks at while the others work.
struct Watch<'a> {
    options: &'a RunOptions,
    stop: &'a Stop,
    ledger: &'a FrameLedger,
    stats: &'a Mutex<RunStats>,
    sinks: &'a [SinkQueue],
    side: Option<&'a SideLine>,
    /// Name of the source.
    source: &'a str,
}

impl Watch<'_> {
    fn until_end(
        &self,
        threads: Threads,
        observe: &mut dyn FnMut(&Status),
        errors: &mut Vec<PipelineError>,
        link: &mut Option<LinkReport>,
    ) {
        let Threads { capture, infer, limiter, ended, ring, reading } = threads;
        let started = MonoTime::now();
        let mut next_report = started.after(self.options.report_every);
        let mut asked: Option<MonoTime> = None;
        let mut idle: Option<(u64, MonoTime)> = None;
        let (mut stuck, mut hung) = (false, false);
        while !((hung || capture.is_finished()) && (stuck || infer.is_finished())) {
            // An ended thread says so through the channel a moment before it is finished.
            if ended.recv_timeout(self.options.report_every.min(POLL)).is_ok() {
                std::thread::sleep(Duration::from_millis(1));
            }
            self.note_link(link);
            let now = MonoTime::now();
            if self.is_over(now.since(started)) || infer.is_finished() {
                self.stop.finish();
            }
            if limiter.reap(now) > 0 {
                errors.push(PipelineError::Stuck { timeout: self.options.engine_timeout });
                stuck = true;
                self.stop.abort();
            }
            let waited = reading.lasts(now);
            if !hung && waited >= self.options.read_timeout {
                let name = self.source.to_owned();
                errors.push(SourceError::Silent { name, waited }.into());
                hung = true;
                self.stop.finish();
                // What was captured is still worked on.
                ring.close();
            }
            if self.stop.is_finishing() && !hung && !capture.is_finished() {
                let since = *asked.get_or_insert(now);
                if now.since(since) >= GRACE {
                    errors.push(PipelineError::Unresponsive { thread: "capture", wait: GRACE });
                    break;
                }
            }
            if (self.stop.is_finishing() || capture.is_finished())
                && !(stuck || infer.is_finished())
            {
                // In the engine it has its own limit; elsewhere it must get on.
                let left = self.ledger.snapshot().in_flight;
                let since = match idle {
                    Some((before, since)) if before == left && limiter.held() == 0 => since,
                    _ => idle.insert((left, now)).1,
                };
                let wait = self.infer_grace();
                if now.since(since) >= wait {
                    errors.push(PipelineError::Unresponsive { thread: "infer", wait });
                    stuck = true;
                    self.stop.abort();
                }
            }
            if now >= next_report {
                next_report = now.after(self.options.report_every);
                let stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
                let mut status = Status::new(now.since(started), self.ledger.snapshot(), &stats);
                drop(stats);
                status.side = self.side.map(SideLine::reports).unwrap_or_default();
                observe(&status);
            }
        }
        self.stop.finish();
        self.note_link(link);
        // A thread that hangs in a library cannot be joined; it is left behind, its tickets void.
        for (name, thread) in [("infer", infer), ("capture", capture)] {
            if errors.is_empty() || thread.is_finished() {
                errors.extend(joined(name, thread));
            }
        }
    }

    /// Passes on what the supervisor of the source said.
    fn note_link(&self, link: &mut Option<LinkReport>) {
        let (Some(events), Some(link)) = (&self.options.link_events, link) else { return };
        for change in events.try_iter() {
            link.add(&change);
            let change = Arc::new(change);
            self.sinks.iter().for_each(|sink| sink.note(&change));
        }
    }

    /// How long the inference thread may get on with nothing at the end: it may have to wait for
    /// each sink and for the tasks beside it, unless interrupted.
    fn infer_grace(&self) -> Duration {
        let sinks = u32::try_from(self.sinks.len()).unwrap_or(u32::MAX);
        if self.stop.is_aborted() {
            GRACE
        } else {
            let beside = self.side.map_or(Duration::ZERO, |_| side::PATIENCE);
            GRACE.saturating_add(beside).saturating_add(sink::PATIENCE.saturating_mul(sinks))
        }
    }

    /// True when the time is up, or nobody reads the results any more. A sink that fails otherwise
    /// (a full disk) is no reason to stop predicting; it is reported at the end.
    fn is_over(&self, elapsed: Duration) -> bool {
        let unread = |sink: &SinkQueue| sink.failure() == Some(ErrorKind::BrokenPipe);
        self.options.duration.is_some_and(|limit| elapsed >= limit) || self.sinks.iter().any(unread)
    }
}

fn joined(thread: &'static str, handle: JoinHandle<ThreadResult>) -> Option<PipelineError> {
    match handle.join() {
        Ok(outcome) => outcome.err(),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
            let message = text.or_else(|| panic.downcast_ref::<String>().cloned());
            let message = message.unwrap_or_else(|| "no message".to_owned());
            Some(PipelineError::Panicked { thread, message })
        }
    }
}
