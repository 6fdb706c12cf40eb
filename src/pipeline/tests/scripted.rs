//! Frames, sources and stages that follow a script.

use std::time::Duration;

use crate::frame::{Frame, FrameMeta, FrameSeq, Layout, MonoTime, PixelFormat, PooledBuf, Size};
use crate::model::ResetReason;
use crate::pipeline::Stage;
use crate::source::{Read, Source, SourceError, SourceInfo};
use crate::task::TaskError;
use crate::task::predict::{Step, Totals};
use crate::vision::RgbImage;

pub(in crate::pipeline) fn frame(seq: u64, captured: MonoTime) -> Frame {
    let layout = Layout::packed(PixelFormat::Grey, Size::new(2, 2)).unwrap();
    let meta = FrameMeta { seq: FrameSeq(seq), captured, ..FrameMeta::default() };
    Frame::new(PooledBuf::unpooled(vec![7; 4]), layout, meta).unwrap()
}

/// A source that asks a closure for each read.
pub(in crate::pipeline) struct Script<F> {
    info: SourceInfo,
    next: F,
    reads: u64,
}

pub(in crate::pipeline) fn script<F>(live: bool, next: F) -> Box<Script<F>>
where
    F: FnMut(u64) -> Result<Read, SourceError> + Send,
{
    let info = SourceInfo {
        uri: "script:".to_owned(),
        description: "script".to_owned(),
        format: PixelFormat::Grey,
        size: Size::new(2, 2),
        rate: None,
        live,
        frames: None,
    };
    Box::new(Script { info, next, reads: 0 })
}

impl<F: FnMut(u64) -> Result<Read, SourceError> + Send> Source for Script<F> {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn read(&mut self, _deadline: MonoTime) -> Result<Read, SourceError> {
        self.reads += 1;
        (self.next)(self.reads - 1)
    }
}

/// A stage that calls a closure on each frame.
pub(super) struct Act<F> {
    act: F,
    totals: Totals,
    pub(super) infer: Duration,
}

pub(super) fn act<F>(act: F) -> Box<Act<F>>
where
    F: FnMut(&FrameMeta) -> Result<(), TaskError> + Send,
{
    Box::new(Act { act, totals: Totals::default(), infer: Duration::ZERO })
}

impl<F: FnMut(&FrameMeta) -> Result<(), TaskError> + Send> Stage for Act<F> {
    fn step(&mut self, _image: &RgbImage, meta: &FrameMeta) -> Result<Step, TaskError> {
        (self.act)(meta)?;
        Ok(Step {
            horizon: 1,
            reset: None,
            broken: None,
            score: None,
            surprise: None,
            event: None,
            infer: self.infer,
        })
    }

    fn between_frames(&mut self, _age: Option<Duration>) -> Result<(), TaskError> {
        Ok(())
    }

    fn reset(&mut self, _reason: ResetReason) {}

    fn totals(&self) -> &Totals {
        &self.totals
    }

    fn events(&self) -> u64 {
        0
    }
}
