//! Sentences that a running stream is watched for.

use serde_json::{Map, Value, json};

use crate::frame::MonoTime;
use crate::model::ResetReason;
use crate::task::TaskError;
use crate::task::embed::FrameEmbedder;
use crate::task::search::{Trigger, TriggerEvent};

use super::{Seen, SideEvent, SideTask};

/// A [`Trigger`] as a task of a run. Its events are matches that begin and end.
pub struct WatchTask {
    tower: FrameEmbedder,
    trigger: Trigger,
    names: Vec<String>,
    newest: Value,
}

impl WatchTask {
    /// Compares what `tower` makes of frames with the queries of `trigger`, called `names` in their
    /// order.
    #[must_use]
    pub const fn new(tower: FrameEmbedder, trigger: Trigger, names: Vec<String>) -> Self {
        Self { tower, trigger, names, newest: Value::Null }
    }
}

fn tell(seen: &Seen<'_>, of: Vec<TriggerEvent>, events: &mut Vec<SideEvent>) {
    for event in of {
        let mut what = Map::new();
        what.insert("query".to_owned(), json!(event.query));
        what.insert("change".to_owned(), json!(event.kind));
        what.insert("score".to_owned(), json!(event.score));
        what.insert("peak".to_owned(), json!(event.peak));
        events.push(seen.event("watch", what));
    }
}

impl SideTask for WatchTask {
    fn name(&self) -> &'static str {
        "watch"
    }

    fn reset(&mut self, reason: ResetReason, seen: &Seen<'_>, events: &mut Vec<SideEvent>) {
        self.tower.reset(reason);
        let time = seen.time.since(MonoTime::ZERO);
        tell(seen, self.trigger.reset(time), events);
    }

    fn see(&mut self, seen: &Seen<'_>, events: &mut Vec<SideEvent>) -> Result<(), TaskError> {
        let vector = self.tower.embed(seen.image)?;
        let time = seen.time.since(MonoTime::ZERO);
        tell(seen, self.trigger.observe(time, vector)?, events);
        let score = |(name, score)| json!({ "query": name, "score": score });
        self.newest = self.names.iter().zip(self.trigger.scores()).map(score).collect();
        Ok(())
    }

    fn newest(&self) -> Value {
        self.newest.clone()
    }
}
