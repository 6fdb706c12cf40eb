//! The camera test, run inside the virtual machine that `.ci/virtual-camera` boots.
//!
//! `virtual-camera single /dev/videoN` streams the single-planar formats and injects every fault;
//! `virtual-camera multi /dev/videoN` streams the multi-planar ones. One line a check, a closing
//! line, and an exit code that says whether all passed.

#![cfg(all(target_os = "linux", target_pointer_width = "64", target_endian = "little"))]

mod bars;
mod faults;
mod formats;
#[cfg(feature = "nokhwa")]
mod nokhwa;
mod program;
mod report;
mod tally;

use std::process::ExitCode;

fn main() -> ExitCode {
    tracing_subscriber::fmt().with_max_level(tracing::Level::ERROR).with_target(false).init();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [mode, path] = args.as_slice() else {
        eprintln!("usage: virtual-camera single|multi /dev/videoN (see .ci/virtual-camera)");
        return ExitCode::from(2);
    };
    let mut report = report::Report::new();
    report.outcome("test pattern", formats::prepare(path).map(|()| "100 % colour bars".to_owned()));
    let multi = mode == "multi";
    let streamed = formats::all(&mut report, path, multi);
    let least = if multi { 3 } else { 8 };
    report.check("formats streamed", streamed >= least, format!("{streamed} of at least {least}"));
    if !multi {
        program::all(&mut report, path, "/dev/video1");
        formats::colours(&mut report, path);
        faults::all(&mut report, path);
        #[cfg(feature = "nokhwa")]
        nokhwa::all(&mut report, path);
    } else {
        report.outcome("multi-planar disconnect", faults::disconnect(path));
    }
    if report.close() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
