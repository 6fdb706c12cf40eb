//! The `framecast` program.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    framecast::task::replay::install();
    cli::main()
}
