//! The driver's fault injection, against a supervised camera.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use framecast::frame::{DropReason, FramePool, Size};
use framecast::source::v4l2::{Camera, CaptureOptions, Controls};
use framecast::source::{
    LinkState, SourceError, SourceOptions, StateChange, Supervised, SupervisorOptions,
};

use crate::formats::menu;
use crate::report::Report;
use crate::tally::Tally;

/// The whole time a stream may need for anything: a hang is a failure.
const LIMIT: Duration = Duration::from_secs(30);

/// A device that is back must stream again within this time.
const RECOVERY: Duration = Duration::from_secs(2);

struct Rig {
    source: Supervised,
    changes: Receiver<StateChange>,
    tally: Tally,
}

impl Rig {
    fn new(path: &str) -> Result<Self, String> {
        let mut options = SourceOptions::default();
        options.size = Some(Size::new(320, 180));
        let (events, changes) = bounded(256);
        let source = Supervised::open_uri(
            &format!("v4l2:{path}"),
            &options,
            &FramePool::new(4),
            SupervisorOptions::default(),
            Some(events),
        )
        .map_err(|e| e.to_string())?;
        let mut rig = Self { source, changes, tally: Tally::default() };
        rig.frames(5)?;
        Ok(rig)
    }

    fn frames(&mut self, enough: u64) -> Result<(), String> {
        self.tally.read(&mut self.source, enough, LIMIT, |_| Ok(()))
    }

    /// Reads up to `limit` until `done` says so.
    fn until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> Result<(), String> {
        let start = Instant::now();
        while !done(self) {
            if start.elapsed() > limit {
                return Err(format!("not within {limit:?}: {:?}", self.tally));
            }
            // One frame at most a round; silence is what some faults are.
            let _ = self.tally.read(&mut self.source, 1, Duration::from_millis(150), |_| Ok(()));
        }
        Ok(())
    }

    /// Waits for the source to close, then for frames again; how long that took.
    fn recovered(&mut self) -> Result<Duration, String> {
        let before = self.tally.reopened;
        let start = Instant::now();
        self.until(LIMIT, |rig| rig.tally.reopened > before)?;
        self.frames(10)?;
        let took = start.elapsed();
        if took > RECOVERY { Err(format!("frames only after {took:?}")) } else { Ok(took) }
    }

    fn reasons(&self) -> Vec<String> {
        self.changes.try_iter().filter_map(|c| c.reason).collect()
    }

    fn done(self, detail: &str) -> Result<String, String> {
        match &self.tally.wrong {
            Some(wrong) => Err(wrong.clone()),
            None => Ok(format!("{detail}; {}", self.tally.describe())),
        }
    }
}

fn press(path: &str, control: &str, value: i64) -> Result<(), String> {
    Controls::open(path).and_then(|c| c.set(control, value)).map_err(|e| e.to_string())
}

fn damaged_frame(path: &str) -> Result<String, String> {
    let mut rig = Rig::new(path)?;
    for _ in 0..3 {
        let before = rig.tally.lost(DropReason::Corrupt);
        press(path, "inject_v4l2_buf_flag_error", 1)?;
        rig.until(LIMIT, |rig| rig.tally.lost(DropReason::Corrupt) > before)?;
    }
    rig.frames(20)?;
    rig.tally.balanced()?;
    let corrupt = rig.tally.lost(DropReason::Corrupt);
    if corrupt != 3 || rig.tally.reopened != 0 {
        return Err(format!("3 damaged frames, {}", rig.tally.describe()));
    }
    rig.done("each counted as corrupt")
}

fn dropped_buffers(path: &str) -> Result<String, String> {
    let mut rig = Rig::new(path)?;
    let before = rig.tally.lost(DropReason::DriverGap);
    press(path, "percentage_of_dropped_buffers", 30)?;
    rig.frames(100)?;
    let during = rig.tally.lost(DropReason::DriverGap) - before;
    press(path, "percentage_of_dropped_buffers", 0)?;
    rig.frames(20)?;
    rig.tally.balanced()?;
    // 30 % of 143 are 43; the driver draws them at random.
    if !(15..=90).contains(&during) || rig.tally.reopened != 0 {
        return Err(format!("{during} gaps beside 100 frames at 30 %: {}", rig.tally.describe()));
    }
    rig.done(&format!("{during} gaps beside 100 frames"))
}

