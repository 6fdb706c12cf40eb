//! Where predictors gain: by how wrong copy-last is, and by how the frames before repeated.

use framecast::task::evaluate::{Part, Statistics};

use super::grid::{Grid, number, ranked};
use super::{Board, Place, Table};

/// Patterns of repeats that have a column.
const PATTERNS: usize = 8;

/// PD of each predictor on exact repeats and on the thirds of the other targets by the error of
/// copy-last.
pub(super) fn by_motion(board: &Board, table: &Table) -> Option<Grid> {
    grid(board, table, |s| &s.motion, usize::MAX)
}

/// PD of each predictor by which of the four steps before the target repeated; the most frequent
/// patterns.
pub(super) fn by_cadence(board: &Board, table: &Table) -> Option<Grid> {
    grid(board, table, |s| &s.cadence, PATTERNS)
}

fn grid(
    board: &Board,
    table: &Table,
    parts: fn(&Statistics) -> &Vec<Part>,
    most: usize,
) -> Option<Grid> {
    let first = table.rows.first()?;
    let columns: Vec<&Part> = parts(&first.statistics).iter().take(most).collect();
    if columns.len() < 2 {
        return None;
    }
    let mut heads = vec!["#".to_owned(), "predictor".to_owned()];
    heads.extend(columns.iter().map(|p| format!("{} ({})", p.name, p.targets)));
    let row = |(name, place): ([String; 2], &Place)| {
        let mut cells: Vec<String> = name.into();
        let own = parts(&place.statistics);
        let distance = |p: &&Part| own.iter().find(|o| o.name == p.name)?.model.pd;
        cells.extend(columns.iter().map(|p| number(distance(p), 2)));
        cells
    };
    Some(Grid { heads, rows: ranked(board, table).map(row).collect() })
}
