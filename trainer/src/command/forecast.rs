//! `framecast-train forecast`: ten coming frames of Moving MNIST, beside copy-last.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, value_parser};
use framecast_trainer::data::moving_mnist::DIGITS;
use framecast_trainer::forecast::board::{Options, Row, board};

use crate::Failure;

/// What is scored, on what.
#[derive(Args)]
pub(crate) struct ForecastCommand {
    /// ONNX models with a predictor's contract
    #[arg(value_name = "MODEL")]
    models: Vec<PathBuf>,
    /// The digits: an IDX file, plain or gzipped
    #[arg(long, value_name = "FILE", default_value = DIGITS)]
    digits: String,
    /// Test sequences, from the first on
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = value_parser!(u64).range(1..=10_000))]
    sequences: u64,
    /// Write copies of the pictures: given, coming and predicted frames of some sequences
    #[arg(long, value_name = "FILE.png")]
    sheet: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Scores and prints.
pub(crate) fn run(command: ForecastCommand, out: &mut impl Write) -> Result<(), Failure> {
    let ForecastCommand { models, digits, sequences, sheet, json } = command;
    let rows = board(&Options { models, digits, sequences: sequences as usize, sheet })?;
    if json {
        let report = serde_json::json!({ "schema_version": 1, "rows": rows });
        writeln!(out, "{report}")?;
    } else {
        out.write_all(Row::table(&rows).as_bytes())?;
    }
    Ok(())
}
