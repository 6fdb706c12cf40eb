//! The summary of a run, for people or as one JSON object.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use framecast::config::Config;
use framecast::engine::{LoadReport, Placement};
use framecast::frame::DropReason;
use framecast::pipeline::{Finished, ModelLog, ModelUse, Percentiles, Quality, RunReport};
use framecast::source::SourceInfo;
use serde::Serialize;

use crate::cli::forecaster::Opened;

/// What a run consists of. The model is the one in use: the first until the end, then the last.
#[derive(Clone, Debug, Serialize)]
pub(super) struct About {
    source: SourceAbout,
    predictor: PredictorAbout,
    /// The engine that runs the model; `none` for a baseline.
    engine: String,
    engine_version: Option<String>,
    /// Proof of placement: how many nodes of the model each provider runs.
    providers: Vec<Placement>,
    load: Option<LoadReport>,
}

#[derive(Clone, Debug, Serialize)]
struct SourceAbout {
    uri: String,
    description: String,
    format: String,
    width: u32,
    height: u32,
    rate: Option<String>,
    live: bool,
}

#[derive(Clone, Debug, Serialize)]
struct PredictorAbout {
    name: String,
    path: Option<String>,
    /// SHA-256 of the file, or the name of the baseline.
    identity: String,
    horizon: String,
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    #[serde(flatten)]
    about: &'a About,
    #[serde(flatten)]
    report: &'a RunReport,
    error: Option<String>,
}

impl About {
    pub(super) fn new(config: &Config, info: &SourceInfo, opened: &Opened) -> Self {
        let path = opened.path.as_deref().map(Path::display).map(|p| p.to_string());
        let mut about = Self {
            source: SourceAbout {
                uri: info.uri.clone(),
                description: info.description.clone(),
                format: info.format.to_string(),
                width: info.size.width,
                height: info.size.height,
                rate: info.rate.map(|rate| rate.to_string()),
                live: info.live,
            },
            predictor: PredictorAbout {
                name: opened.forecaster.name().to_owned(),
                path,
                identity: opened.forecaster.identity().to_owned(),
                horizon: config.predict.horizon.to_string(),
            },
            engine: String::new(),
            engine_version: None,
            providers: Vec::new(),
            load: None,
        };
        about.runs_on(opened.report.as_ref());
        about
    }

    /// Another model has taken over.
    pub(super) fn now_uses(&mut self, model: &ModelUse) {
        self.predictor.name.clone_from(&model.name);
        self.predictor.identity.clone_from(&model.identity);
        self.runs_on(model.load.as_ref());
    }

    fn runs_on(&mut self, load: Option<&LoadReport>) {
        self.engine = load.map_or_else(|| "none".to_owned(), |r| r.engine.clone());
        self.engine_version = load.map(|r| r.version.clone());
        self.providers = load.map(|r| r.placement.clone()).unwrap_or_default();
        self.load = load.cloned();
    }

    /// One line that says what begins.
    pub(super) fn headline(&self) -> String {
        let SourceAbout { uri, format, width, height, rate, .. } = &self.source;
        let rate = rate.as_ref().map(|r| format!(" at {r} fps")).unwrap_or_default();
        let Self { predictor, engine, .. } = self;
        format!("{uri} {format} {width}x{height}{rate}; {} on {engine}", predictor.name)
    }
}

/// Prints the summary to stdout; to stderr when the results themselves go to stdout, which may be
/// a pipe that nobody reads.
pub(super) fn print(
    json: bool,
    stdout_taken: bool,
    about: &About,
    finished: &Finished,
) -> std::io::Result<()> {
    let report = &finished.report;
    let error = finished.error.as_ref().map(ToString::to_string);
    let text = if json {
        let document = Document { schema_version: 1, about, report, error };
        format!("{}\n", serde_json::to_string_pretty(&document)?)
    } else {
        as_text(about, report)
    };
    if stdout_taken {
        std::io::stderr().write_all(text.as_bytes())
    } else {
        std::io::stdout().write_all(text.as_bytes())
    }
}

