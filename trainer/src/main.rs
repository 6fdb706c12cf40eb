//! The `framecast-train` program.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use framecast::engine::{EngineChoice, LoadOptions};
use framecast::model::ModelFile;
use framecast::task::evaluate::EvalReport;
use framecast_trainer::TrainError;
use framecast_trainer::evaluate::{evaluate, scores};
use framecast_trainer::export::{CARD, card, conformance, engines, export, save};
use framecast_trainer::recipe::Recipe;
use framecast_trainer::train::{Checkpoint, Options, train};

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
    Train {
        /// The recipe
        recipe: PathBuf,
        /// Folder for the run's files [default: runs/NAME]
        #[arg(long)]
        out: Option<PathBuf>,
        /// Go on from the folder's last checkpoint
        #[arg(long)]
        resume: bool,
        /// Stop after this many minutes; --resume goes on
        #[arg(long)]
        minutes: Option<f64>,
    },
    /// Write a checkpoint's model as an ONNX file and check it on every engine that is there
    Export {
        /// The checkpoint
        checkpoint: PathBuf,
        /// The file to write
        #[arg(long)]
        out: PathBuf,
        /// Sources the model is scored on; the scores go into the file
        #[arg(long, value_name = "SOURCE")]
        score: Vec<String>,
        /// Frames read of each source
        #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u64).range(2..))]
        frames: u64,
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

/// One line a source.
fn table(report: &EvalReport) -> String {
    let mut text = String::new();
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.2}"));
    for row in &report.sources {
        let (m, c) = (row.model, row.copy_last);
        text.push_str(&format!(
            "{}  {} frames  PSNR {} dB (copy-last {})  PD {} (copy-last {})\n",
            row.source,
            row.frames,
            number(m.psnr),
            number(c.psnr),
            number(m.pd),
            number(c.pd)
        ));
    }
    text
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("framecast-train: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: Command) -> Result<(), TrainError> {
    match command {
        Command::Train { recipe, out, resume, minutes } => {
            let recipe = Recipe::read(&recipe)?;
            let threads = recipe.train.threads;
            // Fails only when a pool exists already, which has the wanted size then.
            drop(rayon::ThreadPoolBuilder::new().num_threads(threads).build_global());
            let out = out.unwrap_or_else(|| PathBuf::from("runs").join(&recipe.name));
            let time = minutes.and_then(|m| Duration::try_from_secs_f64(m * 60.0).ok());
            let outcome = train(&recipe, &Options { out, resume, time })?;
            println!(
                "{} of {} steps; best {:+.2} dB over copy-last in {}",
                outcome.steps,
                recipe.train.steps,
                outcome.gain.unwrap_or_default(),
                outcome.best.display()
            );
        }
        Command::Export { checkpoint, out, score, frames } => {
            let checkpoint = Checkpoint::read(&checkpoint)?;
            let mut model = export(&checkpoint, Vec::new())?;
            let shape = checkpoint.recipe.network.shape();
            let average = &checkpoint.optimiser.average;
            let (there, absent) = engines(None);
            let mut reports = Vec::new();
            for engine in there {
                let report = conformance(&model, engine, &shape, average, FRAMES)?;
                if report.worst > TOLERANCE {
                    return Err(TrainError::Export {
                        name: checkpoint.recipe.name,
                        reason: format!(
                            "{} differs from the trainer by {:.1e} over {FRAMES} frames; \
                             {TOLERANCE:.0e} is allowed; nothing was written",
                            report.engine, report.worst
                        ),
                    });
                }
                reports.push(report);
            }
            if !score.is_empty() {
                let report = evaluate(&model, &score, frames, &built_in())?;
                print!("{}", table(&report));
                model = export(&checkpoint, scores(&report))?;
            }
            save(&model, &out)?;
            println!("{}: {} bytes", out.display(), model.bytes().len());
            for report in reports {
                println!(
                    "{} within {:.1e} of the trainer over {} frames",
                    report.engine, report.worst, report.frames
                );
            }
            if let Some(reason) = absent {
                println!("not checked on ONNX Runtime: {reason}");
            }
        }
        Command::Eval { model, sources, frames, json } => {
            let file = ModelFile::open(&model).map_err(|e| TrainError::Export {
                name: model.display().to_string(),
                reason: e.to_string(),
            })?;
            let report = evaluate(&file, &sources, frames, &built_in())?;
            if json {
                println!("{}", serde_json::json!(report));
            } else {
                print!("{}", table(&report));
            }
        }
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
