//! The predict task as the main stage: with a state file, and with a model that may change while
//! the stream runs.

use std::path::PathBuf;
use std::time::Duration;

use crate::frame::FrameMeta;
use crate::model::ResetReason;
use crate::task::TaskError;
use crate::task::predict::{Predictor, Step, Totals};
use crate::vision::RgbImage;

use super::{Reloader, Stage};

/// A [`Predictor`] as a [`Stage`].
#[derive(Debug)]
pub struct PredictStage {
    predictor: Predictor,
    state_file: Option<PathBuf>,
    reloader: Option<Reloader>,
}

impl PredictStage {
    /// Runs `predictor`.
    #[must_use]
    pub const fn new(predictor: Predictor) -> Self {
        Self { predictor, state_file: None, reloader: None }
    }

    /// Goes on from the state in `path` when the file is there, and writes it at the end. A file
    /// that does not fit (another model or frame size, damage) is set aside as `NAME.old` with a
    /// warning and the stream starts afresh: a board whose model was updated must come up again.
    ///
    /// # Errors
    /// [`TaskError::State`] when such a file cannot be set aside.
    pub fn with_state_file(mut self, path: PathBuf) -> Result<Self, TaskError> {
        if path.exists()
            && let Err(error) = self.predictor.load_state(&path)
        {
            let mut old = path.clone().into_os_string();
            old.push(".old");
            let old = PathBuf::from(old);
            std::fs::rename(&path, &old).map_err(|cause| TaskError::State {
                path: path.clone(),
                reason: format!("does not fit and cannot be renamed: {cause}; remove it"),
            })?;
            tracing::warn!("{error}; starting afresh, the old file is kept as {}", old.display());
        }
        self.state_file = Some(path);
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
        if let Some(reloader) = &self.reloader
            && let Some(new) = reloader.poll()
        {
            reloader.retire(self.predictor.replace(new));
        }
        Ok(())
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
        match &self.state_file {
            Some(path) => self.predictor.save_state(path),
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

    #[test]
    fn state_of_another_model_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.state");
        let mut first = stage(true).with_state_file(path.clone()).unwrap();
        first.step(&RgbImage::new(Size::new(8, 8)), &FrameMeta::default()).unwrap();
        first.finish().unwrap();
        assert!(stage(true).with_state_file(path.clone()).is_ok());
        let old = dir.path().join("s.state.old");
        assert!(!old.exists());
        let mut fresh = stage(false).with_state_file(path.clone()).unwrap();
        assert!(old.exists() && !path.exists());
        let step = fresh.step(&RgbImage::new(Size::new(8, 8)), &FrameMeta::default()).unwrap();
        assert_eq!(step.reset, Some(ResetReason::Start));
        fresh.finish().unwrap();
        assert!(path.exists());
    }
}
