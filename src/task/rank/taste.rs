//! What an operator likes to see, as a weight for each tag.

use std::collections::{HashMap, HashSet};

use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng as _;

use super::Event;

/// How a taste is learned.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct TasteOptions {
    /// Times each opened event is compared with another.
    pub rounds: usize,
    /// Length of a step.
    pub rate: f32,
    /// Pull of the weights towards zero.
    pub decay: f32,
    /// What the choice of the others comes from.
    pub seed: u64,
}

impl Default for TasteOptions {
    fn default() -> Self {
        Self { rounds: 60, rate: 0.2, decay: 0.01, seed: 1 }
    }
}

/// Tags of an event of which pairs are made.
const PAIRED: usize = 12;

/// Weights of tags, and of pairs of tags: a person at night may be liked where neither is by itself.
/// Learning takes time in proportion to the opened events, ranking to all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taste {
    weights: HashMap<String, f32>,
}

impl Taste {
    /// Learns from the places of the `opened` events, in the order they were opened, that they are
    /// liked more than the others. Nothing is learned where all or none are opened.
    #[must_use]
    pub fn learn(events: &[Event], opened: &[usize], options: &TasteOptions) -> Self {
        let known: HashSet<usize> = opened.iter().copied().collect();
        if known.len() >= events.len() || opened.is_empty() {
            return Self::default();
        }
        let mut names = HashMap::new();
        let parts: Vec<Vec<usize>> = events
            .iter()
            .map(|event| {
                let number = |name| {
                    let next = names.len();
                    *names.entry(name).or_insert(next)
                };
                parts(event).map(number).collect()
            })
            .collect();
        let others = Others::new(events.len(), &known);
        let mut weights = vec![0.0_f32; names.len()];
        let mut random = Pcg32::new(options.seed, 0x0a02_bdbf_7bb3_c0a7);
        for _ in 0..options.rounds {
            for right in opened.iter().filter_map(|at| parts.get(*at)) {
                let Some(wrong) = others.draw(&mut random).and_then(|at| parts.get(at)) else {
                    continue;
                };
                let score = |list: &[usize]| {
                    let sum: f32 = list.iter().filter_map(|at| weights.get(*at)).sum();
                    sum * share(list.len())
                };
                // The slope of log sigmoid of the lead.
                let slope = 1.0 / (1.0 + (score(right) - score(wrong)).exp());
                for (list, sign) in [(right, slope), (wrong, -slope)] {
                    let part = sign * share(list.len());
                    for at in list {
                        if let Some(weight) = weights.get_mut(*at) {
                            *weight += options.rate * (part - options.decay * *weight);
                        }
                    }
                }
            }
        }
        let weight = |(name, at): (String, usize)| Some((name, *weights.get(at)?));
        Self { weights: names.into_iter().filter_map(weight).collect() }
    }

    /// How much an event is liked; 0 for what nothing is known of.
    #[must_use]
    pub fn score(&self, event: &Event) -> f32 {
        self.reasons(event).iter().map(|(_, part)| part).sum()
    }

    /// What each tag, and each pair of tags, of an event adds to its score.
    #[must_use]
    pub fn reasons(&self, event: &Event) -> Vec<(String, f32)> {
        let mut list: Vec<(String, f32)> = parts(event)
            .map(|name| {
                let weight = self.weights.get(&name).copied().unwrap_or_default();
                (name, weight)
            })
            .collect();
        let share = share(list.len());
        list.iter_mut().for_each(|(_, weight)| *weight *= share);
        list
    }

    /// The places of `events` but the `opened` ones, the most liked first, of equally liked ones the
    /// newest.
    #[must_use]
    pub fn rank(&self, events: &[Event], opened: &[usize]) -> Vec<(usize, f32)> {
        let known: HashSet<usize> = opened.iter().copied().collect();
        let scored = events.iter().enumerate().filter(|(at, _)| !known.contains(at));
        let mut ranked: Vec<(usize, f32)> = scored.map(|(at, e)| (at, self.score(e))).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
        ranked
    }
}

/// The places of events that were not opened.
enum Others<'a> {
    /// Drawn among all events, known positives rejected.
    Most { events: usize, known: &'a HashSet<usize> },
    /// Too few to be met that way in any reasonable time.
    Few(Vec<usize>),
}

impl<'a> Others<'a> {
    fn new(events: usize, known: &'a HashSet<usize>) -> Self {
        match known.len() > events / 2 {
            true => Self::Few((0..events).filter(|at| !known.contains(at)).collect()),
            false => Self::Most { events, known },
        }
    }

