//! The `framecast-train` program. Data goes to stdout, progress to stderr; a closed stdout ends the
//! program quietly, after the files are written.

mod cli;
mod command;

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use framecast::engine::{EngineChoice, LoadOptions};
use framecast::model::ModelFile;
use framecast_trainer::TrainError;
use framecast_trainer::describe::{describe, open};
use framecast_trainer::device::DeviceChoice;
use framecast_trainer::evaluate::{evaluate, scores};
use framecast_trainer::export::{
    CARD, Format, QDQ_TOLERANCE, card, conformance, engines, export_as, save,
};
use framecast_trainer::fit::FitCheckpoint;
use framecast_trainer::horizons;
use framecast_trainer::insert::insert;
use framecast_trainer::leaderboard::{Benchmark, Folds, Options, leaderboard};
use framecast_trainer::loss::golden::checks;
use framecast_trainer::recipe::Recipe;
use framecast_trainer::report::report;
use framecast_trainer::scores::score_table;
use framecast_trainer::task::backbone::neighbours;
use framecast_trainer::train::{Checkpoint, throughput};

use command::answers::AnswersCommand;
use command::data::DataCommand;
use command::forecast::ForecastCommand;
use command::lines::{table, verdicts};
use command::plot::PlotCommand;

/// Frames an export is checked over, and the difference that is allowed.
const FRAMES: usize = 200;
const TOLERANCE: f32 = 1e-4;

