//! The predict task: one prediction a frame, compared with the frames that then arrive.

use std::time::Duration;

use crate::frame::{FrameMeta, MonoTime, Rational, Size};
use crate::model::ResetReason;
use crate::task::TaskError;
use crate::vision::metrics;
use crate::vision::scene::SceneChange;
use crate::vision::{FloatImage, RgbImage};

use super::pending::{Pending, PendingRing};
use super::{
    Distance, Forecaster, Horizon, MotionPriors, RunningMedian, StepScore, Surprise, SurpriseEvent,
    SurpriseOptions, Totals,
};

/// The most bytes that predictions waiting for their frame may take.
const MAX_PENDING_BYTES: usize = 1 << 30;

/// Of each of them: 3 bytes of the source and 3 floats of the prediction a pixel.
const PENDING_BYTES: usize = 15;

/// Settings of a [`Predictor`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PredictorOptions {
    /// How far ahead to predict.
    pub horizon: Horizon,
    /// Nominal rate of the stream, used until intervals have been measured.
    pub rate: Option<Rational>,
    /// By how much the sequence number rises from one frame to the next: N under an `every-n`
    /// policy. A larger rise is a gap and resets the state.
    pub stride: u64,
    /// Resets the state when the picture changes altogether.
    pub scene_cuts: bool,
    /// The surprise score and its events.
    pub surprise: SurpriseOptions,
}

impl Default for PredictorOptions {
    fn default() -> Self {
        Self {
            horizon: Horizon::default(),
            rate: None,
            stride: 1,
            scene_cuts: true,
            surprise: SurpriseOptions::default(),
        }
    }
}

/// What one frame brought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// How many frames ahead the new prediction lies.
    pub horizon: u32,
    /// Why state was reset before this frame was taken in; `None` too when the model's contract
    /// keeps all of it for this reason.
    pub reset: Option<ResetReason>,
    /// Why the frame does not continue the one before, whatever the model makes of it.
    pub broken: Option<ResetReason>,
    /// The prediction made for this frame against the frame; `None` when there was none.
    pub score: Option<StepScore>,
    /// How unexpected the frame was, in deviations of the prediction error.
    pub surprise: Option<f64>,
    /// Start or end of something unexpected.
    pub event: Option<SurpriseEvent>,
    /// Time the forecaster took: packing, every run of the model, unpacking.
    pub infer: Duration,
}

/// Predicts a stream and keeps score. One thread owns it; nothing is allocated per frame once the
/// longest horizon has been seen.
pub struct Predictor {
    forecaster: Box<dyn Forecaster>,
    options: PredictorOptions,
    size: Size,
    pending: PendingRing,
    /// The prediction of the newest frame, already compared with it.
    matured: Option<Pending>,
    last: Option<(u64, MonoTime)>,
    interval: RunningMedian,
    age: RunningMedian,
    scene: SceneChange,
    due: Option<ResetReason>,
    /// Frames taken in since the last reset.
    fed: u64,
    surprise: Surprise,
    totals: Totals,
    priors: MotionPriors,
}

impl Predictor {
    /// A predictor of frames of `size`.
    ///
    /// # Errors
    /// [`TaskError::FrameTooLarge`], or [`TaskError::Contract`] when the horizon needs more memory
    /// at this size than is allowed.
    pub fn new(
        forecaster: Box<dyn Forecaster>,
        size: Size,
        options: PredictorOptions,
    ) -> Result<Self, TaskError> {
        let each = size.pixels().saturating_mul(PENDING_BYTES);
        if each > MAX_PENDING_BYTES {
            return Err(TaskError::FrameTooLarge {
                size,
                need: each >> 20,
                limit: MAX_PENDING_BYTES >> 20,
                pixels: MAX_PENDING_BYTES / PENDING_BYTES,
            });
        }
        if let Horizon::Frames(frames) = options.horizon
            && each.saturating_mul(frames as usize) > MAX_PENDING_BYTES
        {
            return Err(TaskError::Contract {
                model: forecaster.name().to_owned(),
                reason: format!(
                    "a horizon of {frames} frames of {size} keeps {} MiB of predictions, above \
                     the limit of {} MiB; use at most {} frames or a smaller picture",
                    (each * frames as usize) >> 20,
                    MAX_PENDING_BYTES >> 20,
                    MAX_PENDING_BYTES / each.max(1)
                ),
            });
        }
        Ok(Self {
            forecaster,
            options,
            size,
            pending: PendingRing::default(),
            matured: None,
            last: None,
            interval: RunningMedian::default(),
            age: RunningMedian::default(),
            scene: SceneChange::new(),
            due: Some(ResetReason::Start),
            fed: 0,
            surprise: Surprise::new(options.surprise),
            totals: Totals::default(),
            priors: MotionPriors::default(),
        })
    }

