//! How old results are when the model is too slow for the camera, once in real time.
//!
//! A camera of 30 frames a second runs against a model that needs three frame times; the bound is
//! that no result is older than two model times. Run with `cargo bench --bench latency_under_load`.

use std::time::Duration;

use framecast::frame::{FrameMeta, FramePool};
use framecast::model::ResetReason;
use framecast::pipeline::{RunOptions, Stage, Stop, run};
use framecast::ring::Policy;
use framecast::source::{SourceOptions, open};
use framecast::task::TaskError;
use framecast::task::predict::{Step, Totals};
use framecast::vision::RgbImage;

const MODEL: Duration = Duration::from_millis(100);
const FRAMES: u64 = 600;

/// Takes `MODEL` for each frame, without using the processor.
#[derive(Default)]
struct SlowModel {
    totals: Totals,
}

impl Stage for SlowModel {
    fn step(&mut self, _image: &RgbImage, _meta: &FrameMeta) -> Result<Step, TaskError> {
        std::thread::sleep(MODEL);
        Ok(Step {
            horizon: 1,
            reset: None,
            broken: None,
            score: None,
            surprise: None,
            event: None,
            infer: MODEL,
        })
    }

    fn between_frames(&mut self, _age: Option<Duration>) -> Result<(), TaskError> {
        Ok(())
    }

    fn reset(&mut self, _reason: ResetReason) {}

    fn totals(&self) -> &Totals {
        &self.totals
    }

    fn events(&self) -> u64 {
        0
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("camera 30 fps, model {MODEL:?}, {FRAMES} frames a policy; ages over model time");
    println!(
        "{:<12} {:>6} {:>6} {:>6}  processed  dropped  bound 2.0",
        "policy", "p50", "p99", "max"
    );
    let mut kept = true;
    for policy in [Policy::Latest, Policy::DropOldest] {
        let options =
            RunOptions { policy: Some(policy), frames: Some(FRAMES), ..RunOptions::default() };
        let mut wishes = SourceOptions::default();
        wishes.paced = true;
        let pool = FramePool::new(options.pool_slots());
        let source = open("demo:?size=320x180&fps=30", &wishes, &pool)?;
        let stage = Box::new(SlowModel::default());
        let finished = run(source, stage, Vec::new(), &options, &Stop::new(), &mut |_| {});
        if let Some(error) = finished.error {
            return Err(error.into());
        }
        let (age, frames) = (finished.report.age_ms, finished.report.frames);
        let times = |ms: Option<f64>| ms.unwrap_or(f64::NAN) / MODEL.as_secs_f64() / 1e3;
        let fresh = times(age.max) < 2.0;
        println!(
            "{:<12} {:>6.2} {:>6.2} {:>6.2}  {:>9}  {:>7}  {}",
            policy.to_string(),
            times(age.p50),
            times(age.p99),
            times(age.max),
            frames.processed,
            frames.dropped.total(),
            if fresh { "kept" } else { "exceeded" }
        );
        kept &= frames.balances() && (fresh || policy != Policy::Latest);
    }
    println!("drop-oldest is shown for comparison: a queue keeps more frames and is late");
    if kept { Ok(()) } else { Err("a result of the latest policy was too old".into()) }
}
