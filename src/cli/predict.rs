//! `framecast predict`: write what was predicted, as video.

use std::path::PathBuf;
use std::time::Duration;

use framecast::frame::{FramePool, MonoTime, Rational};
use framecast::model::ResetReason;
use framecast::pipeline::Stop;
use framecast::sink::{Chroma, Y4mError, Y4mWriter};
use framecast::source::{self, Read, Source};
use framecast::task::predict::{Horizon, Predictor, PredictorOptions, View};
use framecast::vision::{FrameConverter, RgbImage, VisionError};

use super::exit::{self, Failure};
use super::forecast_args::ForecastArgs;
use super::progress::Bar;
use super::{Outcome, forecaster, interrupt};

/// How long one frame of the source may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Arguments of `framecast predict`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A clip, camera, demo:, or - for Y4M on stdin
    #[arg(value_name = "SOURCE")]
    source: String,

    #[command(flatten)]
    forecast: ForecastArgs,

    /// How far ahead to predict: frames, a time such as 100ms, or auto
    #[arg(long, value_name = "AHEAD", default_value = "1", value_parser = parse_horizon)]
    horizon: Horizon,

    /// predicted, side-by-side (the frame left, its prediction right) or error-map
    #[arg(long, value_name = "VIEW", default_value = "predicted")]
    view: View,

    /// The Y4M file to write; - is stdout. Frame N of it is what was predicted for frame N
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Write 4:4:4 instead of 4:2:0
    #[arg(long)]
    full_chroma: bool,

    /// End after this many frames
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    frames: Option<u64>,
}

fn parse_horizon(text: &str) -> Result<Horizon, String> {
    text.parse().map_err(|e: framecast::task::TaskError| e.to_string())
}

/// Runs `framecast predict`.
pub(crate) fn run(args: &Args) -> Outcome {
    let config = args.forecast.config()?;
    let mut options = config.source.options();
    options.paced = false;
    let pool = FramePool::new(4 + options.buffers as usize);
    let mut source = source::open(&args.source, &options, &pool)?;
    let info = source.info().clone();
    let opened = forecaster::open(&config, info.size)?;
    let wishes =
        PredictorOptions { horizon: args.horizon, rate: info.rate, ..PredictorOptions::default() };
    let mut predictor = Predictor::new(opened.forecaster, info.size, wishes)?;
    let chroma = if args.full_chroma { Chroma::C444 } else { Chroma::C420 };
    let rate = info.rate.unwrap_or(Rational::whole(25));
    let mut writer = Y4mWriter::create(&args.out, args.view.size(info.size), rate, chroma)?;
    let stop = Stop::new();
    interrupt::on_signal(&stop)?;
    let streamed = stream(args, source.as_mut(), &mut predictor, &mut writer, &stop);
    // What was written is kept, whatever ended the stream.
    let finished = writer.finish();
    streamed?;
    let frames = finished?;
    let name = predictor.forecaster().name();
    match (predictor.totals().model(), predictor.totals().copy_last()) {
        (Some(model), Some(copy_last)) => eprintln!(
            "{frames} frames by {name}: PD {:.3}, copy-last {:.3}; MSE {:.6}, copy-last {:.6}",
            model.pd, copy_last.pd, model.mse, copy_last.mse
        ),
        _ => eprintln!("{frames} frames by {name}; none could be compared with a prediction"),
    }
    if stop.is_aborted() { Err(Failure::interrupted()) } else { Ok(()) }
}

fn stream(
    args: &Args,
    source: &mut dyn Source,
    predictor: &mut Predictor,
    writer: &mut Y4mWriter,
    stop: &Stop,
) -> Outcome {
    let mut converter = FrameConverter::new();
    let (mut rgb, mut shown) = (RgbImage::default(), RgbImage::default());
    let mut bar = Bar::new(&args.source);
    let total = source.info().frames;
    while !stop.is_aborted() && args.frames.is_none_or(|limit| writer.frames() < limit) {
        let frame = match source.read(MonoTime::now().after(PATIENCE))? {
            Read::Frame(frame) => frame,
            Read::Reopened => {
                predictor.reset(ResetReason::Reconnect);
                continue;
            }
            Read::Lost { frames, reason } => {
                tracing::warn!("{frames} frames were lost: {reason}");
                continue;
            }
            Read::Timeout => {
                let reason = format!("{}: no frame for {} s", args.source, PATIENCE.as_secs());
                return Err(Failure::new(exit::SOURCE, anyhow::anyhow!(reason)));
            }
            _ => break,
        };
        match converter.to_rgb(&frame, &mut rgb) {
            Err(error @ VisionError::Decode { .. }) => {
                tracing::warn!("frame {} is left out: {error}", frame.seq());
                continue;
            }
            other => other.map_err(anyhow::Error::from)?,
        }
        let step = predictor.step(&rgb, frame.meta())?;
        // The result is as old as the frame by now, and shown at once.
        predictor.note_display_age(MonoTime::now().since(frame.captured()));
        tracing::debug!(seq = frame.seq().0, horizon = step.horizon, "step");
        args.view.render(&rgb, predictor.matured(), &mut shown);
        writer.write(&shown)?;
        bar.show(writer.frames(), args.frames.or(total));
    }
    Ok(())
}

impl From<Y4mError> for Failure {
    fn from(error: Y4mError) -> Self {
        Self::new(exit::FAILURE, error)
    }
}