fn wrapped_sequence(path: &str) -> Result<String, String> {
    press(path, "wrap_sequence_number", 1)?;
    let outcome = (|| {
        let mut rig = Rig::new(path)?;
        // The driver's counter starts 128 below its wrap.
        rig.frames(200)?;
        rig.tally.balanced()?;
        let gap = rig.tally.lost(DropReason::DriverGap);
        if gap > 50 || rig.tally.reopened != 0 {
            return Err(format!("the wrap was taken for a loss: {}", rig.tally.describe()));
        }
        rig.done("numbers rise through the wrap")
    })();
    press(path, "wrap_sequence_number", 0)?;
    outcome
}

fn wrapped_timestamp(path: &str, entry: &str) -> Result<String, String> {
    let controls = Controls::open(path).map_err(|e| e.to_string())?;
    let value = menu(&controls, "wrap_timestamp", entry)?;
    drop(controls);
    press(path, "wrap_timestamp", value)?;
    // The clock wraps 16 seconds after the stream starts; 17 are read.
    let outcome = (|| {
        let mut rig = Rig::new(path)?;
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(18) {
            rig.frames(10)?;
        }
        rig.tally.balanced()?;
        if rig.tally.reopened != 0 {
            return Err(rig.tally.describe());
        }
        rig.done("capture times stay on our clock")
    })();
    press(path, "wrap_timestamp", 0)?;
    outcome
}

fn fatal_error(path: &str) -> Result<String, String> {
    let mut rig = Rig::new(path)?;
    press(path, "inject_fatal_streaming_error", 1)?;
    let took = rig.recovered()?;
    let reasons = rig.reasons().join(" | ");
    rig.done(&format!("frames again after {took:?} ({reasons})"))
}

/// The stream is broken first, then opening it again fails once in `control`'s way.
fn failing_reopen(path: &str, control: &str, expected: &str) -> Result<String, String> {
    let mut rig = Rig::new(path)?;
    let handle = Controls::open(path).map_err(|e| e.to_string())?;
    handle.set(control, 1).map_err(|e| e.to_string())?;
    handle.set("inject_fatal_streaming_error", 1).map_err(|e| e.to_string())?;
    drop(handle);
    let took = rig.recovered()?;
    let reasons = rig.reasons().join(" | ");
    if !reasons.contains(expected) {
        return Err(format!("nothing failed while {expected}: {reasons}"));
    }
    rig.done(&format!("frames again after {took:?} ({reasons})"))
}

pub(crate) fn disconnect(path: &str) -> Result<String, String> {
    let mut rig = Rig::new(path)?;
    let handle = Controls::open(path).map_err(|e| e.to_string())?;
    handle.set("disconnect", 1).map_err(|e| e.to_string())?;
    let pressed = Instant::now();
    let mut noticed = None;
    // Our own handle keeps the device away: nothing may come, nothing may end.
    while pressed.elapsed() < Duration::from_secs(4) {
        let _ = rig.tally.read(&mut rig.source, 1, Duration::from_millis(200), |_| Ok(()));
        let closed = framecast::source::LinkState::Backoff;
        if rig.source.state() == closed && noticed.is_none() {
            noticed = Some(pressed.elapsed());
        }
    }
    let noticed = noticed.ok_or("the disconnect was never noticed")?;
    if rig.source.state() == LinkState::Streaming {
        return Err("frames came from a device that is away".to_owned());
    }
    let attempts = rig.changes.try_iter().filter(|c| c.state == LinkState::Opening).count();
    let refused = match Camera::open(&CaptureOptions::new(path), &FramePool::new(1)) {
        Ok(_) => return Err("the device could be opened while it was away".to_owned()),
        Err(error) => error.to_string(),
    };
    // The device returns when its last handle closes.
    drop(handle);
    let took = rig.recovered()?;
    rig.done(&format!(
        "noticed after {noticed:?}, {attempts} attempts meanwhile ({refused}), frames {took:?} after its return"
    ))
}

