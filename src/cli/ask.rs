//! `framecast ask`: a question about a picture, a clip or a running stream.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use framecast::config::{Config, Pace, SourceSettings};
use framecast::engine::LoadReport;
use framecast::frame::FramePool;
use framecast::model::{ModelFile, registry};
use framecast::pipeline::Stop;
#[cfg(unix)]
use framecast::pipeline::side::Refusal;
use framecast::task::answer::{Reply, Responder};
use framecast::vision::{FrameConverter, RgbImage};
use serde::Serialize;

use super::exit::{self, Failure};
use super::reader::{Reader, Shot};
use super::settings::SettingsArgs;
use super::stream_args::set_given;
use super::{Outcome, embedders, interrupt, stream};

/// Arguments of `framecast ask`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The question, in quotes
    #[arg(value_name = "QUESTION")]
    question: String,

    /// A picture, clip, camera, demo:, or - for Y4M on stdin; not needed with --socket
    #[arg(value_name = "SOURCE", required_unless_present = "socket")]
    source: Option<String>,

    #[command(flatten)]
    settings: SettingsArgs,

    /// A model that answers, such as answer-image or answer-clip
    #[arg(long, value_name = "MODEL", required_unless_present = "socket")]
    model: Option<String>,

    /// Ask a stream that `framecast run --ask-socket` is running, at its socket
    #[arg(long, value_name = "PATH", conflicts_with_all = ["source", "model", "at"])]
    socket: Option<PathBuf>,

    /// Ask when this much of the source has passed, in seconds; at its end by default, and after two
    /// seconds of a source without one
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    at: Option<f64>,

    /// How many answers to list
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,

    /// auto, tract, ort or exact
    #[arg(long, value_name = "ENGINE")]
    engine: Option<String>,

    /// Threads of the engine; 0 for as many as the process may use
    #[arg(long, value_name = "N")]
    threads: Option<u32>,

    /// Fail with exit code 5 unless this execution provider is in use
    #[arg(long, value_name = "PROVIDER")]
    require_provider: Option<String>,

    /// Print one JSON object on stdout
    #[arg(long)]
    json: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|s: &f64| (0.0..=1e6).contains(s))
        .ok_or_else(|| format!("{text:?} is no time; give seconds from 0 to 1000000, such as 2.5"))
}

/// The reply with what made it.
#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    #[serde(flatten)]
    reply: &'a Reply,
    source: &'a str,
    model: &'a str,
    /// SHA-256 of the model.
    identity: &'a str,
    engine: &'a LoadReport,
    /// From the question to the answer.
    answered_ms: f64,
}

/// Runs `framecast ask`.
pub(crate) fn run(args: &Args) -> Outcome {
    if let Some(path) = &args.socket {
        return ask_run(path, args);
    }
    let mut raw = args.settings.load()?;
    let flags = [
        ("engine.name", &args.engine, "--engine"),
        ("engine.require_provider", &args.require_provider, "--require-provider"),
    ];
    set_given(&mut raw, &flags)?;
    if let Some(threads) = args.threads {
        raw.set_flag("engine.threads", i64::from(threads), "--threads")?;
    }
    let config = Config::from_raw(&raw)?;
    let uri = args.source.clone().unwrap_or_default();
    let settings = SourceSettings { uri, pace: Pace::Fast, ..config.source.clone() };
    let path = registry::resolve(args.model.as_deref().unwrap_or_default(), &[])?;
    let model = ModelFile::open(&path)?;
    let pool = FramePool::new(4 + settings.buffers as usize);
    let (source, _) = stream::open_source(&settings, &pool)?;
    let info = source.info().clone();
    let (mut responder, report) = Responder::load(&model, &config.load_options(), info.size)?;
    let stop = Stop::new();
    interrupt::on_signal(&stop)?;
    show(&mut Reader::new(source), &mut responder, args.at, &stop)?;
    if stop.is_aborted() {
        return Err(Failure::interrupted());
    }
    let asked = Instant::now();
    let reply = responder.ask(&args.question)?;
    let answered_ms = asked.elapsed().as_secs_f64() * 1e3;
    let mut out = std::io::stdout().lock();
    if args.json {
        let document = Document {
            schema_version: 1,
            reply: &reply,
            source: &info.uri,
            model: responder.name(),
            identity: model.sha256(),
            engine: &report,
            answered_ms,
        };
        let text = serde_json::to_string(&document).map_err(anyhow::Error::from)?;
        writeln!(out, "{text}")?;
    } else {
        out.write_all(text(&reply, usize::from(args.top)).as_bytes())?;
    }
    Ok(())
}

