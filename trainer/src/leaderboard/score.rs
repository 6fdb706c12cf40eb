//! One predictor on one benchmark.

use framecast::engine::{EngineChoice, LoadOptions};
use framecast::frame::{FramePool, Size};
use framecast::source::{self, Limits, SourceOptions};
use framecast::task::evaluate::{EvalOptions, EvalReport, Evaluator, Layout, Row};

use super::benchmark::{Benchmark, Clip, Content};
use super::entrant::{Entrant, Way};
use crate::evaluate::Failure;

/// How scores are made: on the engine every machine has, one thread a predictor.
pub(crate) fn load_options() -> LoadOptions {
    let mut load = LoadOptions::default();
    load.engine = EngineChoice::Tract;
    load.threads = 1;
    // A model is loaded anew for each clip; its vectors are checked when its time is taken.
    load.self_test = false;
    load.warm_up = 0;
    load
}

/// The report for each table of `benchmark` by its name. `done` is told of each frame or sequence.
pub(super) fn score(
    entrant: &Entrant,
    benchmark: Benchmark,
    content: &Content,
    frames: Option<u64>,
    done: &mut dyn FnMut(u64),
) -> Result<Vec<(&'static str, EvalReport)>, Failure> {
    let name = &entrant.facts.name;
    let hindsight = entrant.hindsight();
    let options = EvalOptions { frames, hindsight, ..EvalOptions::default() };
    let reports = match content {
        Content::Sequences { .. } if matches!(entrant.way, Way::Folds(_)) => Vec::new(),
        Content::Sequences { path, duplicates } => {
            let options = EvalOptions { layout: Layout::Sequences, ..options };
            let load = load_options();
            let mut make = |size: Size| entrant.make(&load, size, 0);
            let mut evaluator = Evaluator::new(options, &mut make);
            let mut part = |title: &str, wanted: bool| {
                let keep = |sequence: &str| duplicates.contains(sequence) != wanted;
                let limits = Limits::default();
                evaluator.sequences_where(title, path, &limits, &keep, &mut |_, _| {
                    done(1);
                    true
                })
            };
            let clean = part("clean", true)?;
            let near = part("near-duplicates of train", false)?;
            vec![
                EvalReport::new(name, &options, vec![clean.clone(), near]),
                EvalReport::new(name, &options, vec![clean]),
            ]
        }
        Content::Clips(clips) => {
            let rows: Vec<Row> =
                clips.iter().map(|c| clip(entrant, c, &options, done)).collect::<Result<_, _>>()?;
            let study: Vec<Row> = rows
                .iter()
                .zip(clips)
                .filter(|(_, clip)| clip.study)
                .map(|(row, _)| row.clone())
                .collect();
            let mut reports = vec![EvalReport::new(name, &options, rows)];
            if !study.is_empty() {
                reports.push(EvalReport::new(name, &options, study));
            }
            reports
        }
    };
    Ok(benchmark.tables().iter().map(|(table, _)| *table).zip(reports).collect())
}

fn clip(
    entrant: &Entrant,
    clip: &Clip,
    options: &EvalOptions,
    done: &mut dyn FnMut(u64),
) -> Result<Row, Failure> {
    let most = options.frames.map_or(clip.frames, |f| f.min(clip.frames));
    let options = EvalOptions { frames: Some(most), width: clip.width, ..*options };
    let load = load_options();
    let mut make = |size: Size| entrant.make(&load, size, clip.fold);
    let mut evaluator = Evaluator::new(options, &mut make);
    let title = clip.title();
    let mut source = source::open(&clip.uri, &SourceOptions::default(), &FramePool::new(4))
        .map_err(|e| Failure(format!("{title}: {e}")))?;
    evaluator.clip(title, source.as_mut(), &mut |_, _| {
        done(1);
        true
    })
}
