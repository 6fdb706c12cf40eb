//! Which frames the tasks see, what they are told of the stream, and what becomes of failures.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::bounded;
use serde_json::{Value, json};

use crate::frame::{FrameSeq, MockClock, MonoTime, PixelFormat, Rational, Size};
use crate::model::ResetReason;
use crate::pipeline::{FrameRecord, Stop, TimeLine};
use crate::source::SourceInfo;
use crate::task::TaskError;
use crate::task::predict::Step;
use crate::vision::RgbImage;

use super::asker::Question;
use super::feed::Copied;
use super::report::SideStats;
use super::retry::TRIES;
use super::work::Work;
use super::*;

/// Counts frames, fails on those that `fails` says, and answers with the count.
struct Counter {
    name: &'static str,
    frames: u64,
    calls: u64,
    fails: fn(u64) -> bool,
}

fn counter(name: &'static str, fails: fn(u64) -> bool) -> Box<dyn SideTask> {
    Box::new(Counter { name, frames: 0, calls: 0, fails })
}

impl SideTask for Counter {
    fn name(&self) -> &'static str {
        self.name
    }

    fn embedding(&self) -> Option<&[f32]> {
        (self.name == "backbone").then_some(&[1.0, 2.0])
    }

    fn needs_embedding(&self) -> bool {
        self.name == "head"
    }

    fn reset(&mut self, reason: ResetReason, seen: &Seen<'_>, events: &mut Vec<SideEvent>) {
        let mut what = serde_json::Map::new();
        what.insert("reset".to_owned(), json!(reason.name()));
        events.push(seen.event(self.name, what));
    }

    fn see(&mut self, seen: &Seen<'_>, events: &mut Vec<SideEvent>) -> Result<(), TaskError> {
        self.calls += 1;
        if (self.fails)(self.calls) {
            let reason = format!("frame {}", self.calls);
            return Err(TaskError::Contract { model: self.name.to_owned(), reason });
        }
        self.frames += 1;
        let mut what = serde_json::Map::new();
        what.insert("frames".to_owned(), json!(self.frames));
        what.insert("ms".to_owned(), json!(seen.time.as_nanos() / 1_000_000));
        events.push(seen.event(self.name, what));
        Ok(())
    }

    fn answers(&self) -> bool {
        self.name == "b"
    }

    fn ask(&mut self, question: &str) -> Option<Result<Value, TaskError>> {
        self.answers().then(|| Ok(json!({ "question": question, "frames": self.frames })))
    }
}

const fn ms(n: u64) -> MonoTime {
    MonoTime::from_nanos(n * 1_000_000)
}

pub(super) fn line(live: bool) -> TimeLine {
    TimeLine::new(&SourceInfo {
        uri: "x:".to_owned(),
        description: String::new(),
        format: PixelFormat::Grey,
        size: Size::new(4, 4),
        rate: Some(Rational::whole(25)),
        live,
        frames: None,
    })
}

fn record(seq: u64, captured: u64, position: Option<u64>) -> FrameRecord {
    let infer = Duration::ZERO;
    FrameRecord {
        seq: FrameSeq(seq),
        captured: ms(captured),
        position: position.map(ms),
        age: Duration::ZERO,
        convert: Duration::ZERO,
        step: Step {
            horizon: 1,
            reset: None,
            broken: None,
            score: None,
            surprise: None,
            event: None,
            infer,
        },
    }
}

fn broken(record: FrameRecord, reason: ResetReason) -> FrameRecord {
    FrameRecord { step: Step { broken: Some(reason), ..record.step }, ..record }
}

type Told = Arc<Mutex<Vec<SideEvent>>>;

fn start(
    tasks: Vec<Box<dyn SideTask>>,
    options: SideOptions,
    live: bool,
) -> (SideLine, SideFeed, Asker, Told) {
    let told = Told::default();
    let heard = Arc::clone(&told);
    let tell = Box::new(move |event: &SideEvent| heard.lock().unwrap().push(event.clone()));
    let (line, feed, asker) =
        SideLine::start(tasks, options, line(live), &Stop::new(), tell).unwrap();
    (line, feed, asker, told)
}

/// The times in milliseconds at which a task saw `records`, every one of which had a free buffer.
fn seen(every: u64, live: bool, records: impl Iterator<Item = FrameRecord>) -> Vec<u64> {
    let every = Duration::from_millis(every);
    // Waiting for buffers leaves nothing to chance; which frames are due is the same without.
    let options = SideOptions { every, all: true, ..SideOptions::default() };
    let (line, mut feed, _, told) = start(vec![counter("a", |_| false)], options, live);
    let image = RgbImage::new(Size::new(4, 4));
    records.for_each(|record| feed.offer(&image, &record));
    drop(feed);
    let _ = line.finish(&Stop::new());
    let told = told.lock().unwrap();
    told.iter().filter_map(|event| event.what.get("ms")?.as_u64()).collect()
}

