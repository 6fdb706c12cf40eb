//! A result to write, for tests.

use std::time::Duration;

use crate::frame::{FrameSeq, MonoTime};
use crate::pipeline::FrameRecord;
use crate::task::predict::Step;

pub(super) fn record() -> FrameRecord {
    let infer = Duration::from_millis(3);
    let step = Step {
        horizon: 1,
        reset: None,
        broken: None,
        score: None,
        surprise: None,
        event: None,
        infer,
    };
    FrameRecord {
        seq: FrameSeq(7),
        captured: MonoTime::ZERO,
        position: None,
        age: Duration::ZERO,
        convert: Duration::ZERO,
        step,
    }
}
