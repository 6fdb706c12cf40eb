//! `framecast completions`: a completion script for a shell.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Outcome;

/// Arguments of `framecast completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell to write for
    shell: Shell,
}

/// Writes the script to stdout.
pub(crate) fn run(args: &Args) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "framecast", &mut script);
    std::io::Write::write_all(&mut std::io::stdout(), &script)?;
    Ok(())
}
