//! What became of the connection to a live source during a run.
//!
//! Owned by the watching thread; bounded, so that a camera with a loose plug cannot fill memory
//! over months.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use crate::source::{LinkState, StateChange};

/// Changes kept for the summary; the newest ones stay.
const KEPT: usize = 32;

/// The connection of a supervised source: how often it entered each state, and the last changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LinkReport {
    /// How often frames came again after the source had been closed.
    pub reconnects: u64,
    /// How often each state was entered.
    pub states: BTreeMap<&'static str, u64>,
    /// The last changes, oldest first.
    pub last_changes: VecDeque<LinkChange>,
    #[serde(skip)]
    lost: bool,
}

/// One change of state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LinkChange {
    /// When, on the clock of the frames.
    pub at_ms: f64,
    /// The new state.
    pub state: &'static str,
    /// Why, where there is a cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How long until the next attempt, in backoff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<f64>,
}

impl From<&StateChange> for LinkChange {
    fn from(change: &StateChange) -> Self {
        Self {
            at_ms: change.at.as_nanos() as f64 / 1e6,
            state: change.state.name(),
            reason: change.reason.clone(),
            wait_ms: change.wait.map(|wait| wait.as_secs_f64() * 1e3),
        }
    }
}

impl LinkReport {
    /// Takes a change in.
    pub fn add(&mut self, change: &StateChange) {
        *self.states.entry(change.state.name()).or_default() += 1;
        match change.state {
            LinkState::Backoff => self.lost = true,
            LinkState::Streaming if std::mem::take(&mut self.lost) => self.reconnects += 1,
            _ => {}
        }
        if self.last_changes.len() == KEPT {
            self.last_changes.pop_front();
        }
        self.last_changes.push_back(LinkChange::from(change));
    }
}

#[cfg(test)]
mod tests {
    use crate::frame::MonoTime;

    use super::*;

    #[test]
    fn reconnects_are_counted_and_memory_is_bounded() {
        use LinkState::{Backoff, Opening, Stalled, Streaming};
        let mut report = LinkReport::default();
        let change = |state| StateChange { at: MonoTime::ZERO, state, reason: None, wait: None };
        for state in [Opening, Streaming, Stalled, Streaming] {
            report.add(&change(state));
        }
        assert_eq!(report.reconnects, 0, "a stall alone is no new connection");
        for _ in 0..100 {
            for state in [Backoff, Opening, Backoff, Opening, Streaming] {
                report.add(&change(state));
            }
        }
        assert_eq!((report.reconnects, report.states["backoff"]), (100, 200));
        assert_eq!(report.last_changes.len(), KEPT);
    }
}
