//! How sure a difference from copy-last is, and where it comes from.
//!
//! Differences are paired: both predictors on the same targets. Intervals are those of the
//! bootstrap (B. Efron, "Bootstrap methods: another look at the jackknife", 1979): the targets are
//! drawn again with replacement, in units that do not depend on each other much, and the middle
//! 95 % of what comes out is given.

use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng as _;
use serde::Serialize;

use super::pattern::Pattern;
use super::{FrameScore, Layout, Means, Paired, Scores};

/// Times the targets are drawn.
const RESAMPLES: usize = 2_000;

/// Seed of the drawing, so that a table can be made again.
const SEED: u64 = 1;

/// Targets of a clip that are drawn together: about a second, since neighbours are alike.
const BLOCK: usize = 24;

/// The fewest units an interval is drawn from: of fewer the draws are nearly all alike, and what
/// they span says nothing.
const LEAST_UNITS: usize = 5;

/// One target and what both predictors made of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Target {
    pub(super) model: FrameScore,
    pub(super) copy_last: FrameScore,
    pub(super) pattern: Pattern,
}

/// A difference with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The model's value minus that of copy-last.
    pub value: f64,
    /// 2.5 % of the resamples are below; none when there were fewer than five units to draw.
    pub low: Option<f64>,
    /// 2.5 % of the resamples are above; none when there were fewer than five units to draw.
    pub high: Option<f64>,
}

impl Interval {
    /// Both ends, where there are any.
    #[must_use]
    pub fn ends(&self) -> Option<(f64, f64)> {
        self.low.zip(self.high)
    }
}

/// Differences of the means from those of copy-last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Differences {
    /// Of the perceptual distance; below 0 is better.
    pub pd: Option<Interval>,
    /// Of the mean squared error; below 0 is better.
    pub mse: Option<Interval>,
    /// Of the PSNR of the mean error, in dB; above 0 is better.
    pub psnr: Option<Interval>,
    /// Of the mean PSNR of frames, in dB; above 0 is better.
    pub psnr_frames: Option<Interval>,
    /// Of the structural similarity; above 0 is better.
    pub ssim: Option<Interval>,
}

/// Some of the targets.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// What they have in common.
    pub name: String,
    /// How many there are.
    pub targets: u64,
    /// Means of the model.
    pub model: Means,
    /// Means of copy-last.
    pub copy_last: Means,
    /// Target by target.
    pub paired: Paired,
}

/// What the targets say beyond their means.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Statistics {
    /// Times the targets were drawn again.
    pub resamples: usize,
    /// Seed of the drawing.
    pub seed: u64,
    /// What was drawn: `sequences`, or `blocks of 24 targets` within each clip.
    pub unit: String,
    /// Differences from copy-last with their intervals.
    pub differences: Differences,
    /// By how much copy-last is wrong: exact repeats, then thirds of the others.
    pub motion: Vec<Part>,
    /// By which of the four steps before the target repeated, oldest first.
    pub cadence: Vec<Part>,
}

impl Statistics {
    /// Of the targets of each source.
    pub(super) fn new<'a>(
        layout: Layout,
        sources: impl Iterator<Item = &'a [Target]> + Clone,
    ) -> Self {
        let (size, unit) = match layout {
            Layout::Sequences => (1, "sequences".to_owned()),
            Layout::Clip => (BLOCK, format!("blocks of {BLOCK} targets")),
        };
        let groups: Vec<Vec<Scores>> =
            sources.clone().map(|s| s.chunks(size).map(total).collect()).collect();
        let all: Vec<Target> = sources.flatten().copied().collect();
        Self {
            resamples: RESAMPLES,
            seed: SEED,
            unit,
            differences: bootstrap(&groups),
            motion: by_motion(&all),
            cadence: by_cadence(&all),
        }
    }
}

fn total(targets: &[Target]) -> Scores {
    let mut scores = Scores::default();
    targets.iter().for_each(|t| scores.add(&t.model, &t.copy_last));
    scores
}