    /// One of them, all equally likely.
    fn draw(&self, random: &mut Pcg32) -> Option<usize> {
        // The product of 32 bits and a length favours none.
        let mut below = |n: usize| ((u64::from(random.next_u32()) * n as u64) >> 32) as usize;
        match self {
            Self::Few(list) => list.get(below(list.len())).copied(),
            Self::Most { events, known } => loop {
                let at = below(*events);
                if !known.contains(&at) {
                    return Some(at);
                }
            },
        }
    }
}

/// Tags, then pairs of them.
fn parts(event: &Event) -> impl Iterator<Item = String> {
    let paired = event.tags.get(..event.tags.len().min(PAIRED)).unwrap_or_default();
    let pairs = paired
        .iter()
        .enumerate()
        .flat_map(move |(at, a)| paired.iter().skip(at + 1).map(move |b| format!("{a} and {b}")));
    event.tags.iter().cloned().chain(pairs)
}

/// Events of many tags are no louder than others.
fn share(parts: usize) -> f32 {
    1.0 / (parts.max(1) as f32).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::full_auc;
    use super::*;

    fn event(at: usize, tags: &[&str]) -> Event {
        Event { id: at.to_string(), tags: tags.iter().map(|t| (*t).to_owned()).collect() }
    }

    /// Every third event shows a person at night, which is what is opened.
    fn log() -> Vec<Event> {
        let kinds = [["night", "person"], ["day", "person"], ["day", "vehicle"]];
        (0..60).map(|at| event(at, &kinds[at % 3])).collect()
    }

    #[test]
    fn what_is_like_the_opened_comes_first_and_the_newest_of_these() {
        let events = log();
        let opened: Vec<usize> = (0..30).step_by(3).collect();
        let taste = Taste::learn(&events, &opened, &TasteOptions::default());
        let ranked = taste.rank(&events, &opened);
        assert_eq!(ranked.len(), 50);
        let first: Vec<usize> = ranked.iter().map(|(at, _)| *at).take(10).collect();
        assert_eq!(first, (30..60).step_by(3).rev().collect::<Vec<_>>());
        let scores: Vec<f32> = events.iter().map(|e| taste.score(e)).collect();
        let rest = (0..60).filter(|at| !opened.contains(at)).map(|at| (at, at % 3 == 0));
        assert_eq!(full_auc(&scores, rest), Some(1.0));
        let reasons = taste.reasons(&events[0]);
        let names: Vec<&str> = reasons.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["night", "person", "night and person"]);
        assert!(reasons[0].1 > 0.3 && reasons[2].1 > 0.3, "{reasons:?}");
        assert_eq!(taste, Taste::learn(&events, &opened, &TasteOptions::default()), "it is seeded");
    }

    #[test]
    fn a_pair_may_be_liked_where_neither_of_both_is() {
        let kinds = [["night", "person"], ["day", "person"], ["night", "dog"], ["day", "dog"]];
        let events: Vec<Event> = (0..80).map(|at| event(at, &kinds[at % 4])).collect();
        // A person at night, and a dog by day.
        let opened: Vec<usize> = (0..40).filter(|at| at % 4 == 0 || at % 4 == 3).collect();
        let taste = Taste::learn(&events, &opened, &TasteOptions::default());
        let ranked = taste.rank(&events, &opened);
        assert!(ranked.iter().take(20).all(|(at, _)| at % 4 == 0 || at % 4 == 3), "{ranked:?}");
    }

    #[test]
    fn one_event_in_many_that_was_not_opened_is_learned_from_as_well() {
        let kinds = ["person", "dog"];
        let events: Vec<Event> =
            (0..50_000).map(|at| event(at, &kinds[usize::from(at == 7)..][..1])).collect();
        let opened: Vec<usize> = (0..events.len()).filter(|at| *at != 7).collect();
        let options = TasteOptions { rounds: 1, ..TasteOptions::default() };
        let taste = Taste::learn(&events, &opened, &options);
        assert!(taste.score(&events[0]) > 1.0 && taste.score(&events[7]) < -1.0);
        // Each of few is drawn, and no other.
        let known = (0..60).filter(|at| at % 20 != 0).collect();
        let others = Others::new(60, &known);
        let mut random = Pcg32::new(1, 2);
        let drawn: HashSet<_> = (0..100).filter_map(|_| others.draw(&mut random)).collect();
        assert_eq!(drawn, [0, 20, 40].into());
    }

    #[test]
    fn without_anything_to_learn_the_newest_come_first() {
        let events = log();
        for opened in [vec![], (0..60).collect::<Vec<_>>()] {
            let taste = Taste::learn(&events, &opened, &TasteOptions::default());
            assert_eq!(taste, Taste::default());
        }
        let ranked = Taste::default().rank(&events, &[]);
        assert_eq!((ranked[0].0, ranked[59].0), (59, 0));
        let empty = event(0, &[]);
        assert_eq!(
            Taste::learn(&[empty.clone(), empty], &[0], &TasteOptions::default()).weights.len(),
            0
        );
    }
}
