//! The predict task as the main stage: with a state file, and with a model that may change while
//! the stream runs.

use std::path::PathBuf;
use std::time::Duration;

use crate::engine::LoadReport;
use crate::frame::{FrameMeta, FrameSeq, MonoTime};
use crate::model::ResetReason;
use crate::task::TaskError;
use crate::task::predict::{Predictor, Step, Totals};
use crate::vision::RgbImage;

use super::{ModelUse, Reloader, Stage, StateKeeper};

/// A [`Predictor`] as a [`Stage`].
#[derive(Debug)]
pub struct PredictStage {
    predictor: Predictor,
    state_file: Option<StateKeeper>,
    reloader: Option<Reloader>,
    load: Option<LoadReport>,
    /// Nobody has been told of the model yet.
    news: bool,
}

impl PredictStage {
    /// Runs `predictor`.
    #[must_use]
    pub const fn new(predictor: Predictor) -> Self {
        Self { predictor, state_file: None, reloader: None, load: None, news: true }
    }

    /// Says where the model runs, for the report.
    #[must_use]
    pub fn with_load_report(mut self, load: Option<LoadReport>) -> Self {
        self.load = load;
        self
    }

    /// Goes on from the state in the file when there is one, and writes it from time to time and at
    /// the end. A file that does not fit (another model or frame size, damage) is set aside as
    /// `NAME.old` with a warning and the stream starts afresh: a board whose model was updated must
    /// come up again.
    ///
    /// # Errors
    /// [`TaskError::StateWrite`] when such a file cannot be set aside.
    pub fn with_state_file(mut self, file: StateKeeper) -> Result<Self, TaskError> {
        let path = file.path();
        if path.exists()
            && let Err(error) = self.predictor.load_state(path)
        {
            let mut old = path.to_owned().into_os_string();
            old.push(".old");
            let old = PathBuf::from(old);
            std::fs::rename(path, &old).map_err(|cause| TaskError::StateWrite {
                path: path.to_owned(),
                cause: std::io::Error::new(
                    cause.kind(),
                    format!("what is there does not fit and cannot be renamed: {cause}"),
                ),
            })?;
            tracing::warn!("{error}; starting afresh, the old file is kept as {}", old.display());
        }
        self.state_file = Some(file);
        Ok(self)
    }

    /// Takes over models that `reloader` brings.
    #[must_use]
    pub fn with_reloader(mut self, reloader: Reloader) -> Self {
        self.reloader = Some(reloader);
        self
    }
}

impl Stage for PredictStage {
    fn step(&mut self, image: &RgbImage, meta: &FrameMeta) -> Result<Step, TaskError> {
        self.predictor.step(image, meta)
    }

    fn between_frames(&mut self, age: Option<Duration>) -> Result<(), TaskError> {
        if let Some(age) = age {
            self.predictor.note_display_age(age);
        }
        // Before another model takes over: its state says nothing yet.
        if let Some(file) = &mut self.state_file
            && file.is_due(MonoTime::now())
        {
            match self.predictor.state() {
                Ok(state) => file.keep(state),
                Err(error) => tracing::warn!("the state cannot be saved: {error}"),
            }
        }
        if let Some(reloader) = &self.reloader
            && let Some(new) = reloader.poll()
        {
            reloader.retire(self.predictor.replace(new.forecaster));
            (self.load, self.news) = (new.report, true);
        }
        Ok(())
    }

    fn new_model(&mut self, seq: FrameSeq) -> Option<ModelUse> {
        std::mem::take(&mut self.news).then(|| ModelUse {
            from_seq: seq.0,
            name: self.predictor.forecaster().name().to_owned(),
            identity: self.predictor.forecaster().identity().to_owned(),
            load: self.load.take(),
        })
    }

    fn reset(&mut self, reason: ResetReason) {
        self.predictor.reset(reason);
    }

    fn totals(&self) -> &Totals {
        self.predictor.totals()
    }

    fn events(&self) -> u64 {
        self.predictor.events()
    }

    fn finish(&mut self) -> Result<(), TaskError> {
        match self.state_file.take() {
            Some(file) => file.finish(self.predictor.state()?),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::frame::Size;
    use crate::task::predict::{CopyLast, Linear, PredictorOptions};

    use super::*;

    fn stage(linear: bool) -> PredictStage {
        let size = Size::new(8, 8);
        let forecaster: Box<dyn crate::task::predict::Forecaster> =
            if linear { Box::new(Linear::new()) } else { Box::new(CopyLast) };
        let options = PredictorOptions::default();
        PredictStage::new(Predictor::new(forecaster, size, options).unwrap())
    }

    fn keeper(path: &std::path::Path, every: Duration) -> StateKeeper {
        StateKeeper::open(path.to_owned(), every).unwrap()
    }

    #[test]
    fn a_run_that_is_killed_has_left_its_state() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.state");
        let frame = RgbImage::new(Size::new(8, 8));
        let mut killed = stage(true).with_state_file(keeper(&path, Duration::ZERO)).unwrap();
        killed.step(&frame, &FrameMeta::default()).unwrap();
        killed.between_frames(None).unwrap();
        while !path.exists() {
            std::thread::yield_now();
        }
        std::mem::forget(killed);
        let later = keeper(&path, Duration::from_secs(30));
        let mut next = stage(true).with_state_file(later).unwrap();
        assert_eq!(next.step(&frame, &FrameMeta::default()).unwrap().reset, None);
    }

    #[test]
    fn state_of_another_model_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.state");
        let open = || keeper(&path, Duration::from_secs(30));
        let mut first = stage(true).with_state_file(open()).unwrap();
        first.step(&RgbImage::new(Size::new(8, 8)), &FrameMeta::default()).unwrap();
        first.finish().unwrap();
        assert!(stage(true).with_state_file(open()).is_ok());
        let old = dir.path().join("s.state.old");
        assert!(!old.exists());
        let mut fresh = stage(false).with_state_file(open()).unwrap();
        assert!(old.exists() && !path.exists());
        let step = fresh.step(&RgbImage::new(Size::new(8, 8)), &FrameMeta::default()).unwrap();
        assert_eq!(step.reset, Some(ResetReason::Start));
        fresh.finish().unwrap();
        assert!(path.exists());
    }
}
