//! Which frames go to the side thread, and how.
//!
//! When full: two buffers go round, one being worked on and one waiting. While both are away a frame
//! of a live stream is not taken and the next one is due; a recording waits for a buffer.
//!
//! Threading: driven by the inference thread; it costs a copy of the picture when a frame is taken.

use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::frame::{FrameSeq, MonoTime};
use crate::model::ResetReason;
use crate::pipeline::{FrameRecord, Stop, TimeLine};
use crate::vision::RgbImage;

use super::SideOptions;

/// How long a recording waits for a task at a frame.
pub(in crate::pipeline) const PATIENCE: Duration = Duration::from_secs(30);

/// How much too early a frame may come: half of what lies between most cameras' frames.
const EARLY: Duration = Duration::from_millis(20);

/// How often a wait looks whether the run ends.
const POLL: Duration = Duration::from_millis(100);

/// A frame on its way.
#[derive(Debug, Default)]
pub(super) struct Copied {
    pub(super) image: RgbImage,
    pub(super) seq: FrameSeq,
    pub(super) captured: MonoTime,
    pub(super) position: Option<MonoTime>,
    pub(super) time: MonoTime,
    /// Why it does not continue the frame before.
    pub(super) reset: Option<ResetReason>,
}

/// The way in for frames, held by the inference thread.
#[derive(Debug)]
pub struct SideFeed {
    pub(super) frames: Sender<Copied>,
    pub(super) spare: Receiver<Copied>,
    pub(super) options: SideOptions,
    pub(super) line: TimeLine,
    pub(super) stop: Stop,
    /// When the next frame is due.
    pub(super) due: Option<MonoTime>,
    /// What happened to the stream since the last frame taken.
    pub(super) reset: Option<ResetReason>,
}

impl SideFeed {
    /// Hands a copy of the frame of `record` over when one is due and there is a buffer for it.
    pub fn offer(&mut self, image: &RgbImage, record: &FrameRecord) {
        let moment = self.line.place(record.seq, record.captured, record.position);
        let broken = record.step.broken.filter(|reason| match reason {
            // What was gathered over seconds outlasts a few missing frames.
            ResetReason::Gap => moment.jumped,
            ResetReason::SceneCut | ResetReason::Reconnect => true,
            // These concern the model of the main stage alone.
            _ => false,
        });
        self.reset = graver(self.reset, broken);
        let every = self.options.every;
        if self.due.is_some_and(|due| moment.time.after(EARLY.min(every / 4)) < due) {
            return;
        }
        let Some(mut copied) = self.buffer() else { return };
        copied.image.copy_from(image);
        (copied.seq, copied.captured, copied.position) =
            (record.seq, record.captured, record.position);
        (copied.time, copied.reset) = (moment.time, self.reset.take());
        // A steady pace where frames keep it, and from the frame itself where they do not.
        self.due = match self.due {
            Some(due) if moment.time < due.after(every) => Some(due.after(every)),
            _ => Some(moment.time.after(every)),
        };
        // There are as many places as buffers; the thread may have ended.
        let _ = self.frames.try_send(copied);
    }

    fn buffer(&self) -> Option<Copied> {
        if !self.options.all {
            return self.spare.try_recv().ok();
        }
        let until = MonoTime::now().after(PATIENCE);
        while !self.stop.is_aborted() {
            match self.spare.recv_timeout(POLL) {
                Ok(copied) => return Some(copied),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) if MonoTime::now() >= until => {
                    tracing::warn!(
                        "a frame is not shown to the tasks beside: one takes longer than {PATIENCE:?}"
                    );
                    return None;
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        None
    }
}

/// Of two breaks of a stream the one that says more: what comes after it is another recording, is
/// later, or shows something else.
pub(super) fn graver(a: Option<ResetReason>, b: Option<ResetReason>) -> Option<ResetReason> {
    let rank = |reason: &ResetReason| match reason {
        ResetReason::Reconnect => 2,
        ResetReason::Gap => 1,
        _ => 0,
    };
    [a, b].into_iter().flatten().max_by_key(rank)
}
