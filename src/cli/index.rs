//! `framecast index`: embeddings of a recording, a live stream or a list of sentences in a file.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use framecast::config::{Config, Pace, SourceSettings};
use framecast::frame::{FramePool, MonoTime, Size};
use framecast::pipeline::Stop;
use framecast::task::embed::FrameEmbedder;
use framecast::task::search::{About, ChangeGate, IndexWriter, Metric, NewEntry};
use framecast::vision::resize::Resizer;
use framecast::vision::{FrameConverter, RgbImage};

use super::embedders::{self, EngineArgs};
use super::exit::{self, Failure};
use super::progress::Bar;
use super::reader::{Reader, Shot};
use super::{Outcome, interrupt, stream};

/// Bytes of a sentence an index of sentences keeps.
const SENTENCE: usize = 320;
/// Largest list of sentences.
const MAX_SENTENCES: u64 = 256 << 20;
/// Width of thumbnails.
const THUMBNAIL: u32 = 160;

/// Arguments of `framecast index`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A clip, camera, demo:, or - for Y4M on stdin
    #[arg(value_name = "SOURCE", required_unless_present = "sentences")]
    source: Option<String>,

    /// Index the lines of this text file instead, for `framecast describe`; a number and a
    /// tabulator before a sentence say which sentences are about the same thing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["source", "every", "change", "frames", "thumbnails"])]
    sentences: Option<PathBuf>,

    /// The model: a picture tower for frames, a text tower for sentences [default: search-image,
    /// search-text]
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,

    /// The index to write, or to go on with (--append)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Go on with an index that is there
    #[arg(long)]
    append: bool,

    /// With --append: give damaged entries at the end of the index up and write over them
    #[arg(long, requires = "append")]
    drop_damaged: bool,

    /// Look at every Nth frame
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,

    /// Leave out frames that differ by less than this from the last one taken: mean difference in
    /// levels of 0..255; 0 takes all
    #[arg(long, value_name = "LEVELS", default_value_t = 1.5)]
    change: f64,

    /// cosine, or dot for the vectors as the model gives them
    #[arg(long, value_name = "METRIC", default_value = "cosine")]
    metric: Metric,

    /// Write a small picture of each entry into the folder FILE.thumbnails
    #[arg(long)]
    thumbnails: bool,

    /// End after this many frames
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    frames: Option<u64>,

    /// Print the result as one JSON object on stdout
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    engine: EngineArgs,
}

/// Runs `framecast index`.
pub(crate) fn run(args: &Args) -> Outcome {
    if !args.change.is_finite() || !(0.0..=255.0).contains(&args.change) {
        let reason = format!("--change {} is outside 0..=255", args.change);
        return Err(Failure::new(exit::USAGE, anyhow::anyhow!(reason)));
    }
    let config = args.engine.config(&[])?;
    let stop = Stop::new();
    interrupt::on_signal(&stop)?;
    let (seen, writer) = match &args.sentences {
        Some(path) => sentences(args, &config, path, &stop)?,
        None => frames(args, &config, &stop)?,
    };
    writer.sync()?;
    let (entries, about) = (writer.len(), writer.about().clone());
    let text = if args.json {
        let result = serde_json::json!({
            "schema_version": 1, "index": args.out, "seen": seen, "entries": entries, "about": about,
        });
        format!("{result}\n")
    } else {
        let what = if args.sentences.is_some() { "lines" } else { "frames" };
        format!(
            "{}: {entries} entries of {} numbers ({}) from {seen} {what}\n",
            args.out.display(),
            about.dimension,
            about.model
        )
    };
    std::io::stdout().write_all(text.as_bytes())?;
    if stop.is_aborted() { Err(Failure::interrupted()) } else { Ok(()) }
}

/// Makes the index, or opens it to go on.
fn writer(args: &Args, about: About) -> Result<IndexWriter, Failure> {
    if args.append && args.out.exists() {
        let (path, pictures) = (&args.out, args.thumbnails);
        let writer = match args.drop_damaged {
            true => IndexWriter::append_after_damage(path, &about)?,
            false => IndexWriter::append(path, &about)?,
        };
        if pictures && writer.about().thumbnails.is_none() {
            let reason = format!("{} was begun without --thumbnails; leave it out", path.display());
            return Err(Failure::new(exit::USAGE, anyhow::anyhow!(reason)));
        }
        return Ok(writer);
    }
    if args.out.exists() {
        let reason = format!(
            "{} is there already; go on with it (--append) or choose another name",
            args.out.display()
        );
        return Err(Failure::new(exit::USAGE, anyhow::anyhow!(reason)));
    }
    Ok(IndexWriter::create(&args.out, about)?)
}

