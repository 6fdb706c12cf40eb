//! Tags of a running stream.

use serde_json::{Map, Value, json};

use crate::model::ResetReason;
use crate::task::TaskError;
use crate::task::tag::{TagEvent, TagStream, TagUpdate};

use super::{Seen, SideEvent, SideTask};

/// A [`TagStream`] as a task of a run. Its events are tags that begin and end.
#[derive(Debug)]
pub struct TagTask {
    stream: TagStream,
    /// It takes the vectors of the run's backbone.
    takes_embedding: bool,
    newest: Value,
}

impl TagTask {
    /// Runs `stream`, on the vectors of the run's backbone when it `takes_embedding`.
    #[must_use]
    pub const fn new(stream: TagStream, takes_embedding: bool) -> Self {
        Self { stream, takes_embedding, newest: Value::Null }
    }

    fn label(&self, place: usize) -> &str {
        self.stream.labels().names.get(place).map_or("", String::as_str)
    }

    fn tell(&self, seen: &Seen<'_>, of: &[TagEvent], events: &mut Vec<SideEvent>) {
        for TagEvent { label, on, score } in of {
            let mut what = Map::new();
            what.insert("tag".to_owned(), json!(self.label(*label)));
            what.insert("change".to_owned(), json!(if *on { "begin" } else { "end" }));
            what.insert("score".to_owned(), json!(score));
            events.push(seen.event("tag", what));
        }
    }
}

impl SideTask for TagTask {
    fn name(&self) -> &'static str {
        "tag"
    }

    fn needs_embedding(&self) -> bool {
        self.takes_embedding
    }

    fn reset(&mut self, reason: ResetReason, seen: &Seen<'_>, events: &mut Vec<SideEvent>) {
        let ended = self.stream.reset(reason).to_vec();
        self.tell(seen, &ended, events);
    }

    fn see(&mut self, seen: &Seen<'_>, events: &mut Vec<SideEvent>) -> Result<(), TaskError> {
        let update: TagUpdate = match (self.takes_embedding, seen.embedding) {
            (false, _) => self.stream.observe(seen.image, seen.time)?,
            (true, Some(vector)) => self.stream.observe_embedding(vector, seen.time)?,
            (true, None) => {
                return Err(TaskError::Contract {
                    model: self.stream.name().to_owned(),
                    reason: "it takes embeddings and the backbone made none of this frame"
                        .to_owned(),
                });
            }
        }
        .clone();
        self.tell(seen, &update.events, events);
        let tag = |t: &crate::task::tag::Tag| json!({ "tag": self.label(t.label), "score": t.score, "on": t.on });
        self.newest = update.tags.iter().map(tag).collect();
        Ok(())
    }

    fn newest(&self) -> Value {
        self.newest.clone()
    }
}
