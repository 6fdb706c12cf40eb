//! The board: tables with their rows in order.

use framecast::task::evaluate::{EvalReport, Means, Paired, Row, Statistics};
use serde::Serialize;

use super::pictures::Sample;
use super::{Facts, Options};

/// All tables, as `leaderboard.json` has them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Board {
    /// Version of this document.
    pub schema_version: u32,
    /// What makes it again.
    pub command: String,
    /// How it was scored.
    pub protocol: &'static str,
    /// The engine that made the scores.
    pub engine: &'static str,
    /// The most frames of each clip, or sequences of a set; none where all were read.
    pub frames: Option<u64>,
    /// One table a benchmark or part of it.
    pub tables: Vec<Table>,
    /// What is known of the predictors beside their scores.
    pub predictors: Vec<Facts>,
    /// What was left out or failed, and why.
    pub notes: Vec<Note>,
    /// Pictures for the HTML.
    #[serde(skip)]
    pub(super) samples: Vec<Sample>,
}

/// Something that was left out or failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

impl Note {
    pub(super) fn new(what: impl ToString, why: impl ToString) -> Self {
        Self { what: what.to_string(), why: why.to_string() }
    }
}

/// One ranking.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// Name of the benchmark.
    pub name: &'static str,
    /// What it holds.
    pub holds: &'static str,
    /// The predictors, the smallest perceptual distance first.
    pub rows: Vec<Place>,
}

/// One predictor in a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Targets scored.
    pub targets: u64,
    /// Its means.
    #[serde(flatten)]
    pub means: Means,
    /// Against copy-last, target by target.
    pub paired: Paired,
    /// How sure the differences are, and where they come from.
    pub statistics: Statistics,
    /// The same for each source.
    pub sources: Vec<Row>,
}

impl Place {
    /// The mean over the sources of what PSNR of frames they gain over copy-last, in dB.
    #[must_use]
    pub fn mean_gain(&self) -> Option<f64> {
        let gains =
            self.sources.iter().map(|r| Some(r.model.psnr_frames? - r.copy_last.psnr_frames?));
        let gains: Vec<f64> = gains.collect::<Option<_>>()?;
        (!gains.is_empty()).then(|| gains.iter().sum::<f64>() / gains.len() as f64)
    }

    /// The source whose PSNR gains least over copy-last, and how much in dB. A source that both get
    /// exactly right gains nothing.
    #[must_use]
    pub fn worst(&self) -> Option<(&str, f64)> {
        let gain = |r: &Row| match (r.model.psnr, r.copy_last.psnr) {
            (Some(model), Some(copy)) => Some(model - copy),
            _ if r.model.mse == r.copy_last.mse && r.frames > 0 => Some(0.0),
            _ => None,
        };
        let gains = self.sources.iter().filter_map(|r| Some((r.source.as_str(), gain(r)?)));
        gains.min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

impl Board {
    pub(super) fn new(options: &Options, notes: Vec<Note>) -> Self {
        let tables = options.benchmarks.iter().flat_map(|b| b.tables());
        let table = |&(name, holds)| Table { name, holds, rows: Vec::new() };
        Self {
            schema_version: 2,
            command: options.command.clone(),
            protocol: "eval/1",
            engine: "tract",
            frames: options.frames,
            tables: tables.map(table).collect(),
            predictors: Vec::new(),
            notes,
            samples: Vec::new(),
        }
    }

    /// Puts a report where it belongs in the table called `table`.
    pub(super) fn place(&mut self, table: &str, name: &str, report: EvalReport) {
        for row in &report.sources {
            if let Some(error) = &row.error {
                let what = format!("{name} on {}", row.source);
                self.notes.push(Note::new(what, error));
            }
        }
        let Some(table) = self.tables.iter_mut().find(|t| t.name == table) else { return };
        table.rows.push(Place {
            name: name.to_owned(),
            targets: report.frames,
            means: report.model,
            paired: report.paired,
            statistics: report.statistics,
            sources: report.sources,
        });
        let distance = |p: &Place| p.means.pd.unwrap_or(f64::INFINITY);
        // Stable, so that equals stay in the order they came.
        table.rows.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
    }

    /// The board as `leaderboard.md` has it.
    #[must_use]
    pub fn markdown(&self) -> String {
        super::page::markdown(self)
    }

    /// The ranking of each table by its name, as Markdown.
    #[must_use]
    pub fn rankings(&self) -> Vec<(&'static str, String)> {
        let table = |table| super::page::table(&super::grid::ranking(self, table));
        self.tables.iter().map(|t| (t.name, table(t))).collect()
    }

    /// What is known of the predictor `name`.
    pub(super) fn facts(&self, name: &str) -> Option<&Facts> {
        self.predictors.iter().find(|f| f.name == name)
    }
}
