//! The zero of predictors: the next frame is the last one.

use crate::codec::Picture;

use super::{Predictor, PredictorFailure, PredictorId, PredictorKind};

/// Predicts the last frame.
#[derive(Clone, Debug)]
pub struct CopyLast {
    id: PredictorId,
}

impl CopyLast {
    /// The name on the command line.
    pub const NAME: &'static str = "copy";

    /// The predictor.
    #[must_use]
    pub fn new() -> Self {
        Self { id: PredictorId::built_in(PredictorKind::CopyLast, Self::NAME) }
    }
}

impl Default for CopyLast {
    fn default() -> Self {
        Self::new()
    }
}

impl Predictor for CopyLast {
    fn id(&self) -> &PredictorId {
        &self.id
    }

    fn reset(&mut self) {}

    fn predict(&mut self, newest: &Picture, next: &mut Picture) -> Result<bool, PredictorFailure> {
        for (to, from) in next.planes_mut().iter_mut().zip(newest.planes()) {
            to.data.copy_from_slice(&from.data);
        }
        Ok(true)
    }
}
