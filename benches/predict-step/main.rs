//! How long a prediction takes, part by part, and what it is worth at that size:
//! `cargo bench --bench predict_step -- --out docs/predict-step.md`.
//!
//! All parts are timed in one run, one after the other on each frame, in processor time of the one
//! thread that does everything, so that their ratios hold on a busy machine too. The quality is that
//! of the same files and settings on the six camera clips, scaled to a width of 640.

mod page;
mod parts;
mod plain;
mod quality;
mod stopwatch;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use framecast::engine::search;
use framecast::frame::Size;
use framecast::model::ModelFile;

use page::Column;

/// The sizes that are timed.
const SIZES: [Size; 2] = [Size::new(640, 360), Size::new(96, 96)];

#[derive(Parser)]
struct Args {
    /// Blend models; those of the folder models when not given
    #[arg(long, num_args = 1..)]
    models: Vec<PathBuf>,
    /// Write the Markdown here too
    #[arg(long)]
    out: Option<PathBuf>,
    /// Frames timed
    #[arg(long, default_value_t = 200)]
    frames: u64,
    /// Frames of each clip scored at most; 0 leaves the quality out
    #[arg(long)]
    quality: Option<u64>,
    /// Given by cargo bench
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let given = !args.models.is_empty();
    let models = if given {
        args.models
    } else {
        ["predict-nano", "predict-small"].map(|n| format!("models/{n}.onnx").into()).into()
    };
    let ort = search(None).last().is_some_and(|t| t.outcome.is_ok());
    let mut columns = Vec::new();
    for path in models.iter().filter(|p| given || p.exists()) {
        let file = ModelFile::open(path)?;
        let contract = file.contract()?.ok_or("the model carries no contract")?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        eprintln!("timing {name}");
        let mut times = Vec::new();
        for size in SIZES {
            times.push((size, parts::measure(&file, &contract, ort, size, args.frames)?));
        }
        let quality = match args.quality {
            Some(0) => None,
            most => Some(quality::measure(&file, &contract, ort, most)?),
        };
        columns.push(Column { name, times, quality });
    }
    let text = page::markdown(&columns, args.frames, args.quality);
    print!("{text}");
    if let Some(path) = args.out {
        std::fs::write(path, text)?;
    }
    Ok(())
}
