//! The schedule in simulated time: a camera at 30 frames a second and a model that needs three
//! frame times, through the very intake, ring, limiter, worker and ledger of a real run.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::frame::{Clock as _, DropReason, MockClock, MonoTime};
use crate::pipeline::{FrameCounts, FrameLedger, Intake, RunStats, Stop, Worker};
use crate::ring::{FrameRing, InFlight, Policy, Popped};

use super::scripted::{act, frame};

const FRAME: Duration = Duration::from_nanos(33_333_333);
const MODEL: Duration = Duration::from_millis(100);
const FRAMES: u64 = 3_000;

/// Delivers each frame at its time, whatever the model does meanwhile.
struct Camera {
    clock: MockClock,
    intake: Intake,
    ledger: FrameLedger,
    next: u64,
}

impl Camera {
    fn due(&self) -> MonoTime {
        MonoTime::from_nanos(FRAME.as_nanos() as u64 * (self.next + 1))
    }

    fn run_until(&mut self, time: MonoTime) {
        while self.next < FRAMES && self.due() <= time {
            self.clock.sleep_until(self.due());
            self.intake.accept(frame(self.next, self.due()), self.clock.now());
            self.next += 1;
            assert!(self.ledger.snapshot().balances());
        }
        self.clock.sleep_until(time);
    }
}

/// Runs the camera through a model of `MODEL`; gives the ages and the final accounts.
fn simulate(
    policy: Policy,
    max_age: Option<Duration>,
    mut slower: impl FnMut(u64) -> Duration + Send + 'static,
) -> (Vec<Duration>, FrameCounts) {
    let clock = MockClock::new(MonoTime::ZERO);
    let ring = Arc::new(FrameRing::new(policy, 4));
    let ledger = FrameLedger::default();
    let patience = Some(Duration::ZERO);
    let intake = Intake::new(ring.clone(), ledger.clone(), Stop::new(), patience);
    let camera = Camera { clock: clock.clone(), intake, ledger: ledger.clone(), next: 0 };
    let camera = Arc::new(Mutex::new(camera));
    let stage = act({
        let (clock, camera) = (clock.clone(), camera.clone());
        move |meta| {
            let done = clock.now().after(slower(meta.seq.0));
            camera.lock().unwrap().run_until(done);
            Ok(())
        }
    });
    let stats = Arc::new(Mutex::new(RunStats::default()));
    let limiter = InFlight::new(1, Duration::from_secs(30));
    let mut worker = Worker::new(stage, Arc::new(clock), limiter, stats, max_age);
    let mut ages = Vec::new();
    loop {
        match ring.try_pop() {
            Popped::Item(captured, left_out) => {
                if let Some(record) = worker.process(captured, left_out).unwrap() {
                    ages.push(record.age);
                }
            }
            _ => {
                let mut camera = camera.lock().unwrap();
                if camera.next == FRAMES {
                    break;
                }
                let due = camera.due();
                camera.run_until(due);
            }
        }
        assert!(ledger.snapshot().balances());
    }
    (ages, ledger.snapshot())
}

#[test]
fn with_a_slow_model_every_result_is_fresh_and_every_loss_counted() {
    let (ages, counts) = simulate(Policy::Latest, None, |_| MODEL);
    let worst = ages.iter().max().unwrap();
    assert!(*worst < 2 * MODEL, "a result was {worst:?} old");
    assert_eq!(counts.captured, FRAMES);
    assert_eq!(counts.processed, ages.len() as u64);
    let dropped = counts.dropped.get(DropReason::Policy);
    assert_eq!(counts.captured, counts.processed + dropped, "nothing else was lost");
    assert!(dropped > FRAMES / 2, "a model of three frame times keeps up with a third: {dropped}");
}

#[test]
fn a_queue_instead_of_the_latest_frame_would_be_late() {
    let (ages, counts) = simulate(Policy::DropOldest, None, |_| MODEL);
    assert!(*ages.iter().max().unwrap() > 2 * MODEL);
    assert!(counts.dropped.get(DropReason::Ring) > 0 && counts.balances());
}

#[test]
fn old_frames_are_dropped_as_deadline() {
    let limit = Duration::from_millis(50);
    let (ages, counts) = simulate(Policy::DropOldest, Some(limit), |_| MODEL);
    let worst = ages.iter().max().unwrap();
    assert!(*worst <= limit + MODEL, "{worst:?}");
    assert!(counts.dropped.get(DropReason::Deadline) > 0 && counts.in_flight == 0);
}

#[test]
fn a_single_slow_inference_is_forgotten_at_once() {
    let hiccup = |seq| if seq == 1_000 { Duration::from_secs(2) } else { FRAME / 2 };
    let (ages, counts) = simulate(Policy::Latest, None, hiccup);
    let late = ages.iter().filter(|age| **age > 2 * FRAME).count();
    assert_eq!(late, 1, "only the slow one itself is late");
    assert!(counts.processed > FRAMES - 70);
}

#[test]
fn frames_left_out_on_purpose_are_no_gap_for_the_model() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let numbers = seen.clone();
    let (ages, _) = simulate(Policy::Latest, None, move |seq| {
        numbers.lock().unwrap().push(seq);
        MODEL
    });
    let seen = seen.lock().unwrap();
    assert!(seen.iter().copied().eq(0..ages.len() as u64), "{:?}", &seen[..9]);
}
