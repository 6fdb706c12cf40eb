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
mod parts;
mod pictures;
mod progress;
mod score;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

pub use benchmark::Benchmark;
pub use board::{Board, Note, Place, Table};
pub use entrant::Facts;

pub(crate) use benchmark::{Clip, clips};
pub(crate) use entrant::{Entrant, folds, models};
pub(crate) use score::load_options;

use crate::TrainError;
use crate::evaluate::Failure;
use crate::export::engines;
use benchmark::Content;
use progress::Progress;

/// What is ranked, on what.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder the board is written to.
    pub out: PathBuf,
    /// ONNX files, and folders of such.
    pub models: Vec<PathBuf>,
    /// Pairs of models that did not see one half of the clips each, with the name of both.
    pub folds: Vec<Folds>,
    /// The benchmarks.
    pub benchmarks: Vec<Benchmark>,
    /// The most frames of each clip, or sequences of a set, that are read.
    pub frames: Option<u64>,
    /// A second place for the Markdown.
    pub markdown: Option<PathBuf>,
    /// Predictors scored at the same time.
    pub jobs: usize,
    /// The command that makes the board, as it is told in it.
    pub command: String,
}

/// `NAME=A.onnx,B.onnx`: two models as one cross-fitted predictor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folds {
    /// What both are called.
    pub name: String,
    /// The model that did not see the first half of the clips, and the one that did not see the
    /// second.
    pub files: [PathBuf; 2],
}

impl std::str::FromStr for Folds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').and_then(|(name, files)| {
            let (a, b) = files.split_once(',')?;
            let whole = !name.is_empty() && !a.is_empty() && !b.is_empty();
            whole.then(|| Self { name: name.to_owned(), files: [a.into(), b.into()] })
        });
        parts.ok_or_else(|| format!("{text:?} is not NAME=A.onnx,B.onnx"))
    }
}

/// Scores everything and writes the board, anew after each predictor, so that a long run that is
/// stopped leaves what it has. Times are taken first, while nothing else runs.
///
/// # Errors
/// [`TrainError`] when data are missing, a named model cannot be read or the board not be written.
/// A predictor that fails on a benchmark takes nothing from the others: the board says so.
pub fn leaderboard(options: &Options) -> Result<Board, TrainError> {
    let (models, left_out) = models(&options.models)?;
    let mut entrants = entrant::baselines();
    entrants.extend(models);
    for Folds { name, files: [a, b] } in &options.folds {
        entrants.push(folds(name, [a, b])?);
    }
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
    for entrant in &mut entrants {
        board.notes.extend(latency::measure(entrant, &engines));
        board.predictors.push(entrant.facts.clone());
    }
    let each: u64 = options.benchmarks.iter().map(|b| b.length(options.frames)).sum();
    let progress = Mutex::new(Progress::new(each * entrants.len() as u64));
    let queue = Mutex::new(VecDeque::from(entrants));
    let board = Mutex::new(board);
    let work = || -> Result<(), TrainError> {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(entrant) = next else { return Ok(()) };
            one(&entrant, &contents, options, &progress, &board)?;
        }
    };
    std::thread::scope(|scope| {
        let jobs = options.jobs.max(1);
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            worker.join().map_err(|_| TrainError::Network {
                name: "leaderboard".to_owned(),
                reason: "scoring panicked; please report this".to_owned(),
            })??;
        }
        Ok::<_, TrainError>(())
    })?;
    Ok(board.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Scores one predictor on everything.
fn one(
    entrant: &Entrant,
    contents: &[(Benchmark, Content)],
    options: &Options,
    progress: &Mutex<Progress>,
    board: &Mutex<Board>,
) -> Result<(), TrainError> {
    let name = &entrant.facts.name;
    for (benchmark, content) in contents {
        let title = benchmark.tables()[0].0;
        let told = |n| progress.lock().unwrap_or_else(PoisonError::into_inner).add(name, title, n);
        let outcome = score::score(entrant, *benchmark, content, options.frames, &mut { told });
        let pictures = pictures::samples(entrant, content);
        let mut board = board.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(reports) => {
                for (table, report) in reports {
                    board.place(table, name, report);
                }
            }
            Err(Failure(reason)) => {
                board.notes.push(Note::new(format!("{name} on {title}"), reason));
            }
        }
        match pictures {
            Ok(samples) => board.samples.extend(samples),
            Err(Failure(reason)) => {
                board.notes.push(Note::new(format!("pictures of {name} on {title}"), reason));
            }
        }
    }
    let board = board.lock().unwrap_or_else(PoisonError::into_inner);
    write(&board, options)
}

/// Writes the three files.
fn write(board: &Board, options: &Options) -> Result<(), TrainError> {
    let folder = &options.out;
    let json = serde_json::to_string_pretty(board)
        .map_err(|e| TrainError::io("write", folder)(std::io::Error::other(e)))?;
    put(&folder.join("leaderboard.json"), &(json + "\n"))?;
    put(&folder.join("leaderboard.md"), &page::markdown(board))?;
    put(&folder.join("leaderboard.html"), &page::html(board))?;
    match &options.markdown {
        Some(path) => put(path, &page::markdown(board)),
        None => Ok(()),
    }
}

/// Puts a file in place of an older one at once.
pub(crate) fn put(path: &Path, text: &str) -> Result<(), TrainError> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    fs::write(&part, text)
        .and_then(|()| fs::rename(&part, path))
        .map_err(TrainError::io("write", path))
}
