//! `framecast encode`: frames into a `.fcv` stream, exactly or within an error bound.

mod report;
mod shadow;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use framecast::codec::stream::StreamWriter;
use framecast::codec::{
    CodecError, Encoder, EncoderConfig, FrameInfo, Picture, Profile, SampleLayout, StreamSpec,
    frame_to_picture, layout_of, stream_id,
};
use framecast::config::{Config, ConfigError, Pace, RawConfig, SourceSettings};
use framecast::engine::EngineChoice;
use framecast::frame::{Frame, FramePool, Layout, MonoTime, PixelFormat, PooledBuf};
use framecast::pipeline::{Fresh, Stop};
use framecast::sink::GrowingFile;
use framecast::source::{Read, Source, SourceInfo};
use framecast::vision::{FrameConverter, RgbImage, VisionError};

use super::exit::{self, Failure};
use super::progress::Bar;
use super::stream_args::set_given;
use super::{Outcome, coded_predictor, interrupt, stream};

use report::Report;
use shadow::Shadow;

/// How long a read lasts at most before the interrupt is looked at.
const POLL: Duration = Duration::from_millis(200);

/// How often a live stream is brought to the disk.
const SYNC: Duration = Duration::from_secs(1);

/// Frames a second when the source does not say.
const USUAL_RATE: f64 = 25.0;

/// Arguments of `framecast encode`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A clip, camera, demo:, or - for Y4M on stdin
    #[arg(value_name = "IN")]
    source: String,

    /// The stream to write; - is stdout
    #[arg(value_name = "OUT.fcv")]
    out: PathBuf,

    /// light (real time on one small core), fast, or strong (smallest)
    #[arg(long, value_name = "PROFILE", default_value = "fast")]
    profile: Profile,

    /// Largest difference of a sample after decoding; 0 is lossless
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_error: u8,

    /// Predictor of whole frames: none, copy, motion, or a model; with one that is no integer model
    /// of kind blend the stream decodes only on the same build
    #[arg(long, value_name = "MODEL", default_value = "none")]
    predict: String,

    /// Engine of a predictor that is no integer model of kind blend: auto, tract or ort
    #[arg(long, value_name = "ENGINE", default_value_t)]
    engine: EngineChoice,

    /// Keep bands of rows apart and refresh one after the other, so that what is lost comes back
    #[arg(long)]
    resilient: bool,

    /// Time in which each band is refreshed
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_time, requires = "resilient")]
    refresh: Duration,

    /// Bands coded apart, on threads of their own; about 192 rows each when not given
    #[arg(long, value_name = "N")]
    slices: Option<usize>,

    /// Threads; the bytes are the same for any number
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    /// Frames from one key frame to the next at most
    #[arg(long, value_name = "N", default_value_t = 150)]
    key_interval: u32,

    /// End after this many frames
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    frames: Option<u64>,

    /// Size of raw video, or that wanted of a camera or the demo
    #[arg(long, value_name = "WxH")]
    size: Option<String>,

    /// Pixel format of raw video, or that wanted of a camera or the demo
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,

    /// Frames a second of raw video and image folders, or those wanted
    #[arg(long, value_name = "RATE")]
    fps: Option<String>,

    /// What YUV samples mean, for example bt709-full
    #[arg(long, value_name = "COLOUR")]
    colour: Option<String>,

    /// Print the report as one JSON object
    #[arg(long)]
    json: bool,
}

fn parse_time(text: &str) -> Result<Duration, String> {
    framecast::config::duration(text)
        .filter(|d| !d.is_zero())
        .ok_or_else(|| "write a time such as 500ms or 1s".to_owned())
}

