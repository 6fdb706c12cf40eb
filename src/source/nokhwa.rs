//! `nokhwa:N`: the camera interfaces of macOS and Windows, and of Linux for comparison.
//!
//! nokhwa waits for a frame without a time limit and for ever when the camera is unplugged, so it
//! runs on a thread of its own (see [`Background`]): reads keep their deadlines, the watchdog of the
//! supervisor notices the silence, and a thread that never returns is left behind, with the camera's
//! handle. While it lives the camera is not opened again, so there is one such thread a camera at
//! most, however often the supervisor tries. nokhwa says
//! nothing of driver sequence numbers, damaged buffers or capture times, so losses inside the
//! driver are not seen, and frames are dated when they arrive. On Linux use `v4l2:`.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use nokhwa::Camera;
use nokhwa::utils::{
    CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType, Resolution,
};

use super::background::Background;
use super::recording::{Next, Picture, Recording};
use super::{SourceError, SourceInfo, SourceOptions};
use crate::frame::{Colour, FramePool, Layout, PixelFormat, PooledBuf, Rational, Size};

/// What nokhwa is asked for without a wish; it cannot keep what the camera is set to.
const USUAL_SIZE: Size = Size::new(640, 480);
const USUAL_RATE: u32 = 30;

/// The formats nokhwa knows that we read.
const FORMATS: [(FrameFormat, PixelFormat); 6] = [
    (FrameFormat::YUYV, PixelFormat::Yuyv),
    (FrameFormat::NV12, PixelFormat::Nv12),
    (FrameFormat::MJPEG, PixelFormat::Mjpeg),
    (FrameFormat::RAWRGB, PixelFormat::Rgb24),
    (FrameFormat::RAWBGR, PixelFormat::Bgr24),
    (FrameFormat::GRAY, PixelFormat::Grey),
];

/// How long opening waits for the thread of an opening before, which lets go of its camera once the
/// frame it waits for has come.
const HANDOVER: Duration = Duration::from_secs(1);

/// The cameras that a thread of this process has open or is opening.
static HELD: Held = Held::new();

/// A set of cameras, each held by one thread at most.
struct Held {
    numbers: Mutex<BTreeSet<u32>>,
    released: Condvar,
}

impl Held {
    const fn new() -> Self {
        Self { numbers: Mutex::new(BTreeSet::new()), released: Condvar::new() }
    }

    /// Takes a camera; waits up to `patience` for the thread that holds it.
    fn take(&'static self, number: u32, patience: Duration) -> Result<Hold, SourceError> {
        let numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut numbers, _) = self
            .released
            .wait_timeout_while(numbers, patience, |numbers| numbers.contains(&number))
            .unwrap_or_else(PoisonError::into_inner);
        if numbers.insert(number) {
            return Ok(Hold { held: self, number });
        }
        let reason = "a thread that read it before still hangs in the camera's driver; it is not \
                      opened a second time, unplug the camera or end the program to free it";
        Err(SourceError::Gone { name: format!("nokhwa:{number}"), reason: reason.to_owned() })
    }
}

/// A camera that is held until this is dropped, by the thread that does.
struct Hold {
    held: &'static Held,
    number: u32,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.numbers.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
        self.held.released.notify_all();
    }
}

/// A camera read by nokhwa.
struct NokhwaCamera {
    camera: Camera,
    info: SourceInfo,
    layout: Layout,
    colour: Colour,
    // Last, so that the camera is closed before another thread may open it.
    _hold: Hold,
}

/// Opens camera `index` (a number) on a thread of its own.
pub(super) fn open(
    index: &str,
    options: &SourceOptions,
    pool: &FramePool,
) -> Result<Background, SourceError> {
    let number: u32 = index.trim().parse().map_err(|_| SourceError::Uri {
        uri: format!("nokhwa:{index}"),
        reason: "cameras are counted from 0, for example nokhwa:0".to_owned(),
    })?;
    let name = format!("nokhwa:{number}");
    let (timeout, options) = (options.open_timeout, options.clone());
    let hold = HELD.take(number, HANDOVER.min(timeout))?;
    let opener = Box::new(move || {
        Ok(Box::new(NokhwaCamera::open(number, hold, &options)?) as Box<dyn Recording>)
    });
    Background::open(&name, timeout, pool, false, None, opener)
}

