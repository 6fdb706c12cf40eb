//! Standing queries: an event when what the camera sees begins to match a text or picture.
//!
//! A match begins when the score reaches `begin` and has stayed there for `confirm` embeddings,
//! and ends when it falls below `end`. After a beginning no other one of the same query is reported
//! for `cooldown`. No threads and no clock: embeddings come with their times.

use std::time::Duration;

use serde::Serialize;

use super::IndexError;
use super::codes::product;

/// Most standing queries of one camera.
const MAX_QUERIES: usize = 256;

/// A query that is compared with every embedding.
#[derive(Clone, Debug, PartialEq)]
pub struct StandingQuery {
    /// Name in events, usually the text itself.
    pub name: String,
    /// Its embedding.
    pub vector: Vec<f32>,
    /// Cosine from which on it matches.
    pub begin: f32,
    /// Cosine below which it does not match any more; at most `begin`.
    pub end: f32,
    /// Embeddings in a row that must match before it is reported.
    pub confirm: u32,
    /// Time after a beginning in which no other is reported.
    pub cooldown: Duration,
}

impl StandingQuery {
    /// A query that begins at `begin` and ends at 0.02 below it, for one match, with a cooldown of 5 s.
    #[must_use]
    pub fn new(name: &str, vector: Vec<f32>, begin: f32) -> Self {
        Self {
            name: name.to_owned(),
            vector,
            begin,
            end: begin - 0.02,
            confirm: 1,
            cooldown: Duration::from_secs(5),
        }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TriggerKind {
    /// A match began.
    Begin,
    /// It ended.
    End,
}

/// Something a standing query saw.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TriggerEvent {
    /// Name of the query.
    pub query: String,
    /// What happened.
    pub kind: TriggerKind,
    /// Time of the embedding.
    pub time: Duration,
    /// Cosine of that embedding with the query.
    pub score: f32,
    /// The best score of the match so far.
    pub peak: f32,
}

/// A query with its past.
#[derive(Debug)]
struct Watch {
    query: StandingQuery,
    /// Matching embeddings in a row, while it is not active.
    streak: u32,
    /// The best score while active.
    active: Option<f32>,
    /// When it began last.
    began: Option<Duration>,
}

/// Compares embeddings with standing queries; one thread owns it.
#[derive(Debug, Default)]
pub struct Trigger {
    watches: Vec<Watch>,
    unit: Vec<f32>,
    scores: Vec<f32>,
}

impl Trigger {
    /// A trigger without queries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Watches for `query` too.
    ///
    /// # Errors
    /// [`IndexError`] when its vector or its thresholds cannot be used, or there are 256 already.
    pub fn watch(&mut self, mut query: StandingQuery) -> Result<(), IndexError> {
        let setting = |name, value: f32, range| {
            Err(IndexError::Setting { name, value: value.to_string(), range })
        };
        if self.watches.len() >= MAX_QUERIES {
            return setting(
                "standing queries",
                MAX_QUERIES as f32 + 1.0,
                "at most 256 are watched",
            );
        }
        if !(-1.0..=1.0).contains(&query.begin) {
            return setting("begin", query.begin, "a cosine is -1..=1");
        }
        if query.end.is_nan() || query.end > query.begin {
            return setting("end", query.end, "it must not lie above begin");
        }
        if query.confirm == 0 {
            return setting("confirm", 0.0, "at least one embedding must match");
        }
        query.vector = unit(&query.vector)?;
        if let Some(first) = self.watches.first() {
            same_length(&query.vector, first.query.vector.len())?;
        }
        self.watches.push(Watch { query, streak: 0, active: None, began: None });
        Ok(())
    }

    /// Number of queries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.watches.len()
    }

    /// True without queries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.watches.is_empty()
    }

    /// The cosines of the last embedding, in the order of the queries.
    #[must_use]
    pub fn scores(&self) -> &[f32] {
        &self.scores
    }

    /// Compares the embedding of the frame at `time`; what began or ended.
    ///
    /// # Errors
    /// [`IndexError::Vector`] when it has another length, or no finite numbers; nothing changes.
    pub fn observe(
        &mut self,
        time: Duration,
        embedding: &[f32],
    ) -> Result<Vec<TriggerEvent>, IndexError> {
        let mut events = Vec::new();
        let Some(first) = self.watches.first() else { return Ok(events) };
        same_length(embedding, first.query.vector.len())?;
        self.unit = unit(embedding)?;
        self.scores.clear();
        for watch in &mut self.watches {
            let score = product(&self.unit, &watch.query.vector) as f32;
            self.scores.push(score);
            events.extend(watch.step(time, score));
        }
        Ok(events)
    }

    /// Forgets matches in progress at `time`, as after a gap; cooldowns go on. Those that had begun
    /// end, with their last score.
    pub fn reset(&mut self, time: Duration) -> Vec<TriggerEvent> {
        let mut events = Vec::new();
        for (place, watch) in self.watches.iter_mut().enumerate() {
            watch.streak = 0;
            let Some(peak) = watch.active.take() else { continue };
            let score = self.scores.get(place).copied().unwrap_or_default();
            let (query, kind) = (watch.query.name.clone(), TriggerKind::End);
            events.push(TriggerEvent { query, kind, time, score, peak });
        }
        events
    }
}

