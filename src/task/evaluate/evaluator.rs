//! Feeds sources to a predictor and scores what it says.

use std::path::Path;
use std::time::Duration;

use crate::frame::{DropReason, FrameMeta, FrameSeq, MonoTime, Size};
use crate::model::ResetReason;
use crate::source::{Limits, Read, Source};
use crate::task::TaskError;
use crate::task::predict::{Forecaster, MotionPriors, Predictor, PredictorOptions};
use crate::vision::resize::{Resizer, to_width};
use crate::vision::{FrameConverter, RgbImage, VisionError};

use super::judge::Judge;
use super::pattern::Steps;
use super::picture::PictureReader;
use super::sequences::{self, Sequence};
use super::tally::Tally;
use super::{EvalOptions, Row};

/// How long one frame of a live source may take; a recording that is silent fails by itself.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Makes a forecaster for frames of a size; called once for each size in turn. Its error `E` is
/// what the evaluation fails with.
pub type Maker<'a, E> = dyn FnMut(Size) -> Result<Box<dyn Forecaster>, E> + 'a;

/// Told after each frame or sequence how many are done, and of how many if that is known. Answers
/// false to stop early.
pub type Progress<'a> = dyn FnMut(u64, Option<u64>) -> bool + 'a;

/// Evaluates sources one after the other. One thread owns it; it computes on two.
pub struct Evaluator<'a, E> {
    options: EvalOptions,
    make: &'a mut Maker<'a, E>,
    /// A forecaster kept for further sources of the same size.
    kept: Option<(Size, Box<dyn Forecaster>)>,
    judge: Judge,
    steps: Steps,
    priors: MotionPriors,
    resizer: Resizer,
    scaled: RgbImage,
}

impl<'a, E: From<TaskError>> Evaluator<'a, E> {
    /// An evaluator whose predictors come from `make`.
    pub fn new(options: EvalOptions, make: &'a mut Maker<'a, E>) -> Self {
        Self {
            options,
            make,
            kept: None,
            judge: Judge::new(options.hindsight, options.without_ssim),
            steps: Steps::default(),
            priors: MotionPriors::default(),
            resizer: Resizer::new(),
            scaled: RgbImage::default(),
        }
    }

    /// Changes how much is read of the sources to come.
    pub const fn limit_frames(&mut self, frames: Option<u64>) {
        self.options.frames = frames;
    }

    /// Tells the predictor of clips of the camera's own motion, by frame number.
    #[must_use]
    pub fn with_motion_priors(mut self, priors: MotionPriors) -> Self {
        self.priors = priors;
        self
    }

    /// A predictor with reset state for frames of `size`.
    fn predictor(&mut self, size: Size, options: PredictorOptions) -> Result<Predictor, E> {
        let forecaster = match self.kept.take() {
            Some((kept, forecaster)) if kept == size => forecaster,
            _ => (self.make)(size)?,
        };
        Ok(Predictor::new(forecaster, size, options)?)
    }

    fn keep(&mut self, predictor: Predictor) {
        self.kept = Some((predictor.size(), predictor.into_forecaster()));
    }

