//! `framecast describe`: the sentences of an index that a recording or stream fits best.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use framecast::config::{Pace, SourceSettings};
use framecast::frame::{FramePool, MonoTime, Rational};
use framecast::pipeline::{Fresh, Stop};
use framecast::source::{Read, Source as _};
use framecast::task::search::{ChangeGate, Hit, Index, Wish};
use framecast::vision::{FrameConverter, RgbImage};

use super::embedders::{self, EngineArgs};
use super::exit::{self, Failure};
use super::search::clock;
use super::{Outcome, interrupt, stream};

/// How long a read lasts at most before the interrupt is looked at.
const POLL: Duration = Duration::from_millis(200);

/// Arguments of `framecast describe`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A picture, clip, camera, demo:, or - for Y4M on stdin
    #[arg(value_name = "SOURCE")]
    source: String,

    /// Sentences to choose from, made by `framecast index --sentences`
    #[arg(long, value_name = "INDEX")]
    sentences: PathBuf,

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
    let index = Index::open(&args.sentences)?;
    let settings =
        SourceSettings { uri: args.source.clone(), pace: Pace::Fast, ..config.source.clone() };
    let pool = FramePool::new(4 + settings.buffers as usize);
    let (source, _) = stream::open_source(&settings, &pool)?;
    let model = args.model.as_deref().unwrap_or("search-image");
    let (mut embedder, known) = embedders::frames(&config, model, source.info().size)?;
    embedders::same_space(&known, index.about(), embedder.dims())?;
    let stop = Stop::new();
    interrupt::on_signal(&stop)?;
    let mut source = Fresh::new(source);
    let interval = source.info().rate.unwrap_or(Rational::whole(25)).interval();
    let wish = Wish { top: args.top as usize, ..Wish::default() };
    let mut gate = ChangeGate::new(args.change);
    let (mut converter, mut rgb) = (FrameConverter::new(), RgbImage::default());
    let (mut begun, mut last, mut seen) = (None, None, 0u64);
    let mut out = std::io::stdout();
    while !stop.is_aborted() && args.frames.is_none_or(|most| seen < most) {
        let frame = match source.read(MonoTime::now().after(POLL))? {
            Read::Frame(frame) => frame,
            Read::Timeout | Read::Reopened | Read::Lost { .. } => continue,
            _ => break,
        };
        seen += 1;
        let start = *begun.get_or_insert(frame.captured());
        let time = match (frame.meta().position, source.info().live) {
            (Some(position), _) => position.since(MonoTime::ZERO),
            (None, false) => interval.saturating_mul(u32::try_from(seen - 1).unwrap_or(u32::MAX)),
            _ => frame.captured().since(start),
        };
        if last.is_some_and(|last| time.saturating_sub(last) < every)
            || !embedders::picture(&mut converter, &frame, &mut rgb)?
            || !gate.passes(&rgb).map_err(anyhow::Error::from)?
        {
            continue;
        }
        last = Some(time);
        let hits = index.search(embedder.embed(&rgb)?, &wish)?;
        out.write_all(moment(args, time, frame.seq().0, &hits).as_bytes())?;
    }
    if stop.is_aborted() { Err(Failure::interrupted()) } else { Ok(()) }
}

/// What is said about one moment.
fn moment(args: &Args, time: Duration, seq: u64, hits: &[Hit]) -> String {
    if args.json {
        let list: Vec<_> = hits
            .iter()
            .map(|h| serde_json::json!({ "score": h.score, "text": h.entry.text }))
            .collect();
        let object = serde_json::json!({
            "schema_version": 1, "seconds": time.as_secs_f64(), "frame": seq, "sentences": list,
        });
        return format!("{object}\n");
    }
    let lines: Vec<String> = hits
        .iter()
        .enumerate()
        .map(|(i, hit)| {
            let when = if i == 0 { clock(time) } else { " ".repeat(clock(time).len()) };
            format!("{when}  {:7.4}  {}\n", hit.score, hit.entry.text)
        })
        .collect();
    lines.concat()
}
