//! The nokhwa source on the same driver: what differs from our own layer. Only builds with the
//! feature `nokhwa` have it.

use std::time::{Duration, Instant};

use framecast::frame::{FramePool, MonoTime, Size};
use framecast::source::v4l2::{Camera, CaptureOptions, Controls};
use framecast::source::{self, Source, SourceOptions};

use crate::bars::Bars;
use crate::report::Report;
use crate::tally::Tally;

const LIMIT: Duration = Duration::from_secs(20);

fn open() -> Result<Box<dyn Source>, String> {
    // The thread of the camera before may still wait for its last frame.
    std::thread::sleep(Duration::from_secs(2));
    let mut options = SourceOptions::default();
    options.size = Some(Size::new(320, 180));
    options.open_timeout = Duration::from_secs(20);
    source::open("nokhwa:0", &options, &FramePool::new(6)).map_err(|e| e.to_string())
}

/// Leaves the device in the format `code` at a rate nokhwa can express.
fn leave_in(path: &str, code: &str) -> Result<(), String> {
    let mut options = CaptureOptions::new(path);
    options.code = Some(code.to_owned());
    options.size = Some(Size::new(320, 180));
    options.rate = "30".parse().ok();
    Camera::open(&options, &FramePool::new(1)).map(drop).map_err(|e| e.to_string())
}

fn stream(path: &str) -> Result<String, String> {
    leave_in(path, "YUYV")?;
    let mut camera = open()?;
    let mut bars: Option<Bars> = None;
    let mut tally = Tally::default();
    tally.read(camera.as_mut(), 300, Duration::from_secs(60), |frame| {
        bars.get_or_insert_with(|| Bars::new(frame)).compare(frame, 8)
    })?;
    let info = camera.info();
    Ok(format!("{} {}: {}", info.format, info.size, tally.describe()))
}

/// What becomes of losses that our own layer counts.
fn losses(path: &str) -> Result<String, String> {
    let mut camera = open()?;
    let mut tally = Tally::default();
    tally.read(camera.as_mut(), 10, LIMIT, |_| Ok(()))?;
    let controls = Controls::open(path).map_err(|e| e.to_string())?;
    controls.set("percentage_of_dropped_buffers", 50).map_err(|e| e.to_string())?;
    controls.set("inject_v4l2_buf_flag_error", 1).map_err(|e| e.to_string())?;
    let outcome = tally.read(camera.as_mut(), 50, LIMIT, |_| Ok(()));
    controls.set("percentage_of_dropped_buffers", 0).map_err(|e| e.to_string())?;
    outcome?;
    Ok(format!("half the buffers dropped, one damaged: {}", tally.describe()))
}

/// The device goes away under a read: our deadline must hold whatever nokhwa does.
fn unplugged(path: &str) -> Result<String, String> {
    let mut camera = open()?;
    let mut tally = Tally::default();
    tally.read(camera.as_mut(), 10, LIMIT, |_| Ok(()))?;
    let controls = Controls::open(path).map_err(|e| e.to_string())?;
    controls.set("disconnect", 1).map_err(|e| e.to_string())?;
    drop(controls);
    let start = Instant::now();
    let mut said = "nothing at all".to_owned();
    while start.elapsed() < Duration::from_secs(5) {
        let asked = Instant::now();
        let deadline = MonoTime::now().after(Duration::from_millis(200));
        let read = camera.read(deadline);
        if asked.elapsed() > Duration::from_secs(1) {
            return Err(format!("a read of 200 ms took {:?}", asked.elapsed()));
        }
        if let Err(error) = read {
            said = format!("{error} after {:?}", start.elapsed());
            break;
        }
    }
    Ok(format!("reads kept their deadline; within 5 s nokhwa said {said}"))
}

/// Observations on the device at `path`, which must be `/dev/video0`.
pub(crate) fn all(report: &mut Report, path: &str) {
    let left = leave_in(path, "YU12").map(|()| match open() {
        Ok(camera) => format!("opens as {}", camera.info().format),
        Err(error) => format!("refused: {error}"),
    });
    report.outcome("nokhwa on a device left in YU12", left);
    report.outcome("nokhwa streams", stream(path));
    report.outcome("nokhwa and losses", losses(path));
    report.outcome("nokhwa unplugged", unplugged(path));
}
