//! `framecast tag`: what a recording or camera shows, as labels that come and go.

mod report;

use std::path::PathBuf;
use std::time::Duration;

use framecast::config::{Config, Pace, SourceSettings, duration};
use framecast::frame::{FramePool, MonoTime};
use framecast::model::npy;
use framecast::pipeline::Stop;
use framecast::task::tag::{Pool, TagOptions, TagStream};
use framecast::vision::{FrameConverter, RgbImage};

use super::exit::{self, Failure};
use super::progress::Bar;
use super::reader::{Reader, Shot};
use super::settings::SettingsArgs;
use super::stream_args::StreamArgs;
use super::tagger::{self, TagFiles};
use super::{Outcome, embedders, interrupt, stream};
use report::Report;

/// Arguments of `framecast tag`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A clip, picture folder, camera, demo:, or - for Y4M on stdin
    #[arg(value_name = "SOURCE")]
    source: String,

    #[command(flatten)]
    settings: SettingsArgs,

    /// The tag model, an ONNX file; the configured one when not given
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,

    /// Lines of a contract for a tag model of somebody else
    #[arg(long, value_name = "LINES.toml")]
    contract: Option<PathBuf>,

    /// What makes the embeddings the tag model takes; found by itself for a model that says so
    #[arg(long, value_name = "MODEL")]
    backbone: Option<String>,

    /// Lines of a contract for a feature extractor of somebody else
    #[arg(long, value_name = "LINES.toml", requires = "backbone")]
    backbone_contract: Option<PathBuf>,

    /// Names and links of the labels: a list, or the vocabulary.csv or label_names.csv of
    /// YouTube-8M, plain or gzipped
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,

    /// Features of the sound that follow the embedding: an array with a row a second
    #[arg(long, value_name = "FILE.npy")]
    audio: Option<PathBuf>,

    /// The most tags of a frame
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    top: Option<u64>,

    /// Tags are told up to the first below this, 0 to 1
    #[arg(long, value_name = "SCORE")]
    threshold: Option<f32>,

    /// A tag begins at this score
    #[arg(long, value_name = "SCORE")]
    on: Option<f32>,

    /// A tag ends below this score
    #[arg(long, value_name = "SCORE")]
    off: Option<f32>,

    /// Time that is averaged over, for example 2s; 0s for each frame by itself
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    window: Option<Duration>,

    /// What is averaged: scores, embeddings or votes
    #[arg(long, value_name = "WHAT", default_value = "scores")]
    pool: Pool,

    /// Tag every n-th frame
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,

    /// End after this many tagged frames
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    frames: Option<u64>,

    /// Print a JSON object a line: one a tagged frame, and a summary at the end
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    stream: StreamArgs,
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    duration(text).ok_or_else(|| format!("{text:?} is no time; write 500ms, 2s or 1min"))
}

impl Args {
    fn options(&self, config: &Config) -> TagOptions {
        let set = &config.side.tag;
        TagOptions {
            top: self.top.map_or(set.top, |n| n as usize),
            threshold: self.threshold.unwrap_or(set.threshold),
            on: self.on.unwrap_or(set.on),
            off: self.off.unwrap_or(set.off),
            window: self.window.unwrap_or(set.window),
            pool: self.pool,
        }
    }

    fn files(&self, config: &Config) -> Result<TagFiles, Failure> {
        let set = &config.side.tag;
        let configured =
            |m: &Option<framecast::config::SideModel>| m.clone().map(|m| (m.path, m.base));
        let (model, base) = match (&self.model, configured(&set.model)) {
            (Some(model), _) => (model.clone(), None),
            (None, Some(configured)) => configured,
            (None, None) => {
                return Err(Failure::new(
                    exit::USAGE,
                    anyhow::anyhow!(
                        "name a tag model with --model, for example --model tag-scenes"
                    ),
                ));
            }
        };
        // A configured backbone belongs to the configured model.
        let backbone = self.backbone.clone().or_else(|| {
            configured(&set.backbone).filter(|_| self.model.is_none()).map(|(path, _)| path)
        });
        Ok(TagFiles {
            model,
            contract: self.contract.clone(),
            backbone,
            backbone_contract: self.backbone_contract.clone(),
            labels: self.labels.clone(),
            base: base.into_iter().collect(),
            threads: None,
        })
    }
}

