//! `framecast codec-report`: compression experiments on clips, beside other codecs.

mod choices;
mod clips;
mod output;

use std::path::PathBuf;

use framecast::bench::codec::{
    BenchError, ClipInfo, Fed, Ffmpeg, Prepared, Receiver, Report, ReportFolder, Runner,
    SCHEMA_VERSION, processor,
};
use framecast::frame::{PixelFormat, Size};
use framecast::pipeline::Stop;

use super::exit::{self, Failure};
use super::progress::Bar;
use super::settings::SettingsArgs;
use super::{Outcome, forecaster, interrupt};

/// Arguments of `framecast codec-report`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Clips: files, folders or tars of pictures, demo:
    #[arg(value_name = "CLIP", required_unless_present = "study")]
    clips: Vec<String>,

    /// Folder for report.html, report.json, the CSV files and what is kept of the measurements; a
    /// report that was interrupted goes on there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// The eleven clips that the codec's goals are measured on, from the recordings in DIR
    #[arg(long, value_name = "DIR")]
    study: Option<PathBuf>,

    /// With --study, those of its clips alone
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "study")]
    only: Vec<String>,

    /// What to measure: lossless (size and speed), curves (rate against quality), predictors (bits
    /// saved by each), frame-rate (every n-th frame sent), gating (surprising frames sent)
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "lossless,curves,predictors,frame-rate,gating"
    )]
    experiments: Vec<choices::Experiment>,

    /// Codecs: framecast:light, framecast:fast, framecast:strong, and of ffmpeg ffv1, ffv1:intra,
    /// ffvhuff, utvideo, x264, x264:medium, x264:ultrafast, x265, vp9, av1
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "framecast:light,framecast:fast,framecast:strong,ffv1,x264,x265,vp9,av1"
    )]
    codecs: Vec<String>,

    /// One more codec of ffmpeg: a name, = and its arguments; with {q} in them it has a curve over
    /// --rates, without it counts as lossless
    #[arg(long, value_name = "NAME=ARGS")]
    ffmpeg_codec: Vec<String>,

    /// Rates of the curves in the codecs' own scales (crf), instead of usual ones for each
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    rates: Option<Vec<u32>>,

    /// Bounds of the error of every sample, for framecast's curves
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "1,2,4,8",
        value_parser = clap::value_parser!(u8).range(1..=16))]
    max_error: Vec<u8>,

    /// Codec that the curves are compared with; the first one with a curve that is not framecast's
    /// when not given
    #[arg(long, value_name = "CODEC")]
    reference: Option<String>,

    /// Codec that carries the frames which are sent in frame-rate and gating; as --reference
    #[arg(long, value_name = "CODEC")]
    carrier: Option<String>,

    /// Predictors: copy-last, linear, motion, gate or ONNX files. The codec's predictor slot takes
    /// copy-last, motion (both always measured there) and files
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "copy-last,linear,motion"
    )]
    predict: Vec<String>,

    /// For frame-rate: send every n-th frame; 1, against which the others are compared, is added
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "1,2,3,4",
        value_parser = clap::value_parser!(u32).range(1..=64))]
    every: Vec<u32>,

    /// For gating: send a frame whose prediction has a lower PSNR than so many dB
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "24,28,32,36")]
    limits: Vec<f64>,

    /// Frames of each clip
    #[arg(long, value_name = "N", default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..=100_000))]
    frames: u64,

    /// Seconds of each clip that are left out
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    start: f64,

    /// Scale the clips by area to this size first, by ffmpeg
    #[arg(long, value_name = "WxH")]
    scale: Option<Size>,

    /// Convert the clips to I420, I422, I444 or GREY first, by ffmpeg
    #[arg(long, value_name = "FORMAT")]
    format: Option<PixelFormat>,

    /// Add Gaussian noise of this standard deviation to luma, in place of a sensor's
    #[arg(long, value_name = "SIGMA")]
    noise: Option<f64>,

    /// Seed of the noise
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    #[command(flatten)]
    settings: SettingsArgs,

    /// Print the report as one JSON object on stdout
    #[arg(long)]
    json: bool,
}

/// Runs `framecast codec-report`.
pub(crate) fn run(args: &Args) -> Outcome {
    let config = framecast::config::Config::from_raw(&args.settings.load()?)?;
    let stop = Stop::new();
    interrupt::on_signal(&stop)?;
    let options = config.source.options();
    let requests = clips::requests(args)?;
    let mut notes = Vec::new();
    let ffmpeg = match Ffmpeg::find(&options.ffmpeg, &stop) {
        Ok(found) => Some(found),
        Err(BenchError::Program { program, reason }) => {
            notes.push(format!(
                "Only framecast's own codecs are measured, without ratios and without speed against \
                 ffv1: {program}: {reason}"
            ));
            tracing::warn!("{}", notes.join(" "));
            None
        }
        Err(other) => return Err(other.into()),
    };
    let mut plan = choices::plan(args, &config, ffmpeg.as_ref(), &stop, &mut notes)?;
    plan.processor = processor();
    let folder = ReportFolder::open(&args.out)?;
    let mut bar = Bar::new("");
    for request in &requests {
        bar.say(&format!("reading {}", request.name));
        let loaded = framecast::bench::codec::load(request, &options, ffmpeg.as_ref(), &stop)?;
        let made_from = clips::made_from(request, &loaded);
        let prepared = Prepared::new(loaded.clip, &folder.clips())?;
        let info = ClipInfo::new(&prepared, made_from, clips::is_noisy(request));
        plan.clips.push((prepared, info));
    }
    let mut watch = |share: f64, what: &str| {
        tracing::info!("{:.0} % done; {what}", share * 100.0);
        bar.say(what);
        bar.show((share * 1000.0) as u64, Some(1000));
    };
    let mut open = |name: &str, size: Size| -> Result<Box<dyn Receiver>, BenchError> {
        let mut config = config.clone();
        name.clone_into(&mut config.model.path);
        let opened = forecaster::open(&config, size)
            .map_err(|failure| BenchError::Request(format!("{name}: {failure}")))?;
        Ok(Box::new(Fed::new(opened.forecaster)))
    };
    let results = Runner::new(&folder, ffmpeg.as_ref(), &stop, &mut watch, &mut open)?.run(&plan);
    drop(bar);
    let results = match results {
        Err(BenchError::Stopped) => {
            eprintln!(
                "interrupted; what was measured is kept in {}, and the same command goes on",
                args.out.display()
            );
            return Err(Failure::interrupted());
        }
        other => other?,
    };
    let report = Report {
        schema_version: SCHEMA_VERSION,
        framecast: env!("CARGO_PKG_VERSION").to_owned(),
        ffmpeg: ffmpeg.as_ref().map(|f| f.version().to_owned()),
        command: output::command_line(),
        architecture: std::env::consts::ARCH.to_owned(),
        processor: plan.processor,
        notes,
        clips: plan.clips.into_iter().map(|(_, info)| info).collect(),
        lossless: results.lossless,
        curves: results.curves,
        predictors: results.predictors,
        frame_rate: results.frame_rate,
        frame_rate_bd: results.frame_rate_bd,
        gating: results.gating,
    };
    output::write(&report, args)
}

impl From<BenchError> for Failure {
    fn from(error: BenchError) -> Self {
        match error {
            BenchError::Source(error) => error.into(),
            BenchError::Stopped => Self::interrupted(),
            BenchError::Clip { .. } => Self::new(exit::SOURCE, error),
            BenchError::Request(_) => Self::new(exit::USAGE, error),
            other => Self::new(exit::FAILURE, other),
        }
    }
}
