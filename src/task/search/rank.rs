//! Partial selection of the best entries, and what counts as the same result twice.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::time::Duration;

use super::entry::{Entry, Record};
use super::index::Index;
use super::{IndexError, layout::BLOCK};

/// What a search is to give.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wish {
    /// Number of results.
    pub top: usize,
    /// Results of one recording lie at least this far apart in time; zero lets every entry be a
    /// result.
    pub apart: Duration,
    /// One result an item of a recording, for entries that have one.
    pub one_an_item: bool,
}

impl Default for Wish {
    fn default() -> Self {
        Self { top: 10, apart: Duration::ZERO, one_an_item: true }
    }
}

impl Wish {
    /// True when entries can be left out for their likeness to better ones.
    pub(super) fn spreads(&self) -> bool {
        self.one_an_item || self.apart > Duration::ZERO
    }
}

/// A result.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Number of the entry in the index.
    pub at: usize,
    /// Inner product with the query, of unit vectors where the metric is cosine.
    pub score: f64,
    /// The entry.
    pub entry: Entry,
    /// Its picture, where the index keeps pictures.
    pub thumbnail: Option<PathBuf>,
}

impl Hit {
    /// A result whose text and picture are filled in when it is kept.
    pub(super) fn new(at: usize, score: f64, record: &Record) -> Self {
        Self { at, score, entry: record.entry(&[]), thumbnail: None }
    }

    /// Best first; equal scores by recording and time, then by number.
    pub(super) fn order(a: &Self, b: &Self) -> Ordering {
        let place = |hit: &Self| (hit.entry.recording, hit.entry.time, hit.at);
        b.score.total_cmp(&a.score).then_with(|| place(a).cmp(&place(b)))
    }
}

/// An `f32` in the order of all numbers.
#[derive(Clone, Copy, Debug)]
struct Bound(f32);

impl Ord for Bound {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Bound {}

/// Keeps every entry that can be among the `depth` best, given bounds on the scores.
#[derive(Debug)]
pub(super) struct Best {
    depth: usize,
    /// The best lower bounds, worst on top.
    lower: BinaryHeap<Reverse<Bound>>,
    /// What an upper bound must reach.
    bar: f32,
    kept: Vec<(usize, f32)>,
    /// Entries kept at which those below the bar are dropped.
    crowded: usize,
}

impl Best {
    pub(super) fn new(depth: usize) -> Self {
        let bar = if depth == 0 { f32::INFINITY } else { f32::NEG_INFINITY };
        let crowded = depth.saturating_mul(2).max(16 * BLOCK);
        Self { depth, lower: BinaryHeap::new(), bar, kept: Vec::new(), crowded }
    }

    /// What the upper bound of an entry must reach for the entry to matter.
    pub(super) const fn bar(&self) -> f32 {
        self.bar
    }

    /// Entry `at` scores between `lower` and `upper`.
    pub(super) fn keep(&mut self, at: usize, upper: f32, lower: f32) {
        self.kept.push((at, upper));
        let lower = if lower.is_nan() { f32::NEG_INFINITY } else { lower };
        self.lower.push(Reverse(Bound(lower)));
        if self.lower.len() > self.depth {
            self.lower.pop();
        }
        if self.lower.len() == self.depth
            && let Some(Reverse(Bound(worst))) = self.lower.peek()
        {
            self.bar = *worst;
        }
        if self.kept.len() >= self.crowded {
            self.prune();
            self.crowded = self.crowded.max(2 * self.kept.len());
        }
    }

    fn prune(&mut self) {
        let bar = self.bar;
        self.kept.retain(|(_, upper)| *upper >= bar || upper.is_nan());
    }

    /// The numbers of the entries left.
    pub(super) fn finish(mut self) -> Vec<usize> {
        self.prune();
        self.kept.into_iter().map(|(at, _)| at).collect()
    }
}

/// Takes results from best to worst and leaves out those too like one taken before.
#[derive(Debug)]
pub(super) struct Spread<'a> {
    wish: &'a Wish,
    kept: Vec<Hit>,
}

impl<'a> Spread<'a> {
    pub(super) const fn new(wish: &'a Wish) -> Self {
        Self { wish, kept: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn offer(&mut self, hit: Hit) {
        let like = |taken: &Hit| {
            let near = taken.entry.time.abs_diff(hit.entry.time) < self.wish.apart;
            let same = taken.entry.item.is_some() && taken.entry.item == hit.entry.item;
            taken.entry.recording == hit.entry.recording
                && (near || (self.wish.one_an_item && same))
        };
        if !self.kept.iter().any(like) {
            self.kept.push(hit);
        }
    }

    /// The results with their texts and pictures.
    pub(super) fn finish(self, index: &Index) -> Result<Vec<Hit>, IndexError> {
        let folder = index.about().thumbnails.as_ref();
        let beside = index.path().parent().map(std::path::Path::to_owned).unwrap_or_default();
        let filled = self.kept.into_iter().map(|mut hit| {
            hit.entry = index.entry(hit.at)?;
            let picture = folder.map(|f| beside.join(f).join(hit.entry.thumbnail()));
            hit.thumbnail = picture.filter(|p| p.is_file());
            Ok(hit)
        });
        filled.collect()
    }
}
