//! What the side thread does: frames through the tasks, questions to them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, select_biased};

use crate::frame::MonoTime;

use super::line::{Answered, Copied, Question};
use super::report::SideStats;
use super::{Seen, SideEvent, SideTask};

/// Failures in a row after which a task is left out.
pub(super) const TRIES: u32 = 5;

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
    failures: u32,
}

impl Working {
    const fn is_out(&self) -> bool {
        self.failures >= TRIES
    }
}

pub(super) struct Work {
    tasks: Vec<Working>,
    stats: Arc<Mutex<BTreeMap<&'static str, SideStats>>>,
    events: Vec<SideEvent>,
    tell: Box<dyn FnMut(&SideEvent) + Send>,
}

impl Work {
    pub(super) fn new(
        tasks: Vec<Box<dyn SideTask>>,
        stats: Arc<Mutex<BTreeMap<&'static str, SideStats>>>,
        tell: Box<dyn FnMut(&SideEvent) + Send>,
    ) -> Self {
        let tasks = tasks.into_iter().map(|task| Working { task, failures: 0 }).collect();
        Self { tasks, stats, events: Vec::new(), tell }
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

    fn see(&mut self, copied: &Copied) {
        let mut embedding: Option<Vec<f32>> = None;
        for working in &mut self.tasks {
            if working.is_out() {
                continue;
            }
            let name = working.task.name();
            let seen = Seen {
                image: &copied.image,
                seq: copied.seq,
                captured: copied.captured,
                embedding: embedding.as_deref(),
            };
            let started = MonoTime::now();
            let outcome = working.task.see(&seen, &mut self.events);
            let took = MonoTime::now().since(started);
            if embedding.is_none() {
                embedding = working.task.embedding().map(<[f32]>::to_vec);
            }
            let newest = working.task.newest();
            let mut all = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
            let stats = all.entry(name).or_default();
            match outcome {
                Ok(()) => {
                    working.failures = 0;
                    stats.run += 1;
                    stats.latency.record(took);
                    stats.events += self.events.len() as u64;
                    stats.newest = newest;
                }
                Err(error) => {
                    working.failures += 1;
                    stats.failed += 1;
                    stats.error = Some(error.to_string());
                    drop(all);
                    let left_out = match working.is_out() {
                        true => "; it is left out from now on",
                        false => "",
                    };
                    tracing::warn!("{name}: {error}{left_out}");
                }
            }
            for event in self.events.drain(..) {
                (self.tell)(&event);
            }
        }
    }

    fn answer(&mut self, question: &Question) {
        let mut answered = Answered::Refused(
            "no task of this run answers questions; start it with a model that does".to_owned(),
        );
        for working in self.tasks.iter_mut().filter(|w| !w.is_out()) {
            let Some(answer) = working.task.ask(&question.text) else { continue };
            let name = working.task.name();
            answered = match answer {
                Ok(value) => {
                    let mut all = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
                    let stats = all.entry(name).or_default();
                    stats.asked += 1;
                    stats.answers.record(MonoTime::now().since(question.asked));
                    Answered::Answer(name, value)
                }
                Err(error) => Answered::Refused(error.to_string()),
            };
            break;
        }
        // Whoever asked may have gone.
        let _ = question.reply.try_send(answered);
    }
}
