//! A scripted recording behind a thread.

use super::*;
use crate::frame::{Colour, Layout, PixelFormat, Size};
use crate::source::recording::Picture;

/// Gives `frames` grey pictures, then ends or, with `fail`, fails.
struct Script {
    info: SourceInfo,
    frames: u8,
    given: u8,
    fail: bool,
}

impl Script {
    fn boxed(frames: u8, live: bool, fail: bool) -> Box<dyn Recording> {
        let info = SourceInfo {
            uri: "script".into(),
            description: String::new(),
            format: PixelFormat::Grey,
            size: Size::new(2, 2),
            rate: None,
            live,
            frames: None,
        };
        Box::new(Self { info, frames, given: 0, fail })
    }
}

impl Recording for Script {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn frame_len(&self) -> usize {
        4
    }

    fn next(&mut self, buf: &mut PooledBuf) -> Result<Next, SourceError> {
        if self.given == self.frames {
            let reason = "last words".into();
            return match self.fail {
                true => Err(SourceError::Program { program: "script".into(), reason }),
                false => Ok(Next::End),
            };
        }
        self.given += 1;
        buf.as_vec().resize(4, 0);
        buf.fill(self.given);
        let layout = Layout::packed(PixelFormat::Grey, Size::new(2, 2)).unwrap();
        Ok(Next::Picture(Picture { layout, colour: Colour::default(), position: None }))
    }
}

fn open(pool: &FramePool, recording: Box<dyn Recording>) -> Background {
    open_with(&SourceOptions::default(), pool, recording)
}

fn open_with(
    options: &SourceOptions,
    pool: &FramePool,
    recording: Box<dyn Recording>,
) -> Background {
    let opener = Box::new(move || Ok(recording));
    Background::open("script", options, pool, None, opener).unwrap()
}

/// A script that never answers after its frames, until the sender is gone.
struct Hanging(Box<dyn Recording>, u8, Receiver<()>);

impl Recording for Hanging {
    fn info(&self) -> &SourceInfo {
        self.0.info()
    }

    fn frame_len(&self) -> usize {
        self.0.frame_len()
    }

    fn next(&mut self, buf: &mut PooledBuf) -> Result<Next, SourceError> {
        if self.1 == 0 {
            let _ = self.2.recv();
        }
        self.1 = self.1.saturating_sub(1);
        self.0.next(buf)
    }
}

fn soon() -> MonoTime {
    MonoTime::now().after(Duration::from_secs(5))
}

#[test]
fn every_frame_comes_in_order_then_the_end() {
    let mut source = open(&FramePool::new(3), Script::boxed(20, false, false));
    for want in 1..=20 {
        let Read::Frame(frame) = source.read(soon()).unwrap() else { panic!("frame {want}") };
        assert_eq!((frame.bytes()[0], frame.seq().0), (want, u64::from(want) - 1));
    }
    assert!(matches!(source.read(soon()).unwrap(), Read::End));
    assert!(matches!(source.read(soon()).unwrap(), Read::End));
}

#[test]
fn an_error_comes_after_the_frames_before_it() {
    let mut source = open(&FramePool::new(3), Script::boxed(2, false, true));
    assert!(matches!(source.read(soon()).unwrap(), Read::Frame(_)));
    assert!(matches!(source.read(soon()).unwrap(), Read::Frame(_)));
    assert!(source.read(soon()).unwrap_err().to_string().contains("last words"));
    assert!(matches!(source.read(soon()).unwrap(), Read::End));
}

#[test]
fn a_live_stream_drops_and_counts_what_a_late_reader_missed() {
    let mut source = open(&FramePool::new(8), Script::boxed(50, true, false));
    let (mut frames, mut lost) = (0, 0);
    loop {
        match source.read(soon()).unwrap() {
            Read::Frame(_) => frames += 1,
            Read::Lost { frames, reason } => {
                assert_eq!(reason, DropReason::Ring);
                lost += frames;
            }
            Read::End => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(frames + lost, 50);
}

#[test]
fn nothing_in_time_is_an_error_and_a_deadline_is_kept() {
    let (hold, held) = bounded::<()>(0);
    let opener = Box::new(move || {
        let _ = held.recv();
        Ok(Script::boxed(0, false, false))
    });
    let pool = FramePool::new(1);
    let open_timeout = Duration::from_millis(20);
    let options = SourceOptions { open_timeout, ..SourceOptions::default() };
    let error = Background::open("stdin", &options, &pool, None, opener).err().unwrap();
    assert!(error.to_string().contains("stdin is gone: nothing came within"), "{error}");
    drop(hold);
    let kept = pool.take(4).unwrap();
    let mut source = open(&pool, Script::boxed(1, false, false));
    assert!(matches!(source.read(MonoTime::now()).unwrap(), Read::Timeout));
    drop(kept);
    assert!(matches!(source.read(soon()).unwrap(), Read::Frame(_)));
}

#[test]
fn a_recording_that_falls_silent_is_given_up_and_a_live_one_is_not() {
    let timeout = Duration::from_millis(20);
    let options = SourceOptions { timeout, ..SourceOptions::default() };
    for live in [false, true] {
        let (hold, held) = bounded::<()>(0);
        let script = Hanging(Script::boxed(1, live, false), 1, held);
        let mut source = open_with(&options, &FramePool::new(4), Box::new(script));
        assert!(matches!(source.read(soon()).unwrap(), Read::Frame(_)));
        let long = MonoTime::now().after(Duration::from_millis(200));
        match source.read(long) {
            Ok(Read::Timeout) => assert!(live && MonoTime::now() >= long),
            Err(SourceError::Silent { name, waited }) => {
                assert!(!live && waited >= timeout && name == "script");
                assert!(matches!(source.read(soon()).unwrap(), Read::End));
            }
            other => panic!("{other:?}"),
        }
        drop(hold);
    }
}

#[test]
fn a_thread_without_a_buffer_is_not_silent() {
    let timeout = Duration::from_millis(5);
    let options = SourceOptions { timeout, ..SourceOptions::default() };
    let pool = FramePool::new(1);
    let kept = pool.take(4).unwrap();
    let mut source = open_with(&options, &pool, Script::boxed(1, false, false));
    let long = MonoTime::now().after(Duration::from_millis(100));
    assert!(matches!(source.read(long).unwrap(), Read::Timeout));
    drop(kept);
    assert!(matches!(source.read(soon()).unwrap(), Read::Frame(_)));
}
