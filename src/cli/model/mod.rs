//! `framecast model`: what a model file holds and whether it runs.

mod inspect;

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
}

/// Runs the subcommand.
pub(crate) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Inspect(args) => inspect::run(args),
    }
}
