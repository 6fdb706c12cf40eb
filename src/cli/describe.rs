//! `framecast describe`: what a recording or stream shows, by the nearest of many sentences or by a
//! network that makes its own.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use framecast::config::{Config, Pace, SourceSettings};
use framecast::frame::{FramePool, MonoTime};
use framecast::pipeline::Stop;
use framecast::task::caption::{Beams, Decoder};
use framecast::task::search::{About, ChangeGate, Index, Wish};
use framecast::vision::{FrameConverter, RgbImage};

use super::embedders::{self, EngineArgs, Known};
use super::exit::{self, Failure};
use super::reader::{Reader, Shot};
use super::search::clock;
use super::{Outcome, interrupt, stream};

/// Arguments of `framecast describe`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A picture, clip, camera, demo:, or - for Y4M on stdin
    #[arg(value_name = "SOURCE")]
    source: String,

    /// Sentences to choose from, made by `framecast index --sentences`
    #[arg(long, value_name = "INDEX", required_unless_present = "decoder")]
    sentences: Option<PathBuf>,

    /// A model that makes sentences, such as search-caption
    #[arg(long, value_name = "MODEL", conflicts_with = "sentences")]
    decoder: Option<String>,

    /// Sentences the decoder follows side by side; 1 always takes the likeliest word
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    beams: u32,

    /// The picture tower [default: search-image]
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,

    /// Sentences for each moment
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    top: u32,

    /// Describe at most one moment in this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    every: f64,

    /// Leave out moments that differ by less than this from the last one described: mean
    /// difference in levels of 0..255; 0 takes all
    #[arg(long, value_name = "LEVELS", default_value_t = 1.5)]
    change: f64,

    /// End after this many frames
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    frames: Option<u64>,

    /// Print a JSON object for each moment on stdout
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    engine: EngineArgs,
}

/// What says something about a picture.
enum Speaker {
    /// The sentences there are.
    Nearest(Box<Index>),
    /// A network.
    Decoder(Box<Decoder>),
}

impl Speaker {
    /// Opens what `args` name for embeddings of `known`, `dims` numbers each.
    fn open(args: &Args, config: &Config, known: &Known, dims: usize) -> Result<Self, Failure> {
        if let Some(path) = &args.sentences {
            let index = Index::open(path)?;
            embedders::same_space(known, index.about(), dims)?;
            return Ok(Self::Nearest(Box::new(index)));
        }
        let name = args.decoder.as_deref().unwrap_or_default();
        let (decoder, made_for) = embedders::decoder(config, name)?;
        let about = About {
            dimension: decoder.dims(),
            space: made_for.space,
            model: made_for.name,
            ..About::default()
        };
        embedders::same_space(known, &about, dims)?;
        Ok(Self::Decoder(Box::new(decoder)))
    }

    /// Sentences with scores about the picture of `embedding`, best first.
    fn say(&mut self, embedding: &[f32], args: &Args) -> Result<Vec<(f64, String)>, Failure> {
        let top = args.top as usize;
        match self {
            Self::Nearest(index) => {
                let hits = index.search(embedding, &Wish { top, ..Wish::default() })?;
                Ok(hits.into_iter().map(|hit| (hit.score, hit.entry.text)).collect())
            }
            Self::Decoder(decoder) => {
                let beams = Beams { width: args.beams as usize, ..Beams::default() };
                let said = decoder.describe(embedding, beams)?;
                Ok(said.into_iter().take(top).map(|s| (s.score, s.text)).collect())
            }
        }
    }
}

/// Runs `framecast describe`.
pub(crate) fn run(args: &Args) -> Outcome {
    let every = Duration::try_from_secs_f64(args.every).map_err(|_| {
        let reason = format!("--every {} is no time in seconds, 0 or more", args.every);
        Failure::new(exit::USAGE, anyhow::anyhow!(reason))
    })?;
    if !args.change.is_finite() || !(0.0..=255.0).contains(&args.change) {
        let reason = format!("--change {} is outside 0..=255", args.change);
        return Err(Failure::new(exit::USAGE, anyhow::anyhow!(reason)));
    }
    let config = args.engine.config(&[])?;
    let settings =
        SourceSettings { uri: args.source.clone(), pace: Pace::Fast, ..config.source.clone() };
    let pool = FramePool::new(4 + settings.buffers as usize);
    let (source, _) = stream::open_source(&settings, &pool)?;
    let model = args.model.as_deref().unwrap_or("search-image");
    let (mut embedder, known) = embedders::frames(&config, model, source.info().size)?;
    let mut speaker = Speaker::open(args, &config, &known, embedder.dims())?;
    let stop = Stop::new();
    interrupt::on_signal(&stop)?;
    let mut reader = Reader::new(source);
    let mut gate = ChangeGate::new(args.change);
    let (mut converter, mut rgb) = (FrameConverter::new(), RgbImage::default());
    let mut last = None;
    let mut out = std::io::stdout();
    while args.frames.is_none_or(|most| reader.seen() < most) {
        let Some(Shot { frame, time, reset }) = reader.next(&stop)? else { break };
        if let Some(reason) = reset {
            embedder.reset(reason);
        }
        let time = time.since(MonoTime::ZERO);
        if last.is_some_and(|last| time.saturating_sub(last) < every)
            || !embedders::picture(&mut converter, &frame, &mut rgb)?
            || !gate.passes(&rgb).map_err(anyhow::Error::from)?
        {
            continue;
        }
        last = Some(time);
        let said = speaker.say(embedder.embed(&rgb)?, args)?;
        out.write_all(moment(args, time, frame.seq().0, &said).as_bytes())?;
    }
    reader.finish();
    if stop.is_aborted() { Err(Failure::interrupted()) } else { Ok(()) }
}

/// What is said about one moment.
fn moment(args: &Args, time: Duration, seq: u64, said: &[(f64, String)]) -> String {
    if args.json {
        let list: Vec<_> = said
            .iter()
            .map(|(score, text)| serde_json::json!({ "score": score, "text": text }))
            .collect();
        let object = serde_json::json!({
            "schema_version": 1, "seconds": time.as_secs_f64(), "frame": seq, "sentences": list,
        });
        return format!("{object}\n");
    }
    let lines: Vec<String> = said
        .iter()
        .enumerate()
        .map(|(i, (score, text))| {
            let when = if i == 0 { clock(time) } else { " ".repeat(clock(time).len()) };
            format!("{when}  {score:7.4}  {text}\n")
        })
        .collect();
    lines.concat()
}
