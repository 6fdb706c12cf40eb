//! `framecast eval --sweep N`: every horizon up to N frames.

use std::fmt::Write as _;

use framecast::config::Config;
use framecast::frame::FramePool;
use framecast::pipeline::Stop;
use framecast::source;
use framecast::source::uri::{redact, redact_within};
use framecast::task::evaluate::{EvalOptions, Sweep, sweep};
use serde::Serialize;

use super::{Args, ENDLESS_FRAMES, all_read, endless};
use crate::cli::exit::{self, Failure};
use crate::cli::progress::Bar;
use crate::cli::{Outcome, forecaster};

/// What is printed with `--json`.
#[derive(Serialize)]
struct Document {
    schema_version: u32,
    protocol: &'static str,
    predictor: String,
    identity: String,
    width: Option<u32>,
    sources: Vec<Swept>,
}

/// One source.
#[derive(Serialize)]
struct Swept {
    source: String,
    #[serde(flatten)]
    sweep: Sweep,
}

/// Sweeps over all sources and prints the result.
pub(super) fn run(
    args: &Args,
    config: &Config,
    options: &EvalOptions,
    most: u32,
    stop: &Stop,
) -> Outcome {
    let mut names = (config.model.path.clone(), String::new());
    let mut sources = Vec::new();
    for uri in &args.sources {
        if stop.is_aborted() {
            break;
        }
        let sweep = match source(uri, args, config, options, most, &mut names, stop) {
            // One source that cannot be read takes nothing from the others.
            Err(failure) if failure.code() == exit::SOURCE => {
                let error = Some(redact_within(&failure.to_string()));
                Sweep { error, ..Sweep::default() }
            }
            outcome => outcome?,
        };
        sources.push(Swept { source: redact(uri), sweep });
    }
    let (predictor, identity) = names;
    let failed = |s: &Swept| Some((s.source.clone(), s.sweep.error.clone()?));
    let failures: Vec<_> = sources.iter().filter_map(failed).collect();
    let text = if args.json {
        let width = options.width;
        let document =
            Document { schema_version: 1, protocol: "eval/1", predictor, identity, width, sources };
        let json = serde_json::to_string_pretty(&document).map_err(anyhow::Error::from)?;
        json + "\n"
    } else {
        text(&predictor, &sources)
    };
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
    if stop.is_aborted() {
        return Err(Failure::interrupted());
    }
    let failed = failures.iter().map(|(source, error)| (source.as_str(), error.as_str()));
    all_read(failed, args.sources.len())
}

/// Sweeps over one source; `names` are those of the predictor.
fn source(
    uri: &str,
    args: &Args,
    config: &Config,
    options: &EvalOptions,
    most: u32,
    names: &mut (String, String),
    stop: &Stop,
) -> Result<Sweep, Failure> {
    let mut wishes = config.source.options();
    wishes.paced = false;
    let pool = FramePool::new(4 + wishes.buffers as usize);
    let mut source = source::open(uri, &wishes, &pool)?;
    let limit = args.frames.or(endless(uri, source.info()).then_some(ENDLESS_FRAMES));
    let options = EvalOptions { frames: limit, ..*options };
    let mut bar = Bar::new(&redact(uri));
    let mut make = |size| {
        let opened = forecaster::open(config, size)?.forecaster;
        *names = (opened.name().to_owned(), opened.identity().to_owned());
        Ok::<_, Failure>(opened)
    };
    sweep(source.as_mut(), &options, most, &mut make, &mut |done, total| {
        bar.show(done, total);
        !stop.is_aborted()
    })
}

fn text(predictor: &str, sources: &[Swept]) -> String {
    let mut text = format!("{predictor} over copy-last of the same age\n");
    for Swept { source, sweep } in sources {
        // Writing to a String cannot fail.
        let _ =
            writeln!(text, "\n{source}\nframes      ms  targets  PSNR of frames dB     PD / copy");
        for h in &sweep.horizons {
            let number = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), |v| format!("{v:.2}"));
            let _ = writeln!(
                text,
                "{:>6}  {:>6}  {:>7}  {:>17}  {:>6} / {}",
                h.frames,
                h.ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.0}")),
                h.targets,
                h.gain().map_or_else(|| "-".to_owned(), |g| format!("{g:+.2}")),
                number(h.model.pd),
                number(h.copy_last.pd)
            );
        }
        if sweep.lost > 0 {
            let _ = writeln!(text, "{} frames were lost and are no targets", sweep.lost);
        }
        if let Some(error) = &sweep.error {
            let _ = writeln!(text, "failed: {error}");
        }
    }
    text
}
