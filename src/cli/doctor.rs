//! `framecast doctor`: what is there, what is not, why, and what to do.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use framecast::config::Config;
use framecast::engine::{EngineChoice, LoadOptions, SelfTest, load, wants_exact};
use framecast::model::{self, ModelFile};
use framecast::vision::simd;
use serde_json::{Map, Value, json};

use super::Outcome;
use super::exit::{self, Failure};
use super::settings::SettingsArgs;

/// Arguments of `framecast doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What one section found.
struct Section {
    name: &'static str,
    lines: Vec<String>,
    facts: Value,
    /// What to do about it.
    advice: Vec<String>,
    /// Something the configuration requires is missing.
    failure: Option<(u8, String)>,
}

impl Section {
    fn new(name: &'static str) -> Self {
        Self { name, lines: Vec::new(), facts: json!({}), advice: Vec::new(), failure: None }
    }
}

/// Looks at everything and reports; fails when something the configuration requires is missing.
pub(crate) fn run(args: &Args) -> Outcome {
    let config = args.settings.load().and_then(|raw| Config::from_raw(&raw));
    let config = config.map_err(|e| Failure::new(exit::CONFIG, e))?;
    let sections =
        [program(), processor(), library(&config), engines(&config), cameras(), ffmpeg(&config)];
    let mut out = std::io::stdout().lock();
    if args.json {
        let mut all = Map::from_iter([("schema_version".to_owned(), json!(1))]);
        for section in &sections {
            all.insert(section.name.to_owned(), section.facts.clone());
        }
        let advice: Vec<&String> = sections.iter().flat_map(|s| &s.advice).collect();
        all.insert("next_steps".to_owned(), json!(advice));
        writeln!(out, "{:#}", Value::Object(all))?;
    } else {
        for section in &sections {
            writeln!(out, "{}", section.name)?;
            for line in &section.lines {
                writeln!(out, "  {line}")?;
            }
        }
        let advice: Vec<&String> = sections.iter().flat_map(|s| &s.advice).collect();
        if !advice.is_empty() {
            writeln!(out, "next steps")?;
            for step in advice {
                writeln!(out, "  - {step}")?;
            }
        }
    }
    match sections.iter().find_map(|s| s.failure.clone()) {
        Some((code, message)) => Err(Failure::new(code, anyhow::anyhow!(message))),
        None => Ok(()),
    }
}

fn program() -> Section {
    let mut section = Section::new("program");
    let (version, os, arch) =
        (env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    section.lines.push(format!("framecast {version} on {os} {arch}"));
    section.facts = json!({ "version": version, "os": os, "arch": arch });
    section
}

fn processor() -> Section {
    let mut section = Section::new("processor");
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let features = features();
    section.lines.push(format!("{threads} threads; {}", features.join(" ")));
    section.facts = json!({ "threads": threads, "features": features });
    section
}

/// The vector extensions the kernels and engines look for.
fn features() -> Vec<&'static str> {
    let mut found = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! probe {
            ($($name:tt),*) => { $(if is_x86_feature_detected!($name) { found.push($name); })* };
        }
        probe!("sse4.1", "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vnni");
    }
    #[cfg(target_arch = "aarch64")]
    {
        macro_rules! probe {
            ($($name:tt),*) => {
                $(if std::arch::is_aarch64_feature_detected!($name) { found.push($name); })*
            };
        }
        probe!("neon", "dotprod", "fp16", "i8mm", "sve");
    }
    found
}

#[cfg(feature = "ort")]
fn library(config: &Config) -> Section {
    use framecast::engine::{OLDEST_MINOR, search};
    let mut section = Section::new("onnx_runtime");
    let tried = search(config.engine.library.as_deref());
    for t in &tried {
        let outcome = match &t.outcome {
            Ok(version) => format!("version {version}, in use"),
            Err(reason) => reason.clone(),
        };
        section.lines.push(format!("{}: {}: {outcome}", t.origin.name(), t.path.display()));
    }
    let found = tried.last().filter(|t| t.outcome.is_ok());
    if found.is_none() {
        section.lines.push("no usable library; tract runs the models".to_owned());
        section.advice.push(format!(
            "for ONNX Runtime: `pip install onnxruntime`, or set ORT_DYLIB_PATH or \
             engine.library to a library of version 1.{OLDEST_MINOR} or newer (on Jetson: the one \
             of its JetPack)"
        ));
        if config.engine.name == EngineChoice::Ort || config.engine.library.is_some() {
            section.failure = Some((
                exit::FAILURE,
                "the configuration requires ONNX Runtime, which is not usable".to_owned(),
            ));
        }
    }
    section.facts = json!({
        "usable": found.is_some(),
        "oldest_version": format!("1.{OLDEST_MINOR}"),
        "search": tried,
    });
    section
}

#[cfg(not(feature = "ort"))]
fn library(_: &Config) -> Section {
    let mut section = Section::new("onnx_runtime");
    section.lines.push("not part of this build (feature `ort`)".to_owned());
    section
}

