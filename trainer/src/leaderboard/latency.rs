//! How long a whole prediction takes, on each engine that is there.

use std::collections::BTreeMap;
use std::time::Instant;

use framecast::engine::{EngineChoice, LoadOptions};
use framecast::frame::{Rational, Size};
use framecast::source::demo::Scene;
use framecast::task::evaluate::LatencyMs;
use framecast::vision::{FloatImage, RgbImage};

use super::Note;
use super::entrant::{Entrant, Way};
use crate::describe::SIZES;
use crate::evaluate::Failure;

/// Frames before and while time is taken.
const WARM_UP: u64 = 8;
const TIMED: u64 = 32;

/// Threads of the engine, so that figures of two machines mean the same.
const THREADS: usize = 1;

/// The engine as it is called in the tables.
fn name(engine: EngineChoice) -> &'static str {
    match engine {
        EngineChoice::Tract => "tract",
        EngineChoice::Ort => "ort",
        EngineChoice::Exact => "exact",
        EngineChoice::Auto => "auto",
    }
}

/// Fills in the latencies of `entrant`; gives where it could not be run, and why.
pub(super) fn measure(entrant: &mut Entrant, engines: &[EngineChoice]) -> Vec<Note> {
    let mut failed = Vec::new();
    if entrant.hindsight().is_some() {
        return failed;
    }
    let baseline = matches!(entrant.way, Way::Baseline(..));
    let engines = if baseline { &[EngineChoice::Tract] } else { engines };
    for &engine in engines {
        let name = if baseline { "none" } else { name(engine) };
        let mut times = BTreeMap::new();
        for size in SIZES {
            match median(entrant, engine, size) {
                Ok(Some(p50)) => drop(times.insert(size.to_string(), p50)),
                Ok(None) => {}
                Err(Failure(reason)) => {
                    let what = format!("{} on {name} at {size}", entrant.facts.name);
                    failed.push(Note::new(what, reason));
                }
            }
        }
        if !times.is_empty() {
            entrant.facts.latency_ms.insert(name.to_owned(), times);
        }
    }
    failed
}

fn median(entrant: &Entrant, engine: EngineChoice, size: Size) -> Result<Option<f64>, Failure> {
    let mut options = LoadOptions::default();
    options.engine = engine;
    options.threads = THREADS;
    let mut forecaster = entrant.make(&options, size, 0)?;
    let scene = Scene::new(9, size, Rational::whole(30));
    let mut scene = scene.map_err(|e| Failure(e.to_string()))?;
    let (mut picture, mut next) = (RgbImage::default(), FloatImage::default());
    let mut times = Vec::new();
    for at in 0..WARM_UP + TIMED {
        scene.render(at, &mut picture);
        let start = Instant::now();
        forecaster.observe(&picture, &mut next)?;
        if at >= WARM_UP {
            times.push((start.elapsed().as_secs_f64() * 1e3) as f32);
        }
    }
    Ok(LatencyMs::of(&times).p50)
}