    /// Tells the forecaster of the camera's own motion, by sequence number.
    #[must_use]
    pub fn with_motion_priors(mut self, priors: MotionPriors) -> Self {
        self.priors = priors;
        self
    }

    /// Size of the frames.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// What makes the predictions.
    #[must_use]
    pub fn forecaster(&self) -> &dyn Forecaster {
        &*self.forecaster
    }

    /// Ends the stream and gives the forecaster back, for another one.
    #[must_use]
    pub fn into_forecaster(self) -> Box<dyn Forecaster> {
        self.forecaster
    }

    /// Sums over the stream so far.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Surprise events started so far.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.surprise.events()
    }

    /// The newest prediction; `None` before the first frame.
    #[must_use]
    pub fn prediction(&self) -> Option<&FloatImage> {
        self.pending.newest().map(|p| &p.prediction)
    }

    /// What had been predicted for the newest frame, if anything.
    #[must_use]
    pub fn matured(&self) -> Option<&FloatImage> {
        self.matured.as_ref().map(|p| &p.prediction)
    }

    /// The frame from which [`Predictor::matured`] was made.
    #[must_use]
    pub fn matured_from(&self) -> Option<&RgbImage> {
        self.matured.as_ref().map(|p| &p.source)
    }

    /// Tells how old a result is when it is displayed, for [`Horizon::Auto`]; the median of the
    /// last values counts.
    pub fn note_display_age(&mut self, age: Duration) {
        self.age.push(age);
    }

    /// Resets the state before the next frame: the source was opened again, say. Predictions that
    /// wait for a frame leave unscored, since the numbers of the frames to come mean something else.
    pub fn reset(&mut self, reason: ResetReason) {
        self.due = Some(reason);
        self.last = None;
        self.scene.reset();
        self.totals.lose(self.pending.clear());
    }

    /// Puts another forecaster in place and returns the old one: the model was loaded again.
    pub fn replace(&mut self, forecaster: Box<dyn Forecaster>) -> Box<dyn Forecaster> {
        self.reset(ResetReason::Reload);
        self.surprise.restart();
        std::mem::replace(&mut self.forecaster, forecaster)
    }

    /// Compares `image` with what was predicted for it, takes it in, and predicts anew.
    ///
    /// # Errors
    /// [`TaskError`] when the frame's size is not that of the stream, or the engine fails. After
    /// an error the predictor can go on; call [`Predictor::reset`] to begin afresh.
    pub fn step(&mut self, image: &RgbImage, meta: &FrameMeta) -> Result<Step, TaskError> {
        if image.size() != self.size {
            return Err(TaskError::FrameSize { expected: self.size, got: image.size() });
        }
        let seq = meta.seq.0;
        let score = self.compare(seq, image)?;
        let (surprise, event) = match score {
            Some(score) => self.surprise.observe(score.model.pd),
            None => (None, None),
        };
        let broken = self.broken(seq, image);
        let reset = broken.filter(|reason| self.begin_anew(*reason));
        self.note_time(seq, meta);
        let (horizon, infer) = self.predict(seq, image)?;
        Ok(Step { horizon, reset, broken, score, surprise, event, infer })
    }

    /// Scores the prediction made for frame `seq`.
    fn compare(&mut self, seq: u64, image: &RgbImage) -> Result<Option<StepScore>, TaskError> {
        if let Some(old) = self.matured.take() {
            self.pending.give_back(old);
        }
        let (found, lost) = self.pending.arrive(seq);
        self.totals.lose(lost);
        let Some(found) = found else { return Ok(None) };
        let score = StepScore {
            horizon: found.horizon,
            model: Distance {
                pd: metrics::pd(image, &found.prediction)?,
                mse: metrics::mse(image, &found.prediction)?,
            },
            copy_last: Distance {
                pd: metrics::pd_rgb(image, &found.source)?,
                mse: metrics::mse_rgb(image, &found.source)?,
            },
        };
        self.matured = Some(found);
        self.totals.add(&score);
        Ok(Some(score))
    }

    /// Why the frame does not continue the one before, if it does not.
    fn broken(&mut self, seq: u64, image: &RgbImage) -> Option<ResetReason> {
        let change = if self.options.scene_cuts { self.scene.step(image) } else { None };
        let cut = change.is_some_and(|c| c.is_cut());
        let gap = self.last.is_some_and(|(last, _)| seq != last.wrapping_add(self.options.stride));
        self.due
            .take()
            .or(gap.then_some(ResetReason::Gap))
            .or((cut && self.fed > 0).then_some(ResetReason::SceneCut))
    }

    /// Resets for `reason`; true when anything was.
    fn begin_anew(&mut self, reason: ResetReason) -> bool {
        let began_anew = self.forecaster.reset(reason);
        // A forecaster that was put in place is at its beginning, whatever its contract says.
        if !began_anew && reason != ResetReason::Reload {
            return false;
        }
        self.fed = 0;
        self.totals.count_reset(reason);
        true
    }

    /// Learns the frame interval from frames that follow each other.
    fn note_time(&mut self, seq: u64, meta: &FrameMeta) {
        // The recording's own time line; the capture time of a file is when it was read.
        let time = meta.position.unwrap_or(meta.captured);
        if let Some((last, before)) = self.last
            && seq == last.wrapping_add(self.options.stride)
        {
            let interval = time.since(before);
            // Some recordings hold a time stamp twice; an interval of zero says nothing.
            if !interval.is_zero() {
                self.interval.push(interval);
            }
        }
        self.last = Some((seq, time));
    }

    /// The median interval, or the nominal one until it is known.
    fn interval(&self) -> Option<Duration> {
        let nominal = || {
            let interval = self.options.rate?.interval();
            interval.checked_mul(u32::try_from(self.options.stride).ok()?)
        };
        self.interval.get().or_else(nominal)
    }

    fn predict(&mut self, seq: u64, image: &RgbImage) -> Result<(u32, Duration), TaskError> {
        let most = MAX_PENDING_BYTES / self.size.pixels().saturating_mul(PENDING_BYTES).max(1);
        let horizon = self
            .options
            .horizon
            .frames(self.interval(), self.age.get())
            .min(u32::try_from(most).unwrap_or(u32::MAX).max(1));
        let mut slot = self.pending.take();
        if !self.priors.is_empty() {
            self.forecaster.hint(self.priors.over(seq, self.options.stride));
        }
        let started = MonoTime::now();
        let outcome = self.look_ahead(horizon, image, &mut slot.prediction);
        let infer = MonoTime::now().since(started);
        let finite = match outcome {
            Ok(finite) => finite,
            Err(error) => {
                self.pending.give_back(slot);
                return Err(error);
            }
        };
        self.fed += 1;
        if !finite {
            // The state may hold the same nonsense for ever, so it begins anew.
            self.forecaster.reset(ResetReason::NonFinite);
            self.totals.count_reset(ResetReason::NonFinite);
            self.fed = 0;
        }
        if self.fed < 2 {
            // A single frame shows neither motion nor noise: its prediction is itself.
            slot.prediction.copy_from_rgb(image);
        }
        slot.source.reshape(image.size());
        slot.source.data_mut().copy_from_slice(image.data());
        slot.horizon = horizon;
        slot.target = seq.wrapping_add(u64::from(horizon).wrapping_mul(self.options.stride));
        let lost = self.pending.push(slot);
        self.totals.lose(lost);
        Ok((horizon, infer))
    }

    /// Predicts `horizon` frames ahead; false when the model gave numbers that are not finite.
    fn look_ahead(
        &mut self,
        horizon: u32,
        image: &RgbImage,
        prediction: &mut FloatImage,
    ) -> Result<bool, TaskError> {
        let mut finite = self.forecaster.observe(image, prediction)?;
        if horizon > 1 && finite {
            let mut outcome = Ok(true);
            for _ in 1..horizon {
                outcome = self.forecaster.extend(prediction);
                if !matches!(outcome, Ok(true)) {
                    break;
                }
            }
            self.forecaster.settle();
            finite = outcome?;
        }
        Ok(finite)
    }

    /// The state of the forecaster, for a state file.
    pub(super) fn export_state(&self) -> Result<Vec<u8>, TaskError> {
        self.forecaster.export_state()
    }

    /// Goes on from a saved state: the next frame is taken as the one after it.
    pub(super) fn import_state(&mut self, bytes: &[u8]) -> Result<(), TaskError> {
        self.forecaster.import_state(bytes)?;
        self.due = None;
        self.fed = 2;
        Ok(())
    }
}

impl std::fmt::Debug for Predictor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Predictor")
            .field("forecaster", &self.forecaster.name())
            .field("size", &self.size)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
