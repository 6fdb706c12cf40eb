//! The result of one frame.

use std::time::Duration;

use crate::frame::{FrameSeq, MonoTime};
use crate::task::predict::Step;

/// What is known of a frame once the main stage is through with it. Plain data, so that it passes
/// through queues without allocation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameRecord {
    /// The source's number.
    pub seq: FrameSeq,
    /// When it was captured.
    pub captured: MonoTime,
    /// Its time in the recording, if it comes from one.
    pub position: Option<MonoTime>,
    /// From capture to result.
    pub age: Duration,
    /// Time of the conversion to RGB.
    pub convert: Duration,
    /// What the main stage found.
    pub step: Step,
}