#[test]
fn a_task_that_fails_is_left_out_and_the_others_go_on() {
    let tasks = vec![
        counter("backbone", |_| false),
        counter("a", |call| call > 2),
        counter("b", |_| false),
    ];
    let options = SideOptions { all: true, every: Duration::ZERO, ..SideOptions::default() };
    let (line, mut feed, asker, told) = start(tasks, options, false);
    let image = RgbImage::new(Size::new(4, 4));
    for seq in 0..20 {
        feed.offer(&image, &record(seq, seq, Some(40 * seq)));
    }
    let answered = loop {
        let answered = asker.ask("how many?", Duration::from_secs(10));
        match &answered {
            Answered::Answer("b", value) if value["frames"] != 20 => {}
            _ => break answered,
        }
    };
    assert_eq!(answered, Answered::Answer("b", json!({"question": "how many?", "frames": 20})));
    let running = line.reports();
    drop(feed);
    let reports = line.finish(&Stop::new());
    let gone = asker.ask("?", Duration::from_secs(1));
    assert!(matches!(gone, Answered::Refused(Refusal::Ended, _)));
    let runs: Vec<_> = reports.tasks.iter().map(|(n, r)| (*n, r.run)).collect();
    assert_eq!(runs, [("a", 2), ("b", 20), ("backbone", 20)]);
    assert!(reports.tasks["a"].failed >= u64::from(TRIES) && reports.tasks["a"].error.is_some());
    assert_eq!(running.tasks["b"].run, 20, "it is known while the run goes on");
    let asked = reports.questions.asked;
    assert!(asked >= 1 && reports.questions.answered == asked);
    assert_eq!(reports.tasks["b"].asked, asked);
    let told = told.lock().unwrap();
    assert_eq!(told.iter().filter(|e| e.task == "b").count(), 20);
    assert_eq!(told.last().unwrap().seq, 19);
    let text = serde_json::to_value(told.last().unwrap()).unwrap();
    assert_eq!((&text["position_ms"], &text["captured_ms"]), (&json!(760.0), &json!(19.0)));
}

#[test]
fn a_recording_is_seen_at_its_own_pace_however_fast_it_is_read() {
    // Ten seconds, read in a quarter of one.
    let frames = (0..250).map(|n| record(n, 1_000 + n, Some(40 * n)));
    let times = seen(250, false, frames);
    assert_eq!(times.len(), 40);
    assert_eq!(times[..6], [0, 240, 480, 760, 1_000, 1_240]);
    // Pictures without times are shown at 25 a second, as elsewhere.
    let frames = (0..100).map(|n| record(n, 1_000 + n, None));
    assert_eq!(seen(1_000, false, frames), [0, 1_000, 2_000, 3_000]);
}

#[test]
fn frames_as_rare_as_asked_for_are_all_taken() {
    // Eight a second, early or late by 4 ms.
    let captured = |n: u64| 5_000 + 125 * n + [0, 4, 1, 3, 2][n as usize % 5];
    let times = seen(125, true, (0..80).map(|n| record(n, captured(n), None)));
    assert_eq!(times.len(), 80);
    // At 30 a second every fourth or third, and 8 a second on the whole.
    let times = seen(125, true, (0..300).map(|n| record(n, n * 1_000 / 30, None)));
    assert_eq!(times.len(), 80);
    // After a pause no frames are caught up with.
    let gap = (0..8).map(|n| if n < 4 { 125 * n } else { 125 * n + 10_000 });
    assert_eq!(seen(125, true, gap.map(|at| record(at, at, None))).len(), 8);
}

#[test]
fn frames_come_no_more_often_than_asked_for() {
    let options = SideOptions { every: Duration::from_secs(3_600), ..SideOptions::default() };
    let (line, mut feed, _, _) = start(vec![counter("backbone", |_| false)], options, true);
    let image = RgbImage::new(Size::new(4, 4));
    for seq in 0..1_000 {
        feed.offer(&image, &record(seq, seq, None));
    }
    drop(feed);
    assert_eq!(line.finish(&Stop::new()).tasks["backbone"].run, 1);
}

#[test]
fn what_breaks_the_stream_reaches_every_task_with_the_next_frame_it_sees() {
    use ResetReason::{Gap, Reconnect, Reload, SceneCut};
    let every = Duration::from_millis(200);
    let options = SideOptions { every, all: true, ..SideOptions::default() };
    let tasks = vec![counter("a", |_| false), counter("b", |_| false)];
    let (line, mut feed, _, told) = start(tasks, options, true);
    let image = RgbImage::new(Size::new(4, 4));
    let mut offer = |seq: u64, at: u64, reason: Option<ResetReason>| {
        let plain = record(seq, at, None);
        feed.offer(&image, &reason.map_or(plain, |reason| broken(plain, reason)));
    };
    offer(0, 0, None);
    // Not due by itself: the next one brings it, and the graver one counts.
    offer(1, 40, Some(SceneCut));
    offer(2, 80, Some(Reconnect));
    offer(3, 120, Some(SceneCut));
    offer(4, 200, None);
    // A frame or two that are missing, and a new model of the main stage, break nothing here.
    offer(7, 400, Some(Gap));
    offer(8, 600, Some(Reload));
    offer(90, 4_000, Some(Gap));
    drop(feed);
    let reports = line.finish(&Stop::new());
    assert_eq!((reports.tasks["a"].resets, reports.tasks["b"].resets), (2, 2));
    let told = told.lock().unwrap();
    let resets = told.iter().filter(|e| e.task == "b").filter_map(|e| {
        let reason = e.what.get("reset")?.as_str()?;
        Some((e.seq, reason))
    });
    assert_eq!(resets.collect::<Vec<_>>(), [(4, "reconnect"), (90, "gap")]);
}

