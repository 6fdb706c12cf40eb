//! `framecast run`: stream, predict, report.

mod flags;
mod side;
mod status;
mod summary;

use std::path::Path;
use std::time::Duration;

use framecast::config::Config;
use framecast::frame::{FramePool, Rational};
use framecast::pipeline::side::Beside;
use framecast::pipeline::{
    self, LoadedModel, Outcome as Ending, PredictStage, Reloader, RunOptions, StateKeeper, Stop,
    Watching,
};
use framecast::ring::Policy;
use framecast::sink::{Jsonl, Recorder, ResultSink};
use framecast::source::SourceInfo;
use framecast::task::predict::{Predictor, PredictorOptions};

use super::exit::{self, Failure};
use super::forecaster::Opened;
use super::{Outcome, forecaster, interrupt, stream};

pub(crate) use flags::Args;

/// Runs `framecast run`.
pub(crate) fn run(args: &Args, quiet: bool) -> Outcome {
    let config = Config::from_raw(&args.raw_config()?)?;
    let stdout_taken = config.sink.jsonl.as_deref() == Some(Path::new("-"));
    if stdout_taken && args.json {
        let reason = "--json and --record-jsonl - both write to stdout; record to a file";
        return Err(Failure::new(exit::USAGE, anyhow::anyhow!(reason)));
    }
    let mut options = run_options(args, &config);
    let pool = FramePool::new(options.pool_slots() + config.source.buffers as usize);
    // Outputs come first: one that cannot be written is known before the camera starts.
    let sinks = open_sinks(&config)?;
    let recorder = config.sink.record.clone().map(Recorder::create).transpose()?;
    let state_file = open_state_file(&config)?;
    let (source, events) = stream::open_source(&config.source, &pool)?;
    options.link_events = events;
    let info = source.info().clone();
    let opened = forecaster::open(&config, info.size)?;
    let beside = Beside { recorder, ..side::tasks(&config, info.size)? };
    let mut about = summary::About::new(&config, &info, &opened);
    let (_watching, stage) = predict_stage(&config, &options, &info, opened, state_file)?;
    let stop = Stop::new();
    interrupt::on_signal(&stop)?;
    let mut status = status::Live::start(args.json, quiet, &about);
    let mut show = |now: &pipeline::Status| status.show(now);
    let finished = pipeline::run_beside(source, stage, beside, sinks, &options, &stop, &mut show);
    status.end();
    if let Some(model) = finished.report.models.models.back() {
        about.now_uses(model);
    }
    summary::print(args.json, stdout_taken, &about, &finished)?;
    match finished.error {
        Some(error) => Err(error.into()),
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
        // A read of a camera may have to open it again.
        read_timeout: config.source.timeout + config.source.open_timeout,
        sink_queue: config.sink.queue,
        report_every: Duration::from_secs(1) / config.status_rate,
        link_events: None,
    }
}

fn predict_stage(
    config: &Config,
    options: &RunOptions,
    info: &SourceInfo,
    opened: Opened,
    state_file: Option<StateKeeper>,
) -> Result<(Option<Watching>, Box<PredictStage>), Failure> {
    // The stage sees the frames an `every-N` policy keeps as a stream of their own.
    let rate = match (info.rate, options.policy) {
        (Some(rate), Some(Policy::EveryN(n))) => {
            Rational::new(rate.num(), rate.den().saturating_mul(n.get())).ok()
        }
        (rate, _) => rate,
    };
    let priors = forecaster::motion_priors(config)?;
    let wishes =
        PredictorOptions { horizon: config.predict.horizon, rate, ..PredictorOptions::default() };
    let predictor = Predictor::new(opened.forecaster, info.size, wishes)?;
    let mut stage = PredictStage::new(predictor.with_motion_priors(priors));
    stage = stage.with_load_report(opened.report);
    if let Some(file) = state_file {
        stage = stage.with_state_file(file)?;
    }
    let mut watching = None;
    if let Some(path) = opened.path.filter(|_| config.model.reload) {
        let (config, size, file) = (config.clone(), info.size, path.clone());
        let load = move || match forecaster::load(&config, file.clone(), size) {
            Ok(Opened { forecaster, report, .. }) => Ok(LoadedModel { forecaster, report }),
            Err(failure) => Err(failure.to_string()),
        };
        let (thread, reloader) = Reloader::watch(path, opened.stamp, Box::new(load))?;
        watching = Some(thread);
        stage = stage.with_reloader(reloader);
    }
    Ok((watching, Box::new(stage)))
}

fn open_state_file(config: &Config) -> Result<Option<StateKeeper>, Failure> {
    let Some(path) = &config.predict.state_file else { return Ok(None) };
    Ok(Some(StateKeeper::open(path.clone(), config.predict.state_interval)?))
}

fn open_sinks(config: &Config) -> Result<Vec<Box<dyn ResultSink>>, Failure> {
    let mut sinks: Vec<Box<dyn ResultSink>> = Vec::new();
    if let Some(path) = &config.sink.jsonl {
        sinks.push(Box::new(Jsonl::append(path)?));
    }
    Ok(sinks)
}
