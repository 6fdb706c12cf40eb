//! The thread of the side tasks.
//!
//! Threading: the tasks belong to the side thread; frames come from the inference thread, questions
//! from any. The lock on the measurements is never held while a task runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use crate::frame::{MonoTime, SystemClock};
use crate::pipeline::{PipelineError, Stop, TimeLine};

use super::asker::SharedCounts;
use super::feed::{Copied, PATIENCE};
use super::report::SideStats;
use super::work::{Work, be_nice};
use super::{Asker, EVERY, Guard, SideEvent, SideFeed, SideSummary, SideTask};

/// How long the end of a live run, or of one that was interrupted, waits for a task.
const GRACE: Duration = Duration::from_secs(5);

/// How often the end looks whether the run is interrupted.
const POLL: Duration = Duration::from_millis(100);

/// Settings of the side thread.
#[derive(Clone, Copy, Debug)]
pub struct SideOptions {
    /// The least time from one frame to the next, on the stream's own time line.
    pub every: Duration,
    /// No frame that is due is left out: the main stage waits for the tasks. For recordings.
    pub all: bool,
    /// How much less of the processor the thread gets than others (Linux `nice`, 0 to 19).
    pub nice: i32,
}

impl Default for SideOptions {
    fn default() -> Self {
        Self { every: EVERY, all: false, nice: 10 }
    }
}

/// The side thread, held by whoever ends the run.
#[derive(Debug)]
pub struct SideLine {
    thread: JoinHandle<()>,
    ended: Receiver<()>,
    guard: Option<Guard>,
    stats: Arc<Mutex<BTreeMap<&'static str, SideStats>>>,
    counts: SharedCounts,
    /// The end waits for what was handed over, as the frames before did.
    all: bool,
}

impl SideLine {
    /// Starts the thread of `tasks` for a stream whose frames lie on `line`; `tell` gets their
    /// events, in that thread. Waits end with `stop`.
    ///
    /// # Errors
    /// [`PipelineError::Thread`] when it cannot be started.
    pub fn start(
        tasks: Vec<Box<dyn SideTask>>,
        options: SideOptions,
        line: TimeLine,
        stop: &Stop,
        tell: Box<dyn FnMut(&SideEvent) + Send>,
    ) -> Result<(Self, SideFeed, Asker), PipelineError> {
        let (frames, waiting) = bounded(2);
        let (give_back, spare) = bounded(2);
        for _ in 0..2 {
            let _ = give_back.try_send(Copied::default());
        }
        let (ask, questions, counts) = Asker::new();
        let (end, ended) = bounded(1);
        let names = tasks.iter().map(|t| (t.name(), SideStats::default()));
        let stats = Arc::new(Mutex::new(names.collect()));
        let mut work = Work::new(tasks, Arc::new(SystemClock), Arc::clone(&stats), tell);
        let thread = std::thread::Builder::new()
            .name("framecast-side".to_owned())
            .spawn(move || {
                // Dropped on unwinding too, which is how the end learns of a panic.
                let _end = end;
                be_nice(options.nice);
                work.until_end(&waiting, &give_back, &questions);
            })
            .map_err(|cause| PipelineError::Thread { thread: "side", cause })?;
        let stop = stop.clone();
        let feed = SideFeed { frames, spare, options, line, stop, due: None, reset: None };
        Ok((Self { thread, ended, guard: None, stats, counts, all: options.all }, feed, ask))
    }

    /// What the tasks did so far.
    #[must_use]
    pub fn reports(&self) -> SideSummary {
        let stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        let tasks = stats.iter().map(|(name, stats)| (*name, stats.into())).collect();
        drop(stats);
        let questions = *self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        SideSummary { tasks, questions }
    }

    /// Keeps `guard` until the end.
    pub fn keep(&mut self, guard: Guard) {
        self.guard = Some(guard);
    }

    /// Waits for the thread, whose feed must be gone; a task that hangs is left behind, sooner when
    /// `stop` is an interrupt.
    #[must_use]
    pub fn finish(mut self, stop: &Stop) -> SideSummary {
        // Nobody asks any more.
        drop(self.guard.take());
        let began = MonoTime::now();
        let ended = loop {
            let patience = if self.all && !stop.is_aborted() { PATIENCE } else { GRACE };
            let waited = MonoTime::now().since(began);
            if self.ended.recv_timeout(POLL) != Err(RecvTimeoutError::Timeout) {
                break true;
            }
            if waited >= patience {
                break false;
            }
        };
        let reports = |line: &Self| line.reports();
        if !ended {
            tracing::warn!("a side task does not end and is left behind");
            return reports(&self);
        }
        let summary = reports(&self);
        if self.thread.join().is_err() {
            tracing::warn!("a side task panicked; what it said until then is in the report");
        }
        summary
    }
}
