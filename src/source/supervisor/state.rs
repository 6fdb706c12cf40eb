//! The states of a supervised source and the events that report them.

use std::fmt;
use std::time::Duration;

use crate::frame::MonoTime;

/// Where a supervised source stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkState {
    /// Being opened; no frame yet.
    Opening,
    /// Good frames arrive.
    Streaming,
    /// Open, but no good frame for too long.
    Stalled,
    /// Closed, waiting for the next attempt.
    Backoff,
}

impl LinkState {
    /// The name used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Streaming => "streaming",
            Self::Stalled => "stalled",
            Self::Backoff => "backoff",
        }
    }
}

impl fmt::Display for LinkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A change of state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// When.
    pub at: MonoTime,
    /// The new state.
    pub state: LinkState,
    /// Why, where there is a cause: an error, or how long no frame came.
    pub reason: Option<String>,
    /// How long until the next attempt, in backoff.
    pub wait: Option<Duration>,
}
