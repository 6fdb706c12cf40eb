//! Sweeps over scripted clips, with resets, losses and nonsense.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::{Sweep, sweep};
use crate::frame::{
    DropReason, Frame, FrameMeta, FrameSeq, Layout, MonoTime, PixelFormat, PooledBuf, Size,
};
use crate::model::ResetReason;
use crate::source::{Read, Source, SourceError, SourceInfo};
use crate::task::TaskError;
use crate::task::evaluate::{EvalOptions, Evaluator};
use crate::task::predict::{Forecaster, Horizon};
use crate::vision::{FloatImage, RgbImage};

const SIZE: Size = Size::new(12, 12);

/// What a source gives in turn.
#[derive(Clone, Copy)]
enum Event {
    Grey(u8),
    Sized(Size),
    Lost,
    Timeout,
    Fails,
}

use Event::{Fails, Grey, Lost, Sized, Timeout};

struct Scripted {
    info: SourceInfo,
    events: VecDeque<Event>,
    seq: u64,
}

impl Source for Scripted {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn read(&mut self, _: MonoTime) -> Result<Read, SourceError> {
        let Some(event) = self.events.pop_front() else { return Ok(Read::End) };
        let seq = self.seq;
        self.seq += u64::from(!matches!(event, Timeout));
        let (size, level) = match event {
            Grey(level) => (SIZE, level),
            Sized(size) => (size, 0),
            Lost => return Ok(Read::Lost { frames: 1, reason: DropReason::Corrupt }),
            Timeout => return Ok(Read::Timeout),
            Fails => {
                let reason = "cut off".to_owned();
                return Err(SourceError::Uri { uri: "scripted".to_owned(), reason });
            }
        };
        let layout = Layout::packed(PixelFormat::Rgb24, size).unwrap();
        let buf = PooledBuf::unpooled(vec![level; layout.len()]);
        let meta = FrameMeta { seq: FrameSeq(seq), ..FrameMeta::default() };
        Ok(Read::Frame(Frame::new(buf, layout, meta).unwrap()))
    }
}

fn source(events: &[Event]) -> Scripted {
    let info = SourceInfo {
        uri: "scripted".into(),
        description: "a test".into(),
        format: PixelFormat::Rgb24,
        size: SIZE,
        rate: None,
        live: false,
        frames: None,
    };
    Scripted { info, events: events.iter().copied().collect(), seq: 0 }
}

/// Adds ten levels an interval; a picture of level 99 makes it say nonsense two frames ahead.
struct Brighter {
    resets: Arc<Mutex<Vec<ResetReason>>>,
    nonsense: bool,
}

fn brighten(image: &mut FloatImage) {
    image.planes_mut().into_iter().flatten().for_each(|v| *v += 10.0);
}

impl Forecaster for Brighter {
    fn name(&self) -> &str {
        "brighter"
    }

    fn identity(&self) -> &str {
        "brighter"
    }

    fn observe(&mut self, frame: &RgbImage, next: &mut FloatImage) -> Result<bool, TaskError> {
        next.copy_from_rgb(frame);
        self.nonsense |= frame.data().first() == Some(&99);
        brighten(next);
        Ok(true)
    }

    fn extend(&mut self, ahead: &mut FloatImage) -> Result<bool, TaskError> {
        brighten(ahead);
        Ok(!self.nonsense)
    }

    fn settle(&mut self) {}

    fn reset(&mut self, reason: ResetReason) -> bool {
        self.resets.lock().unwrap().push(reason);
        self.nonsense = false;
        true
    }

    fn export_state(&self) -> Result<Vec<u8>, TaskError> {
        Ok(Vec::new())
    }

    fn import_state(&mut self, _: &[u8]) -> Result<(), TaskError> {
        Ok(())
    }
}

/// The sweep two frames ahead, how often the predictor was made, and its resets.
fn swept(events: &[Event]) -> (Sweep, usize, Vec<ResetReason>) {
    let resets = Arc::new(Mutex::new(Vec::new()));
    let mut made = 0;
    let mut make = |_| -> Result<Box<dyn Forecaster>, TaskError> {
        made += 1;
        Ok(Box::new(Brighter { resets: Arc::clone(&resets), nonsense: false }))
    };
    let options = EvalOptions::default();
    let found = sweep(&mut source(events), &options, 2, &mut make, &mut |_, _| true).unwrap();
    let resets = resets.lock().unwrap().clone();
    (found, made, resets)
}

fn targets(sweep: &Sweep) -> Vec<u64> {
    sweep.horizons.iter().map(|h| h.targets).collect()
}

#[test]
fn a_lost_frame_resets_and_loads_nothing_again() {
    let events = [Grey(1), Grey(2), Grey(3), Grey(4), Lost, Grey(5), Grey(6), Grey(7), Grey(8)];
    let (found, made, resets) = swept(&events);
    assert_eq!((made, found.lost, found.error.as_deref()), (1, 1, None));
    assert_eq!(resets, [ResetReason::Start, ResetReason::Gap]);
    assert_eq!(targets(&found), [4, 4], "two starts before the gap, two after it");
}

#[test]
fn silence_of_a_recording_is_not_its_end() {
    let (found, ..) = swept(&[Grey(1), Timeout, Grey(11), Timeout, Timeout, Grey(21), Grey(31)]);
    assert_eq!((targets(&found), found.lost), (vec![2, 2], 0));
    // The second start predicts exactly, the first is copy-last.
    assert_eq!(found.horizons[0].paired.better, 1);
}

#[test]
fn what_is_not_finite_is_copy_last_and_resets_as_in_an_evaluation() {
    let levels = [60, 70, 80, 90, 99, 109, 119, 129, 139];
    let (found, _, resets) = swept(&levels.map(Grey));
    assert_eq!(resets, [ResetReason::Start, ResetReason::NonFinite]);
    // Copy-last at the start, at 99 two frames ahead, and as first frame after the reset.
    assert_eq!(found.horizons[0].paired.equal, 2);
    assert_eq!(found.horizons[1].paired.equal, 3);
    assert_eq!(targets(&found), [7, 7]);

    // The same as an evaluation two frames ahead.
    let mut make = |_| -> Result<Box<dyn Forecaster>, TaskError> {
        Ok(Box::new(Brighter { resets: Arc::default(), nonsense: false }))
    };
    let options = EvalOptions { horizon: Horizon::Frames(2), ..EvalOptions::default() };
    let mut evaluator = Evaluator::new(options, &mut make);
    let mut clip = source(&levels.map(Grey));
    let row = evaluator.clip("clip", &mut clip, &mut |_, _| true).unwrap();
    assert_eq!(row.frames, 7);
    assert_eq!((row.model.pd, row.paired), (found.horizons[1].model.pd, found.horizons[1].paired));
}

#[test]
fn another_size_or_an_error_ends_a_source_with_what_came_before() {
    let (found, made, _) =
        swept(&[Grey(1), Grey(2), Grey(3), Sized(Size::new(8, 4)), Grey(4), Grey(5)]);
    assert_eq!((targets(&found), made), (vec![1, 1], 1));
    let error = found.error.unwrap();
    assert!(error.contains("8x4") && error.contains("12x12"), "{error}");

    let (found, ..) = swept(&[Grey(1), Grey(2), Grey(3), Fails, Grey(4)]);
    assert_eq!(targets(&found), [1, 1]);
    assert!(found.error.unwrap().contains("cut off"));
}