type Stats = Arc<Mutex<BTreeMap<&'static str, SideStats>>>;

fn work(tasks: Vec<Box<dyn SideTask>>, clock: &MockClock) -> (Work, Stats) {
    let stats = Stats::default();
    let tell = Box::new(|_: &SideEvent| {});
    (Work::new(tasks, Arc::new(clock.clone()), Arc::clone(&stats), tell), stats)
}

fn copied(seq: u64) -> Copied {
    let image = RgbImage::new(Size::new(4, 4));
    Copied { image, seq: FrameSeq(seq), ..Copied::default() }
}

#[test]
fn what_failed_for_a_while_works_again_later() {
    let clock = MockClock::new(ms(1));
    // A card that was too hot for the first forty frames it was shown.
    let tasks = vec![
        counter("backbone", |call| call <= 12),
        counter("head", |_| false),
        counter("alone", |_| false),
    ];
    let (mut work, stats) = work(tasks, &clock);
    for seq in 0..4_000 {
        work.see(&copied(seq));
        clock.advance(Duration::from_millis(250));
    }
    let stats = stats.lock().unwrap();
    assert_eq!((stats["backbone"].failed, stats["backbone"].retries), (12, 8));
    assert!(stats["backbone"].run > 2_900, "{}", stats["backbone"].run);
    // What lives on its vectors is not at fault, and goes on with it.
    assert_eq!((stats["head"].failed, stats["head"].run), (0, stats["backbone"].run));
    assert_eq!(stats["alone"].run, 4_000);
    assert_eq!(stats["backbone"].resets, stats["backbone"].retries);
}

#[test]
fn a_question_nobody_waits_for_is_not_answered() {
    /// Counts the questions it was asked.
    struct Asked(Arc<AtomicU64>);
    impl SideTask for Asked {
        fn name(&self) -> &'static str {
            "asked"
        }

        fn reset(&mut self, _: ResetReason, _: &Seen<'_>, _: &mut Vec<SideEvent>) {}

        fn see(&mut self, seen: &Seen<'_>, _: &mut Vec<SideEvent>) -> Result<(), TaskError> {
            match seen.seq.0 {
                0 => Ok(()),
                _ => Err(TaskError::NothingSeen),
            }
        }

        fn answers(&self) -> bool {
            true
        }

        fn ask(&mut self, _: &str) -> Option<Result<Value, TaskError>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Some(Err(TaskError::NothingSeen))
        }
    }
    let clock = MockClock::new(ms(5_000));
    let asked = Arc::new(AtomicU64::new(0));
    let (mut work, _) = work(vec![Box::new(Asked(Arc::clone(&asked)))], &clock);
    let ask = |work: &mut Work, until| {
        let (reply, answer) = bounded(1);
        let text = "what?".to_owned();
        work.answer(&Question { text, asked: ms(1_000), until: ms(until), reply });
        answer.try_recv().ok()
    };
    assert_eq!(ask(&mut work, 4_000), None);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    let refused = ask(&mut work, 6_000);
    assert!(matches!(refused, Some(Answered::Refused(Refusal::NothingSeen, _))), "{refused:?}");
    // One that pauses says so instead of answering about old frames.
    (0..=u64::from(TRIES)).for_each(|seq| work.see(&copied(seq)));
    let Some(Answered::Refused(Refusal::Failed, why)) = ask(&mut work, 6_000) else {
        panic!("it answers in its pause")
    };
    assert!(why.contains("tried again in 1s"), "{why}");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[test]
fn questions_that_are_not_answered_are_counted() {
    let options = SideOptions::default();
    let (line, feed, asker, _) = start(vec![counter("a", |_| false)], options, true);
    let refused = asker.ask("what?", Duration::from_secs(10));
    assert!(matches!(refused, Answered::Refused(Refusal::NoTask, _)), "{refused:?}");
    drop(feed);
    let _ = line.finish(&Stop::new());
    let late = asker.ask("what?", Duration::from_secs(10));
    assert!(matches!(late, Answered::Refused(Refusal::Ended, _)), "{late:?}");
    let (asker, _waiting, counts) = Asker::new();
    let answers: Vec<_> = (0..9).map(|_| asker.ask("what?", Duration::from_millis(1))).collect();
    assert!(matches!(answers[7], Answered::Refused(Refusal::Late, _)), "{:?}", answers[7]);
    assert!(matches!(answers[8], Answered::Refused(Refusal::Busy, _)), "{:?}", answers[8]);
    let counts = *counts.lock().unwrap();
    assert_eq!((counts.asked, counts.unanswered, counts.turned_away), (9, 8, 1));
}
