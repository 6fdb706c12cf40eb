//! The supervisor against a scripted source and a clock moved by hand.

use std::collections::VecDeque;

use crossbeam_channel::{Receiver, bounded};

use super::*;
use crate::frame::{FrameMeta, Layout, MockClock, PixelFormat, PooledBuf, Rational, Size};

/// What the scripted source does at one read.
enum Step {
    Frame(u64),
    Lost(DropReason),
    Silence,
    End,
    Fail,
}
use Step::{Fail, Frame as F, Lost, Silence};

struct Scripted {
    info: SourceInfo,
    clock: MockClock,
    steps: VecDeque<Step>,
}

impl Source for Scripted {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn read(&mut self, deadline: MonoTime) -> Result<Read, SourceError> {
        // A camera of 50 frames a second; after its script it is silent.
        let step = self.steps.pop_front().unwrap_or(Silence);
        if matches!(step, Silence) {
            self.clock.sleep_until(deadline);
            if self.steps.is_empty() {
                self.steps.push_front(Silence);
            }
            return Ok(Read::Timeout);
        }
        self.clock.advance(Duration::from_millis(20));
        Ok(match step {
            F(seq) => {
                let layout = Layout::packed(PixelFormat::Grey, Size::new(1, 1)).unwrap();
                let meta = FrameMeta { seq: FrameSeq(seq), ..FrameMeta::default() };
                Read::Frame(Frame::new(PooledBuf::unpooled(vec![0]), layout, meta).unwrap())
            }
            Lost(reason) => Read::Lost { frames: 1, reason },
            Step::End => Read::End,
            _ => return Err(gone()),
        })
    }
}

fn gone() -> SourceError {
    SourceError::Gone { name: "cam".to_owned(), reason: "unplugged".to_owned() }
}

/// One opening: none fails, otherwise the script.
type Opening = Option<Vec<Step>>;

/// What a camera of these tests delivers.
fn described(size: Size, format: PixelFormat) -> SourceInfo {
    SourceInfo {
        uri: "cam".to_owned(),
        description: String::new(),
        format,
        size,
        rate: Some(Rational::whole(50)),
        live: true,
        frames: None,
    }
}

fn supervise(
    openings: Vec<Opening>,
    options: SupervisorOptions,
) -> (Result<Supervised, SourceError>, MockClock, Receiver<StateChange>) {
    let usual = described(Size::new(1, 1), PixelFormat::Grey);
    let openings = openings.into_iter().map(|o| o.map(|steps| (usual.clone(), steps))).collect();
    supervise_described(openings, options)
}

fn supervise_described(
    mut openings: VecDeque<Option<(SourceInfo, Vec<Step>)>>,
    options: SupervisorOptions,
) -> (Result<Supervised, SourceError>, MockClock, Receiver<StateChange>) {
    let clock = MockClock::new(MonoTime::from_nanos(1_000));
    let (events, changes) = bounded(64);
    let inner = clock.clone();
    let opener: Opener = Box::new(move || {
        let (info, steps) = openings.pop_front().flatten().ok_or_else(gone)?;
        Ok(Box::new(Scripted { info, clock: inner.clone(), steps: steps.into() })
            as Box<dyn Source>)
    });
    let supervised = Supervised::new(opener, options, Arc::new(clock.clone()), Some(events));
    (supervised, clock, changes)
}

/// Reads for `millis` with deadlines of 50 ms and writes down what came, timeouts left out.
fn drive(source: &mut Supervised, clock: &MockClock, millis: u64) -> Vec<String> {
    let end = clock.now().after(Duration::from_millis(millis));
    let mut seen = Vec::new();
    while clock.now() < end {
        let deadline = clock.now().after(Duration::from_millis(50));
        let read = source.read(deadline).unwrap();
        assert!(clock.now() <= deadline.after(Duration::from_millis(20)), "read past its deadline");
        match read {
            Read::Frame(f) => seen.push(f.seq().to_string()),
            Read::Lost { reason, .. } => seen.push(reason.to_string()),
            Read::Reopened => seen.push("reopened".to_owned()),
            Read::Timeout => {}
            Read::End => seen.push("end".to_owned()),
        }
    }
    seen
}

fn states(changes: &Receiver<StateChange>) -> Vec<&'static str> {
    changes.try_iter().map(|c| c.state.name()).collect()
}

#[test]
fn an_unplugged_camera_is_opened_again_and_numbers_rise() {
    let openings = vec![
        Some(vec![F(0), F(1), F(4), Fail]),
        None,
        None,
        Some(vec![F(0), F(1), Step::End]),
        Some(vec![F(70), F(71)]),
    ];
    let (source, clock, changes) = supervise(openings, SupervisorOptions::default());
    let mut source = source.unwrap();
    let seen = drive(&mut source, &clock, 2_500);
    assert_eq!(seen, ["#0", "#1", "#4", "reopened", "#5", "#6", "reopened", "#7", "#8"]);
    assert_eq!(
        states(&changes),
        [
            "opening",
            "streaming",
            "backoff",
            "opening",
            "backoff",
            "opening",
            "backoff",
            "opening",
            "streaming",
            "backoff",
            "opening",
            "streaming"
        ]
    );
    assert_eq!((source.reopened(), source.missed_events()), (2, 0));
}

