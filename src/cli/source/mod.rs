//! `framecast source`: which cameras there are, and what a source really delivers.

#[cfg(all(target_os = "linux", target_pointer_width = "64", target_endian = "little"))]
mod cameras;
mod list;
mod probe;

use clap::Subcommand;

use super::Outcome;

/// Arguments of `framecast source`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List cameras with their formats, stable names and controls, and the other kinds of source
    List(list::Args),
    /// Open a source, read frames and say what was delivered and what was lost
    Probe(probe::Args),
}

/// Runs `framecast source`.
pub(crate) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::List(args) => list::run(args),
        Command::Probe(args) => probe::run(args),
    }
}
