//! The inference side: one frame after the other from the ring through the main stage.
//!
//! Threading: driven by the inference thread; a simulation drives the same code with its own
//! clock. No lock is held while the main stage runs. The RGB picture and the converter's scratch
//! memory are reused, so nothing is allocated per frame.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::frame::{Clock, DropReason, FrameMeta, FrameSeq};
use crate::model::ResetReason;
use crate::ring::InFlight;
use crate::vision::{FrameConverter, RgbImage, VisionError};

use super::{Captured, FrameRecord, ModelUse, PipelineError, RunStats, Stage};

/// The inference side of a run.
pub struct Worker {
    stage: Box<dyn Stage>,
    clock: Arc<dyn Clock>,
    limiter: InFlight,
    stats: Arc<Mutex<RunStats>>,
    max_age: Option<Duration>,
    converter: FrameConverter,
    image: RgbImage,
    age: Option<Duration>,
    reopened: u64,
    model: Option<Arc<ModelUse>>,
}

impl Worker {
    /// A worker that runs `stage`. Frames older than `max_age` when their turn comes are dropped.
    #[must_use]
    pub fn new(
        stage: Box<dyn Stage>,
        clock: Arc<dyn Clock>,
        limiter: InFlight,
        stats: Arc<Mutex<RunStats>>,
        max_age: Option<Duration>,
    ) -> Self {
        Self {
            stage,
            clock,
            limiter,
            stats,
            max_age,
            converter: FrameConverter::new(),
            image: RgbImage::default(),
            age: None,
            reopened: 0,
            model: None,
        }
    }

    /// The main stage.
    pub fn stage(&mut self) -> &mut dyn Stage {
        &mut *self.stage
    }

    /// The picture of the last result.
    #[must_use]
    pub const fn image(&self) -> &RgbImage {
        &self.image
    }

    /// The model of the last result, if the stage has one.
    #[must_use]
    pub const fn model(&self) -> Option<&Arc<ModelUse>> {
        self.model.as_ref()
    }

    /// Works on one frame; `None` when it was dropped (and counted).
    ///
    /// `left_out` is how many frames the ring's policy has left out on purpose so far. The main
    /// stage gets numbers without those, so that a model too slow for the camera sees a slower
    /// stream and not a gap, which would reset its state, at each frame. Real losses stay gaps.
    ///
    /// # Errors
    /// [`PipelineError`] when the run cannot go on; the frame is counted as dropped.
    pub fn process(
        &mut self,
        captured: Captured,
        left_out: u64,
    ) -> Result<Option<FrameRecord>, PipelineError> {
        let Captured { frame, ticket, reopened } = captured;
        if std::mem::replace(&mut self.reopened, reopened) != reopened {
            self.stage.reset(ResetReason::Reconnect);
        }
        self.stage.between_frames(self.age.take())?;
        let started = self.clock.now();
        let waited = started.since(frame.captured());
        if self.max_age.is_some_and(|limit| waited > limit) {
            ticket.dropped(DropReason::Deadline);
            return Ok(None);
        }
        match self.converter.to_rgb(&frame, &mut self.image) {
            Ok(()) => {}
            Err(VisionError::Decode { .. }) => {
                ticket.dropped(DropReason::Decode);
                return Ok(None);
            }
            Err(cause) => {
                ticket.dropped(DropReason::Decode);
                return Err(PipelineError::Convert { seq: frame.seq().0, cause });
            }
        }
        let meta = *frame.meta();
        // The samples are in `image` now; the source may use the buffer again.
        drop(frame);
        let converted = self.clock.now();
        // One thread with one permit at a time always gets it, unless an earlier run is stuck.
        let Some(permit) = self.limiter.try_acquire(converted) else {
            ticket.dropped(DropReason::Deadline);
            return Ok(None);
        };
        // Told before its first frame, so that a model that fails there is named too.
        if let Some(model) = self.stage.new_model(meta.seq) {
            let model = Arc::new(model);
            let mut stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
            stats.models.add(Arc::clone(&model));
            self.model = Some(model);
        }
        let counted = FrameMeta { seq: FrameSeq(meta.seq.0.wrapping_sub(left_out)), ..meta };
        let step = self.stage.step(&self.image, &counted)?;
        if !permit.is_valid() {
            ticket.dropped(DropReason::Deadline);
            return Err(PipelineError::Stuck { timeout: self.limiter.timeout() });
        }
        drop(permit);
        let age = self.clock.now().since(meta.captured);
        self.age = Some(age);
        let record = FrameRecord {
            seq: meta.seq,
            captured: meta.captured,
            position: meta.position,
            age,
            convert: converted.since(started),
            step,
        };
        let mut stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        stats.record(&record, self.stage.totals(), self.stage.events());
        drop(stats);
        ticket.processed();
        Ok(Some(record))
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("max_age", &self.max_age).finish_non_exhaustive()
    }
}
