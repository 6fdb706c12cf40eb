//! `framecast-train plot`: values of logs over the steps, as SVG.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use framecast_trainer::TrainError;
use framecast_trainer::plot::{Plot, Series};

use crate::Failure;

/// What is drawn.
#[derive(Args)]
pub(crate) struct PlotCommand {
    /// Folders of runs, or logs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The value that is drawn: a path into the lines of the log
    #[arg(long, default_value = "loss")]
    value: String,
    /// The value it is drawn over
    #[arg(long, default_value = "step")]
    over: String,
    /// A level to compare with
    #[arg(long, value_name = "NAME=NUMBER", value_parser = level)]
    level: Vec<(String, f64)>,
    /// The picture
    #[arg(long, value_name = "FILE.svg")]
    out: PathBuf,
}

fn level(text: &str) -> Result<(String, f64), String> {
    let (name, number) = text.rsplit_once('=').ok_or("a name, = and a number are expected")?;
    let number: f64 = number.parse().map_err(|_| format!("{number:?} is not a number"))?;
    Ok((name.to_owned(), number))
}

/// Reads, draws and writes.
pub(crate) fn run(command: PlotCommand, out: &mut impl Write) -> Result<(), Failure> {
    let PlotCommand { runs, value, over, level, out: path } = command;
    let mut series = Vec::new();
    for run in &runs {
        let log = if run.is_dir() { run.join("log.jsonl") } else { run.clone() };
        let fail =
            |action, path: &Path, cause| TrainError::Io { action, path: path.to_owned(), cause };
        let text = fs::read_to_string(&log).map_err(|cause| fail("read", &log, cause))?;
        let name = run.file_name().unwrap_or_default().to_string_lossy();
        let line = Series::of(&name, &text, &over, &value);
        if line.points.is_empty() {
            return Err(Failure::Train(TrainError::Data {
                uri: log.display().to_string(),
                reason: format!("no line of it has both {over:?} and {value:?}"),
            }));
        }
        series.push(line);
    }
    let points: usize = series.iter().map(|s| s.points.len()).sum();
    let plot = Plot { axes: [over, value], series, levels: level };
    fs::write(&path, plot.svg()).map_err(|cause| TrainError::Io {
        action: "write",
        path: path.clone(),
        cause,
    })?;
    Ok(writeln!(out, "{}: {points} points", path.display())?)
}
