//! `framecast run`: stream, predict, report.

mod flags;
mod status;
mod summary;

use std::time::Duration;

use framecast::config::Config;
use framecast::frame::{FramePool, Size};
use framecast::pipeline::{self, Outcome as Ending, PipelineError, RunOptions, Stop};
use framecast::ring::Policy;
use framecast::sink::{Jsonl, ResultSink};
use framecast::task::predict::{Predictor, PredictorOptions};

use super::exit::{self, Failure};
use super::{Outcome, forecaster, interrupt, stream};

pub(crate) use flags::Args;

/// Runs `framecast run`.
pub(crate) fn run(args: &Args) -> Outcome {
    let config = Config::from_raw(&args.raw_config()?)?;
    let options = run_options(args, &config);
    let pool = FramePool::new(options.pool_slots() + config.source.buffers as usize);
    // Sinks come first: an output that cannot be written is known before the camera starts.
    let sinks = open_sinks(&config)?;
    let source = stream::open_source(&config.source, &pool)?;
    let info = source.info().clone();
    let opened = forecaster::open(&config, info.size)?;
    let about = summary::About::new(&config, &info, &opened);
    let predictor = predictor(&config, &options, info.size, info.rate, opened)?;
    let stop = Stop::new();
    interrupt::on_signal(&stop)?;
    let mut status = status::Live::start(args.json, &about);
    let finished =
        pipeline::run(source, predictor, sinks, &options, &stop, &mut |now| status.show(now));
    status.end();
    summary::print(args.json, &about, &finished)?;
    match finished.error {
        Some(error) => Err(failure(error)),
        None if finished.report.outcome == Ending::Interrupted => Err(Failure::interrupted()),
        None => Ok(()),
    }
}

fn run_options(args: &Args, config: &Config) -> RunOptions {
    RunOptions {
        policy: config.ring.policy,
        capacity: config.ring.capacity,
        block_timeout: config.ring.block_timeout,
        max_age: config.ring.max_age,
        frames: args.frames,
        duration: args.duration,
        engine_timeout: config.engine.timeout,
        sink_queue: config.sink.queue,
        report_every: Duration::from_secs(1) / config.status_rate,
    }
}

fn predictor(
    config: &Config,
    options: &RunOptions,
    size: Size,
    rate: Option<framecast::frame::Rational>,
    opened: forecaster::Opened,
) -> Result<Box<Predictor>, Failure> {
    let stride = match options.policy {
        Some(Policy::EveryN(n)) => u64::from(n.get()),
        _ => 1,
    };
    let wishes =
        PredictorOptions { horizon: config.predict.horizon, rate, stride, ..Default::default() };
    let bad = |error| Failure::new(exit::CONFIG, anyhow::Error::new(error));
    Predictor::new(opened.forecaster, size, wishes).map(Box::new).map_err(bad)
}

fn open_sinks(config: &Config) -> Result<Vec<Box<dyn ResultSink>>, Failure> {
    let mut sinks: Vec<Box<dyn ResultSink>> = Vec::new();
    if let Some(path) = &config.sink.jsonl {
        sinks.push(Box::new(Jsonl::create(path)?));
    }
    Ok(sinks)
}

fn failure(error: PipelineError) -> Failure {
    match error {
        PipelineError::Source(error) => error.into(),
        PipelineError::Sink { cause, name } => {
            Failure::new(exit::FAILURE, anyhow::Error::new(cause).context(format!("sink {name}")))
        }
        other => Failure::new(exit::FAILURE, other),
    }
}
