//! The built-in synthetic drone camera: textured ground with ego-motion, moving objects,
//! occlusion, exposure drift and sensor noise, so that everything runs with nothing attached.
//!
//! Driven by one thread. Unpaced, it is a recording: the next frame is rendered when it is read.
//! Paced, it is a camera: frames exist by the clock, the newest few wait as in a driver's queue,
//! and what a late reader missed is reported as [`DropReason::DriverGap`].

mod flight;
mod ground;
mod objects;
mod options;
mod pack;
mod scene;
mod seeded;
mod sensor;
mod truth;

pub use options::DemoOptions;
pub use scene::{DEFAULT_NOISE, Scene};
pub use truth::GroundMotion;

use std::sync::Arc;
use std::time::Duration;

use super::{Read, Source, SourceError, SourceInfo, SourceOptions};
use crate::frame::{
    Clock, Colour, DropReason, Frame, FrameMeta, FramePool, FrameSeq, Layout, MonoTime, SystemClock,
};
use crate::vision::RgbImage;
use pack::Packer;

/// The synthetic camera as a [`Source`].
pub struct Demo {
    info: SourceInfo,
    scene: Scene,
    packer: Packer,
    colour: Colour,
    layout: Layout,
    picture: RgbImage,
    pool: FramePool,
    clock: Arc<dyn Clock>,
    /// Number of the next frame, from 0.
    next: u64,
    /// Added to `next` for the scene.
    first: u64,
    paced: bool,
    /// When frame 0 was captured; known once a paced demo is first read.
    start: Option<MonoTime>,
    /// Frames that wait for a late reader.
    queue: u64,
}

impl Demo {
    /// Opens the demo.
    ///
    /// # Errors
    /// [`SourceError::Uri`] for an impossible size.
    pub fn open(
        uri: &str,
        demo: &DemoOptions,
        options: &SourceOptions,
        pool: &FramePool,
    ) -> Result<Self, SourceError> {
        let bad = |reason: String| SourceError::Uri { uri: uri.to_owned(), reason };
        let layout = Layout::packed(demo.format, demo.size).map_err(|e| bad(e.to_string()))?;
        let pixels = demo.size.pixels() as u64;
        if pixels > options.limits.pixels {
            return Err(SourceError::Limit {
                name: uri.to_owned(),
                what: "pixels of a frame",
                value: pixels,
                limit: options.limits.pixels,
            });
        }
        let scene = Scene::new(demo.seed, demo.size, demo.rate).map_err(|e| bad(e.to_string()))?;
        let colour = options.colour.unwrap_or_default();
        Ok(Self {
            info: SourceInfo {
                uri: uri.to_owned(),
                description: format!("synthetic drone camera, seed {}", demo.seed),
                format: demo.format,
                size: demo.size,
                rate: Some(demo.rate),
                live: demo.paced,
                frames: demo.frames,
            },
            scene: scene.with_noise(demo.noise),
            packer: Packer::new(colour),
            colour,
            layout,
            picture: RgbImage::new(demo.size),
            pool: pool.clone(),
            clock: Arc::new(SystemClock),
            next: 0,
            first: demo.start,
            paced: demo.paced,
            start: None,
            queue: u64::from(options.buffers.clamp(1, 64)),
        })
    }

    /// The same demo on another clock, for tests.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// When frame `index` is captured, counted from the first; exact for any rate.
    fn position(&self, index: u64) -> MonoTime {
        let rate = self.scene.rate();
        let nanos = u128::from(index) * u128::from(rate.den()) * 1_000_000_000;
        MonoTime::from_nanos(u64::try_from(nanos / u128::from(rate.num())).unwrap_or(u64::MAX))
    }

    /// Number of frames a paced camera has captured `elapsed` after the first.
    fn captured_by(&self, elapsed: Duration) -> u64 {
        let rate = self.scene.rate();
        let frames =
            elapsed.as_nanos() * u128::from(rate.num()) / (u128::from(rate.den()) * 1_000_000_000);
        let mut count = u64::try_from(frames).unwrap_or(u64::MAX).saturating_add(1);
        if let Some(end) = self.info.frames {
            count = count.min(end);
        }
        count
    }

    fn render(
        &mut self,
        buf: crate::frame::PooledBuf,
        captured: MonoTime,
    ) -> Result<Read, SourceError> {
        let mut buf = buf;
        let index = self.next;
        self.scene.render(self.first.saturating_add(index), &mut self.picture);
        self.packer.pack(&self.picture, self.layout.format(), &mut buf);
        let meta = FrameMeta {
            colour: self.colour,
            seq: FrameSeq(index),
            captured,
            position: Some(self.position(index)),
        };
        self.next += 1;
        Frame::new(buf, self.layout, meta)
            .map(Read::Frame)
            .map_err(|cause| SourceError::Frame { name: self.info.uri.clone(), cause })
    }