/// Draws groups within each source, so that every clip keeps its share.
fn bootstrap(sources: &[Vec<Scores>]) -> Differences {
    let pool = |pick: &mut dyn FnMut(usize) -> usize| {
        let mut scores = Scores::default();
        for source in sources {
            for _ in source {
                if let Some(group) = source.get(pick(source.len())) {
                    scores.merge(group);
                }
            }
        }
        differences(&scores)
    };
    let mut whole = Scores::default();
    sources.iter().flatten().for_each(|g| whole.merge(g));
    let values = differences(&whole);
    // Groups are drawn within their source, so one that is alone there is drawn every time.
    let units: usize = sources.iter().map(Vec::len).filter(|n| *n > 1).sum();
    let mut random = Pcg32::new(SEED, 0xda3e_39cb_94b9_5bdb);
    let mut drawn: [Vec<f64>; METRICS] = Default::default();
    let draws = if units < LEAST_UNITS { 0 } else { RESAMPLES };
    for _ in 0..draws {
        // The product of 32 bits and a length, so that no length is favoured much.
        let mut pick = |n: usize| ((u64::from(random.next_u32()) * n as u64) >> 32) as usize;
        for (list, value) in drawn.iter_mut().zip(pool(&mut pick)) {
            list.extend(value);
        }
    }
    let mut intervals = values.into_iter().zip(drawn).map(|(value, mut drawn)| {
        drawn.sort_unstable_by(f64::total_cmp);
        let value = value?;
        // A value that some resamples do not have has no interval.
        if units < LEAST_UNITS || drawn.len() < RESAMPLES {
            return Some(Interval { value, low: None, high: None });
        }
        let at = |share: f64| drawn.get(((drawn.len() - 1) as f64 * share).round() as usize);
        Some(Interval { value, low: at(0.025).copied(), high: at(0.975).copied() })
    });
    let mut next = || intervals.next().flatten();
    Differences { pd: next(), mse: next(), psnr: next(), psnr_frames: next(), ssim: next() }
}

/// Values of [`differences`].
const METRICS: usize = 5;

fn differences(scores: &Scores) -> [Option<f64>; METRICS] {
    let (model, copy) = (scores.model(), scores.copy_last());
    let minus = |a: Option<f64>, b: Option<f64>| Some(a? - b?);
    [
        minus(model.pd, copy.pd),
        minus(model.mse, copy.mse),
        minus(model.psnr, copy.psnr),
        minus(model.psnr_frames, copy.psnr_frames),
        minus(model.ssim, copy.ssim),
    ]
}

fn part(name: String, targets: &[Target]) -> Part {
    let scores = total(targets);
    Part {
        name,
        targets: scores.frames(),
        model: scores.model(),
        copy_last: scores.copy_last(),
        paired: scores.paired(),
    }
}

/// Exact repeats, and the thirds of the others by the error of copy-last.
fn by_motion(targets: &[Target]) -> Vec<Part> {
    let (repeats, mut others): (Vec<Target>, Vec<Target>) =
        targets.iter().partition(|t| t.copy_last.mse == 0.0);
    others.sort_by(|a, b| a.copy_last.pd.total_cmp(&b.copy_last.pd));
    let third = |at: usize| others.len() * at / 3;
    let parts = [
        ("repeat", repeats.as_slice()),
        ("low", &others[..third(1)]),
        ("middle", &others[third(1)..third(2)]),
        ("high", &others[third(2)..]),
    ];
    let filled = parts.into_iter().filter(|(_, targets)| !targets.is_empty());
    filled.map(|(name, targets)| part(name.to_owned(), targets)).collect()
}