impl Watch {
    fn step(&mut self, time: Duration, score: f32) -> Option<TriggerEvent> {
        let query = &self.query;
        let event =
            |kind, peak| Some(TriggerEvent { query: query.name.clone(), kind, time, score, peak });
        if let Some(peak) = &mut self.active {
            *peak = peak.max(score);
            let peak = *peak;
            if score < query.end {
                (self.active, self.streak) = (None, 0);
                return event(TriggerKind::End, peak);
            }
            return None;
        }
        self.streak = if score >= query.begin { self.streak.saturating_add(1) } else { 0 };
        let cold = self.began.is_none_or(|began| time.saturating_sub(began) >= query.cooldown);
        if self.streak >= query.confirm && cold {
            (self.active, self.began) = (Some(score), Some(time));
            return event(TriggerKind::Begin, score);
        }
        None
    }
}

fn same_length(vector: &[f32], length: usize) -> Result<(), IndexError> {
    if vector.len() == length {
        return Ok(());
    }
    Err(IndexError::Vector(format!(
        "it has {} numbers and the queries have {length}; all must come from one space",
        vector.len()
    )))
}

fn unit(vector: &[f32]) -> Result<Vec<f32>, IndexError> {
    let norm = product(vector, vector).sqrt();
    if !norm.is_finite() || norm < 1e-12 {
        let reason = "it is zero or has numbers that are not finite; it has no direction";
        return Err(IndexError::Vector(reason.to_owned()));
    }
    Ok(vector.iter().map(|v| (f64::from(*v) / norm) as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A vector whose cosine with the query (1, 0) is `score`.
    fn at(score: f32) -> [f32; 2] {
        [score, (1.0 - score * score).sqrt()]
    }

    fn run(query: StandingQuery, scores: &[f32]) -> Vec<(u64, TriggerKind)> {
        let mut trigger = Trigger::new();
        trigger.watch(query).unwrap();
        let mut seen = Vec::new();
        for (second, score) in scores.iter().enumerate() {
            let time = Duration::from_secs(second as u64);
            for event in trigger.observe(time, &at(*score)).unwrap() {
                seen.push((second as u64, event.kind));
            }
        }
        seen
    }

    fn query() -> StandingQuery {
        let mut query = StandingQuery::new("a boat", vec![3.0, 0.0], 0.5);
        (query.end, query.cooldown) = (0.3, Duration::ZERO);
        query
    }

    #[test]
    fn a_match_that_trembles_is_one_event() {
        use TriggerKind::{Begin, End};
        let scores = [0.1, 0.6, 0.4, 0.55, 0.31, 0.29, 0.49, 0.7];
        assert_eq!(run(query(), &scores), [(1, Begin), (5, End), (7, Begin)]);
    }

    #[test]
    fn confirmation_and_cooldown_hold_events_back() {
        use TriggerKind::{Begin, End};
        let twice = StandingQuery { confirm: 2, ..query() };
        assert_eq!(run(twice, &[0.6, 0.1, 0.6, 0.6, 0.1]), [(3, Begin), (4, End)]);
        let calm = StandingQuery { cooldown: Duration::from_secs(4), ..query() };
        // The match that goes on after the cooldown is reported then.
        let scores = [0.6, 0.1, 0.6, 0.6, 0.6, 0.1];
        assert_eq!(run(calm, &scores), [(0, Begin), (1, End), (4, Begin), (5, End)]);
    }

    #[test]
    fn what_cannot_be_compared_is_refused_and_changes_nothing() {
        let mut trigger = Trigger::new();
        assert!(trigger.observe(Duration::ZERO, &[f32::NAN]).unwrap().is_empty());
        trigger.watch(query()).unwrap();
        let refused = |query| Trigger::new().watch(query).unwrap_err().to_string();
        assert!(refused(StandingQuery { begin: 1.5, ..query() }).contains("begin is 1.5"));
        assert!(refused(StandingQuery { end: 0.6, ..query() }).contains("above begin"));
        assert!(refused(StandingQuery { end: f32::NAN, ..query() }).contains("end is NaN"));
        assert!(refused(StandingQuery { vector: vec![0.0], ..query() }).contains("no direction"));
        assert!(refused(StandingQuery { confirm: 0, ..query() }).contains("confirm"));
        let mut observe = |v: &[f32]| trigger.observe(Duration::ZERO, v).unwrap_err().to_string();
        assert!(observe(&[f32::NAN, 0.0]).contains("not finite"));
        assert!(observe(&[1.0]).contains("has 1 numbers"));
        assert!(trigger.watch(StandingQuery { vector: vec![1.0; 3], ..query() }).is_err());
    }

    #[test]
    fn after_a_gap_a_match_is_new() {
        let mut trigger = Trigger::new();
        trigger.watch(query()).unwrap();
        assert_eq!(trigger.observe(Duration::ZERO, &at(0.9)).unwrap().len(), 1);
        let ended = trigger.reset(Duration::from_secs(5));
        assert_eq!((ended.len(), ended[0].kind), (1, TriggerKind::End), "{ended:?}");
        assert!((ended[0].peak - 0.9).abs() < 1e-6 && ended[0].time == Duration::from_secs(5));
        assert!(trigger.reset(Duration::from_secs(6)).is_empty());
        let again = trigger.observe(Duration::from_secs(9), &at(0.8)).unwrap();
        assert_eq!((again[0].kind, again[0].peak), (TriggerKind::Begin, 0.8));
        assert!((trigger.scores()[0] - 0.8).abs() < 1e-6);
    }
}
