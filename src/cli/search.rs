//! `framecast search`: the moments of an index that a text or a picture fits best.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use framecast::config::{Config, Pace, SourceSettings};
use framecast::frame::{FramePool, MonoTime};
use framecast::source::Read;
use framecast::task::search::{Hit, Index, Wish};
use framecast::vision::{FrameConverter, RgbImage};

use super::embedders::{self, EngineArgs};
use super::exit::{self, Failure};
use super::{Outcome, stream};

/// Arguments of `framecast search`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The index, made by `framecast index`
    #[arg(value_name = "INDEX")]
    index: PathBuf,

    /// What to find, in words
    #[arg(value_name = "TEXT", required_unless_present_any = ["image", "check"])]
    text: Option<String>,

    /// Find what looks like this picture
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    image: Option<PathBuf>,

    /// The model: a text tower for a text, a picture tower for a picture [default: search-text,
    /// search-image]
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,

    /// Number of results
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    top: u32,

    /// Results of one recording lie at least this many seconds apart; 0 lets neighbours be results of
    /// their own. Sentences have no time, so that it says nothing of them
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    apart: f64,

    /// Only check every entry of the index for damage
    #[arg(long, conflicts_with_all = ["text", "image"])]
    check: bool,

    /// Print the result as one JSON object on stdout
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    engine: EngineArgs,
}

/// Runs `framecast search`.
pub(crate) fn run(args: &Args) -> Outcome {
    let apart = Duration::try_from_secs_f64(args.apart).map_err(|_| {
        let reason = format!("--apart {} is no time in seconds, 0 or more", args.apart);
        Failure::new(exit::USAGE, anyhow::anyhow!(reason))
    })?;
    let config = args.engine.config(&[])?;
    let index = Index::open(&args.index)?;
    if args.check {
        index.verify()?;
        let text = format!("{}: {} entries, all sound\n", args.index.display(), index.len());
        return Ok(std::io::stdout().write_all(text.as_bytes())?);
    }
    let vector = match (&args.text, &args.image) {
        (_, Some(path)) => picture(args, &config, path, &index)?,
        (text, None) => {
            let model = args.model.as_deref().unwrap_or("search-text");
            let (mut embedder, known) = embedders::sentences(&config, model)?;
            embedders::same_space(&known, index.about(), embedder.dims())?;
            embedder.embed(text.as_deref().unwrap_or_default())?.to_vec()
        }
    };
    if index.damaged_end() > 0 {
        tracing::warn!(
            "{}: {} damaged entries at its end are left out; see --check",
            args.index.display(),
            index.damaged_end()
        );
    }
    let apart = if holds_sentences(&index) { Duration::ZERO } else { apart };
    let wish = Wish { top: args.top as usize, apart, ..Wish::default() };
    let hits = index.search(&vector, &wish)?;
    let text = if args.json { json(args, &index, &hits) } else { table(&index, &hits) };
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

/// True of an index of sentences, which have no time.
fn holds_sentences(index: &Index) -> bool {
    index.about().text > 0
}

/// The embedding of the picture at `path`.
fn picture(args: &Args, config: &Config, path: &Path, index: &Index) -> Result<Vec<f32>, Failure> {
    let uri = path.to_string_lossy().into_owned();
    let settings = SourceSettings { uri, pace: Pace::Fast, ..config.source.clone() };
    let (mut source, _) = stream::open_source(&settings, &FramePool::new(8))?;
    let model = args.model.as_deref().unwrap_or("search-image");
    let (mut embedder, known) = embedders::frames(config, model, source.info().size)?;
    embedders::same_space(&known, index.about(), embedder.dims())?;
    let read = source.read(MonoTime::now().after(Duration::from_secs(10)))?;
    let mut rgb = RgbImage::default();
    if let Read::Frame(frame) = read
        && embedders::picture(&mut FrameConverter::new(), &frame, &mut rgb)?
    {
        return Ok(embedder.embed(&rgb)?.to_vec());
    }
    let reason = format!("{} holds no picture that can be decoded", path.display());
    Err(Failure::new(exit::SOURCE, anyhow::anyhow!(reason)))
}

/// `h:mm:ss.ss` of a time.
pub(crate) fn clock(time: Duration) -> String {
    let (minutes, seconds) = (time.as_secs() / 60, time.as_secs_f64() % 60.0);
    format!("{}:{:02}:{seconds:05.2}", minutes / 60, minutes % 60)
}

fn table(index: &Index, hits: &[Hit]) -> String {
    let mut text = String::new();
    for hit in hits {
        let shown = match (&hit.thumbnail, hit.entry.text.as_str()) {
            (_, sentence) if !sentence.is_empty() => sentence.to_owned(),
            (Some(path), _) => path.display().to_string(),
            (None, _) => String::new(),
        };
        let place = match holds_sentences(index) {
            true => format!("line {:<8}", hit.entry.seq.saturating_add(1)),
            false => format!("{}  frame {:<8}", clock(hit.entry.time), hit.entry.seq),
        };
        let recording = match hit.entry.recording {
            0 => String::new(),
            n => format!("recording {n}  "),
        };
        let line = format!("{:8.4}  {recording}{place}  {shown}", hit.score);
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let _ = writeln!(
        text,
        "{} of {} entries of {} ({})",
        hits.len(),
        index.len(),
        index.about().source,
        index.about().model
    );
    text
}

fn json(args: &Args, index: &Index, hits: &[Hit]) -> String {
    let results: Vec<_> = hits
        .iter()
        .map(|hit| {
            serde_json::json!({
                "score": hit.score,
                "recording": hit.entry.recording,
                "seconds": hit.entry.time.as_secs_f64(),
                "frame": hit.entry.seq,
                "item": hit.entry.item,
                "text": hit.entry.text,
                "thumbnail": hit.thumbnail,
            })
        })
        .collect();
    let result = serde_json::json!({
        "schema_version": 1,
        "query": args.text,
        "image": args.image,
        "entries": index.len(),
        "about": index.about(),
        "results": results,
    });
    format!("{result}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_on_a_player() {
        assert_eq!(clock(Duration::from_millis(3_723_450)), "1:02:03.45");
        assert_eq!(clock(Duration::ZERO), "0:00:00.00");
    }
}
