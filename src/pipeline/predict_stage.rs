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

    /// Goes on from the state in `path` when the file is there, and writes it at the end.
    ///
    /// # Errors
    /// [`TaskError::State`] when the file is damaged or belongs to another model or frame size.
    pub fn with_state_file(mut self, path: PathBuf) -> Result<Self, TaskError> {
        if path.exists() {
            self.predictor.load_state(&path)?;
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
    fn state_is_written_and_refused_by_another_model() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.state");
        let mut first = stage(true).with_state_file(path.clone()).unwrap();
        first.step(&RgbImage::new(Size::new(8, 8)), &FrameMeta::default()).unwrap();
        first.finish().unwrap();
        assert!(stage(true).with_state_file(path.clone()).is_ok());
        let error = stage(false).with_state_file(path).unwrap_err().to_string();
        assert!(error.contains("copy-last"), "{error}");
    }
}
