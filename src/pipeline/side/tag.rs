//! Tags of a running stream.

use serde_json::{Map, Value, json};

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
}

impl SideTask for TagTask {
    fn name(&self) -> &'static str {
        "tag"
    }

    fn see(&mut self, seen: &Seen<'_>, events: &mut Vec<SideEvent>) -> Result<(), TaskError> {
        let update: TagUpdate = match (self.takes_embedding, seen.embedding) {
            (false, _) => self.stream.observe(seen.image, seen.captured)?,
            (true, Some(vector)) => self.stream.observe_embedding(vector, seen.captured)?,
            (true, None) => {
                return Err(TaskError::Contract {
                    model: self.stream.name().to_owned(),
                    reason: "it takes embeddings and the backbone made none of this frame"
                        .to_owned(),
                });
            }
        }
        .clone();
        for TagEvent { label, on, score } in update.events {
            let mut what = Map::new();
            what.insert("tag".to_owned(), json!(self.label(label)));
            what.insert("change".to_owned(), json!(if on { "begin" } else { "end" }));
            what.insert("score".to_owned(), json!(score));
            let (seq, captured) = (seen.seq.0, seen.captured);
            events.push(SideEvent { task: "tag", seq, captured, what });
        }
        let tag = |t: &crate::task::tag::Tag| json!({ "tag": self.label(t.label), "score": t.score, "on": t.on });
        self.newest = update.tags.iter().map(tag).collect();
        Ok(())
    }

    fn newest(&self) -> Value {
        self.newest.clone()
    }
}