/// Each pattern that occurs, the most frequent first.
fn by_cadence(targets: &[Target]) -> Vec<Part> {
    let mut sorted = targets.to_vec();
    sorted.sort_by_key(|t| t.pattern);
    let groups = sorted.chunk_by(|a, b| a.pattern == b.pattern);
    let mut parts: Vec<Part> =
        groups.filter_map(|g| Some(part(g.first()?.pattern.to_string(), g))).collect();
    parts.sort_by_key(|p| std::cmp::Reverse(p.targets));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(model: f64, copy_last: f64) -> Target {
        let score = |pd: f64| FrameScore { pd, mse: pd / 1000.0, ssim: Some(1.0 - pd / 100.0) };
        Target { model: score(model), copy_last: score(copy_last), pattern: Pattern::default() }
    }

    #[test]
    fn a_constant_difference_is_certain_and_a_varying_one_is_not() {
        let even: Vec<Target> =
            (1..=60).map(|i| target(f64::from(i), f64::from(i) + 1.0)).collect();
        let all = [even.as_slice()];
        let found = Statistics::new(Layout::Sequences, all.into_iter());
        let pd = found.differences.pd.unwrap();
        let (low, high) = pd.ends().unwrap();
        assert!((pd.value + 1.0).abs() < 1e-9 && (low + 1.0).abs() < 1e-9, "{pd:?}");
        assert!((high + 1.0).abs() < 1e-9, "{pd:?}");
        assert_eq!(found.unit, "sequences");

        // Half of the targets 3 better, half 1 worse: -1 in the mean, with a standard error of
        // 2 / sqrt(60).
        let uneven: Vec<Target> =
            (0..60).map(|i| target(if i % 2 == 0 { 10.0 } else { 14.0 }, 13.0)).collect();
        let all = [uneven.as_slice()];
        let pd = Statistics::new(Layout::Sequences, all.into_iter()).differences.pd.unwrap();
        let reach = 1.96 * 2.0 / 60_f64.sqrt();
        assert!((pd.value + 1.0).abs() < 1e-9, "{pd:?}");
        let (low, high) = pd.ends().unwrap();
        assert!((low + 1.0 + reach).abs() < 0.1 && (high + 1.0 - reach).abs() < 0.1);
        let again = Statistics::new(Layout::Sequences, all.into_iter());
        assert_eq!(again.differences.pd, Some(pd), "it is seeded");
    }

    #[test]
    fn neighbours_of_a_clip_are_drawn_together() {
        // Runs of 24 alike: drawn singly they would look like 240 witnesses, but they are ten.
        let runs: Vec<Target> =
            (0..240).map(|i| target(if i / 24 % 2 == 0 { 10.0 } else { 14.0 }, 13.0)).collect();
        let width = |layout| {
            let all = [runs.as_slice()];
            let pd = Statistics::new(layout, all.into_iter()).differences.pd.unwrap();
            let (low, high) = pd.ends().unwrap();
            high - low
        };
        assert!(width(Layout::Clip) > 3.0 * width(Layout::Sequences));
    }

    #[test]
    fn few_units_have_a_difference_but_no_interval() {
        let four: Vec<Target> = (1..=4).map(|i| target(f64::from(i), 9.0)).collect();
        let five: Vec<Target> = (1..=5).map(|i| target(f64::from(i), 9.0)).collect();
        let pd = |layout, sources: &[&[Target]]| {
            Statistics::new(layout, sources.iter().copied()).differences.pd.unwrap()
        };
        let found = pd(Layout::Sequences, &[&four]);
        assert_eq!((found.value, found.ends()), (-6.5, None));
        assert!(pd(Layout::Sequences, &[&five]).ends().is_some());
        // Blocks that are alone in their clip are in every draw, however many clips there are.
        assert_eq!(pd(Layout::Clip, &[five.as_slice(); 9]).ends(), None);
        let json = serde_json::to_value(found).unwrap();
        assert!(json["low"].is_null() && json["high"].is_null(), "{json}");
    }

    #[test]
    fn targets_are_split_by_how_wrong_copying_is() {
        let mut targets: Vec<Target> = (1..=9).map(|i| target(1.0, f64::from(i))).collect();
        targets.push(target(2.0, 0.0));
        let all = [targets.as_slice()];
        let found = Statistics::new(Layout::Clip, all.into_iter());
        let names: Vec<_> =
            found.motion.iter().map(|p| (p.name.as_str(), p.targets, p.copy_last.pd)).collect();
        let expected = [("repeat", 1, 0.0), ("low", 3, 2.0), ("middle", 3, 5.0), ("high", 3, 8.0)];
        assert_eq!(names, expected.map(|(n, t, pd)| (n, t, Some(pd))));
        assert_eq!(found.cadence.len(), 1);
        assert_eq!((found.cadence[0].name.as_str(), found.cadence[0].targets), ("start", 10));
    }

    #[test]
    fn without_targets_there_is_nothing_to_say() {
        let found = Statistics::new(Layout::Clip, [[].as_slice()].into_iter());
        assert_eq!(found.differences, Differences::default());
        assert!(found.motion.is_empty() && found.cadence.is_empty());
    }
}
