//! The command line: one file a command. Only this folder prints.
//!
//! Data goes to stdout, logs and progress to stderr. A closed stdout ends the program quietly.

mod ask;
mod codec_report;
mod coded_predictor;
mod completions;
mod config;
mod decode;
mod describe;
mod doctor;
mod embedders;
mod encode;
mod eval;
mod exit;
mod forecast_args;
mod forecaster;
mod index;
mod interrupt;
mod model;
mod predict;
mod progress;
mod rank;
mod reader;
mod run;
mod search;
mod settings;
mod source;
mod stream;
mod stream_args;
mod tag;
mod tagger;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use framecast::source::uri::redact_within;

use exit::Failure;

/// A real-time frame predictor for cameras at the edge.
#[derive(Debug, Parser)]
#[command(name = "framecast", version, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    /// Log more to stderr (-v info, -vv debug, -vvv trace)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,

    /// Log errors only, and show no progress
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Stream frames, predict the next one, report
    Run(Box<run::Args>),
    /// List cameras, or find out what a source delivers
    Source(source::Args),
    /// Write predicted frames as video
    Predict(Box<predict::Args>),
    /// Score a predictor beside copy-last on the same frames
    Eval(Box<eval::Args>),
    /// Code frames into a .fcv stream, lossless or within an error bound
    Encode(Box<encode::Args>),
    /// Decode a .fcv stream to video
    Decode(decode::Args),
    /// Answer a question about a picture, a clip or a running stream
    Ask(Box<ask::Args>),
    /// Make an index of a recording or stream, to be searched by text or picture
    Index(Box<index::Args>),
    /// Find in an index what a text or a picture says
    Search(Box<search::Args>),
    /// Say what a recording or stream shows, in sentences
    Describe(Box<describe::Args>),
    /// Put recorded events in the order an operator wants to see them
    Rank(rank::Args),
    /// Say what a source shows, as labels that come and go
    Tag(Box<tag::Args>),
    /// Measure codecs and predictors on clips: size, speed, quality, experiments
    CodecReport(Box<codec_report::Args>),
    /// Look into a model file
    Model(model::Args),
    /// Say what is there, what is not, why, and what to do
    Doctor(doctor::Args),
    /// Show or check the configuration
    Config(config::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
}

/// Parses the arguments, runs the command and turns its outcome into an exit code.
pub(crate) fn main() -> ExitCode {
    coded_predictor::install();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version print to stdout and succeed; everything else is a usage error.
            let code = if error.use_stderr() { exit::USAGE } else { exit::OK };
            if let Some(planned) = planned_command(&error) {
                eprintln!("framecast: {planned:?} is not a command of this version");
                return ExitCode::from(code);
            }
            let text = error.render().to_string();
            let shown = redact_within(&text);
            // Repeats what was typed, which may be an address with a password.
            if shown == text {
                let _ = error.print();
            } else {
                eprint!("{shown}");
            }
            return ExitCode::from(code);
        }
    };
    start_logging(cli.verbose, cli.quiet);
    let outcome = match cli.command {
        Command::Source(args) => source::run(&args),
        Command::Run(args) => run::run(&args, cli.quiet),
        Command::Predict(args) => predict::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Encode(args) => encode::run(&args),
        Command::Decode(args) => decode::run(&args),
        Command::Ask(args) => ask::run(&args),
        Command::Index(args) => index::run(&args),
        Command::Search(args) => search::run(&args),
        Command::Describe(args) => describe::run(&args),
        Command::Rank(args) => rank::run(&args),
        Command::Tag(args) => tag::run(&args),
        Command::CodecReport(args) => codec_report::run(&args),
        Command::Model(args) => model::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Completions(args) => completions::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::from(exit::OK),
        Err(failure) => failure.report(),
    }
}

/// Commands of later versions: they get a plain sentence instead of a guess at a typing error.
const PLANNED: &[&str] = &["bench", "record"];

fn planned_command(error: &clap::Error) -> Option<&str> {
    use clap::error::{ContextKind, ContextValue};
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(name)) => PLANNED.iter().copied().find(|planned| planned == name),
        _ => None,
    }
}

fn start_logging(verbose: u8, quiet: bool) {
    use tracing_subscriber::EnvFilter;
    let level = match (quiet, verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, 2) => "debug",
        (false, _) => "trace",
    };
    // The inference libraries are chatty at info; they follow only from -vv on.
    let default = if verbose < 2 {
        format!("{level},ort=warn,tract_core=warn,tract_onnx=warn,tract_linalg=warn")
    } else {
        level.to_owned()
    };
    let filter =
        EnvFilter::try_from_env("FRAMECAST_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
}

type Outcome = Result<(), Failure>;
