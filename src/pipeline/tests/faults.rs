//! Real threads with injected faults: each becomes a value, and what was recorded is kept.

use std::time::Duration;

use crate::frame::{DropReason, MonoTime};
use crate::pipeline::{
    Finished, FrameRecord, Outcome, PipelineError, RunOptions, Stage, Status, Stop, run,
};
use crate::ring::Policy;
use crate::sink::{Jsonl, ResultSink};
use crate::source::{LinkState, Read, Source, SourceError, StateChange};
use crate::task::TaskError;

use super::scripted::{act, frame, script};

fn run_it(source: Box<dyn Source>, stage: Box<dyn Stage>, options: &RunOptions) -> Finished {
    let finished = run(source, stage, Vec::new(), options, &Stop::new(), &mut |_| {});
    let frames = finished.report.frames;
    assert!(frames.balances() && frames.in_flight == 0, "{frames:?}");
    finished
}

fn frames_then(n: u64, last: fn() -> Result<Read, SourceError>) -> Box<dyn Source> {
    script(false, move |i| if i < n { Ok(Read::Frame(frame(i, MonoTime::now()))) } else { last() })
}

fn gone() -> Result<Read, SourceError> {
    Err(SourceError::Gone { name: "script".into(), reason: "pulled".into() })
}

#[test]
fn every_frame_of_a_file_is_processed() {
    let finished =
        run_it(frames_then(50, || Ok(Read::End)), act(|_| Ok(())), &RunOptions::default());
    assert_eq!(finished.report.outcome, Outcome::Complete);
    assert_eq!((finished.report.frames.captured, finished.report.frames.processed), (50, 50));
    assert_eq!((finished.report.age_ms.samples, finished.report.interval_ms.samples), (50, 49));
}

#[test]
fn losses_of_the_source_are_captured_frames() {
    let source = script(false, |i| {
        Ok(match i {
            0 | 2 => Read::Frame(frame(i, MonoTime::now())),
            1 => Read::Lost { frames: 3, reason: DropReason::DriverGap },
            3 => Read::Lost { frames: 1, reason: DropReason::Corrupt },
            4 => Read::Timeout,
            _ => Read::End,
        })
    });
    let frames = run_it(source, act(|_| Ok(())), &RunOptions::default()).report.frames;
    assert_eq!((frames.captured, frames.processed), (6, 2));
    assert_eq!(frames.dropped.get(DropReason::DriverGap), 3);
    assert_eq!(frames.dropped.get(DropReason::Corrupt), 1);
}

#[test]
fn what_a_camera_filmed_while_the_model_loaded_is_no_part_of_the_run() {
    let stream = |live| {
        script(live, move |i| {
            Ok(match i {
                // Filmed before the run, and lost while all buffers were full.
                0..4 => Read::Frame(frame(7 + i, MonoTime::ZERO)),
                4 => Read::Lost { frames: 90, reason: DropReason::DriverGap },
                5..8 => Read::Frame(frame(96 + i, MonoTime::now())),
                8 => Read::Lost { frames: 1, reason: DropReason::Corrupt },
                _ => Read::End,
            })
        })
    };
    let options = RunOptions { policy: Some(Policy::Block), ..RunOptions::default() };
    let (say, said) = crossbeam_channel::unbounded();
    let note = act(move |meta| {
        say.send(meta.seq.0).unwrap();
        Ok(())
    });
    let live = run_it(stream(true), note, &options).report;
    assert_eq!((live.frames.captured, live.frames.processed), (4, 3));
    assert_eq!((live.frames.dropped.get(DropReason::DriverGap), live.frames.before_start), (0, 94));
    assert!(live.age_ms.max.unwrap() < 60_000.0, "no frame carries the time of the loading");
    assert_eq!(said.try_iter().collect::<Vec<_>>(), [0, 1, 2]);
    let file = run_it(stream(false), act(|_| Ok(())), &options).report.frames;
    assert_eq!((file.captured, file.processed), (98, 7), "a recording is read whole");
    assert_eq!(file.before_start, 0);
}

