//! Questions to a run, answered from the frames beside prediction.

use serde_json::{Map, Value};

use crate::model::ResetReason;

use super::{Seen, SideEvent, SideTask};
use crate::task::TaskError;
use crate::task::answer::Responder;

impl SideTask for Responder {
    fn name(&self) -> &'static str {
        "answer"
    }

    fn reset(&mut self, reason: ResetReason, _: &Seen<'_>, _: &mut Vec<SideEvent>) {
        Self::reset(self, reason);
    }

    fn see(&mut self, seen: &Seen<'_>, _: &mut Vec<SideEvent>) -> Result<(), TaskError> {
        Self::see(self, seen.image, seen.time)
    }

    fn answers(&self) -> bool {
        true
    }

    fn ask(&mut self, question: &str) -> Option<Result<Value, TaskError>> {
        // A reply holds texts and finite numbers, which JSON always can.
        let told = |reply| serde_json::to_value(reply).unwrap_or_else(|_| Map::new().into());
        Some(Self::ask(self, question).map(told))
    }
}