impl NokhwaCamera {
    fn open(number: u32, hold: Hold, options: &SourceOptions) -> Result<Self, SourceError> {
        let name = format!("nokhwa:{number}");
        let fail = |what: &str, error: nokhwa::NokhwaError| SourceError::Gone {
            name: name.clone(),
            reason: format!("{what}: {error}"),
        };
        if !options.controls.is_empty() {
            let reason = "controls are set through v4l2: only".to_owned();
            return Err(SourceError::Unsupported { name, reason });
        }
        allow_capture(&name, options)?;
        let size = options.size.unwrap_or(USUAL_SIZE);
        let rate = options.rate.map_or(USUAL_RATE, |r| r.as_f64().round() as u32);
        // Wished for first, then the others, so that some frame comes.
        let mut wanted = FORMATS.map(|(theirs, _)| theirs);
        wanted.sort_by_key(|f| Some(ours(*f)) != options.format);
        let first = wanted.first().copied().unwrap_or(FrameFormat::YUYV);
        let resolution = Resolution::new(size.width, size.height);
        let closest = RequestedFormatType::Closest(CameraFormat::new(resolution, first, rate));
        let index = CameraIndex::Index(number);
        let mut camera = Camera::new(index, RequestedFormat::with_formats(closest, &wanted))
            .map_err(|e| fail("opening failed", e))?;
        camera.open_stream().map_err(|e| fail("starting the stream failed", e))?;
        let got = camera.camera_format();
        let format = ours(got.format());
        let size = Size::new(got.width(), got.height());
        let layout = Layout::packed(format, size)
            .map_err(|cause| SourceError::Frame { name: name.clone(), cause })?;
        let colour = if format.is_compressed() { Colour::JPEG } else { Colour::default() };
        let info = SourceInfo {
            uri: name,
            description: format!("nokhwa {}", camera.info().human_name()),
            format,
            size,
            rate: Rational::new(got.frame_rate(), 1).ok(),
            live: true,
            frames: None,
        };
        let colour = options.colour.unwrap_or(colour);
        Ok(Self { camera, info, layout, colour, _hold: hold })
    }
}

/// macOS asks its user for leave before a program may film.
#[cfg(target_os = "macos")]
fn allow_capture(name: &str, options: &SourceOptions) -> Result<(), SourceError> {
    let (told, answer) = crossbeam_channel::bounded(1);
    nokhwa::nokhwa_initialize(move |granted| {
        let _ = told.try_send(granted);
    });
    if answer.recv_timeout(options.open_timeout) == Ok(true) {
        return Ok(());
    }
    let reason = "the system did not allow filming; grant it in Privacy & Security, Camera";
    Err(SourceError::Unsupported { name: name.to_owned(), reason: reason.to_owned() })
}

#[cfg(not(target_os = "macos"))]
#[expect(clippy::unnecessary_wraps, reason = "macOS may refuse")]
fn allow_capture(_name: &str, _options: &SourceOptions) -> Result<(), SourceError> {
    Ok(())
}

impl Recording for NokhwaCamera {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn frame_len(&self) -> usize {
        self.layout.min_len()
    }

    fn next(&mut self, buf: &mut PooledBuf) -> Result<Next, SourceError> {
        let bytes = self.camera.frame_raw().map_err(|error| SourceError::Gone {
            name: self.info.uri.clone(),
            reason: error.to_string(),
        })?;
        let vec = buf.as_vec();
        vec.clear();
        // nokhwa hands over the whole buffer of the driver, padding after the picture included.
        let len = if self.layout.is_empty() { bytes.len() } else { self.layout.len() };
        vec.extend_from_slice(bytes.get(..len).unwrap_or(&bytes));
        if vec.len() < self.layout.min_len().max(1) {
            return Ok(Next::Lost { frames: 1, reason: crate::frame::DropReason::Corrupt });
        }
        Ok(Next::Picture(Picture { layout: self.layout, colour: self.colour, position: None }))
    }
}

fn ours(theirs: FrameFormat) -> PixelFormat {
    FORMATS.iter().find(|(t, _)| *t == theirs).map_or(PixelFormat::Yuyv, |(_, ours)| *ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cameras_have_numbers() {
        let pool = FramePool::new(1);
        let error = open("front", &SourceOptions::default(), &pool).err().unwrap();
        assert!(matches!(error, SourceError::Uri { .. }), "{error}");
    }

    #[test]
    fn a_camera_whose_thread_hangs_is_not_opened_again_until_it_ends() {
        static CAMERAS: Held = Held::new();
        let hold = CAMERAS.take(0, Duration::ZERO).unwrap();
        let other = CAMERAS.take(1, Duration::ZERO);
        assert!(other.is_ok());
        let error = CAMERAS.take(0, Duration::ZERO).err().unwrap();
        assert!(error.is_transient() && error.to_string().contains("still hangs"), "{error}");
        let (go, gone) = crossbeam_channel::bounded::<()>(0);
        let hanging = std::thread::spawn(move || {
            let _hold = hold;
            let _ = gone.recv();
        });
        drop(go);
        // Far longer than the thread needs to end.
        assert!(CAMERAS.take(0, Duration::from_secs(60)).is_ok());
        hanging.join().unwrap();
        assert!(CAMERAS.take(0, Duration::ZERO).is_ok());
    }

    #[test]
    fn every_format_of_nokhwa_has_its_own_name_here() {
        let mut names: Vec<_> = FORMATS.iter().map(|(_, ours)| ours.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FORMATS.len());
    }
}