/// Indexes the lines of a file; how many there were.
fn sentences(
    args: &Args,
    config: &Config,
    path: &Path,
    stop: &Stop,
) -> Result<(u64, IndexWriter), Failure> {
    let fail = |reason: String| {
        Failure::new(exit::SOURCE, anyhow::anyhow!("{}: {reason}", path.display()))
    };
    let mut bytes = Vec::new();
    // What is read counts: a pipe or device says nothing of its size.
    fs::File::open(path)
        .and_then(|file| file.take(MAX_SENTENCES + 1).read_to_end(&mut bytes))
        .map_err(|e| fail(e.to_string()))?;
    if bytes.len() as u64 > MAX_SENTENCES {
        return Err(fail(format!("it is above the limit of {MAX_SENTENCES} bytes")));
    }
    let text = String::from_utf8(bytes)
        .map_err(|e| fail(format!("byte {} is no UTF-8", e.utf8_error().valid_up_to())))?;
    let model = args.model.as_deref().unwrap_or("search-text");
    let (mut embedder, known) = embedders::sentences(config, model)?;
    let mut writer = writer(
        args,
        About {
            dimension: embedder.dims(),
            metric: args.metric,
            text: SENTENCE,
            model_sha256: known.sha256,
            model: known.name,
            space: known.space,
            source: last_name(path),
            thumbnails: None,
        },
    )?;
    let (mut seen, mut left_out) = (0, 0);
    for (number, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        if stop.is_aborted() {
            break;
        }
        seen += 1;
        let (item, sentence) = match line.split_once('\t') {
            Some((item, sentence)) if item.parse::<u64>().is_ok() => (item.parse().ok(), sentence),
            _ => (None, line),
        };
        let sentence = sentence.trim();
        let embedded = embedder.embed(sentence);
        let fits = sentence.len() <= SENTENCE;
        let Some(vector) = embedded.as_ref().ok().filter(|_| fits) else {
            left_out += 1;
            let reason = embedded.err().map_or_else(
                || format!("it is longer than {SENTENCE} bytes"),
                |error| error.to_string(),
            );
            tracing::warn!("line {} is left out: {reason}", number + 1);
            continue;
        };
        let (recording, seq, time) = (writer.recording(), number as u64, Duration::ZERO);
        let entry = NewEntry { recording, seq, time, item, text: sentence };
        writer.push(vector, &entry)?;
    }
    if left_out > 0 {
        eprintln!("{left_out} of {seen} lines are left out (reasons with -v)");
    }
    Ok((seen, writer))
}

/// Indexes the frames of a source; how many there were.
fn frames(args: &Args, config: &Config, stop: &Stop) -> Result<(u64, IndexWriter), Failure> {
    let uri = args.source.clone().unwrap_or_default();
    let settings = SourceSettings { uri, pace: Pace::Fast, ..config.source.clone() };
    let pool = FramePool::new(4 + settings.buffers as usize);
    let (source, _) = stream::open_source(&settings, &pool)?;
    let info = source.info().clone();
    let model = args.model.as_deref().unwrap_or("search-image");
    let (embedder, known) = embedders::frames(config, model, info.size)?;
    let folder = args.out.with_added_extension("thumbnails");
    let about = About {
        dimension: embedder.dims(),
        metric: args.metric,
        text: 0,
        model_sha256: known.sha256,
        model: known.name,
        space: known.space,
        source: last_name(Path::new(&info.uri)),
        thumbnails: args.thumbnails.then(|| last_name(&folder)),
    };
    let writer = writer(args, about)?;
    if args.thumbnails {
        fs::create_dir_all(&folder)?;
    }
    let thumbnails = args.thumbnails.then(|| (folder, Resizer::new()));
    let gate = ChangeGate::new(args.change);
    let reader = Reader::new(source);
    let mut work = Indexing { args, reader, writer, embedder, gate, thumbnails };
    work.stream(stop)?;
    Ok((work.reader.seen(), work.writer))
}

/// The last part of a path, so that an index tells nothing about the machine it was made on.
fn last_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

struct Indexing<'a> {
    args: &'a Args,
    reader: Reader,
    writer: IndexWriter,
    embedder: FrameEmbedder,
    gate: ChangeGate,
    thumbnails: Option<(PathBuf, Resizer)>,
}

impl Indexing<'_> {
    fn stream(&mut self, stop: &Stop) -> Outcome {
        let mut converter = FrameConverter::new();
        let mut rgb = RgbImage::default();
        let mut bar = Bar::new(&self.reader.info().uri);
        let total = self.reader.info().frames;
        while self.args.frames.is_none_or(|most| self.reader.seen() < most) {
            let Some(Shot { frame, time, reset }) = self.reader.next(stop)? else { break };
            if let Some(reason) = reset {
                self.embedder.reset(reason);
            }
            let seen = self.reader.seen();
            bar.show(seen, self.args.frames.or(total));
            let taken = (seen - 1).is_multiple_of(self.args.every);
            if !taken || !embedders::picture(&mut converter, &frame, &mut rgb)? {
                continue;
            }
            if !self.gate.passes(&rgb).map_err(anyhow::Error::from)? {
                continue;
            }
            let entry = NewEntry {
                recording: self.writer.recording(),
                seq: frame.seq().0,
                time: time.since(MonoTime::ZERO),
                ..NewEntry::default()
            };
            self.writer.push(self.embedder.embed(&rgb)?, &entry)?;
            self.thumbnail(&rgb, &entry)?;
        }
        self.reader.finish();
        Ok(())
    }

    fn thumbnail(&mut self, image: &RgbImage, entry: &NewEntry<'_>) -> Outcome {
        let Some((folder, resizer)) = &mut self.thumbnails else { return Ok(()) };
        let (size, width) = (image.size(), image.size().width.min(THUMBNAIL));
        let height =
            (u64::from(size.height) * u64::from(width) / u64::from(size.width.max(1))).max(1);
        let mut small = RgbImage::new(Size::new(width, u32::try_from(height).unwrap_or(1)));
        resizer.area(image, &mut small).map_err(anyhow::Error::from)?;
        let path = folder.join(entry.thumbnail());
        let size = small.size();
        image::save_buffer(&path, small.data(), size.width, size.height, image::ColorType::Rgb8)
            .map_err(|e| anyhow::anyhow!("cannot write {}: {e}", path.display()))?;
        Ok(())
    }
}
