//! What the side thread does: frames through the tasks, questions to them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, select_biased};

use crate::frame::Clock;
use crate::model::ResetReason;

use super::asker::Question;
use super::feed::{Copied, graver};
use super::report::SideStats;
use super::retry::Retry;
use super::{Answered, Refusal, Seen, SideEvent, SideTask};

/// Lowers the share of the processor that the calling thread gets; where the system cannot, it stays.
pub(super) fn be_nice(by: i32) {
    #[cfg(target_os = "linux")]
    {
        // On Linux this is a setting of the thread, in spite of the name.
        if let Err(error) = rustix::process::setpriority_process(None, by.clamp(0, 19)) {
            tracing::debug!("the side thread keeps its priority: {error}");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = by;
}

struct Working {
    task: Box<dyn SideTask>,
    retry: Retry,
    /// What it has not been told of yet.
    reset: Option<ResetReason>,
}

pub(super) struct Work {
    tasks: Vec<Working>,
    clock: Arc<dyn Clock>,
    stats: Arc<Mutex<BTreeMap<&'static str, SideStats>>>,
    events: Vec<SideEvent>,
    tell: Box<dyn FnMut(&SideEvent) + Send>,
}

impl Work {
    pub(super) fn new(
        tasks: Vec<Box<dyn SideTask>>,
        clock: Arc<dyn Clock>,
        stats: Arc<Mutex<BTreeMap<&'static str, SideStats>>>,
        tell: Box<dyn FnMut(&SideEvent) + Send>,
    ) -> Self {
        let working = |task| Working { task, retry: Retry::default(), reset: None };
        let tasks = tasks.into_iter().map(working).collect();
        Self { tasks, clock, stats, events: Vec::new(), tell }
    }

    pub(super) fn until_end(
        &mut self,
        frames: &Receiver<Copied>,
        give_back: &Sender<Copied>,
        questions: &Receiver<Question>,
    ) {
        loop {
            select_biased! {
                // Somebody waits for the answer.
                recv(questions) -> question => match question {
                    Ok(question) => self.answer(&question),
                    // Nobody can ask any more; frames still come.
                    Err(_) => {
                        while let Ok(copied) = frames.recv() {
                            self.see(&copied);
                            let _ = give_back.try_send(copied);
                        }
                        return;
                    }
                },
                recv(frames) -> copied => match copied {
                    Ok(copied) => {
                        self.see(&copied);
                        let _ = give_back.try_send(copied);
                    }
                    Err(_) => return,
                },
            }
        }
    }

    pub(super) fn see(&mut self, copied: &Copied) {
        let mut embedding: Option<Vec<f32>> = None;
        // A task before failed, so that the embedding may be missing for that.
        let mut short = false;
        for working in &mut self.tasks {
            working.reset = graver(working.reset, copied.reset);
            let missing = short && embedding.is_none() && working.task.needs_embedding();
            let now = self.clock.now();
            if missing || !working.retry.is_due(now) {
                short = true;
                continue;
            }
            let again = working.retry.begin();
            if again {
                // It has missed all frames of the pause.
                working.reset = working.reset.or(Some(ResetReason::Gap));
            }
            let name = working.task.name();
            let seen = Seen {
                image: &copied.image,
                seq: copied.seq,
                captured: copied.captured,
                position: copied.position,
                time: copied.time,
                embedding: embedding.as_deref(),
            };
            let reset = working.reset.take();
            if let Some(reason) = reset {
                working.task.reset(reason, &seen, &mut self.events);
            }
            let outcome = working.task.see(&seen, &mut self.events);
            let took = self.clock.now().since(now);
            if embedding.is_none() && outcome.is_ok() {
                embedding = working.task.embedding().map(<[f32]>::to_vec);
            }
            let newest = working.task.newest();
            let mut all = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
            let stats = all.entry(name).or_default();
            stats.events += self.events.len() as u64;
            stats.resets += u64::from(reset.is_some());
            stats.retries += u64::from(again);
            match outcome {
                Ok(()) => {
                    working.retry.worked();
                    stats.run += 1;
                    stats.latency.record(took);
                    stats.newest = newest;
                }
                Err(error) => {
                    short = true;
                    stats.failed += 1;
                    stats.error = Some(error.to_string());
                    drop(all);
                    let left_out = match working.retry.failed(self.clock.now()) {
                        Some(pause) => format!("; it is tried again in {pause:?}"),
                        None => String::new(),
                    };
                    tracing::warn!("{name}: {error}{left_out}");
                }
            }
            for event in self.events.drain(..) {
                (self.tell)(&event);
            }
        }
    }

    pub(super) fn answer(&mut self, question: &Question) {
        let now = self.clock.now();
        if now >= question.until {
            // Whoever asked has gone.
            return;
        }
        let mut answered = Answered::Refused(
            Refusal::NoTask,
            "no task of this run answers questions; start it with a model that does (--answer)"
                .to_owned(),
        );
        for working in self.tasks.iter_mut().filter(|w| w.task.answers()) {
            let name = working.task.name();
            if !working.retry.is_due(now) {
                let pause = working.retry.left(now);
                let reason = format!("{name} fails at the moment; it is tried again in {pause:?}");
                answered = Answered::Refused(Refusal::Failed, reason);
                continue;
            }
            let Some(answer) = working.task.ask(&question.text) else { continue };
            let mut all = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
            let stats = all.entry(name).or_default();
            answered = match answer {
                Ok(value) => {
                    stats.asked += 1;
                    stats.answers.record(self.clock.now().since(question.asked));
                    Answered::Answer(name, value)
                }
                Err(error) => {
                    let refusal = Refusal::from(&error);
                    if refusal == Refusal::Failed {
                        stats.error = Some(error.to_string());
                    }
                    Answered::Refused(refusal, error.to_string())
                }
            };
            break;
        }
        // Whoever asked may have gone.
        let _ = question.reply.try_send(answered);
    }
}