    fn read_paced(&mut self, deadline: MonoTime) -> Result<Read, SourceError> {
        let start = *self.start.get_or_insert(self.clock.now());
        let due = start.after(self.position(self.next).since(MonoTime::ZERO));
        if due > self.clock.now() {
            self.clock.sleep_until(due.min(deadline));
            if due > self.clock.now() {
                return Ok(Read::Timeout);
            }
        }
        let waiting = self.captured_by(self.clock.now().since(start)).saturating_sub(self.next);
        if waiting > self.queue {
            let frames = waiting - self.queue;
            self.next += frames;
            return Ok(Read::Lost { frames, reason: DropReason::DriverGap });
        }
        let Ok(buf) = self.pool.take(self.layout.len()) else {
            self.next += 1;
            return Ok(Read::Lost { frames: 1, reason: DropReason::Ring });
        };
        self.render(buf, due)
    }
}

impl Source for Demo {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn read(&mut self, deadline: MonoTime) -> Result<Read, SourceError> {
        if self.info.frames.is_some_and(|end| self.next >= end) {
            return Ok(Read::End);
        }
        if self.paced {
            return self.read_paced(deadline);
        }
        // A recording waits for a reader that still holds all buffers.
        match self.pool.take_until(self.layout.len(), deadline) {
            Ok(buf) => {
                let now = self.clock.now();
                self.render(buf, now)
            }
            Err(_) => Ok(Read::Timeout),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::MockClock;

    fn demo(query: &str, pool: &FramePool) -> Demo {
        let options = SourceOptions::default();
        let parsed = DemoOptions::parse(query, &options).unwrap();
        Demo::open("demo:", &parsed, &options, pool).unwrap()
    }

    #[test]
    fn a_recording_is_complete_and_repeatable() {
        let pool = FramePool::new(2);
        let far = MonoTime::from_nanos(u64::MAX);
        let read = |start: &str| {
            let mut demo = demo(&format!("?size=33x17&frames=3&seed=4{start}"), &pool);
            let mut frames = Vec::new();
            while let Read::Frame(frame) = demo.read(far).unwrap() {
                frames.push((frame.seq().0, frame.bytes().to_vec()));
            }
            frames
        };
        let frames = read("");
        assert_eq!(frames, read(""));
        assert_eq!(frames.iter().map(|f| f.0).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(read("&start=1")[0].1, frames[1].1);
    }

    #[test]
    fn a_late_reader_of_a_camera_loses_frames_and_knows() {
        let pool = FramePool::new(8);
        let clock = MockClock::new(MonoTime::from_nanos(1_000));
        let mut demo = demo("?size=16x16&fps=100&paced", &pool).with_clock(Arc::new(clock.clone()));
        assert!(demo.info().live);
        let far = MonoTime::from_nanos(u64::MAX);
        let frame = |demo: &mut Demo| match demo.read(far).unwrap() {
            Read::Frame(f) => (f.seq().0, f.captured().as_nanos()),
            other => panic!("{other:?}"),
        };
        assert_eq!(frame(&mut demo), (0, 1_000));
        assert_eq!(frame(&mut demo), (1, 10_001_000));
        // 100 ms later frames 2..=11 exist and the queue holds four of them.
        clock.advance(Duration::from_millis(100));
        match demo.read(far).unwrap() {
            Read::Lost { frames, reason } => {
                assert_eq!((frames, reason), (6, DropReason::DriverGap));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(frame(&mut demo), (8, 80_001_000));
        // A deadline before the next frame is kept.
        for _ in 9..=11 {
            frame(&mut demo);
        }
        let soon = clock.now().after(Duration::from_millis(1));
        assert!(matches!(demo.read(soon).unwrap(), Read::Timeout));
        assert_eq!(clock.now(), soon);
    }

    #[test]
    fn an_empty_pool_makes_a_recording_wait_and_a_camera_drop() {
        let pool = FramePool::new(1);
        let held = pool.take(1).unwrap();
        let now = MonoTime::now();
        assert!(matches!(demo("?size=8x8", &pool).read(now).unwrap(), Read::Timeout));
        let lost = demo("?size=8x8&paced", &pool).read(now).unwrap();
        assert!(matches!(lost, Read::Lost { frames: 1, reason: DropReason::Ring }));
        drop(held);
    }
}