#[test]
fn another_size_or_format_is_a_failed_attempt() {
    let (one, two) = (Size::new(1, 1), Size::new(2, 1));
    let openings = [
        (one, PixelFormat::Grey, vec![F(0), Fail]),
        (two, PixelFormat::Grey, vec![F(0), F(1)]),
        (one, PixelFormat::Mjpeg, vec![F(0), F(1)]),
        (one, PixelFormat::Grey, vec![F(0), F(1)]),
    ];
    let openings = openings
        .into_iter()
        .map(|(size, format, steps)| Some((described(size, format), steps)))
        .collect();
    let (source, clock, changes) = supervise_described(openings, SupervisorOptions::default());
    let mut source = source.unwrap();
    assert_eq!(drive(&mut source, &clock, 2_500), ["#0", "reopened", "#1", "#2"]);
    assert_eq!((source.reopened(), source.info().size), (1, one));
    let reasons: Vec<_> = changes
        .try_iter()
        .filter(|c| c.state == LinkState::Backoff)
        .map(|c| c.reason.unwrap())
        .collect();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(reasons[1].contains("came back as 2x1 GREY instead of 1x1 GREY"), "{reasons:?}");
    assert!(reasons[2].contains("came back as 1x1 MJPEG instead of 1x1 GREY"), "{reasons:?}");
}

#[test]
fn a_returning_camera_streams_within_the_longest_wait() {
    let mut openings = vec![Some(vec![F(0), Fail])];
    openings.extend((0..40).map(|_| None));
    let (source, clock, changes) = supervise(openings, SupervisorOptions::default());
    let mut source = source.unwrap();
    drive(&mut source, &clock, 20_000);
    let waits: Vec<_> = changes.try_iter().filter_map(|c| c.wait).collect();
    assert!(waits.len() > 15, "{waits:?}");
    assert!(waits.iter().all(|w| *w <= Duration::from_secs(1)), "{waits:?}");
}

#[test]
fn silence_is_a_stall_then_a_reopening() {
    let openings = vec![Some(vec![F(0), F(1)]), Some(vec![F(0)])];
    let (source, clock, changes) = supervise(openings, SupervisorOptions::default());
    let mut source = source.unwrap();
    let seen = drive(&mut source, &clock, 3_000);
    assert_eq!(seen, ["#0", "#1"]);
    assert_eq!(source.state(), LinkState::Stalled);
    let seen = drive(&mut source, &clock, 4_000);
    assert_eq!(seen, ["reopened", "#2"]);
    let changes: Vec<_> = changes.try_iter().collect();
    let reason = changes.iter().find(|c| c.state == LinkState::Backoff).unwrap().reason.clone();
    assert!(reason.unwrap().contains("no good frame for 5.0 s"));
}

#[test]
fn a_stall_can_end_by_itself() {
    let mut steps = vec![F(0)];
    steps.extend((0..60).map(|_| Silence));
    steps.extend([F(1), F(2)]);
    let (source, clock, changes) = supervise(vec![Some(steps)], SupervisorOptions::default());
    let mut source = source.unwrap();
    assert_eq!(drive(&mut source, &clock, 4_000), ["#0", "#1", "#2"]);
    assert_eq!(states(&changes)[..4], ["opening", "streaming", "stalled", "streaming"]);
}

#[test]
fn damaged_frames_do_not_hold_the_watchdog_but_our_own_losses_do() {
    let damaged = (0..400).map(|_| Lost(DropReason::Corrupt)).collect();
    let (source, clock, _changes) =
        supervise(vec![Some(damaged), Some(vec![F(0)])], SupervisorOptions::default());
    let mut source = source.unwrap();
    let seen = drive(&mut source, &clock, 6_000);
    let corrupt = seen.iter().filter(|s| *s == "corrupt").count();
    assert!((248..=252).contains(&corrupt), "{corrupt} damaged frames in five seconds");
    assert_eq!(seen[corrupt..], ["reopened", "#0"]);

    let full = (0..400).map(|_| Lost(DropReason::Ring)).collect();
    let (source, clock, _changes) = supervise(vec![Some(full)], SupervisorOptions::default());
    let mut source = source.unwrap();
    assert_eq!(drive(&mut source, &clock, 7_900).len(), 395);
    assert_eq!((source.state(), source.reopened()), (LinkState::Streaming, 0));
}

#[test]
fn the_first_opening_is_tried_a_few_times_and_then_refused() {
    let options = SupervisorOptions::default();
    let (source, ..) = supervise(vec![None, None, None, Some(vec![F(0)])], options);
    assert!(source.is_ok());
    let (source, clock, _changes) = supervise(vec![None, None, None, None], options);
    assert!(source.is_err());
    assert!(clock.now() < MonoTime::from_nanos(2_000_000_000));
}

#[test]
fn failures_in_a_row_can_be_limited() {
    let options = SupervisorOptions { give_up_after: Some(3), ..SupervisorOptions::default() };
    let (source, clock, _changes) = supervise(vec![Some(vec![F(0), Fail])], options);
    let mut source = source.unwrap();
    let mut result = Ok(Read::Timeout);
    while result.is_ok() {
        result = source.read(clock.now().after(Duration::from_millis(50)));
    }
    assert!(matches!(result, Err(SourceError::Gone { .. })));
}

#[test]
fn a_full_event_channel_stops_nothing() {
    let clock = MockClock::default();
    let (events, _changes) = bounded(1);
    let opener: Opener = Box::new(|| Err(gone()));
    assert!(
        Supervised::new(opener, SupervisorOptions::default(), Arc::new(clock), Some(events))
            .is_err()
    );
    let openings = (0..90).map(|_| Some(vec![F(0), Fail])).collect();
    let (source, clock, changes) = supervise(openings, SupervisorOptions::default());
    let mut source = source.unwrap();
    let seen = drive(&mut source, &clock, 40_000);
    assert!(seen.len() > 60, "{}", seen.len());
    assert!(source.missed_events() > 0);
    assert_eq!(changes.try_iter().count(), 64);
}
