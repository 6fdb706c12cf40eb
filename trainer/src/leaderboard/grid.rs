//! The tables as cells of text, the same for Markdown and HTML.

use framecast::task::evaluate::{Interval, Row};

use crate::describe::{SIZES, scaled};

use super::{Board, Place, Table};

/// The engines of the latency columns.
const ENGINES: [&str; 3] = ["tract", "ort", "none"];

/// Heads and the rows below them; the second column is a name.
pub(super) struct Grid {
    pub(super) heads: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// A number, or a dash.
pub(super) fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:.digits$}"))
}

/// Places with their ranks; what cannot be reached has none.
pub(super) fn ranked<'a>(
    board: &'a Board,
    table: &'a Table,
) -> impl Iterator<Item = ([String; 2], &'a Place)> {
    table.rows.iter().scan(0, |rank, place| {
        let reachable = board.facts(&place.name).is_none_or(|f| f.reachable);
        *rank += usize::from(reachable);
        let (rank, note) = if reachable {
            (rank.to_string(), "")
        } else {
            ("-".to_owned(), " (knows the target: not reachable)")
        };
        Some(([rank, format!("{}{note}", place.name)], place))
    })
}

/// The ranking of a table.
pub(super) fn ranking(board: &Board, table: &Table) -> Grid {
    let sources = table.rows.iter().any(|r| r.sources.len() > 2);
    let mut heads: Vec<String> = [
        "#",
        "predictor",
        "PD",
        "PD over copy-last [95 %]",
        "MSE",
        "PSNR dB",
        "PSNR of frames dB",
        "SSIM",
        "PD better / worse",
    ]
    .map(str::to_owned)
    .into();
    if sources {
        heads.push("mean gain of clips dB".to_owned());
        heads.push("worst clip, PSNR dB".to_owned());
    }
    let row = |(name, place): ([String; 2], &Place)| {
        let (m, p) = (&place.means, place.paired);
        let mut cells: Vec<String> = name.into();
        cells.extend([
            number(m.pd, 3),
            interval(place.statistics.differences.pd),
            number(m.mse, 6),
            number(m.psnr, 2),
            number(m.psnr_frames, 2),
            number(m.ssim, 4),
            format!("{} / {}", p.better, p.worse),
        ]);
        if sources {
            cells.push(place.mean_gain().map_or_else(|| "-".to_owned(), |g| format!("{g:+.2}")));
            let worst = place.worst().map(|(source, gain)| format!("{gain:+.2} {source}"));
            cells.push(worst.unwrap_or_else(|| "-".to_owned()));
        }
        cells
    };
    Grid { heads, rows: ranked(board, table).map(row).collect() }
}

fn interval(interval: Option<Interval>) -> String {
    let Some(interval) = interval else { return "-".to_owned() };
    let ends = interval.ends().map_or_else(
        // Too few targets for one.
        || "-".to_owned(),
        |(low, high)| format!("{low:+.2}, {high:+.2}"),
    );
    format!("{:+.2} [{ends}]", interval.value)
}

/// What each predictor gains on each source; none for a table of a single source.
pub(super) fn by_source(board: &Board, table: &Table) -> Option<Grid> {
    let first = table.rows.iter().find(|r| r.sources.len() > 2)?;
    let short = |r: &Row| r.source.split(['_', '.', '?']).next().unwrap_or_default().to_owned();
    let mut heads = vec!["#".to_owned(), "predictor".to_owned()];
    heads.extend(first.sources.iter().map(short));
    // PSNR of frames, and of the pool, over copy-last.
    let gain = |r: &Row| {
        let minus = |a: Option<f64>, b: Option<f64>| Some(a? - b?);
        let text = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), |g| format!("{g:+.2}"));
        let frames = minus(r.model.psnr_frames, r.copy_last.psnr_frames);
        format!("{} ({})", text(frames), text(minus(r.model.psnr, r.copy_last.psnr)))
    };
    let row = |(name, place): ([String; 2], &Place)| {
        let mut cells: Vec<String> = name.into();
        cells.extend(place.sources.iter().map(gain));
        cells
    };
    Some(Grid { heads, rows: ranked(board, table).map(row).collect() })
}

/// Those engines that anything was timed on.
fn engines(board: &Board) -> impl Iterator<Item = &'static str> {
    let timed = |e: &&str| board.predictors.iter().any(|p| p.latency_ms.contains_key(*e));
    ENGINES.into_iter().filter(timed)
}

/// What the predictors cost.
pub(super) fn costs(board: &Board) -> Grid {
    let mut heads = vec!["#".to_owned(), "predictor".to_owned(), "parameters".to_owned()];
    heads.push("bytes".to_owned());
    heads.extend(SIZES.iter().map(|s| format!("MACs {s}")));
    for engine in engines(board) {
        let engine = if engine == "none" { "no engine" } else { engine };
        heads.extend(SIZES.iter().map(|s| format!("ms {s} {engine}")));
    }
    let missing = || "-".to_owned();
    let facts = board.predictors.iter().filter(|f| f.reachable);
    let rows = (1..).zip(facts).map(|(at, facts)| {
        let bytes = facts.bytes.map_or_else(missing, |b| b.to_string());
        let mut cells = vec![at.to_string(), facts.name.clone(), scaled(facts.parameters), bytes];
        for size in SIZES {
            let macs = facts.macs.get(&size.to_string()).copied().flatten();
            cells.push(macs.map_or_else(missing, scaled));
        }
        for engine in engines(board) {
            for size in SIZES {
                let time = facts.latency_ms.get(engine).and_then(|t| t.get(&size.to_string()));
                cells.push(number(time.copied(), 2));
            }
        }
        cells
    });
    Grid { heads, rows: rows.collect() }
}