/// Loads the default model on each engine, which runs its self-test.
fn engines(config: &Config) -> Section {
    let mut section = Section::new("engines");
    let first: Vec<PathBuf> = config.model.base.iter().cloned().collect();
    let model = model::registry::resolve(&config.model.path, &first)
        .map_err(|e| e.to_string())
        .and_then(|path| ModelFile::open(path).map_err(|e| e.to_string()));
    let model = match model {
        Ok(model) => model,
        Err(error) => {
            section.lines.push(format!("model {}: {error}", config.model.path));
            section.advice.push("name a model in [model] path, or give --predict FILE".to_owned());
            section.facts = json!({ "model": config.model.path, "error": error });
            return section;
        }
    };
    section.lines.push(format!("model {}, sha256 {}", model.name(), model.sha256()));
    let mut facts = Vec::new();
    let contract = model.contract().ok().flatten();
    let exact = contract.is_some_and(|c| wants_exact(&c)).then_some(EngineChoice::Exact);
    for engine in [EngineChoice::Tract, EngineChoice::Ort].into_iter().chain(exact) {
        let mut options: LoadOptions = config.load_options();
        options.engine = engine;
        options.require_provider = None;
        bind_for_test(&model, &mut options);
        match load(&model, &options) {
            Ok(loaded) => {
                let report = &loaded.report;
                let outcome = match report.self_test {
                    SelfTest::Passed { steps, .. } => format!("passed ({steps} steps)"),
                    SelfTest::Skipped => "left out".to_owned(),
                    SelfTest::None => "none in the file".to_owned(),
                };
                section.lines.push(format!("{}; self-test {outcome}", report.summary()));
                for attempt in &report.attempts {
                    section.lines.push(format!("  not {}: {}", attempt.what, attempt.reason));
                }
                facts.push(json!({ "engine": engine, "usable": true, "report": report }));
            }
            Err(error) => {
                section.lines.push(format!("{engine}: {error}"));
                facts.push(
                    json!({ "engine": engine, "usable": false, "reason": error.to_string() }),
                );
            }
        }
    }
    let kernels = simd::in_use();
    let why = if simd::switched_off() { " (FRAMECAST_SIMD=off)" } else { "" };
    section
        .lines
        .push(format!("exact: integer kernels for {kernels}{why}, for integer blend models"));
    if let Some(provider) = config.engine.require_provider {
        let mut options = config.load_options();
        bind_for_test(&model, &mut options);
        if let Err(error) = load(&model, &options) {
            section.failure = Some((exit::PROVIDER, format!("provider {provider}: {error}")));
        }
    }
    section.facts = json!({
        "model": model.name(), "sha256": model.sha256(), "engines": facts, "kernels": kernels,
    });
    section
}

/// The frame size is not known here; that of the self-test will do.
fn bind_for_test(model: &ModelFile, options: &mut LoadOptions) {
    let contract = model.contract().ok().flatten();
    for (symbol, size) in contract.and_then(|c| c.golden).map(|g| g.bind).unwrap_or_default() {
        options.bind.entry(symbol).or_insert(size);
    }
}

#[cfg(all(target_os = "linux", target_pointer_width = "64", target_endian = "little"))]
fn cameras() -> Section {
    use framecast::source::v4l2;
    let mut section = Section::new("cameras");
    let mut facts = Vec::new();
    for (path, info) in v4l2::list() {
        let text = match &info {
            Ok(info) => format!("{} ({}), {} modes", info.card, info.driver, info.modes.len()),
            Err(error) => format!("not usable: {error}"),
        };
        section.lines.push(format!("{}: {text}", path.display()));
        facts.push(json!({ "path": path, "usable": info.is_ok(), "what": text }));
    }
    if facts.is_empty() {
        section.lines.push("no /dev/video* node".to_owned());
        section.advice.push(
            "no camera is attached; `framecast run` uses the built-in one, `demo:`".to_owned(),
        );
    }
    section.facts = json!(facts);
    section
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64", target_endian = "little")))]
fn cameras() -> Section {
    let mut section = Section::new("cameras");
    section.lines.push("reached by number on this system: nokhwa:0, nokhwa:1, ...".to_owned());
    section
}

fn ffmpeg(config: &Config) -> Section {
    let mut section = Section::new("ffmpeg");
    let program = config.source.options().ffmpeg;
    match version_of(&program) {
        Ok(version) => {
            section.lines.push(format!("{}: {version}", program.display()));
            section.facts = json!({ "usable": true, "path": program, "version": version });
        }
        Err(error) => {
            section.lines.push(format!("{}: {error}", program.display()));
            section.advice.push(
                "install ffmpeg for MP4 and other video files and for RTSP; Y4M, GIF, pictures and \
                 cameras do not need it"
                    .to_owned(),
            );
            section.facts = json!({ "usable": false, "path": program, "reason": error });
        }
    }
    section
}

fn version_of(program: &Path) -> Result<String, String> {
    let output = Command::new(program)
        .arg("-version")
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().next() {
        Some(line) if output.status.success() => {
            Ok(line.split(" Copyright").next().unwrap_or(line).to_owned())
        }
        _ => Err(format!("-version ended with {}", output.status)),
    }
}
