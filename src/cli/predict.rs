//! `framecast predict`: write what was predicted, as video.

use std::path::PathBuf;
use std::time::Duration;

use framecast::config::{Pace, SourceSettings};
use framecast::frame::{FramePool, MonoTime, Rational};
use framecast::model::ResetReason;
use framecast::pipeline::{Fresh, Stop};
use framecast::sink::{Chroma, Y4mError, Y4mWriter};
use framecast::source::{Read, Source};
use framecast::task::predict::{Horizon, Predictor, PredictorOptions, View};
use framecast::vision::{FrameConverter, RgbImage, VisionError};

use super::exit::{self, Failure};
use super::forecast_args::{ForecastArgs, parse_horizon};
use super::progress::Bar;
use super::{Outcome, forecaster, interrupt, stream};

/// How long a read lasts at most before the interrupt is looked at.
const POLL: Duration = Duration::from_millis(200);

/// The longest gap that is filled picture by picture.
const MAX_FILL: u64 = 10_000;

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

    /// The Y4M file to write; - is stdout. Frame N of it is what was predicted for frame
    /// N, also when frame N itself was lost
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Write 4:4:4 instead of 4:2:0
    #[arg(long)]
    full_chroma: bool,

    /// End after this many frames
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    frames: Option<u64>,
}

/// Runs `framecast predict`.
pub(crate) fn run(args: &Args) -> Outcome {
    let config = args.forecast.config()?;
    let settings =
        SourceSettings { uri: args.source.clone(), pace: Pace::Fast, ..config.source.clone() };
    let pool = FramePool::new(4 + settings.buffers as usize);
    let (source, _) = stream::open_source(&settings, &pool)?;
    let info = source.info().clone();
    let opened = forecaster::open(&config, info.size)?;
    let wishes =
        PredictorOptions { horizon: args.horizon, rate: info.rate, ..PredictorOptions::default() };
    let predictor = Predictor::new(opened.forecaster, info.size, wishes)?;
    let mut predictor = predictor.with_motion_priors(forecaster::motion_priors(&config)?);
    let chroma = if args.full_chroma { Chroma::C444 } else { Chroma::C420 };
    let rate = info.rate.unwrap_or(Rational::whole(25));
    let writer = Y4mWriter::create(&args.out, args.view.size(info.size), rate, chroma)?;
    let stop = Stop::new();
    interrupt::on_signal(&stop)?;
    let mut source = Fresh::new(source);
    let mut writing = Writing { args, writer, shown: RgbImage::default(), owed: 0, horizon: 1 };
    let streamed = writing.stream(&mut source, &mut predictor, &stop);
    let writer = writing.writer;
    if let Err(failure) = streamed {
        if let Some(partial) = writer.partial() {
            eprintln!("{} frames are kept in {}", writer.frames(), partial.display());
        }
        return Err(failure);
    }
    let frames = writer.finish()?;
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

/// The video being written: one picture for each frame of the source, lost ones included, so that
/// both keep the same numbers.
struct Writing<'a> {
    args: &'a Args,
    writer: Y4mWriter,
    /// The picture written last.
    shown: RgbImage,
    /// Frames lost before there was any picture to stand for them.
    owed: u64,
    /// How far ahead the newest prediction lies.
    horizon: u32,
}

impl Writing<'_> {
    fn stream(
        &mut self,
        source: &mut dyn Source,
        predictor: &mut Predictor,
        stop: &Stop,
    ) -> Outcome {
        let mut converter = FrameConverter::new();
        let (mut rgb, mut incoming) = (RgbImage::default(), RgbImage::default());
        let mut bar = Bar::new(&source.info().uri);
        let total = source.info().frames;
        while !stop.is_aborted() && self.wanted() {
            let frame = match source.read(MonoTime::now().after(POLL))? {
                Read::Frame(frame) => frame,
                Read::Reopened => {
                    predictor.reset(ResetReason::Reconnect);
                    continue;
                }
                Read::Lost { frames, reason } => {
                    tracing::warn!("{frames} frames were lost: {reason}");
                    self.fill(frames, &rgb, predictor, stop)?;
                    continue;
                }
                // A recording fails by itself when nothing comes any more; a camera is opened again,
                // and Ctrl-C ends the wait for it.
                Read::Timeout => continue,
                _ => break,
            };
            match converter.to_rgb(&frame, &mut incoming) {
                Err(error @ VisionError::Decode { .. }) => {
                    tracing::warn!("frame {} cannot be decoded: {error}", frame.seq());
                    self.fill(1, &rgb, predictor, stop)?;
                    continue;
                }
                other => other.map_err(anyhow::Error::from)?,
            }
            std::mem::swap(&mut rgb, &mut incoming);
            let step = predictor.step(&rgb, frame.meta())?;
            // The result is as old as the frame by now, and shown at once.
            predictor.note_display_age(MonoTime::now().since(frame.captured()));
            tracing::debug!(seq = frame.seq().0, horizon = step.horizon, "step");
            self.args.view.render(&rgb, predictor.matured(), &mut self.shown);
            for _ in 0..=std::mem::take(&mut self.owed) {
                self.put()?;
            }
            self.horizon = step.horizon;
            bar.show(self.writer.frames(), self.args.frames.or(total));
        }
        let damage = source.damage();
        if !damage.is_none() {
            tracing::warn!("{}: {damage}", source.info().uri);
        }
        Ok(())
    }

    fn wanted(&self) -> bool {
        self.args.frames.is_none_or(|limit| self.writer.frames() < limit)
    }

    /// Writes the picture that stands for the frame shown last.
    fn put(&mut self) -> Result<(), Y4mError> {
        if self.wanted() { self.writer.write(&self.shown) } else { Ok(()) }
    }

    /// Lets the prediction for the first of them stand for `frames` lost frames after `last`; one
    /// made for a later frame does not fit, then the picture written last stays.
    fn fill(
        &mut self,
        frames: u64,
        last: &RgbImage,
        predictor: &Predictor,
        stop: &Stop,
    ) -> Outcome {
        let filled = frames.min(MAX_FILL);
        if filled < frames {
            tracing::warn!("only {filled} of {frames} lost frames are filled in");
        }
        if self.writer.frames() == 0 {
            self.owed = self.owed.saturating_add(filled).min(MAX_FILL);
            return Ok(());
        }
        if self.horizon == 1
            && self.args.view != View::ErrorMap
            && let Some(prediction) = predictor.prediction()
        {
            self.args.view.render(last, Some(prediction), &mut self.shown);
        }
        for _ in 0..filled {
            if stop.is_aborted() {
                break;
            }
            self.put()?;
        }
        Ok(())
    }
}

impl From<Y4mError> for Failure {
    fn from(error: Y4mError) -> Self {
        Self::new(exit::FAILURE, error)
    }
}