#[test]
fn what_the_supervisor_says_reaches_sinks_and_report() {
    let (say, events) = crossbeam_channel::bounded(8);
    let source = script(false, move |i| {
        let state = match i {
            0 => LinkState::Backoff,
            1 => LinkState::Streaming,
            2..5 => return Ok(Read::Frame(frame(i, MonoTime::now()))),
            _ => return Ok(Read::End),
        };
        let reason = Some("pulled".to_owned());
        say.send(StateChange { at: MonoTime::ZERO, state, reason, wait: None }).unwrap();
        Ok(Read::Timeout)
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    let options = RunOptions { link_events: Some(events), ..RunOptions::default() };
    let sinks: Vec<Box<dyn ResultSink>> = vec![Box::new(Jsonl::append(file.path()).unwrap())];
    let finished = run(source, act(|_| Ok(())), sinks, &options, &Stop::new(), &mut |_| {});
    let link = finished.report.link.unwrap();
    assert_eq!((link.reconnects, link.last_changes.len()), (1, 2));
    let lines = std::fs::read_to_string(file.path()).unwrap();
    let changes: Vec<&str> = lines.lines().filter(|line| line.contains("source_state")).collect();
    assert_eq!((lines.lines().count(), changes.len()), (6, 2), "{lines}");
    assert!(changes[0].contains(r#""state":"backoff","reason":"pulled""#), "{lines}");
    assert_eq!(finished.report.sinks["jsonl"].offered, 3, "only frames are results");
}

#[test]
fn the_number_of_frames_is_a_limit() {
    let options = RunOptions { frames: Some(10), ..RunOptions::default() };
    let frames = run_it(frames_then(1_000, gone), act(|_| Ok(())), &options).report.frames;
    assert_eq!((frames.captured, frames.processed), (10, 10));
}

#[test]
fn a_source_that_fails_keeps_the_frames_before() {
    let finished = run_it(frames_then(5, gone), act(|_| Ok(())), &RunOptions::default());
    assert_eq!(finished.report.outcome, Outcome::Failed);
    assert_eq!(finished.report.frames.processed, 5);
    assert!(matches!(finished.error, Some(PipelineError::Source(SourceError::Gone { .. }))));
}

#[test]
fn a_stage_that_fails_ends_the_run_in_order() {
    let stage =
        act(
            |meta| {
                if meta.seq.0 < 3 { Ok(()) } else { Err(TaskError::Horizon { text: "x".into() }) }
            },
        );
    let finished = run_it(frames_then(1_000_000, gone), stage, &RunOptions::default());
    assert!(matches!(finished.error, Some(PipelineError::Task(_))), "{:?}", finished.error);
    let frames = finished.report.frames;
    assert_eq!(frames.processed, 3);
    assert_eq!(frames.dropped.get(DropReason::Shutdown), frames.captured - 3);
}

#[test]
fn a_panic_becomes_an_error_value() {
    let stage = act(|meta| if meta.seq.0 < 3 { Ok(()) } else { panic!("a bug") });
    let finished = run_it(frames_then(1_000_000, gone), stage, &RunOptions::default());
    let text = finished.error.unwrap().to_string();
    assert!(text.contains("infer") && text.contains("a bug"), "{text}");
    assert_eq!(finished.report.frames.processed, 3);

    let source = script(false, |i| {
        if i < 4 { Ok(Read::Frame(frame(i, MonoTime::now()))) } else { panic!("driver bug") }
    });
    let finished = run_it(source, act(|_| Ok(())), &RunOptions::default());
    let text = finished.error.unwrap().to_string();
    assert!(text.contains("capture") && text.contains("driver bug"), "{text}");
    assert_eq!(finished.report.frames.processed, 4);
}

#[test]
fn an_inference_that_never_returns_ends_the_run() {
    let (hold, held) = crossbeam_channel::bounded::<()>(0);
    let stage = act(move |meta| {
        if meta.seq.0 == 2 {
            let _ = held.recv();
        }
        Ok(())
    });
    let options = RunOptions {
        engine_timeout: Duration::from_millis(50),
        report_every: Duration::from_millis(10),
        ..RunOptions::default()
    };
    let finished = run_it(frames_then(1_000_000, gone), stage, &options);
    assert!(matches!(finished.error, Some(PipelineError::Stuck { .. })), "{:?}", finished.error);
    assert_eq!(finished.report.frames.processed, 2);
    drop(hold);
}

#[test]
fn a_read_that_never_returns_ends_the_run() {
    for live in [false, true] {
        let (hold, held) = crossbeam_channel::bounded::<()>(0);
        let source = script(live, move |i| {
            if i == 3 {
                let _ = held.recv();
            }
            Ok(Read::Frame(frame(i, MonoTime::now())))
        });
        let options = RunOptions {
            policy: Some(Policy::Block),
            read_timeout: Duration::from_millis(50),
            report_every: Duration::from_millis(10),
            ..RunOptions::default()
        };
        let finished = run_it(source, act(|_| Ok(())), &options);
        let text = finished.error.unwrap().to_string();
        assert!(text.contains("script:") && text.contains("source.timeout"), "{text}");
        assert_eq!(finished.report.frames.processed, 3, "what was captured is worked on");
        drop(hold);
    }
}

#[test]
fn an_interrupt_counts_what_waits_as_shutdown() {
    let stop = Stop::new();
    let stage = act({
        let stop = stop.clone();
        move |meta| {
            if meta.seq.0 == 4 {
                stop.abort();
            }
            Ok(())
        }
    });
    let source = frames_then(1_000_000, gone);
    let options = RunOptions::default();
    let finished = run(source, stage, Vec::new(), &options, &stop, &mut |_| {});
    let frames = finished.report.frames;
    assert_eq!(finished.report.outcome, Outcome::Interrupted);
    assert_eq!((frames.processed, frames.in_flight), (5, 0));
    assert_eq!(frames.captured, 5 + frames.dropped.get(DropReason::Shutdown));
}

#[test]
fn an_interrupt_ends_a_run_whose_sink_is_stuck() {
    let (hold, held) = crossbeam_channel::bounded::<()>(0);
    let stop = Stop::new();
    let options = RunOptions {
        sink_queue: 1,
        report_every: Duration::from_millis(10),
        ..RunOptions::default()
    };
    let source = frames_then(1_000_000, gone);
    let mut observe = |status: &Status| {
        // One result is in the sink, one in its queue, one is held by the inference thread.
        if status.frames.processed >= 3 {
            stop.abort();
        }
    };
    let sinks: Vec<Box<dyn ResultSink>> = vec![Box::new(Stuck(held))];
    let finished = run(source, act(|_| Ok(())), sinks, &options, &stop, &mut observe);
    assert_eq!(finished.report.outcome, Outcome::Interrupted, "{:?}", finished.error);
    let counts = finished.report.sinks["stuck"];
    assert_eq!((counts.offered, counts.written, counts.dropped), (3, 0, 3));
    let frames = finished.report.frames;
    assert!(frames.balances() && frames.processed == 3, "{frames:?}");
    drop(hold);
}

/// A sink that never returns from its first write.
struct Stuck(crossbeam_channel::Receiver<()>);

impl ResultSink for Stuck {
    fn name(&self) -> &str {
        "stuck"
    }

    fn write(&mut self, _record: &FrameRecord) -> std::io::Result<()> {
        let _ = self.0.recv();
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
