//! Typed reading of raw values, with the range in each error.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use toml::Value;

use super::{ConfigError, Entry, Origin, RawConfig};
use crate::source::uri::redact_within;

/// Reads keys of a [`RawConfig`] as types.
pub(super) struct Reader<'a> {
    pub(super) raw: &'a RawConfig,
}

impl Reader<'_> {
    /// A whole number in `range`.
    pub(super) fn integer(
        &self,
        key: &str,
        range: RangeInclusive<i64>,
    ) -> Result<i64, ConfigError> {
        let expected = || format!("a whole number from {} to {}", range.start(), range.end());
        match self.value(key) {
            Some(Value::Integer(n)) if range.contains(n) => Ok(*n),
            _ => Err(self.wrong(key, expected())),
        }
    }

    /// A number in `range`.
    pub(super) fn number(&self, key: &str, range: RangeInclusive<f64>) -> Result<f64, ConfigError> {
        let number = match self.value(key) {
            Some(Value::Float(x)) => Some(*x),
            // A whole number is one too; all in the ranges used are exact.
            Some(Value::Integer(n)) => i32::try_from(*n).ok().map(f64::from),
            _ => None,
        };
        number.filter(|x| range.contains(x)).ok_or_else(|| {
            self.wrong(key, format!("a number from {} to {}", range.start(), range.end()))
        })
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, key: &str) -> Result<bool, ConfigError> {
        match self.value(key) {
            Some(Value::Boolean(b)) => Ok(*b),
            _ => Err(self.wrong(key, "true or false".to_owned())),
        }
    }

    /// A text that is not empty.
    pub(super) fn text(&self, key: &str) -> Result<String, ConfigError> {
        self.optional_text(key)?.ok_or_else(|| self.wrong(key, "a text".to_owned()))
    }

    /// A text that is not empty, or nothing.
    pub(super) fn optional_text(&self, key: &str) -> Result<Option<String>, ConfigError> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(s)) if !s.is_empty() => Ok(Some(s.clone())),
            _ => Err(self.wrong(key, "a text that is not empty".to_owned())),
        }
    }

    /// Anything that is read from a text (a number is taken as its text), or nothing.
    pub(super) fn optional<T>(&self, key: &str) -> Result<Option<T>, ConfigError>
    where
        T: FromStr<Err: Display>,
    {
        let text = match self.value(key) {
            None => return Ok(None),
            Some(Value::String(s)) => s.clone(),
            Some(Value::Integer(n)) => n.to_string(),
            Some(Value::Float(x)) => x.to_string(),
            Some(_) => return Err(self.wrong(key, "a text".to_owned())),
        };
        text.parse()
            .map(Some)
            .map_err(|error: T::Err| self.wrong(key, format!("another value: {error}")))
    }

    /// Anything that is read from a text.
    pub(super) fn parsed<T>(&self, key: &str) -> Result<T, ConfigError>
    where
        T: FromStr<Err: Display>,
    {
        self.optional(key)?.ok_or_else(|| self.wrong(key, "a text".to_owned()))
    }

    /// A list of things that are read from texts; a single text, split at commas, does too.
    pub(super) fn list<T>(&self, key: &str) -> Result<Vec<T>, ConfigError>
    where
        T: FromStr<Err: Display>,
    {
        let texts: Vec<&str> = match self.value(key) {
            Some(Value::String(s)) => {
                s.split(',').map(str::trim).filter(|s| !s.is_empty()).collect()
            }
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| {
                    item.as_str().ok_or_else(|| self.wrong(key, "a list of texts".to_owned()))
                })
                .collect::<Result<_, _>>()?,
            _ => return Err(self.wrong(key, "a list of texts".to_owned())),
        };
        let read = |text: &&str| {
            text.parse().map_err(|error: T::Err| self.wrong(key, format!("other values: {error}")))
        };
        texts.iter().map(read).collect()
    }

    /// A duration in `range`, or nothing.
    pub(super) fn optional_duration(
        &self,
        key: &str,
        range: RangeInclusive<Duration>,
    ) -> Result<Option<Duration>, ConfigError> {
        let expected = || {
            let (from, to) = (range.start(), range.end());
            format!("a duration from {from:?} to {to:?}, for example \"40ms\", \"2s\" or \"5min\"")
        };
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(text)) => match duration(text) {
                Some(d) if range.contains(&d) => Ok(Some(d)),
                _ => Err(self.wrong(key, expected())),
            },
            Some(_) => Err(self.wrong(key, expected())),
        }
    }

    /// A duration in `range`.
    pub(super) fn duration(
        &self,
        key: &str,
        range: RangeInclusive<Duration>,
    ) -> Result<Duration, ConfigError> {
        self.optional_duration(key, range)?
            .ok_or_else(|| self.wrong(key, "a duration, for example \"40ms\"".to_owned()))
    }

    /// The whole numbers of an open table.
    pub(super) fn integers(&self, table: &str) -> Result<Vec<(String, i64)>, ConfigError> {
        let read = |(name, value): (String, Value)| match value {
            Value::Integer(n) => Ok((name, n)),
            Value::Boolean(b) => Ok((name, i64::from(b))),
            _ => Err(self.wrong(&format!("{table}.{name}"), "a whole number".to_owned())),
        };
        self.raw.table(table).into_iter().map(read).collect()
    }

    /// The error for the value of `key`.
    pub(super) fn wrong(&self, key: &str, expected: String) -> ConfigError {
        let entry = self.raw.get(key);
        ConfigError::Value {
            origin: entry.map_or(Origin::Default, |e| e.origin.clone()),
            key: key.to_owned(),
            value: self
                .value(key)
                .map_or_else(|| "(not set)".to_owned(), |value| redact_within(&value.to_string())),
            expected,
        }
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.raw.get(key).and_then(|Entry { value, .. }| value.as_ref())
    }
}

/// Reads `40ms`, `1.5s`, `250us` or `5min`.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let value: f64 = number.trim().parse().ok()?;
    Duration::try_from_secs_f64(value * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("40ms"), Some(Duration::from_millis(40)));
        assert_eq!(duration("1.5 s"), Some(Duration::from_millis(1500)));
        assert_eq!(duration("5min"), Some(Duration::from_secs(300)));
        assert_eq!(duration("250us"), Some(Duration::from_micros(250)));
        for bad in ["", "40", "ms", "-1s", "1e400s", "nans", "3 weeks", "1.2.3s"] {
            assert_eq!(duration(bad), None, "{bad:?}");
        }
    }
}