/// Runs `framecast tag`.
pub(crate) fn run(args: &Args) -> Outcome {
    let mut raw = args.settings.load()?;
    args.stream.set(&mut raw)?;
    let config = Config::from_raw(&raw)?;
    let options = args.options(&config);
    options.check()?;
    let files = args.files(&config)?;
    let sound = args.audio.as_deref().map(Sound::read).transpose()?;
    let settings =
        SourceSettings { uri: args.source.clone(), pace: Pace::Fast, ..config.source.clone() };
    let pool = FramePool::new(4 + settings.buffers as usize);
    let (source, _) = stream::open_source(&settings, &pool)?;
    let info = source.info().clone();
    let mut tags = tagger::open(&config, &files, info.size, options)?;
    let stop = Stop::new();
    interrupt::on_signal(&stop)?;
    let mut reader = Reader::new(source);
    let mut report = Report::new(args.json, tags.labels().clone());
    tag_all(args, &mut reader, &mut tags, sound.as_ref(), &mut report, &stop)?;
    report.finish(&info.uri, tags.name())?;
    if stop.is_aborted() { Err(Failure::interrupted()) } else { Ok(()) }
}

fn tag_all(
    args: &Args,
    reader: &mut Reader,
    tags: &mut TagStream,
    sound: Option<&Sound>,
    report: &mut Report,
    stop: &Stop,
) -> Outcome {
    let mut converter = FrameConverter::new();
    let mut rgb = RgbImage::default();
    let mut bar = Bar::new(&reader.info().uri);
    let total = reader.info().frames;
    while args.frames.is_none_or(|limit| report.frames() < limit) {
        let Some(Shot { frame, time, reset }) = reader.next(stop)? else { break };
        if let Some(reason) = reset {
            let events = tags.reset(reason).to_vec();
            report.ended(&events)?;
        }
        let taken = (reader.seen() - 1).is_multiple_of(args.every);
        if !taken || !embedders::picture(&mut converter, &frame, &mut rgb)? {
            continue;
        }
        if let Some(sound) = sound {
            tags.set_audio(sound.at(time));
        }
        let update = tags.observe(&rgb, time)?;
        report.frame(frame.seq().0, time, update)?;
        bar.show(reader.seen(), total);
    }
    reader.finish();
    Ok(())
}

/// Features of sound, a row a second.
struct Sound {
    values: Vec<f32>,
    columns: usize,
}

impl Sound {
    fn read(path: &std::path::Path) -> Result<Self, Failure> {
        let wrong = |reason: String| Failure::new(exit::CONFIG, anyhow::anyhow!(reason));
        let array = npy::read(path).map_err(|e| wrong(format!("--audio: {e}")))?;
        match (array.shape(), array.as_f32()) {
            ([rows, columns], Some(values)) if *rows > 0 && *columns > 0 => {
                Ok(Self { values: values.to_vec(), columns: *columns })
            }
            (shape, _) => Err(wrong(format!(
                "--audio: {} holds {} of shape {shape:?}; f32 with a row a second is needed",
                path.display(),
                array.dtype()
            ))),
        }
    }

    /// The row of the second that `at` is in; nothing from its end on, for which zeros stand.
    fn at(&self, at: MonoTime) -> &[f32] {
        let second = at.since(MonoTime::ZERO).as_secs() as usize;
        self.values.chunks_exact(self.columns).nth(second).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_stands_for_a_second_and_nothing_for_what_is_past_the_end() {
        let sound = Sound { values: vec![1.0, 2.0, 3.0, 4.0], columns: 2 };
        let at = |ms| sound.at(MonoTime::ZERO.after(Duration::from_millis(ms)));
        assert_eq!((at(0), at(999)), (&[1.0, 2.0][..], &[1.0, 2.0][..]));
        assert_eq!(at(1_999), [3.0, 4.0]);
        assert!(at(2_000).is_empty() && at(u64::MAX / 2_000_000).is_empty());
    }
}
