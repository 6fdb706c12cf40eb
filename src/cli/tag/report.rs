//! What `framecast tag` prints.

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use framecast::frame::MonoTime;
use framecast::model::LabelList;
use framecast::task::tag::{TagEvent, TagUpdate};
use serde_json::{Value, json};

/// Version of the JSON that is printed.
const SCHEMA: u32 = 1;

/// What became of a label.
#[derive(Clone, Debug, Default)]
struct Past {
    /// When it began, while it is on.
    since: Option<MonoTime>,
    on: Duration,
    times: u64,
    best: f32,
}

/// Prints tags as they come and go, and what there was at the end.
pub(super) struct Report {
    json: bool,
    labels: LabelList,
    past: Vec<Past>,
    frames: u64,
    newest: MonoTime,
    out: BufWriter<io::Stdout>,
}

impl Report {
    pub(super) fn new(json: bool, labels: LabelList) -> Self {
        let past = vec![Past::default(); labels.names.len()];
        let out = BufWriter::new(io::stdout());
        Self { json, labels, past, frames: 0, newest: MonoTime::ZERO, out }
    }

    /// Tagged frames.
    pub(super) const fn frames(&self) -> u64 {
        self.frames
    }

    /// A frame was tagged.
    pub(super) fn frame(&mut self, seq: u64, at: MonoTime, update: &TagUpdate) -> io::Result<()> {
        self.frames += 1;
        self.newest = at;
        for tag in &update.tags {
            if let Some(past) = self.past.get_mut(tag.label) {
                past.best = past.best.max(tag.score);
            }
        }
        if self.json {
            let tags: Vec<Value> = update
                .tags
                .iter()
                .map(|t| {
                    let mut tag =
                        json!({ "tag": self.name(t.label), "score": t.score, "on": t.on });
                    if let (Some(link), Some(object)) = (self.link(t.label), tag.as_object_mut()) {
                        object.insert("link".to_owned(), link.into());
                    }
                    tag
                })
                .collect();
            let events: Vec<Value> = update.events.iter().map(|e| self.event(e)).collect();
            let line = json!({
                "schema_version": SCHEMA, "frame": seq, "seconds": seconds(at), "tags": tags,
                "events": events,
            });
            writeln!(self.out, "{line}")?;
        }
        self.note(&update.events)
    }

    /// Tags that ended because the stream begins anew.
    pub(super) fn ended(&mut self, events: &[TagEvent]) -> io::Result<()> {
        if self.json && !events.is_empty() {
            let events: Vec<Value> = events.iter().map(|e| self.event(e)).collect();
            let at = seconds(self.newest);
            let line = json!({ "schema_version": SCHEMA, "seconds": at, "events": events });
            writeln!(self.out, "{line}")?;
        }
        self.note(events)
    }

    fn note(&mut self, events: &[TagEvent]) -> io::Result<()> {
        for event in events {
            if !self.json {
                let sign = if event.on { '+' } else { '-' };
                let at = seconds(self.newest);
                let name = self.labels.names.get(event.label).map_or("", String::as_str);
                writeln!(self.out, "{at:9.2} s  {sign} {name}  {:.2}", event.score)?;
            }
            let newest = self.newest;
            let Some(past) = self.past.get_mut(event.label) else { continue };
            past.best = past.best.max(event.score);
            if event.on {
                past.times += 1;
                past.since = Some(newest);
            } else if let Some(since) = past.since.take() {
                past.on += newest.since(since);
            }
        }
        if !events.is_empty() || self.json { self.out.flush() } else { Ok(()) }
    }

    /// Prints what there was.
    pub(super) fn finish(mut self, source: &str, model: &str) -> io::Result<()> {
        let newest = self.newest;
        for past in &mut self.past {
            if let Some(since) = past.since.take() {
                past.on += newest.since(since);
            }
        }
        let mut order: Vec<usize> =
            (0..self.past.len()).filter(|&l| self.past[l].times > 0).collect();
        order.sort_by_key(|&l| (std::cmp::Reverse(self.past[l].on), l));
        if self.json {
            let tags: Vec<Value> = order
                .iter()
                .map(|&l| {
                    let Past { on, times, best, .. } = &self.past[l];
                    json!({
                        "tag": self.name(l), "link": self.link(l), "seconds": on.as_secs_f64(),
                        "times": times, "best": best,
                    })
                })
                .collect();
            let summary = json!({
                "source": source, "model": model, "frames": self.frames,
                "seconds": seconds(newest), "tags": tags,
            });
            writeln!(self.out, "{}", json!({ "schema_version": SCHEMA, "summary": summary }))?;
            return self.out.flush();
        }
        writeln!(
            self.out,
            "{source}: {} frames over {:.2} s, tagged by {model}",
            self.frames,
            seconds(newest)
        )?;
        for l in order {
            let Past { on, times, best, .. } = &self.past[l];
            let (name, on) = (self.name(l).to_owned(), on.as_secs_f64());
            let link = self.link(l).map(|l| format!("  {l}")).unwrap_or_default();
            writeln!(self.out, "{on:9.2} s in {times} times, at best {best:.2}  {name}{link}")?;
        }
        self.out.flush()
    }

    fn event(&self, event: &TagEvent) -> Value {
        let change = if event.on { "begin" } else { "end" };
        json!({ "tag": self.name(event.label), "change": change, "score": event.score })
    }

    fn name(&self, label: usize) -> &str {
        self.labels.names.get(label).map_or("", String::as_str)
    }

    fn link(&self, label: usize) -> Option<&str> {
        self.labels.links.get(label).map(String::as_str).filter(|l| !l.is_empty())
    }
}

fn seconds(at: MonoTime) -> f64 {
    at.since(MonoTime::ZERO).as_secs_f64()
}