impl Args {
    fn source_settings(&self) -> Result<SourceSettings, ConfigError> {
        let mut raw = RawConfig::defaults()?;
        set_given(
            &mut raw,
            &[
                ("source.size", &self.size, "--size"),
                ("source.format", &self.format, "--format"),
                ("source.rate", &self.fps, "--fps"),
                ("source.colour", &self.colour, "--colour"),
            ],
        )?;
        let config = Config::from_raw(&raw)?;
        Ok(SourceSettings { uri: self.source.clone(), pace: Pace::Fast, ..config.source })
    }

    fn encoder_config(&self, rate: f64) -> EncoderConfig {
        let frames = (self.refresh.as_secs_f64() * rate).round().clamp(2.0, 100_000.0);
        EncoderConfig {
            profile: self.profile,
            max_error: self.max_error,
            key_interval: self.key_interval,
            slices: self.slices,
            threads: self.threads.unwrap_or_else(processors),
            refresh: self.resilient.then_some(frames as u32),
            ..EncoderConfig::default()
        }
    }
}

/// Threads this process may use.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get().min(16))
}

/// Runs `framecast encode`.
pub(crate) fn run(args: &Args) -> Outcome {
    let settings = args.source_settings()?;
    args.encoder_config(USUAL_RATE).check()?;
    if args.out.as_path() != Path::new("-") && args.out.is_dir() {
        let error = anyhow::anyhow!("{} is a folder; name a file", args.out.display());
        return Err(Failure::new(exit::USAGE, error));
    }
    let pool = FramePool::new(4 + settings.buffers as usize);
    let (source, _) = stream::open_source(&settings, &pool)?;
    let info = source.info().clone();
    let stop = Stop::new();
    interrupt::on_signal(&stop)?;
    let mut source = Fresh::new(source);
    let mut coding = Coding::new(args, &info);
    let streamed = coding.stream(&mut source, &stop);
    let Some(open) = coding.open.take() else {
        streamed?;
        let error = anyhow::anyhow!("{} has no frames, so nothing was written", info.uri);
        return Err(Failure::new(exit::SOURCE, error));
    };
    coding.report.describe(open.encoder.header());
    coding.report.resilience = open.shadow.and_then(Shadow::cost);
    // What was coded is closed properly even when the source failed.
    let (file, bytes) = open.writer.finish()?;
    coding.report.bytes = bytes;
    if let Err(failure) = streamed {
        if let Some(partial) = file.partial() {
            eprintln!("{} frames are kept in {}", coding.report.frames, partial.display());
        }
        return Err(failure);
    }
    file.finish().map_err(|cause| CodecError::Io { what: "naming the stream failed", cause })?;
    let damage = source.damage();
    if !damage.is_none() {
        tracing::warn!("{}: {damage}", info.uri);
    }
    coding.report.print(args.json, args.out.as_path() == Path::new("-"))?;
    if stop.is_aborted() { Err(Failure::interrupted()) } else { Ok(()) }
}

/// What the first frame opens: only then the kind of picture is known.
struct Open {
    encoder: Encoder,
    writer: StreamWriter<GrowingFile>,
    shadow: Option<Shadow>,
    picture: Picture,
}

struct Coding<'a> {
    args: &'a Args,
    info: &'a SourceInfo,
    open: Option<Open>,
    converter: FrameConverter,
    rgb: RgbImage,
    report: Report,
}

impl<'a> Coding<'a> {
    fn new(args: &'a Args, info: &'a SourceInfo) -> Self {
        Self {
            args,
            info,
            open: None,
            converter: FrameConverter::new(),
            rgb: RgbImage::default(),
            report: Report::new(&info.uri, &args.out),
        }
    }

    fn stream(&mut self, source: &mut dyn Source, stop: &Stop) -> Outcome {
        let mut bar = Bar::new(&self.info.uri);
        let wanted = |done: u64| self.args.frames.is_none_or(|limit| done < limit);
        while !stop.is_aborted() && wanted(self.report.frames) {
            match source.read(MonoTime::now().after(POLL))? {
                Read::Frame(frame) => self.frame(frame)?,
                Read::Lost { frames, reason } => {
                    self.report.lost += frames;
                    tracing::warn!("the source lost {frames} frames: {reason}");
                }
                Read::Timeout | Read::Reopened => {}
                _ => break,
            }
            bar.show(self.report.frames, self.args.frames.or(self.info.frames));
        }
        Ok(())
    }

