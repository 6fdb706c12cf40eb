//! The thread of the side tasks, and the ways into it.
//!
//! When full: two buffers go round, one being worked on and one waiting; while both are away a
//! frame is not taken, which `stages.<task>.skipped` counts. Questions wait in a queue of eight;
//! one more is refused.
//!
//! Threading: `offer` is called by the inference thread and costs a copy of the picture when it
//! takes one; questions come from any thread; the tasks belong to the side thread. The lock on the
//! measurements is never held while a task runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::frame::{FrameSeq, MonoTime};
use crate::pipeline::PipelineError;
use crate::vision::RgbImage;

use super::report::SideStats;
use super::work::{Work, be_nice};
use super::{EVERY, Guard, SideEvent, SideReports, SideTask};

/// Questions that wait.
const QUESTIONS: usize = 8;

/// How long the end of a run waits for a task.
const GRACE: Duration = Duration::from_secs(5);

/// Settings of the side thread.
#[derive(Clone, Copy, Debug)]
pub struct SideOptions {
    /// The least time from one frame to the next.
    pub every: Duration,
    /// The tasks see every frame, however slow: for files, where the main stage waits for them.
    pub all: bool,
    /// How much less of the processor the thread gets than others (Linux `nice`, 0 to 19).
    pub nice: i32,
}

impl Default for SideOptions {
    fn default() -> Self {
        Self { every: EVERY, all: false, nice: 10 }
    }
}

/// A frame on its way.
#[derive(Debug, Default)]
pub(super) struct Copied {
    pub(super) image: RgbImage,
    pub(super) seq: FrameSeq,
    pub(super) captured: MonoTime,
}

/// What was said to a question.
#[derive(Clone, Debug, PartialEq)]
pub enum Answered {
    /// The answer, with the name of the task.
    Answer(&'static str, serde_json::Value),
    /// Why there is none.
    Refused(String),
}

pub(super) struct Question {
    pub(super) text: String,
    pub(super) asked: MonoTime,
    pub(super) reply: Sender<Answered>,
}

/// Asks the tasks of a run.
#[derive(Clone)]
pub struct Asker(Sender<Question>);

impl std::fmt::Debug for Asker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Asker")
    }
}

impl Asker {
    /// The answer to `text`, or why there is none within `patience`.
    #[must_use]
    pub fn ask(&self, text: &str, patience: Duration) -> Answered {
        let (reply, answer) = bounded(1);
        let question = Question { text: text.to_owned(), asked: MonoTime::now(), reply };
        if let Err(error) = self.0.try_send(question) {
            return Answered::Refused(match error {
                crossbeam_channel::TrySendError::Full(_) => {
                    format!("{QUESTIONS} questions wait already; ask again later")
                }
                crossbeam_channel::TrySendError::Disconnected(_) => "the run has ended".to_owned(),
            });
        }
        match answer.recv_timeout(patience) {
            Ok(answered) => answered,
            Err(RecvTimeoutError::Timeout) => {
                Answered::Refused(format!("no answer within {patience:?}; ask again later"))
            }
            Err(RecvTimeoutError::Disconnected) => {
                Answered::Refused("the run has ended".to_owned())
            }
        }
    }
}

/// The way in for frames, held by the inference thread.
#[derive(Debug)]
pub struct SideFeed {
    frames: Sender<Copied>,
    spare: Receiver<Copied>,
    options: SideOptions,
    next: MonoTime,
}

impl SideFeed {
    /// Hands a copy of the frame over when one is due and there is a buffer for it.
    pub fn offer(&mut self, image: &RgbImage, seq: FrameSeq, captured: MonoTime) {
        let now = MonoTime::now();
        if !self.options.all && now < self.next {
            return;
        }
        let spare = match self.options.all {
            true => self.spare.recv_timeout(GRACE).ok(),
            false => self.spare.try_recv().ok(),
        };
        let Some(mut copied) = spare else { return };
        copied.image.copy_from(image);
        (copied.seq, copied.captured) = (seq, captured);
        self.next = now.after(self.options.every);
        // There are as many places as buffers; the thread may have ended.
        let _ = self.frames.try_send(copied);
    }
}

/// The side thread, held by whoever ends the run.
#[derive(Debug)]
pub struct SideLine {
    thread: JoinHandle<()>,
    ended: Receiver<()>,
    guard: Option<Guard>,
    stats: Arc<Mutex<BTreeMap<&'static str, SideStats>>>,
}

impl SideLine {
    /// Starts the thread of `tasks`; `tell` gets their events, in that thread.
    ///
    /// # Errors
    /// [`PipelineError::Thread`] when it cannot be started.
    pub fn start(
        tasks: Vec<Box<dyn SideTask>>,
        options: SideOptions,
        tell: Box<dyn FnMut(&SideEvent) + Send>,
    ) -> Result<(Self, SideFeed, Asker), PipelineError> {
        let (frames, waiting) = bounded(2);
        let (give_back, spare) = bounded(2);
        for _ in 0..2 {
            let _ = give_back.try_send(Copied::default());
        }
        let (ask, questions) = bounded(QUESTIONS);
        let (end, ended) = bounded(1);
        let names = tasks.iter().map(|t| (t.name(), SideStats::default()));
        let stats = Arc::new(Mutex::new(names.collect()));
        let mut work = Work::new(tasks, Arc::clone(&stats), tell);
        let thread = std::thread::Builder::new()
            .name("framecast-side".to_owned())
            .spawn(move || {
                // Dropped on unwinding too, which is how the end learns of a panic.
                let _end = end;
                be_nice(options.nice);
                work.until_end(&waiting, &give_back, &questions);
            })
            .map_err(|cause| PipelineError::Thread { thread: "side", cause })?;
        let feed = SideFeed { frames, spare, options, next: MonoTime::ZERO };
        Ok((Self { thread, ended, guard: None, stats }, feed, Asker(ask)))
    }

