//! `framecast source list`: the cameras of this machine and the other kinds of source.

use std::io::Write as _;

use serde_json::{Value, json};

use super::super::Outcome;
#[cfg(all(target_os = "linux", target_pointer_width = "64", target_endian = "little"))]
use super::cameras;

/// Arguments of `framecast source list`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Show controls with their ranges too, and nodes that are no cameras
    #[arg(long)]
    all: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Sources that are always there.
const OTHERS: [(&str, &str); 8] = [
    ("demo:", "the built-in synthetic camera; demo:?seed=7&size=640x360&fps=30"),
    ("FILE.y4m", "YUV4MPEG2 video; - reads it from stdin"),
    ("FILE.gif", "an animation"),
    ("DIR", "a folder of PNG or JPEG pictures, in natural order"),
    ("FILE.tar", "an archive of such pictures"),
    ("FILE.yuv", "raw video, with --size, --format and --fps"),
    ("FILE.mp4 ...", "any other video, through ffmpeg"),
    ("rtsp://...", "a network camera, through ffmpeg"),
];

/// Runs `framecast source list`.
pub(crate) fn run(args: &Args) -> Outcome {
    let devices = cameras::find();
    let mut out = std::io::stdout().lock();
    if args.json {
        let (usable, unusable) = cameras::as_json(&devices);
        let kinds: Vec<Value> =
            OTHERS.iter().map(|(uri, what)| json!({ "uri": uri, "what": what })).collect();
        let all = json!({
            "schema_version": 1,
            "cameras": usable,
            "unusable": unusable,
            "kinds": kinds,
        });
        writeln!(out, "{all:#}")?;
        return Ok(());
    }
    cameras::print(&mut out, &devices, args.all)?;
    writeln!(out, "other sources")?;
    for (uri, what) in OTHERS {
        writeln!(out, "  {uri:13} {what}")?;
    }
    Ok(())
}

/// Other systems reach their cameras by number (`nokhwa:0`) and are not asked for a list.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64", target_endian = "little")))]
mod cameras {
    use std::io;

    pub(super) fn find() {}

    pub(super) fn as_json((): &()) -> (Vec<serde_json::Value>, Vec<serde_json::Value>) {
        (Vec::new(), Vec::new())
    }

    pub(super) fn print(out: &mut impl io::Write, (): &(), _all: bool) -> io::Result<()> {
        writeln!(out, "cameras are opened by number: nokhwa:0, nokhwa:1, ...\n")
    }
}