    /// Every frame but the first of `source` is a target. A source that fails, falls silent or
    /// changes its frame size ends there: the row has what came before, and the reason.
    ///
    /// # Errors
    /// [`TaskError`] when the predictor cannot be made or fails.
    pub fn clip(
        &mut self,
        name: &str,
        source: &mut dyn Source,
        progress: &mut Progress<'_>,
    ) -> Result<Row, E> {
        let mut tally = Tally::default();
        self.steps.reset();
        let mut converter = FrameConverter::new();
        let mut rgb = RgbImage::default();
        let mut predictor: Option<Predictor> = None;
        let (mut read, mut targets) = (0u64, 0u64);
        let mut failed = None;
        let total = source.info().frames.map(|n| n.min(self.options.frames.unwrap_or(n)));
        while self.options.frames.is_none_or(|limit| read < limit) {
            let frame = match source.read(MonoTime::now().after(PATIENCE)) {
                Ok(Read::Frame(frame)) => frame,
                Ok(Read::Lost { frames, .. }) => {
                    tally.lost += frames;
                    self.steps.reset();
                    continue;
                }
                Ok(Read::Reopened) => {
                    if let Some(predictor) = &mut predictor {
                        predictor.reset(ResetReason::Reconnect);
                    }
                    continue;
                }
                Ok(Read::End) => break,
                Ok(Read::Timeout) if !source.info().live => continue,
                Ok(Read::Timeout) => {
                    failed = Some(format!("no frame came for {} s", PATIENCE.as_secs()));
                    break;
                }
                Err(error) => {
                    failed = Some(error.to_string());
                    break;
                }
            };
            read += 1;
            match converter.to_rgb(&frame, &mut rgb) {
                Ok(()) => {}
                Err(error @ VisionError::Decode { .. }) => {
                    tracing::warn!(frame = frame.seq().0, reason = %DropReason::Decode, "{error}");
                    tally.lost += 1;
                    continue;
                }
                Err(error) => {
                    failed = Some(error.to_string());
                    break;
                }
            }
            let size = scale(&self.options, &mut self.resizer, &rgb, &mut self.scaled)?.size();
            let mut current = match predictor.take() {
                Some(predictor) => predictor,
                None => {
                    let rate = source.info().rate;
                    let horizon = self.options.horizon;
                    let wishes = PredictorOptions { horizon, rate, ..Default::default() };
                    self.predictor(size, wishes)?.with_motion_priors(self.priors.clone())
                }
            };
            let picture = if self.options.width.is_some() { &self.scaled } else { &rgb };
            let step = match current.step(picture, frame.meta()) {
                Ok(step) => step,
                Err(error @ TaskError::FrameSize { .. }) => {
                    failed = Some(error.to_string());
                    predictor = Some(current);
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            tally.time(step.infer);
            if let (Some(made), Some(last)) = (current.matured(), current.matured_from()) {
                targets += 1;
                if targets > self.options.skip {
                    let (model, copy_last) = self.judge.score(picture, made, last)?;
                    tally.add(model, copy_last, self.steps.pattern());
                }
            }
            self.steps.push(picture);
            predictor = Some(current);
            if !progress(read, total) {
                break;
            }
        }
        let size = predictor.as_ref().map(Predictor::size);
        if let Some(predictor) = predictor {
            tally.note_resets(&predictor);
            self.keep(predictor);
        }
        let damage = source.damage();
        if !damage.is_none() {
            tracing::warn!("{name}: {damage}");
        }
        Ok(Row { error: failed, damage, ..Row::new(name, size, tally) })
    }

    /// The last frame of each sequence in `path`, a folder or an archive, is a target; the others
    /// are fed in order from reset state. A sequence with a broken picture, pictures of different
    /// sizes, or fewer than two of them is counted as lost.
    ///
    /// # Errors
    /// [`TaskError`] when there are no sequences or the engine fails.
    pub fn sequences(
        &mut self,
        name: &str,
        path: &Path,
        limits: &Limits,
        progress: &mut Progress<'_>,
    ) -> Result<Row, E> {
        self.sequences_where(name, path, limits, &|_| true, progress)
    }

    /// As [`Evaluator::sequences`], of those whose folder name `keep` is true for; a limit of
    /// frames counts the others too.
    ///
    /// # Errors
    /// [`TaskError`] when there are no sequences or the engine fails.
    pub fn sequences_where(
        &mut self,
        name: &str,
        path: &Path,
        limits: &Limits,
        keep: &dyn Fn(&str) -> bool,
        progress: &mut Progress<'_>,
    ) -> Result<Row, E> {
        let mut found = sequences::find(path, limits)?;
        if let Some(most) = self.options.frames {
            found.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        }
        found.retain(|s| keep(s.name.rsplit('/').next().unwrap_or_default()));
        let mut tally = Tally::default();
        let mut reader = PictureReader::new(*limits);
        let mut size = None;
        let total = found.len() as u64;
        for (done, sequence) in (1..).zip(&found) {
            match self.sequence(sequence, &mut reader, &mut tally)? {
                Ok(scored) => size = Some(scored),
                Err(reason) => {
                    tracing::warn!("{name}: sequence {:?} is left out: {reason}", sequence.name);
                    tally.lost += 1;
                }
            }
            if !progress(done, Some(total)) {
                break;
            }
        }
        Ok(Row::new(name, size, tally))
    }

    /// Feeds one sequence picture by picture, so that its length costs no memory. Gives the size it
    /// was scored at, or why it is left out; `tally` then knows nothing of it.
    fn sequence(
        &mut self,
        sequence: &Sequence,
        reader: &mut PictureReader,
        tally: &mut Tally,
    ) -> Result<Result<Size, String>, E> {
        let [first, inputs @ .., target] = sequence.pictures.as_slice() else {
            return Ok(Err("it has fewer than two pictures".to_owned()));
        };
        let mut picture = RgbImage::default();
        if let Err(reason) = reader.read(first, &mut picture) {
            return Ok(Err(reason));
        }
        let whole = picture.size();
        let size = scale(&self.options, &mut self.resizer, &picture, &mut self.scaled)?.size();
        let mut predictor = self.predictor(size, PredictorOptions::default())?;
        let (mut last, mut times) = (RgbImage::default(), Vec::new());
        self.steps.reset();
        let mut inputs = inputs.iter();
        for seq in 0.. {
            let image = scale(&self.options, &mut self.resizer, &picture, &mut self.scaled)?;
            // Nominal times; nothing depends on them at a horizon of one frame.
            let meta = FrameMeta { seq: FrameSeq(seq), ..FrameMeta::default() };
            times.push(predictor.step(image, &meta)?.infer);
            self.steps.push(image);
            let fed = if self.options.width.is_some() { &mut self.scaled } else { &mut picture };
            std::mem::swap(&mut last, fed);
            let next = inputs.next();
            let read = reader.read(next.unwrap_or(target), &mut picture);
            let same = read.and_then(|()| match picture.size() == whole {
                true => Ok(()),
                false => Err("its pictures differ in size".to_owned()),
            });
            if let Err(reason) = same {
                self.keep(predictor);
                return Ok(Err(reason));
            }
            if next.is_none() {
                break;
            }
        }
        let target = scale(&self.options, &mut self.resizer, &picture, &mut self.scaled)?;
        if let Some(prediction) = predictor.prediction() {
            let (model, copy_last) = self.judge.score(target, prediction, &last)?;
            tally.add(model, copy_last, self.steps.pattern());
        }
        times.into_iter().for_each(|time| tally.time(time));
        tally.note_resets(&predictor);
        self.keep(predictor);
        Ok(Ok(size))
    }
}

/// The picture as it is evaluated: scaled into `scaled` with `--width`, else as it is.
pub(super) fn scale<'p>(
    options: &EvalOptions,
    resizer: &mut Resizer,
    picture: &'p RgbImage,
    scaled: &'p mut RgbImage,
) -> Result<&'p RgbImage, TaskError> {
    let Some(width) = options.width else { return Ok(picture) };
    scaled.reshape(to_width(picture.size(), width));
    resizer.area(picture, scaled)?;
    Ok(scaled)
}
