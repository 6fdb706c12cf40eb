//! Every predictor on the same data: ranked tables as JSON, Markdown and one HTML file.
//!
//! The baselines of the runtime stand on each board. Whoever has an ONNX file with a contract has
//! a row.

mod benchmark;
mod board;
mod entrant;
mod grid;
mod latency;
mod page;
mod progress;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use framecast::engine::{EngineChoice, LoadOptions};
use framecast::frame::FramePool;
use framecast::source::{self, Limits, SourceOptions};
use framecast::task::evaluate::{EvalOptions, EvalReport, Evaluator, Layout};

pub use benchmark::Benchmark;
pub use board::{Board, Note, Place, Table};
pub use entrant::Facts;

use crate::TrainError;
use crate::evaluate::Failure;
use crate::export::engines;
use benchmark::Content;
use entrant::Entrant;
use progress::Progress;

/// What is ranked, on what.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder the board is written to.
    pub out: PathBuf,
    /// ONNX files, and folders of such.
    pub models: Vec<PathBuf>,
    /// The benchmarks.
    pub benchmarks: Vec<Benchmark>,
    /// The most frames of each clip, or sequences of a set, that are read.
    pub frames: Option<u64>,
}

/// Scores everything and writes the board, anew after each predictor, so that a long run that is
/// stopped leaves what it has.
///
/// # Errors
/// [`TrainError`] when data are missing, a named model cannot be read or the board not be written.
/// A predictor that fails on a benchmark takes nothing from the others: the board says so.
pub fn leaderboard(options: &Options) -> Result<Board, TrainError> {
    let (models, left_out) = entrant::models(&options.models)?;
    let mut contents = Vec::new();
    for &benchmark in &options.benchmarks {
        contents.push((benchmark, benchmark.open()?));
    }
    fs::create_dir_all(&options.out).map_err(TrainError::io("create", &options.out))?;
    let (engines, absent) = engines(None);
    let mut board = Board::new(options, left_out);
    if let Some(reason) = absent {
        board.notes.push(Note::new("latency on ONNX Runtime", reason));
    }
    let mut entrants = entrant::baselines();
    entrants.extend(models);
    let each: u64 = options.benchmarks.iter().map(|b| b.length(options.frames)).sum();
    let mut progress = Progress::new(each * entrants.len() as u64);
    for mut entrant in entrants {
        board.notes.extend(latency::measure(&mut entrant, &engines));
        let name = entrant.facts.name.clone();
        for (benchmark, content) in &contents {
            progress.begin(format!("{name} on {}", benchmark.tables()[0].0));
            match score(&entrant, *benchmark, content, options.frames, &mut progress) {
                Ok(reports) => {
                    for ((table, _), report) in benchmark.tables().iter().zip(reports) {
                        board.place(table, &name, report);
                    }
                }
                Err(Failure(reason)) => {
                    let what = format!("{name} on {}", benchmark.tables()[0].0);
                    board.notes.push(Note::new(what, reason));
                }
            }
            progress.end(benchmark.length(options.frames));
        }
        board.predictors.push(entrant.facts);
        write(&board, &options.out)?;
    }
    Ok(board)
}

/// The report for each table of `benchmark`.
fn score(
    entrant: &Entrant,
    benchmark: Benchmark,
    content: &Content,
    frames: Option<u64>,
    progress: &mut Progress,
) -> Result<Vec<EvalReport>, Failure> {
    let mut load = LoadOptions::default();
    // The engine every machine has.
    load.engine = EngineChoice::Tract;
    let mut make = |size| entrant.make(&load, size);
    let layout = match content {
        Content::Sequences { .. } => Layout::Sequences,
        Content::Clips(_) => Layout::Clip,
    };
    let options =
        EvalOptions { layout, frames, width: benchmark.width(), ..EvalOptions::default() };
    let mut evaluator = Evaluator::new(options, &mut make);
    let name = &entrant.facts.name;
    let mut before = 0;
    match content {
        Content::Sequences { path, duplicates } => {
            let mut part = |title: &str, wanted: bool| {
                let mut last = 0;
                let keep = |sequence: &str| duplicates.contains(sequence) != wanted;
                let row = evaluator.sequences_where(
                    title,
                    path,
                    &Limits::default(),
                    &keep,
                    &mut |done, _| {
                        last = done;
                        progress.at(before + done);
                        true
                    },
                );
                before += last;
                row
            };
            let clean = part("clean", true)?;
            let duplicates = part("near-duplicates of train", false)?;
            Ok(vec![
                EvalReport::new(name, &options, vec![clean.clone(), duplicates]),
                EvalReport::new(name, &options, vec![clean]),
            ])
        }
        Content::Clips(clips) => {
            let mut rows = Vec::new();
            for (uri, length) in clips {
                let most = frames.map_or(*length, |f| f.min(*length));
                evaluator.limit_frames(Some(most));
                let title = uri.rsplit(['/', '\\']).next().unwrap_or_default();
                let pool = FramePool::new(4);
                let mut source = source::open(uri, &SourceOptions::default(), &pool)
                    .map_err(|e| Failure(format!("{title}: {e}")))?;
                rows.push(evaluator.clip(title, source.as_mut(), &mut |done, _| {
                    progress.at(before + done);
                    true
                })?);
                before += most;
            }
            Ok(vec![EvalReport::new(name, &options, rows)])
        }
    }
}

/// Writes the three files.
fn write(board: &Board, folder: &Path) -> Result<(), TrainError> {
    let json = serde_json::to_string_pretty(board)
        .map_err(|e| TrainError::io("write", folder)(std::io::Error::other(e)))?;
    for (name, text) in [
        ("leaderboard.json", json + "\n"),
        ("leaderboard.md", page::markdown(board)),
        ("leaderboard.html", page::html(board)),
    ] {
        let path = folder.join(name);
        let part = folder.join(format!("{name}.part"));
        fs::write(&part, text)
            .and_then(|()| fs::rename(&part, &path))
            .map_err(TrainError::io("write", path))?;
    }
    Ok(())
}