    fn frame(&mut self, frame: Frame) -> Outcome {
        let frame = if layout_of(frame.format()).is_some() {
            frame
        } else {
            // A compressed picture is coded as the RGB it stands for.
            match self.converter.to_rgb(&frame, &mut self.rgb) {
                Err(error @ VisionError::Decode { .. }) => {
                    self.report.lost += 1;
                    tracing::warn!("frame {} cannot be decoded: {error}", frame.seq());
                    return Ok(());
                }
                other => other.map_err(anyhow::Error::from)?,
            }
            let layout = Layout::packed(PixelFormat::Rgb24, self.rgb.size());
            let meta = *frame.meta();
            let bytes = PooledBuf::unpooled(self.rgb.data().to_vec());
            Frame::new(bytes, layout.map_err(CodecError::from)?, meta).map_err(CodecError::from)?
        };
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(open(self.args, self.info, &frame)?),
        };
        frame_to_picture(&frame, &mut open.picture)?;
        let meta = frame.meta();
        let info = FrameInfo {
            seq: meta.seq,
            // Files have the time of delivery there, which says nothing.
            captured: self.info.live.then_some(meta.captured),
            position: meta.position,
        };
        let began = Instant::now();
        open.encoder.send_frame(&open.picture, &info)?;
        self.report.coding += began.elapsed();
        let Some(packet) = open.encoder.receive_packet() else { return Ok(()) };
        self.report.add(&packet, frame.bytes().len());
        if let Some(shadow) = &mut open.shadow {
            shadow.add(&open.picture, &info, packet.bytes.len())?;
        }
        open.writer.write(packet)?;
        Ok(())
    }
}

fn open(args: &Args, info: &SourceInfo, frame: &Frame) -> Result<Open, Failure> {
    let spec = StreamSpec {
        format: frame.format(),
        size: frame.size(),
        colour: frame.meta().colour,
        rate: info.rate,
    };
    let rate = info.rate.map_or(USUAL_RATE, framecast::frame::Rational::as_f64);
    let id = stream_id(frame, info.live.then(SystemTime::now));
    let config = EncoderConfig { id, ..args.encoder_config(rate) };
    let predictor = || coded_predictor::by_name(&args.predict, args.engine, &spec);
    let encoder = Encoder::new(&config, &spec, predictor()?)?;
    if !encoder.is_exact() {
        eprintln!(
            "framecast: {} is no integer model of kind blend: the stream decodes only with the same \
             model, engine and processor",
            args.predict
        );
    }
    let shadow = match config.refresh {
        Some(period) => Some(Shadow::new(&config, &spec, predictor()?, period)?),
        None => None,
    };
    let fail = |cause| CodecError::Io { what: "opening the output failed", cause };
    let file = GrowingFile::create(&args.out).map_err(fail)?;
    let sync = if info.live { SYNC } else { Duration::MAX };
    let writer = StreamWriter::new(file, encoder.header(), sync)?;
    let picture = Picture::new(SampleLayout::Grey, 1, 1);
    Ok(Open { encoder, writer, shadow, picture })
}

impl From<CodecError> for Failure {
    fn from(error: CodecError) -> Self {
        let code = match error {
            CodecError::Config { .. } => exit::USAGE,
            CodecError::Predictor { .. } => exit::CONFIG,
            CodecError::PixelFormat { .. }
            | CodecError::Format { .. }
            | CodecError::Version { .. }
            | CodecError::Picture { .. }
            | CodecError::Limit { .. } => exit::SOURCE,
            _ => exit::FAILURE,
        };
        Self::new(code, error)
    }
}