#[derive(Parser)]
#[command(name = "framecast-train", version, about = "Trains the models framecast streams through")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train a recipe; checkpoints, log and contact sheets go to a folder
    Train(cli::Train),
    /// Write a checkpoint's model as an ONNX file and check it on every engine that is there
    Export {
        /// The checkpoint
        checkpoint: PathBuf,
        /// The file to write; a folder for a family whose checkpoint holds several models
        #[arg(long)]
        out: PathBuf,
        /// Sources the model is scored on; the scores go into the file
        #[arg(long, value_name = "SOURCE")]
        score: Vec<String>,
        /// Frames read of each source
        #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u64).range(2..))]
        frames: u64,
        /// Numbers of the file
        #[arg(long, value_enum, default_value_t = Format::Own)]
        format: Format,
    },
    /// Score an ONNX model beside copy-last, as `framecast eval` does
    Eval {
        /// The model
        model: PathBuf,
        /// Clips, folders or demo:
        #[arg(required = true, value_name = "SOURCE")]
        sources: Vec<String>,
        /// Frames read of each source
        #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u64).range(2..))]
        frames: u64,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Score a checkpoint of a family other than prediction on its test data, beside the baselines
    Test {
        /// The checkpoint
        checkpoint: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Ask an exported model the questions of its test data, on every engine
    Answers(AnswersCommand),
    /// Compare losses and metrics with golden values; exit code 1 when one of them is off
    CheckLosses {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print layers, parameters, multiply-accumulates and memory of a network
    Describe {
        /// A recipe (its untrained network), a checkpoint, or an ONNX file
        file: PathBuf,
    },
    /// Rank models and the baselines on named benchmarks, as JSON, Markdown and HTML
    Leaderboard {
        /// Folder the three files are written to
        #[arg(long = "out", value_name = "FOLDER")]
        folder: PathBuf,
        /// ONNX files, and folders of such
        #[arg(long, value_name = "FILE", num_args = 1.., default_value = "models")]
        models: Vec<PathBuf>,
        /// What they are ranked on
        #[arg(long, value_name = "NAME", num_args = 1.., default_values = ["catz", "clips"])]
        benchmark: Vec<Benchmark>,
        /// Two models that did not see one half of the clips each, as one predictor that scores no
        /// clip by weights trained on it
        #[arg(long, value_name = "NAME=A.onnx,B.onnx", num_args = 1..)]
        folds: Vec<Folds>,
        /// Read at most N frames of each clip, or N sequences
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..))]
        frames: Option<u64>,
        /// Write the Markdown here too
        #[arg(long, value_name = "FILE.md")]
        markdown: Option<PathBuf>,
        /// Put each ranking between the lines <!-- leaderboard NAME --> and <!-- end --> of this page
        #[arg(long, value_name = "FILE.md")]
        into: Option<PathBuf>,
        /// Predictors scored at the same time; times are taken before, one by one
        #[arg(long, value_name = "N", default_value_t = 2)]
        jobs: usize,
    },
    /// Print what models say of themselves: the scores in their contracts, beside the baselines
    Scores {
        /// ONNX files
        #[arg(required = true, value_name = "FILE")]
        models: Vec<PathBuf>,
        /// Put the table between the lines <!-- scores --> and <!-- end --> of this page too
        #[arg(long, value_name = "FILE.md")]
        into: Option<PathBuf>,
    },
    /// Plot what predictions gain over copy-last by how far ahead they look, on six camera clips
    Horizons {
        /// The Markdown to write; the plot stands beside it as .svg
        #[arg(long, value_name = "FILE.md")]
        out: PathBuf,
        /// ONNX files, and folders of such
        #[arg(long, value_name = "FILE", num_args = 1..)]
        models: Vec<PathBuf>,
        /// Two models that did not see one half of the clips each, as one predictor
        #[arg(long, value_name = "NAME=A.onnx,B.onnx", num_args = 1..)]
        folds: Vec<Folds>,
        /// Read at most N frames of each clip
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(12..))]
        frames: Option<u64>,
        /// Clips swept at the same time
        #[arg(long, value_name = "N", default_value_t = 2)]
        jobs: usize,
    },
    /// Draw a value of the logs of runs over their steps, as SVG
    Plot(PlotCommand),
    /// Score models over ten coming frames of Moving MNIST, beside the baselines
    Forecast(ForecastCommand),
    /// Compare runs in one HTML file: curves, last scores, what differs, contact sheets
    Report {
        /// Folders of runs
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<PathBuf>,
        /// The file to write
        #[arg(long, value_name = "FILE.html", default_value = "report.html")]
        out: PathBuf,
    },
    /// Time training steps of a recipe: data ready, forward, backward and optimiser
    Throughput {
        /// The recipe; benches/throughput.toml is one that needs no data
        recipe: PathBuf,
        /// Where to compute, as with train
        #[arg(long, value_name = "DEVICE", value_delimiter = ',', default_value = "cpu")]
        device: Vec<DeviceChoice>,
        /// Batches that are timed
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=100_000))]
        rounds: u64,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Look for the nearest neighbour of each frame of clips by a model of task embed, and count how
    /// often it is of the same clip, beside colour histograms
    Neighbours {
        /// The model
        model: PathBuf,
        /// Clips; those of the test data when none are given
        #[arg(value_name = "CLIP")]
        clips: Vec<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print the devices that training can compute on
    Devices,
    /// Look at data, make them, and bring them into another form
    Data {
        #[command(subcommand)]
        command: DataCommand,
    },
    /// Train a recipe of task embed once for each fold, and score all folds together
    #[command(name = "crossval")]
    CrossValidate {
        /// The recipe
        recipe: PathBuf,
        /// Folder for the runs' files, which are gone on with
        #[arg(long)]
        out: PathBuf,
    },
    /// Turn the two towers of the Keras demonstration of text and pictures into ONNX models
    ImportTowers(command::embed::Import),
    /// Write features and representations of the towers' pictures and sentences as .npy files
    Represent(command::embed::Represent),
    /// Score representations in .npy files: pairwise accuracy, recall and ranks
    Recall(command::embed::Recall),
    /// Write the README.md of a folder of models from what the models say about themselves
    Card {
        /// The folder
        folder: PathBuf,
    },
}

/// The engine scores are made on: the one every machine has.
fn built_in() -> LoadOptions {
    let mut options = LoadOptions::default();
    options.engine = EngineChoice::Tract;
    options
}

