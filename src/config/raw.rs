//! Values as they were written, each with its origin.
#![warn(clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::{ConfigError, Origin, keys};
use crate::source::uri::redact_within;

/// The shipped configuration: every key, its meaning and its default.
pub const DEFAULTS: &str = include_str!("framecast.toml");

/// The largest configuration file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// One value and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The value; [`None`] for a key that has no default and was not set.
    pub value: Option<Value>,
    /// Where it was written.
    pub origin: Origin,
}

/// Dotted keys with their values, later layers over earlier ones: defaults, file, flags.
#[derive(Clone, Debug, PartialEq)]
pub struct RawConfig {
    entries: BTreeMap<String, Entry>,
}

impl RawConfig {
    /// The shipped defaults.
    ///
    /// # Errors
    /// Never in a released program; a test reads the shipped file.
    pub fn defaults() -> Result<Self, ConfigError> {
        let mut entries = BTreeMap::new();
        for (key, value, _) in flatten(DEFAULTS, &Origin::Default, |_| Origin::Default)? {
            entries.insert(key, Entry { value: Some(value), origin: Origin::Default });
        }
        for key in keys::optional() {
            entries.insert((*key).to_owned(), Entry { value: None, origin: Origin::Default });
        }
        Ok(Self { entries })
    }

    /// Reads `path` over what is there.
    ///
    /// # Errors
    /// [`ConfigError`] when the file cannot be read or holds an unknown key.
    pub fn merge_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let read = |cause| ConfigError::Read { path: path.to_owned(), cause };
        let file = File::open(path).map_err(read)?;
        let bytes = file.metadata().map_err(read)?.len();
        if bytes > MAX_BYTES {
            return Err(ConfigError::TooLarge { path: path.to_owned(), bytes, limit: MAX_BYTES });
        }
        let mut text = String::new();
        // A pipe or device may say 0 and deliver more.
        file.take(MAX_BYTES).read_to_string(&mut text).map_err(read)?;
        self.merge_text(&text, path)
    }

    /// Reads `text`, called `name` in origins, over what is there.
    ///
    /// # Errors
    /// [`ConfigError`] when the text is no TOML or holds an unknown key.
    pub fn merge_text(&mut self, text: &str, name: &Path) -> Result<(), ConfigError> {
        let origin = |line| Origin::File { path: name.to_owned(), line };
        for (key, value, origin) in flatten(text, &origin(1), origin)? {
            self.put(key, value, origin)?;
        }
        Ok(())
    }

    /// Applies one `--set key=value`. The value is read as TOML, and as plain text when that
    /// fails, so that quotes are not needed.
    ///
    /// # Errors
    /// [`ConfigError`] when there is no `=` or the key is unknown.
    pub fn set(&mut self, text: &str) -> Result<(), ConfigError> {
        let (key, value) = text.split_once('=').ok_or_else(|| ConfigError::Set {
            text: redact_within(text).chars().take(80).collect(),
        })?;
        let (key, value) = (key.trim(), value.trim());
        let parsed = toml::from_str::<Table>(&format!("v = {value}"))
            .ok()
            .and_then(|mut table| if table.len() == 1 { table.remove("v") } else { None })
            .unwrap_or_else(|| Value::String(value.to_owned()));
        self.put(key.to_owned(), parsed, Origin::Flag(format!("--set {}", redact_within(key))))
    }

    /// Sets `key` as the flag `flag` asks.
    ///
    /// # Errors
    /// [`ConfigError`] when the key is unknown.
    pub fn set_flag(
        &mut self,
        key: &str,
        value: impl Into<Value>,
        flag: &str,
    ) -> Result<(), ConfigError> {
        self.put(key.to_owned(), value.into(), Origin::Flag(flag.to_owned()))
    }

    /// All keys in order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(key, entry)| (key.as_str(), entry))
    }

    /// The entry of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// The keys of an open table such as `model.bind`, put together again.
    #[must_use]
    pub fn table(&self, name: &str) -> Table {
        let prefix = format!("{name}.");
        let own = self.entries.iter().filter_map(|(key, entry)| {
            Some((key.strip_prefix(&prefix)?.to_owned(), entry.value.clone()?))
        });
        own.collect()
    }

    fn put(&mut self, key: String, value: Value, origin: Origin) -> Result<(), ConfigError> {
        if !self.entries.contains_key(&key) && !keys::in_open_table(&key) {
            let hint = keys::suggestion(&key, self.entries.keys().map(String::as_str));
            return Err(ConfigError::UnknownKey { origin, key: redact_within(&key), hint });
        }
        self.entries.insert(key, Entry { value: Some(value), origin });
        Ok(())
    }
}

