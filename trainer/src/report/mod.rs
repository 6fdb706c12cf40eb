//! Runs side by side: one HTML file that needs nothing else, with the curves of everything the logs
//! hold, what differs between the recipes, last scores and contact sheets.

mod chart;
mod difference;
mod page;
mod run;

use std::fs;
use std::path::{Path, PathBuf};

use crate::TrainError;

use run::Run;

/// Writes the report of the runs in `folders` to `path`.
///
/// # Errors
/// [`TrainError::Io`], and [`TrainError::Report`] for a folder that holds no run.
pub fn report(folders: &[PathBuf], path: &Path) -> Result<(), TrainError> {
    let runs = folders.iter().map(|f| Run::read(f)).collect::<Result<Vec<_>, _>>()?;
    let part = path.with_extension("html.part");
    let save = || -> std::io::Result<()> {
        fs::write(&part, page::page(&runs))?;
        fs::rename(&part, path)
    };
    save().map_err(TrainError::io("write", path))
}

/// `text` for a place between tags or in quotes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
    out
}
