//! `framecast model`: what a model file holds and whether it runs.

mod check;
mod inspect;
mod run;

use super::Outcome;

/// Arguments of `framecast model`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show the contract, operators, parameters and cost of a model
    Inspect(inspect::Args),
    /// Compare models with their reference values on every engine
    Check(check::Args),
    /// Run a model once on .npy files
    Run(run::Args),
}

/// Runs the subcommand.
pub(crate) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Inspect(args) => inspect::run(args),
        Command::Check(args) => check::run(args),
        Command::Run(args) => run::run(args),
    }
}
