//! Recorded events, one JSON object a line.
#![warn(clippy::indexing_slicing)]

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

use serde::Deserialize;

use crate::task::TaskError;

/// The most events of a file, tags of an event, and bytes of a line and of a name.
const EVENTS: usize = 200_000;
const TAGS: usize = 64;
const LINE: u64 = 64 << 10;
const NAME: usize = 200;

/// A line; other fields are the recorder's own.
#[derive(Deserialize)]
struct Line {
    id: String,
    #[serde(default)]
    tags: Vec<String>,
}

/// Something that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name, unlike all others.
    pub id: String,
    /// What it shows, each tag once, in order of their names.
    pub tags: Vec<String>,
}

/// Events in the order of their file, the newest last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventLog {
    events: Vec<Event>,
    places: HashMap<String, usize>,
}

impl EventLog {
    /// Reads a file of lines such as `{"id":"gate-0412","tags":["person","night"]}`; empty lines are
    /// skipped.
    ///
    /// # Errors
    /// [`TaskError::Data`] naming the line and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, TaskError> {
        let place = path.display().to_string();
        match File::open(path) {
            Ok(file) => Self::parse(&place, BufReader::new(file)),
            Err(e) => {
                let reason = format!("cannot be opened as a list of events: {e}");
                Err(TaskError::Data { place, reason })
            }
        }
    }

    /// As [`EventLog::read`], of lines that errors call `name`.
    ///
    /// # Errors
    /// As [`EventLog::read`].
    pub fn parse(name: &str, reader: impl BufRead) -> Result<Self, TaskError> {
        let mut log = Self::default();
        lines(name, reader, &mut |text| {
            let line: Line = serde_json::from_str(text).map_err(|e| e.to_string())?;
            log.push(line)
        })?;
        Ok(log)
    }

    fn push(&mut self, line: Line) -> Result<(), String> {
        if self.events.len() == EVENTS {
            return Err(format!("there are more than {EVENTS} events, the limit"));
        }
        if line.tags.len() > TAGS {
            return Err(format!("{} tags; {TAGS} is the limit", line.tags.len()));
        }
        if let Some(long) = line.tags.iter().chain([&line.id]).find(|n| n.len() > NAME) {
            return Err(format!("a name of {} bytes; {NAME} is the limit", long.len()));
        }
        if line.id.trim().is_empty() {
            return Err("its id is empty".to_owned());
        }
        let tags: BTreeSet<String> =
            line.tags.iter().map(|t| t.trim().to_lowercase()).filter(|t| !t.is_empty()).collect();
        if self.places.insert(line.id.clone(), self.events.len()).is_some() {
            return Err(format!("event {:?} is there twice", line.id));
        }
        self.events.push(Event { id: line.id, tags: tags.into_iter().collect() });
        Ok(())
    }

    /// All of them.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The places of the events named in a file, one a line, in its order; and how many of the names
    /// no event has.
    ///
    /// # Errors
    /// [`TaskError::Data`] when the file cannot be read.
    pub fn named_in(&self, path: &Path) -> Result<(Vec<usize>, usize), TaskError> {
        let place = path.display().to_string();
        let file = File::open(path).map_err(|e| TaskError::Data {
            place: place.clone(),
            reason: format!("cannot be opened as a list of opened events: {e}"),
        })?;
        let (mut found, mut unknown, mut known) = (Vec::new(), 0, HashSet::new());
        lines(&place, BufReader::new(file), &mut |name| {
            match self.places.get(name) {
                // Opened twice is opened.
                Some(at) if !known.insert(*at) => {}
                Some(at) => found.push(*at),
                None => unknown += 1,
            }
            Ok(())
        })?;
        Ok((found, unknown))
    }
}

/// Gives each line that is not empty to `take`, and its number to the errors of that.
fn lines(
    name: &str,
    mut reader: impl BufRead,
    take: &mut dyn FnMut(&str) -> Result<(), String>,
) -> Result<(), TaskError> {
    let mut line = String::new();
    for number in 1_u64.. {
        let fail =
            |reason: String| TaskError::Data { place: format!("{name} line {number}"), reason };
        line.clear();
        let mut part = (&mut reader).take(LINE);
        if part.read_line(&mut line).map_err(|e| fail(e.to_string()))? == 0 {
            break;
        }
        if line.len() as u64 == LINE && !line.ends_with('\n') {
            return Err(fail(format!("it is longer than {LINE} bytes")));
        }
        let text = line.trim();
        if !text.is_empty() {
            take(text).map_err(fail)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<EventLog, String> {
        EventLog::parse("events", text.as_bytes()).map_err(|e| e.to_string())
    }

    #[test]
    fn events_come_in_order_and_tags_once() {
        let text = "{\"id\":\"b\",\"tags\":[\"Night\",\"person \",\"night\"],\"start\":3}\n\n{\"id\":\"a\"}";
        let log = parse(text).unwrap();
        let [first, second] = log.events() else { panic!("{log:?}") };
        assert_eq!(
            (first.id.as_str(), &first.tags[..]),
            ("b", &["night", "person"].map(String::from)[..])
        );
        assert!(second.tags.is_empty());
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "a\nnone\nb\na\n").unwrap();
        assert_eq!(log.named_in(file.path()).unwrap(), (vec![1, 0], 1));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let one = "{\"id\":\"a\"}\n";
        for (text, words) in [
            (format!("{one}{one}"), ["line 2", "\"a\" is there twice"]),
            (format!("{one}nonsense\n"), ["line 2", "expected"]),
            ("{\"tags\":[]}\n".to_owned(), ["line 1", "id"]),
            ("{\"id\":\" \"}\n".to_owned(), ["line 1", "empty"]),
            (format!("{{\"id\":\"{}\"}}\n", "x".repeat(300)), ["line 1", "300 bytes"]),
            (
                format!("{{\"id\":\"a\",\"tags\":[{}\"\"]}}", "\"\",".repeat(64)),
                ["line 1", "65 tags"],
            ),
            ("x".repeat(70_000), ["line 1", "65536"]),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(words.iter().all(|w| error.contains(w)), "{error}");
        }
        assert!(EventLog::parse("e", &b"{\"id\":\"\xff\"}"[..]).is_err());
    }
}
