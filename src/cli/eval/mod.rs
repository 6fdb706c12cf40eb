//! `framecast eval`: score a predictor beside copy-last on the same frames.

mod baselines;
mod sweep;
mod table;

use std::path::Path;

use framecast::config::Config;
use framecast::engine::LoadReport;
use framecast::frame::FramePool;
use framecast::pipeline::Stop;
use framecast::source::uri::{Location, redact, redact_within};
use framecast::source::{self, SourceError, SourceInfo};
use framecast::task::evaluate::{EvalOptions, EvalReport, Evaluator, Layout, Row};
use framecast::task::predict::Horizon;
use serde::Serialize;

use super::exit::{self, Failure};
use super::forecast_args::{ForecastArgs, parse_horizon};
use super::progress::Bar;
use super::{Outcome, forecaster, interrupt};

/// Frames read of a source that has no end, unless `--frames` says otherwise.
const ENDLESS_FRAMES: u64 = 300;

/// Arguments of `framecast eval`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Clips, cameras or demo:; with --layout sequences folders or tar archives of folders of frames
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<String>,

    #[command(flatten)]
    forecast: ForecastArgs,

    /// clip: every frame but the first is a target; sequences: the last frame of each folder
    #[arg(long, value_name = "LAYOUT", default_value = "clip")]
    layout: Layout,

    /// Read at most N frames of each source, or N sequences
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    frames: Option<u64>,

    /// Scale frames by area to this width first
    #[arg(long, value_name = "W", value_parser = clap::value_parser!(u32).range(1..=16384))]
    width: Option<u32>,

    /// How far ahead to predict in clips: frames or a time such as 100ms; copy-last looks as
    /// far
    #[arg(long, value_name = "AHEAD", default_value = "1", value_parser = parse_horizon)]
    horizon: Horizon,

    /// Score all horizons from 1 to N frames in one pass over each clip
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=32),
        conflicts_with_all = ["horizon", "skip", "baselines", "split"])]
    sweep: Option<u32>,

    /// Score linear, motion, gate and two oracles (which know the frame to come) on the same
    /// targets too
    #[arg(long)]
    baselines: bool,

    /// Print the scores by how wrong copy-last is, and by how frames repeated
    #[arg(long)]
    split: bool,

    /// Leave the first K targets of each clip out
    #[arg(long, value_name = "K", default_value_t = 0)]
    skip: u64,

    /// Print the result as one JSON object on stdout
    #[arg(long)]
    json: bool,
}

/// The report with what ran.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a EvalReport,
    /// SHA-256 of the model, or the name of the baseline.
    identity: Option<&'a str>,
    /// The engine of the last load; absent for a baseline.
    engine: Option<&'a LoadReport>,
    /// Predictors without a model on the same targets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    baselines: Vec<baselines::Baseline>,
}

/// Runs `framecast eval`.
pub(crate) fn run(args: &Args) -> Outcome {
    let config = args.forecast.config()?;
    let options = EvalOptions {
        layout: args.layout,
        frames: args.frames,
        skip: args.skip,
        width: args.width,
        horizon: args.horizon,
        ..EvalOptions::default()
    };
    if args.layout == Layout::Sequences && args.horizon != Horizon::default() {
        return Err(usage("--horizon looks further ahead in clips; a sequence has one target"));
    }
    if args.horizon == Horizon::Auto {
        return Err(usage("--horizon auto follows the age of live results; give frames or a time"));
    }
    if args.layout == Layout::Sequences && args.sweep.is_some() {
        return Err(usage("--sweep looks further ahead in clips; a sequence has one target"));
    }
    let one_clip = args.layout == Layout::Clip && args.sources.len() == 1 && args.sweep.is_none();
    if config.predict.motion_prior.is_some() && !one_clip {
        return Err(usage("a motion prior is that of one clip, without --sweep"));
    }
    if config.predict.motion_prior.is_some() && args.width.is_some() {
        return Err(usage("a motion prior is in pixels of the clip; leave out --width"));
    }
    if args.layout == Layout::Sequences && args.skip > 0 {
        return Err(usage("--skip leaves out targets of a clip; a sequence has one target"));
    }
    if args.baselines
        && args.layout == Layout::Clip
        && let Some(uri) = args.sources.iter().find(|uri| gone_once_read(uri))
    {
        let uri = redact(uri);
        return Err(Failure::new(
            exit::USAGE,
            anyhow::anyhow!(
                "--baselines reads the same frames again, and {uri} gives others each time; \
                 record it to a file first, or leave out --baselines"
            ),
        ));
    }
    if args.layout == Layout::Clip {
        // What cannot be read as a source at all is said before hours of work, not after.
        for uri in &args.sources {
            if let Err(error @ SourceError::Uri { .. }) = Location::parse(uri) {
                return Err(error.into());
            }
        }
    }
    let stop = Stop::new();
    interrupt::on_signal(&stop)?;
    if let Some(most) = args.sweep {
        return sweep::run(args, &config, &options, most, &stop);
    }
    let mut ran: Option<(String, String, Option<LoadReport>)> = None;
    let mut make = |size| {
        let opened = forecaster::open(&config, size)?;
        let (name, identity) = (opened.forecaster.name(), opened.forecaster.identity());
        ran = Some((name.to_owned(), identity.to_owned(), opened.report));
        Ok::<_, Failure>(opened.forecaster)
    };
    let priors = forecaster::motion_priors(&config)?;
    let mut evaluator = Evaluator::new(options, &mut make).with_motion_priors(priors);
    let rows = rows(args, &config, &mut evaluator, &stop)?;
    let (name, identity, engine) = ran.unwrap_or((config.model.path.clone(), String::new(), None));
    let report = EvalReport::new(&name, &options, rows);
    let baselines = if args.baselines && !stop.is_aborted() {
        baselines::rows(args, &config, &options, &stop)?
    } else {
        Vec::new()
    };
    let text = if args.json {
        let identity = Some(identity.as_str()).filter(|i| !i.is_empty());
        let document = Document { report: &report, identity, engine: engine.as_ref(), baselines };
        let json = serde_json::to_string_pretty(&document);
        format!("{}\n", json.map_err(anyhow::Error::from)?)
    } else {
        let mut text = table::text(&report, engine.as_ref());
        text += &table::intervals(&report);
        text += &baselines::text(&baselines);
        if args.split {
            text += &table::parts(&report);
        }
        text
    };
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
    if stop.is_aborted() {
        return Err(Failure::interrupted());
    }
    let failed =
        report.sources.iter().filter_map(|r| Some((r.source.as_str(), r.error.as_deref()?)));
    all_read(failed, report.sources.len())?;
    if report.frames == 0 {
        let reason = "no target could be scored; a clip needs two frames, and a sequence too";
        return Err(Failure::new(exit::SOURCE, anyhow::anyhow!(reason)));
    }
    Ok(())
}