fn as_text(about: &About, report: &RunReport) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<10} {value}");
    };
    let frames = &report.frames;
    line("source", about.source.description.clone());
    line("model", format!("{}, {} ahead", about.predictor.name, horizon(about)));
    line("engine", engine(about));
    if report.models.reloads > 0 {
        line("reloads", reloads(&report.models));
    }
    let outcome = format!("{:?}", report.outcome).to_lowercase();
    line("run", format!("{outcome} after {:.1} s, {:.1} fps", report.seconds, report.fps));
    line(
        "frames",
        format!(
            "captured {}, processed {}, in flight {}, dropped {}{}",
            frames.captured,
            frames.processed,
            frames.in_flight,
            frames.dropped.total(),
            drops(report)
        ),
    );
    if frames.before_start > 0 {
        line("", format!("{} more, filmed or lost before the start, let go", frames.before_start));
    }
    if !report.source_damage.is_none() {
        line("damage", report.source_damage.to_string());
    }
    line("age", percentiles(&report.age_ms));
    line("inference", percentiles(&report.infer_ms));
    match (report.model, report.copy_last) {
        (Some(model), Some(copy_last)) => {
            line("model", format!("{} over {} frames", quality(model), report.scored));
            line("copy-last", quality(copy_last));
        }
        _ => line("quality", "no prediction could be compared with its frame".to_owned()),
    }
    let named = |counts: Vec<String>| {
        if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
    };
    let resets = report.state_resets.iter().filter(|(_, n)| **n > 0);
    line("resets", named(resets.map(|(reason, n)| format!("{reason} {n}")).collect()));
    line("surprise", format!("{} events", report.surprise_events));
    if let Some(link) = &report.link {
        let states: Vec<_> = link.states.iter().map(|(state, n)| format!("{state} {n}")).collect();
        line("link", format!("{} reconnects ({})", link.reconnects, states.join(", ")));
    }
    for (name, side) in &report.side.tasks {
        let failed =
            if side.failed > 0 { format!(", failed {}", side.failed) } else { String::new() };
        let some = |n: u64, what: &str| if n > 0 { format!(", {n} {what}") } else { String::new() };
        let begun = some(side.resets, "resets") + &some(side.retries, "tries after a pause");
        let asked = some(side.asked, "questions");
        let rate = if report.seconds > 0.0 { side.run as f64 / report.seconds } else { 0.0 };
        let took = side.latency_ms.p50.map_or(String::new(), |ms| format!(", {ms:.1} ms each"));
        line(
            name,
            format!(
                "{} frames ({rate:.1}/s){took}, {} events{asked}{begun}{failed}",
                side.run, side.events
            ),
        );
        if let Some(error) = &side.error {
            line("", error.clone());
        }
    }
    let asked = &report.side.questions;
    if asked.asked > 0 {
        line(
            "questions",
            format!(
                "asked {}, answered {}, refused {}, unanswered {}, turned away {}",
                asked.asked, asked.answered, asked.refused, asked.unanswered, asked.turned_away
            ),
        );
    }
    for (name, sink) in &report.sinks {
        let counts =
            format!("offered {}, written {}, dropped {}", sink.offered, sink.written, sink.dropped);
        line(name, counts);
    }
    text
}

fn horizon(about: &About) -> String {
    let horizon = &about.predictor.horizon;
    match horizon.as_str() {
        "1" => "1 frame".to_owned(),
        "auto" => "to the moment of display".to_owned(),
        frames if frames.parse::<u32>().is_ok() => format!("{frames} frames"),
        time => time.to_owned(),
    }
}

/// The models in the order they came, since the figures are those of all of them.
fn reloads(log: &ModelLog) -> String {
    let each = log.models.iter().map(|model| {
        let ModelUse { from_seq, name, identity, .. } = &**model;
        format!("{name} {identity:.8} from frame {from_seq}")
    });
    let each: Vec<_> = each.collect();
    format!("{}; the figures are over all: {}", log.reloads, each.join(", "))
}

fn engine(about: &About) -> String {
    let Some(version) = &about.engine_version else {
        return "none, a baseline needs no engine".to_owned();
    };
    let placed: Vec<_> =
        about.providers.iter().map(|p| format!("{} {} nodes", p.provider, p.nodes)).collect();
    format!("{} {version}: {}", about.engine, placed.join(", "))
}

fn drops(report: &RunReport) -> String {
    let by_reason: Vec<_> = DropReason::ALL
        .into_iter()
        .filter(|reason| report.frames.dropped.get(*reason) > 0)
        .map(|reason| format!("{reason} {}", report.frames.dropped.get(reason)))
        .collect();
    if by_reason.is_empty() { String::new() } else { format!(" ({})", by_reason.join(", ")) }
}

fn percentiles(p: &Percentiles) -> String {
    let (Some(p50), Some(p99), Some(p999), Some(max)) = (p.p50, p.p99, p.p999, p.max) else {
        return "no result".to_owned();
    };
    let mark = if p.p999_few_samples { "*" } else { "" };
    let note = if p.p999_few_samples {
        format!("  (*fewer than {} samples)", framecast::pipeline::SAMPLES_FOR_P999)
    } else {
        String::new()
    };
    format!("p50 {p50:.2} ms, p99 {p99:.2} ms, p99.9{mark} {p999:.2} ms, max {max:.2} ms{note}")
}

fn quality(quality: Quality) -> String {
    let psnr = quality.psnr.map_or_else(|| "inf".to_owned(), |db| format!("{db:.2}"));
    format!("PD {:.3}, PSNR {psnr} dB", quality.pd)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn models_are_named_with_their_first_frame() {
        let mut log = ModelLog::default();
        for (from_seq, name, identity) in [(0, "old", "0123456789ab"), (300, "new", "ba9876543210")]
        {
            let (name, identity) = (name.to_owned(), identity.to_owned());
            log.add(Arc::new(ModelUse { from_seq, name, identity, load: None }));
        }
        let text = reloads(&log);
        let ends = "all: old 01234567 from frame 0, new ba987654 from frame 300";
        assert!(text.starts_with("1;") && text.ends_with(ends), "{text}");
    }
}
