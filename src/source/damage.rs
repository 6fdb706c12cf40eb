//! What a source could not read although it went on, so that a damaged recording does not pass for
//! a whole one.
//!
//! Threading: the reader of a recording writes it, whoever reports reads it; one small mutex that
//! is taken when something is broken and at the end only.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// Errors that did not end a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// How many.
    pub errors: u64,
    /// The first of them in words.
    pub first: Option<String>,
}

impl Damage {
    /// True when nothing was damaged.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.errors == 0
    }

    /// Adds what came later.
    pub fn merge(&mut self, later: Self) {
        self.errors = self.errors.saturating_add(later.errors);
        self.first = self.first.take().or(later.first);
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { errors, first } = self;
        match (errors, first) {
            (1, Some(first)) => write!(f, "1 error while reading: {first}"),
            (_, Some(first)) => write!(f, "{errors} errors while reading, the first: {first}"),
            (_, None) => write!(f, "{errors} errors while reading"),
        }
    }
}

/// The damage of one recording, shared between its reader and whoever reports.
#[derive(Clone, Debug, Default)]
pub struct DamageLog(Arc<Mutex<Damage>>);

impl DamageLog {
    /// Counts an error and keeps the words of the first.
    pub fn add(&self, words: &str) {
        let mut damage = self.lock();
        damage.errors = damage.errors.saturating_add(1);
        damage.first.get_or_insert_with(|| words.to_owned());
    }

    /// All of it so far.
    #[must_use]
    pub fn so_far(&self) -> Damage {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Damage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_the_first_is_kept() {
        let log = DamageLog::default();
        assert!(log.so_far().is_none());
        log.add("a");
        assert_eq!(log.so_far().to_string(), "1 error while reading: a");
        log.add("b");
        let mut damage = Damage::default();
        damage.merge(log.so_far());
        damage.merge(Damage { errors: 3, first: Some("c".to_owned()) });
        assert_eq!(damage.to_string(), "5 errors while reading, the first: a");
    }
}
