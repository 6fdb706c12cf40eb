//! Whether memory grows: the resident set over demo frames 2,000 to 20,000, as the slope of a
//! least-squares line in bytes a frame. The bound is 50. Run with `cargo bench --bench soak`; give
//! a model with `-- FILE.onnx`.

use std::time::Duration;

use framecast::engine::{LoadOptions, load};
use framecast::frame::{FramePool, Size};
use framecast::model::ModelFile;
use framecast::pipeline::{PredictStage, RunOptions, Stop, run};
use framecast::source::{SourceOptions, open};
use framecast::task::predict::{Direct, Forecaster, Linear, Predictor, PredictorOptions, binding};

const FIRST: u64 = 2_000;
const LAST: u64 = 20_000;
const BOUND: f64 = 50.0;
const SIZE: Size = Size::new(64, 48);

/// Resident bytes of this process; Linux only.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok().map(|kb| kb * 1024.0)
}

/// The slope of the least-squares line through the points.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let mean = |f: fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let covariance: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let variance: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    covariance / variance
}

fn forecaster(path: Option<&str>) -> Result<Box<dyn Forecaster>, Box<dyn std::error::Error>> {
    let Some(path) = path else { return Ok(Box::new(Linear::new())) };
    let file = ModelFile::open(path)?;
    let contract = file.contract()?.ok_or("the model carries no contract")?;
    let mut options = LoadOptions::default();
    options.bind = binding(&contract, SIZE)?;
    let loaded = load(&file, &options)?;
    println!("{}", loaded.report.summary());
    Ok(Box::new(Direct::new(loaded.session, &contract, file.sha256().to_owned(), SIZE)?))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().skip(1).find(|a| !a.starts_with("--"));
    let forecaster = forecaster(path.as_deref())?;
    println!("soak: {} over demo frames of {SIZE}", forecaster.name());
    let options = RunOptions {
        frames: Some(LAST),
        report_every: Duration::from_millis(50),
        ..RunOptions::default()
    };
    let pool = FramePool::new(options.pool_slots());
    let source = open(&format!("demo:?size={SIZE}"), &SourceOptions::default(), &pool)?;
    let predictor = Predictor::new(forecaster, SIZE, PredictorOptions::default())?;
    let stage = Box::new(PredictStage::new(predictor));
    // Room for every sample from the start, so that measuring does not grow what is measured.
    let mut points = Vec::with_capacity(1 << 16);
    let finished = run(source, stage, Vec::new(), &options, &Stop::new(), &mut |status| {
        let frames = status.frames.processed;
        if frames >= FIRST
            && let Some(bytes) = resident()
        {
            points.push((frames as f64, bytes));
        }
    });
    if let Some(error) = finished.error {
        return Err(error.into());
    }
    if points.len() < 10 {
        return Err(format!("{} samples are too few for a slope", points.len()).into());
    }
    let slope = slope(&points);
    let last = points.last().map_or(0.0, |p| p.1);
    println!(
        "{} samples over frames {FIRST}..{LAST}: {slope:.2} bytes a frame (bound {BOUND}), \
         resident {:.1} MiB at the end, {:.0} fps",
        points.len(),
        last / 1_048_576.0,
        finished.report.fps
    );
    if slope < BOUND { Ok(()) } else { Err("memory grows".into()) }
}