/// The dotted keys of a TOML text with value and origin. Below an open table the first name is the
/// key, whatever the value.
fn flatten(
    text: &str,
    start: &Origin,
    origin: impl Fn(usize) -> Origin,
) -> Result<Vec<(String, Value, Origin)>, ConfigError> {
    let line_at = |offset: usize| {
        1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
    };
    let syntax = |error: toml::de::Error| {
        let origin = error.span().map_or_else(|| start.clone(), |span| origin(line_at(span.start)));
        ConfigError::Syntax { origin, message: error.message().replace('\n', "; ") }
    };
    // The first parse gives the places, the second the values; both read the same text.
    let places = DeTable::parse(text).map_err(syntax)?;
    let values: Table = toml::from_str(text).map_err(syntax)?;
    let mut found = Vec::new();
    walk("", places.get_ref(), &values, &mut |key, offset, value| {
        found.push((key, value.clone(), origin(line_at(offset))));
    });
    Ok(found)
}

fn walk(
    prefix: &str,
    places: &DeTable<'_>,
    values: &Table,
    found: &mut impl FnMut(String, usize, &Value),
) {
    for (name, place) in places.iter() {
        let Some(value) = values.get(name.get_ref().as_ref()) else { continue };
        let name_text = name.get_ref();
        let key =
            if prefix.is_empty() { name_text.to_string() } else { format!("{prefix}.{name_text}") };
        match (place.get_ref(), value) {
            (DeValue::Table(places), Value::Table(values)) if !keys::in_open_table(&key) => {
                walk(&key, places, values, found);
            }
            _ => found(key, name.span().start, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn merged(text: &str) -> Result<RawConfig, ConfigError> {
        let mut raw = RawConfig::defaults()?;
        raw.merge_text(text, Path::new("a.toml"))?;
        Ok(raw)
    }

    #[test]
    fn later_layers_win_and_keep_their_origin() {
        let mut raw = merged("# a comment\n[ring]\ncapacity = 9\n").unwrap();
        let entry = raw.get("ring.capacity").unwrap();
        assert_eq!(entry.value, Some(Value::Integer(9)));
        assert_eq!(entry.origin.to_string(), "a.toml:3");
        raw.set("ring.capacity=12").unwrap();
        raw.set("source.uri = demo:?seed=3").unwrap();
        assert_eq!(raw.get("ring.capacity").unwrap().value, Some(Value::Integer(12)));
        let uri = raw.get("source.uri").unwrap();
        assert_eq!(uri.value, Some(Value::from("demo:?seed=3")));
        assert_eq!(uri.origin.to_string(), "--set source.uri");
    }

    #[test]
    fn unknown_keys_are_refused_with_line_and_suggestion() {
        let error = merged("\n[ring]\ncapcity = 3\n").unwrap_err().to_string();
        assert_eq!(
            error,
            "a.toml:3: unknown key \"ring.capcity\"; did you mean \"ring.capacity\"?"
        );
        let error = RawConfig::defaults().unwrap().set("nonsense=1").unwrap_err().to_string();
        assert!(error.contains("config show"), "{error}");
        assert!(merged("x").unwrap_err().to_string().starts_with("a.toml:1: "));
        assert!(merged("ring = 3").is_err(), "a value in the place of a table");
    }

    #[test]
    fn open_tables_take_any_key() {
        let raw = merged(
            "[model.bind]\nH = 64\n[model.contract]\nkind = 'direct'\nwindow = {frames = 2}\n",
        );
        let raw = raw.unwrap();
        assert_eq!(raw.table("model.bind").get("H"), Some(&Value::Integer(64)));
        let contract = raw.table("model.contract");
        assert!(contract.get("window").is_some_and(Value::is_table), "{contract:?}");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-z\\[\\]={}\"'.0-9\n# \u{e4}]{0,60}") {
            let _ = merged(&text);
            let _ = RawConfig::defaults().unwrap().set(&text);
        }
    }
}