/// A slow reader: what it misses is counted, under the reason that applies.
fn slow_reader(path: &str) -> Result<String, String> {
    let pool = FramePool::new(4);
    let mut options = CaptureOptions::new(path);
    options.size = Some(Size::new(320, 180));
    options.newest_only = true;
    let mut camera = Camera::open(&options, &pool).map_err(|e| e.to_string())?;
    let mut tally = Tally::default();
    tally.read(&mut camera, 10, LIMIT, |_| {
        std::thread::sleep(Duration::from_millis(300));
        Ok(())
    })?;
    tally.balanced()?;
    if tally.lost(DropReason::Policy) == 0 {
        return Err(format!("nothing was skipped: {}", tally.describe()));
    }
    let mut held = Vec::new();
    while let Ok(buf) = pool.take(1) {
        held.push(buf);
    }
    let _ = tally.read(&mut camera, 1, Duration::from_secs(1), |_| Ok(()));
    drop(held);
    tally.read(&mut camera, 5, LIMIT, |_| Ok(()))?;
    tally.balanced()?;
    if tally.lost(DropReason::Ring) == 0 {
        return Err(format!("no loss for want of buffers: {}", tally.describe()));
    }
    Ok(tally.describe())
}

fn busy(path: &str) -> Result<String, String> {
    let _rig = Rig::new(path)?;
    let second = Camera::open(&CaptureOptions::new(path), &FramePool::new(1));
    match second {
        Ok(_) => Err("a second stream could be opened".to_owned()),
        Err(error @ SourceError::Open { .. }) if error.to_string().contains("fuser") => {
            Ok(error.to_string())
        }
        Err(error) => Err(error.to_string()),
    }
}

fn settings(path: &str) -> Result<String, String> {
    let mut options = CaptureOptions::new(path);
    options.controls = vec![("brightness".to_owned(), 100), ("Contrast".to_owned(), 90)];
    let camera = Camera::open(&options, &FramePool::new(1)).map_err(|e| e.to_string())?;
    let controls = Controls::open(path).map_err(|e| e.to_string())?;
    let got = (controls.get("brightness"), controls.get("contrast"));
    camera.set_control("brightness", 128).map_err(|e| e.to_string())?;
    camera.set_control("contrast", 128).map_err(|e| e.to_string())?;
    let range = camera.set_control("brightness", 300).err().map(|e| e.to_string());
    let name = camera.set_control("brigthness", 1).err().map(|e| e.to_string());
    match (got, range, name) {
        ((Ok(100), Ok(90)), Some(range), Some(name))
            if range.contains("0..=255") && name.contains("did you mean brightness") =>
        {
            Ok(format!("{range} | {name}"))
        }
        seen => Err(format!("{seen:?}")),
    }
}

/// Every fault on the device at `path`.
pub(crate) fn all(report: &mut Report, path: &str) {
    report.outcome("controls", settings(path));
    report.outcome("busy device", busy(path));
    report.outcome("slow reader", slow_reader(path));
    report.outcome("inject_v4l2_buf_flag_error", damaged_frame(path));
    report.outcome("percentage_of_dropped_buffers", dropped_buffers(path));
    report.outcome("wrap_sequence_number", wrapped_sequence(path));
    report.outcome("wrap_timestamp 64 Bit", wrapped_timestamp(path, "64"));
    report.outcome("wrap_timestamp 32 Bit", wrapped_timestamp(path, "32"));
    report.outcome("inject_fatal_streaming_error", fatal_error(path));
    for (control, expected) in [
        ("inject_vidioc_reqbufs_error", "requesting buffers"),
        ("inject_vidioc_qbuf_error", "queueing a buffer"),
        ("inject_vidioc_streamon_error", "starting the stream"),
    ] {
        report.outcome(control, failing_reopen(path, control, expected));
    }
    report.outcome("disconnect", disconnect(path));
}