/// Evaluates every source.
fn rows(
    args: &Args,
    config: &Config,
    evaluator: &mut Evaluator<'_, Failure>,
    stop: &Stop,
) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for uri in &args.sources {
        if stop.is_aborted() {
            break;
        }
        let row = match evaluate(uri, args, config, evaluator, stop) {
            // One source that cannot be read takes nothing from the others.
            Err(failure) if failure.code() == exit::SOURCE => {
                Row::failed(&redact(uri), redact_within(&failure.to_string()))
            }
            outcome => outcome?,
        };
        rows.push(row);
    }
    Ok(rows)
}

fn evaluate(
    uri: &str,
    args: &Args,
    config: &Config,
    evaluator: &mut Evaluator<'_, Failure>,
    stop: &Stop,
) -> Result<Row, Failure> {
    let shown = redact(uri);
    let mut options = config.source.options();
    options.paced = false;
    let mut bar = Bar::new(&shown);
    let mut progress = |done, total| {
        bar.show(done, total);
        !stop.is_aborted()
    };
    if args.layout == Layout::Sequences {
        return evaluator.sequences(&shown, Path::new(uri), &options.limits, &mut progress);
    }
    // The frame in work, the one kept by a source that reads ahead, and what a camera holds.
    let pool = FramePool::new(4 + options.buffers as usize);
    let mut source = source::open(uri, &options, &pool)?;
    let endless = endless(uri, source.info());
    if endless && args.frames.is_none() {
        tracing::warn!("{shown} has no end; {ENDLESS_FRAMES} frames are read (see --frames)");
    }
    evaluator.limit_frames(args.frames.or(endless.then_some(ENDLESS_FRAMES)));
    evaluator.clip(&shown, source.as_mut(), &mut progress)
}

/// Fails with the first of the sources that `failed`, each with its reason, out of `all`.
fn all_read<'a>(mut failed: impl Iterator<Item = (&'a str, &'a str)>, all: usize) -> Outcome {
    let Some((source, error)) = failed.next() else { return Ok(()) };
    let count = 1 + failed.count();
    let error = anyhow::anyhow!("{count} of {all} sources failed; {source}: {error}");
    Err(Failure::new(exit::SOURCE, error))
}

/// Whether a source gives other frames when it is opened again.
fn gone_once_read(uri: &str) -> bool {
    match Location::parse(uri) {
        Ok(Location::V4l2(_) | Location::Nokhwa(_) | Location::Stdin | Location::Network(_)) => {
            true
        }
        // A pipe, say.
        Ok(Location::Path(path)) => {
            std::fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir())
        }
        _ => false,
    }
}

/// Whether a source goes on for ever.
fn endless(uri: &str, info: &SourceInfo) -> bool {
    let demo = matches!(Location::parse(uri), Ok(Location::Demo(_)));
    info.live || (demo && info.frames.is_none())
}

fn usage(reason: &'static str) -> Failure {
    Failure::new(exit::USAGE, anyhow::anyhow!(reason))
}
