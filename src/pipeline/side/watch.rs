//! Sentences that a running stream is watched for.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::task::TaskError;
use crate::task::embed::FrameEmbedder;
use crate::task::search::Trigger;

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

impl SideTask for WatchTask {
    fn name(&self) -> &'static str {
        "watch"
    }

    fn see(&mut self, seen: &Seen<'_>, events: &mut Vec<SideEvent>) -> Result<(), TaskError> {
        let vector = self.tower.embed(seen.image)?;
        let time = Duration::from_nanos(seen.captured.as_nanos());
        for event in self.trigger.observe(time, vector)? {
            let mut what = Map::new();
            what.insert("query".to_owned(), json!(event.query));
            what.insert("change".to_owned(), json!(event.kind));
            what.insert("score".to_owned(), json!(event.score));
            what.insert("peak".to_owned(), json!(event.peak));
            let (seq, captured) = (seen.seq.0, seen.captured);
            events.push(SideEvent { task: "watch", seq, captured, what });
        }
        let score = |(name, score)| json!({ "query": name, "score": score });
        self.newest = self.names.iter().zip(self.trigger.scores()).map(score).collect();
        Ok(())
    }

    fn newest(&self) -> Value {
        self.newest.clone()
    }
}
