//! A table as cells of text, the same for Markdown and HTML.

use crate::describe::{SIZES, scaled};

use super::{Board, Place, Table};

/// The engines of the latency columns.
const ENGINES: [&str; 3] = ["tract", "ort", "none"];

/// The heads of the columns.
pub(super) fn heads(board: &Board) -> Vec<String> {
    let mut heads: Vec<String> = [
        "#",
        "predictor",
        "PD",
        "MSE",
        "PSNR dB",
        "PSNR of frames dB",
        "SSIM",
        "PD better / worse",
        "parameters",
    ]
    .map(str::to_owned)
    .into();
    heads.extend(SIZES.iter().map(|s| format!("MACs {s}")));
    for engine in engines(board) {
        let engine = if engine == "none" { "no engine" } else { engine };
        heads.extend(SIZES.iter().map(|s| format!("ms {s} {engine}")));
    }
    heads
}

/// Those that anything was timed on.
fn engines(board: &Board) -> impl Iterator<Item = &'static str> {
    let timed = |e: &&str| board.predictors.iter().any(|p| p.latency_ms.contains_key(*e));
    ENGINES.into_iter().filter(timed)
}

/// The rows below them.
pub(super) fn rows(board: &Board, table: &Table) -> Vec<Vec<String>> {
    (1..).zip(&table.rows).map(|(rank, place)| row(board, rank, place)).collect()
}

fn row(board: &Board, rank: usize, place: &Place) -> Vec<String> {
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "-".to_owned(), |v| format!("{v:.digits$}"))
    };
    let (m, p) = (&place.means, place.paired);
    let mut cells = vec![
        rank.to_string(),
        place.name.clone(),
        number(m.pd, 3),
        number(m.mse, 6),
        number(m.psnr, 2),
        number(m.psnr_frames, 2),
        number(m.ssim, 4),
        format!("{} / {}", p.better, p.worse),
    ];
    let facts = board.facts(&place.name);
    cells.push(facts.map_or_else(|| "-".to_owned(), |f| scaled(f.parameters)));
    let missing = || "-".to_owned();
    for size in SIZES {
        let macs = facts.and_then(|f| *f.macs.get(&size.to_string())?);
        cells.push(macs.map_or_else(missing, scaled));
    }
    for engine in engines(board) {
        for size in SIZES {
            let time = facts.and_then(|f| f.latency_ms.get(engine)?.get(&size.to_string()));
            cells.push(number(time.copied(), 2));
        }
    }
    cells
}