/// Why the program ends early.
enum Failure {
    /// What was asked for failed.
    Train(TrainError),
    /// The answer could not be printed.
    Output(io::Error),
    /// The answer says what failed.
    Told,
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        Self::Train(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    framecast::task::replay::install();
    let mut out = io::stdout().lock();
    let result = run(arguments.command, &mut out).and_then(|()| Ok(out.flush()?));
    let (message, code) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Output(cause)) if cause.kind() == ErrorKind::BrokenPipe => {
            return ExitCode::SUCCESS;
        }
        Err(Failure::Output(cause)) => (format!("cannot write to stdout: {cause}"), 1),
        Err(Failure::Train(error)) => (error.to_string(), error.exit_code()),
        Err(Failure::Told) => return ExitCode::FAILURE,
    };
    // Nothing better can be done when standard error is closed.
    drop(writeln!(io::stderr(), "framecast-train: {message}"));
    ExitCode::from(code)
}

fn run(command: Command, out: &mut impl Write) -> Result<(), Failure> {
    match command {
        Command::Train(train) => writeln!(out, "{}", train.run()?)?,
        Command::Export { checkpoint, out: path, score, frames, format } => {
            if FitCheckpoint::is_one(&checkpoint) {
                if !score.is_empty() || format != Format::Own {
                    return Err(Failure::Train(TrainError::Checkpoint {
                        path: checkpoint,
                        reason:
                            "--score and --format are for predictors; this family is scored on \
                                 its own test data"
                                .to_owned(),
                    }));
                }
                return command::product::export(&checkpoint, &path, out);
            }
            let checkpoint = Checkpoint::read(&checkpoint)?;
            let mut model = export_as(&checkpoint, Vec::new(), format)?;
            let shape = checkpoint.recipe.shape();
            let average = &checkpoint.optimiser.average;
            let (mut there, absent) = engines(None);
            let allowed = match format {
                Format::Qdq => QDQ_TOLERANCE,
                Format::Own if shape.preset.is_integer() => 0.0,
                Format::Own => TOLERANCE,
            };
            if shape.preset.is_integer() {
                there.push(EngineChoice::Exact);
            }
            let mut reports = Vec::new();
            for engine in there {
                let report = conformance(&model, engine, &shape, average, FRAMES)?;
                if report.worst > allowed {
                    return Err(Failure::Train(TrainError::Export {
                        name: checkpoint.recipe.name,
                        reason: format!(
                            "{} differs from the trainer by {:.1e} over {FRAMES} frames; \
                             {allowed:.0e} is allowed; nothing was written",
                            report.engine, report.worst
                        ),
                    }));
                }
                reports.push(report);
            }
            let mut text = String::new();
            if !score.is_empty() {
                let report = evaluate(&model, &score, frames, &built_in())?;
                text = table(&report);
                model = export_as(&checkpoint, scores(&report), format)?;
            }
            save(&model, &path)?;
            text.push_str(&format!("{}: {} bytes\n", path.display(), model.bytes().len()));
            for report in reports {
                text.push_str(&format!(
                    "{} within {:.1e} of the trainer over {} frames\n",
                    report.engine, report.worst, report.frames
                ));
            }
            if let Some(reason) = absent {
                text.push_str(&format!("not checked on ONNX Runtime: {reason}\n"));
            }
            out.write_all(text.as_bytes())?;
        }
        Command::Eval { model, sources, frames, json } => {
            let file = ModelFile::open(&model).map_err(|e| TrainError::Export {
                name: model.display().to_string(),
                reason: e.to_string(),
            })?;
            let report = evaluate(&file, &sources, frames, &built_in())?;
            if json {
                writeln!(out, "{}", serde_json::json!(report))?;
            } else {
                out.write_all(table(&report).as_bytes())?;
            }
        }
        Command::Test { checkpoint, json } => command::product::test(&checkpoint, json, out)?,
        Command::CheckLosses { json } => {
            let list = checks();
            let passed = list.iter().all(|c| c.passed);
            if json {
                writeln!(out, "{}", serde_json::json!({ "passed": passed, "checks": list }))?;
            } else {
                out.write_all(verdicts(&list).as_bytes())?;
            }
            if !passed {
                return Err(Failure::Told);
            }
        }
        Command::Describe { file } => out.write_all(describe(&open(&file)?)?.as_bytes())?,
        Command::Leaderboard {
            folder,
            models,
            mut benchmark,
            folds,
            frames,
            markdown,
            into,
            jobs,
        } => {
            // A benchmark named twice is one.
            benchmark.sort_unstable();
            benchmark.dedup();
            let options = Options {
                out: folder,
                models,
                folds,
                benchmarks: benchmark,
                frames,
                markdown,
                jobs,
                command: command_line(),
            };
            let board = leaderboard(&options)?;
            if let Some(page) = into {
                for (name, table) in board.rankings() {
                    insert(&page, &format!("leaderboard {name}"), &table)?;
                }
            }
            out.write_all(board.markdown().as_bytes())?;
        }
        Command::Scores { models, into } => {
            let table = score_table(&models)?;
            if let Some(page) = into {
                insert(&page, "scores", &table)?;
            }
            out.write_all(table.as_bytes())?;
        }
        Command::Horizons { out: path, models, folds, frames, jobs } => {
            let command = command_line();
            let options = horizons::Options { out: path, models, folds, frames, jobs, command };
            out.write_all(horizons::horizons(&options)?.as_bytes())?;
        }
        Command::Report { runs, out: path } => {
            report(&runs, &path)?;
            writeln!(out, "{}: {} runs", path.display(), runs.len())?;
        }
        Command::Neighbours { model, clips, json } => {
            let found = neighbours(&model, &clips)?;
            if json {
                writeln!(
                    out,
                    "{}",
                    serde_json::json!({ "schema_version": 1, "neighbours": found })
                )?;
            } else {
                out.write_all(found.text().as_bytes())?;
            }
        }
        Command::Throughput { recipe, device, rounds, json } => {
            let timed = throughput(&Recipe::read(&recipe)?, &device, rounds as usize)?;
            if json {
                writeln!(out, "{}", serde_json::json!(timed))?;
            } else {
                writeln!(
                    out,
                    "{} on {}: {:.2} sequences/s (batches of {}, {} pixels a side, {} rounds)",
                    timed.network,
                    timed.devices.join(", "),
                    timed.sequences_per_second,
                    timed.batch,
                    timed.side,
                    timed.seconds.len()
                )?;
            }
        }
        Command::Devices => out.write_all(cli::devices().as_bytes())?,
        Command::Data { command } => command::data::run(command, out)?,
        Command::Plot(command) => command::plot::run(command, out)?,
        Command::Answers(command) => command.run(out)?,
        Command::Forecast(command) => command::forecast::run(command, out)?,
        Command::CrossValidate { recipe, out: folder } => {
            command::embed::cross_validate(&recipe, &folder, out)?;
        }
        Command::ImportTowers(import) => import.run(out)?,
        Command::Represent(represent) => represent.run(out)?,
        Command::Recall(recall) => recall.run(out)?,
        Command::Card { folder } => {
            let text = card(&folder)?;
            let path = folder.join(CARD);
            fs::write(&path, text).map_err(|cause| TrainError::Io {
                action: "write",
                path,
                cause,
            })?;
        }
    }
    Ok(())
}

/// The command that runs, to be told in what it makes: places outside of the working directory by
/// their last name.
fn command_line() -> String {
    let mut words = vec!["framecast-train".to_owned()];
    for word in std::env::args().skip(1) {
        let bare = |path: &str| match path.rsplit_once('/') {
            Some((_, name)) if path.starts_with('/') => name.to_owned(),
            _ => path.to_owned(),
        };
        let parts: Vec<String> = word
            .split('=')
            .map(|part| part.split(',').map(bare).collect::<Vec<_>>().join(","))
            .collect();
        words.push(parts.join("="));
    }
    words.join(" ")
}