fn text(reply: &Reply, top: usize) -> String {
    let mut text = match (&reply.answer, &reply.withheld) {
        (Some(answer), _) => format!("{answer}\n"),
        (None, Some(withheld)) => format!("no answer: {}\n", withheld.reason()),
        (None, None) => "no answer\n".to_owned(),
    };
    for answer in reply.answers.iter().take(top) {
        text.push_str(&format!("  {:5.1} %  {}\n", answer.probability * 100.0, answer.answer));
    }
    let about = match reply.frames {
        1 => "about one frame".to_owned(),
        n => format!("about {n} frames, {:.1} s", reply.seconds),
    };
    text.push_str(&about);
    if reply.cut > 0 {
        text.push_str(&format!("; {} words of the question did not fit", reply.cut));
    }
    text.push('\n');
    text
}

/// Shows the frames of `reader` up to `at`, or to the end.
fn show(reader: &mut Reader, responder: &mut Responder, at: Option<f64>, stop: &Stop) -> Outcome {
    // A source without an end is looked at for a while.
    let endless = reader.info().live || reader.info().uri.starts_with("demo:");
    let at = at.or(endless.then_some(2.0));
    let (mut converter, mut rgb) = (FrameConverter::new(), RgbImage::default());
    let mut seen = false;
    while let Some(Shot { frame, time, reset }) = reader.next(stop)? {
        if seen && at.is_some_and(|at| time.as_nanos() as f64 >= at * 1e9) {
            break;
        }
        if let Some(reason) = reset {
            responder.reset(reason);
        }
        if embedders::picture(&mut converter, &frame, &mut rgb)? {
            responder.see(&rgb, time)?;
            seen = true;
        }
    }
    reader.finish();
    Ok(())
}

/// The exit code of a question that a run refused: that of the same question without a run.
#[cfg(unix)]
const fn code(kind: Option<Refusal>) -> u8 {
    match kind {
        Some(Refusal::Question) => exit::USAGE,
        Some(Refusal::NoTask) => exit::CONFIG,
        Some(Refusal::NothingSeen | Refusal::Ended) => exit::SOURCE,
        _ => exit::FAILURE,
    }
}

#[cfg(unix)]
fn ask_run(path: &std::path::Path, args: &Args) -> Outcome {
    if args.question.trim().is_empty() {
        return Err(Failure::new(exit::USAGE, anyhow::anyhow!("the question is empty; ask one")));
    }
    let value = framecast::pipeline::side::ask_at(path, &args.question).map_err(|error| {
        let too_long = error.kind() == std::io::ErrorKind::InvalidInput;
        Failure::new(if too_long { exit::USAGE } else { exit::SOURCE }, error)
    })?;
    if let Some(error) = value.get("error").and_then(serde_json::Value::as_str) {
        let kind = value.get("kind").and_then(|kind| serde_json::from_value(kind.clone()).ok());
        return Err(Failure::new(code(kind), anyhow::anyhow!("{error}")));
    }
    let mut out = std::io::stdout().lock();
    let reply: Option<Reply> =
        value.get("answer").and_then(|answer| serde_json::from_value(answer.clone()).ok());
    match reply {
        Some(reply) if !args.json => {
            out.write_all(text(&reply, usize::from(args.top)).as_bytes())?;
        }
        _ => writeln!(out, "{value}")?,
    }
    Ok(())
}

#[cfg(not(unix))]
fn ask_run(_: &std::path::Path, _: &Args) -> Outcome {
    Err(Failure::new(exit::USAGE, anyhow::anyhow!("--socket needs a Unix system")))
}