    /// What the tasks did so far.
    #[must_use]
    pub fn reports(&self) -> SideReports {
        let stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        stats.iter().map(|(name, stats)| (*name, stats.into())).collect()
    }

    /// Keeps `guard` until the end.
    pub fn keep(&mut self, guard: Guard) {
        self.guard = Some(guard);
    }

    /// Waits for the thread, whose feed must be gone; a task that hangs is left behind.
    #[must_use]
    pub fn finish(self) -> SideReports {
        // Nobody asks any more.
        drop(self.guard);
        if self.ended.recv_timeout(GRACE) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("a side task does not end within {GRACE:?} and is left behind");
        } else if self.thread.join().is_err() {
            tracing::warn!("a side task panicked; what it said until then is in the report");
        }
        let stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        stats.iter().map(|(name, stats)| (*name, stats.into())).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::frame::Size;

    use super::super::work::TRIES;
    use super::super::{Seen, SideTask};
    use super::*;
    use crate::task::TaskError;

    /// Counts frames, fails on those that `fails` says, and answers with the count.
    struct Counter {
        name: &'static str,
        frames: u64,
        calls: u64,
        fails: fn(u64) -> bool,
    }

    impl SideTask for Counter {
        fn name(&self) -> &'static str {
            self.name
        }

        fn embedding(&self) -> Option<&[f32]> {
            (self.name == "backbone").then_some(&[1.0, 2.0])
        }

        fn see(&mut self, seen: &Seen<'_>, events: &mut Vec<SideEvent>) -> Result<(), TaskError> {
            self.calls += 1;
            if (self.fails)(self.calls) {
                let reason = format!("frame {}", self.calls);
                return Err(TaskError::Contract { model: self.name.to_owned(), reason });
            }
            assert_eq!(seen.embedding.is_some(), self.name != "backbone");
            self.frames += 1;
            let mut what = serde_json::Map::new();
            what.insert("frames".to_owned(), json!(self.frames));
            let (seq, captured) = (seen.seq.0, seen.captured);
            events.push(SideEvent { task: self.name, seq, captured, what });
            Ok(())
        }

        fn ask(&mut self, question: &str) -> Option<Result<serde_json::Value, TaskError>> {
            (self.name == "b").then(|| Ok(json!({ "question": question, "frames": self.frames })))
        }
    }

    fn counter(name: &'static str, fails: fn(u64) -> bool) -> Box<dyn SideTask> {
        Box::new(Counter { name, frames: 0, calls: 0, fails })
    }

    #[test]
    fn a_task_that_fails_is_left_out_and_the_others_go_on() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        let tasks = vec![
            counter("backbone", |_| false),
            counter("a", |call| call > 2),
            counter("b", |_| false),
        ];
        let options = SideOptions { all: true, ..SideOptions::default() };
        let tell = Box::new(move |event: &SideEvent| heard.lock().unwrap().push(event.clone()));
        let (line, mut feed, asker) = SideLine::start(tasks, options, tell).unwrap();
        let image = RgbImage::new(Size::new(4, 4));
        for seq in 0..20 {
            feed.offer(&image, FrameSeq(seq), MonoTime::from_nanos(seq));
        }
        let answered = loop {
            let answered = asker.ask("how many?", Duration::from_secs(10));
            match &answered {
                Answered::Answer("b", value) if value["frames"] != 20 => {}
                _ => break answered,
            }
        };
        assert_eq!(answered, Answered::Answer("b", json!({"question": "how many?", "frames": 20})));
        drop(feed);
        let reports = line.finish();
        assert!(matches!(asker.ask("?", Duration::from_secs(1)), Answered::Refused(_)));
        let runs: Vec<_> = reports.iter().map(|(n, r)| (*n, r.run, r.failed)).collect();
        assert_eq!(runs, [("a", 2, u64::from(TRIES)), ("b", 20, 0), ("backbone", 20, 0)]);
        assert!(reports["b"].asked >= 1 && reports["a"].error.is_some());
        let told = told.lock().unwrap();
        assert_eq!(told.iter().filter(|e| e.task == "b").count(), 20);
        assert_eq!(told.last().unwrap().seq, 19);
    }

    #[test]
    fn frames_come_no_more_often_than_asked_for() {
        let options = SideOptions { every: Duration::from_secs(3_600), ..SideOptions::default() };
        let tasks = vec![counter("backbone", |_| false)];
        let (line, mut feed, _asker) =
            SideLine::start(tasks, options, Box::new(|_: &SideEvent| {})).unwrap();
        let image = RgbImage::new(Size::new(4, 4));
        for seq in 0..1_000 {
            feed.offer(&image, FrameSeq(seq), MonoTime::from_nanos(seq));
        }
        drop(feed);
        assert_eq!(line.finish()["backbone"].run, 1);
    }
}
