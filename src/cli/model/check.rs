//! `framecast model check`: compare models with their reference values on every engine.

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use framecast::engine::check::{Case, GoldenFile, Verdict, check, discover};
use framecast::engine::{EngineChoice, LoadOptions, wants_exact};
use framecast::model::ModelFile;
use serde_json::json;

use super::super::Outcome;
use super::super::exit::{self, Failure};

/// Arguments of `framecast model check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// ONNX files, or folders that are searched for them
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,

    /// The engine; without it tract and ort, and exact for integer models
    #[arg(long, value_name = "auto|tract|ort|exact")]
    engine: Option<EngineChoice>,

    /// Threads of one operator; 0 for all cores
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,

    /// Reference values in place of the golden.json beside each model
    #[arg(long, value_name = "FILE")]
    golden: Option<PathBuf>,

    /// The ONNX Runtime library
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

struct Row {
    case: Case,
    engine: EngineChoice,
    verdict: Verdict,
}

/// Checks everything, prints a table, and fails with 3 when anything is wrong.
pub(crate) fn run(args: &Args) -> Outcome {
    let golden = match &args.golden {
        Some(path) => Some(
            GoldenFile::open(path).map_err(|e| Failure::new(exit::CONFIG, anyhow::anyhow!(e)))?,
        ),
        None => None,
    };
    let mut engines = match args.engine {
        Some(engine) => vec![engine],
        None => vec![EngineChoice::Tract, EngineChoice::Ort],
    };
    let mut cases = Vec::new();
    for path in &args.paths {
        let found = discover(path).with_context(|| path.display().to_string());
        cases.extend(found.map_err(|error| Failure::new(exit::CONFIG, error))?);
    }
    if cases.is_empty() {
        let error = anyhow::anyhow!("no .onnx file in {:?}", args.paths);
        return Err(Failure::new(exit::CONFIG, error));
    }
    let width = cases.iter().map(|c| c.name.chars().count()).max().unwrap_or(0);
    let mut rows = Vec::new();
    for case in cases {
        let own: &[EngineChoice] = match args.engine {
            None if is_integer(&case) => &[EngineChoice::Exact],
            _ => &[],
        };
        for engine in engines.clone().into_iter().chain(own.iter().copied()) {
            let mut options = LoadOptions::default();
            options.engine = engine;
            options.threads = args.threads;
            options.library.clone_from(&args.library);
            let verdict = check(&case, &options, golden.as_ref());
            if !args.json {
                let (name, word) = (&case.name, verdict.word());
                let detail = verdict.detail();
                writeln!(io::stdout(), "{name:width$}  {engine:5}  {word:11}  {detail}")?;
            }
            rows.push(Row { case: case.clone(), engine, verdict });
        }
    }
    if args.engine.is_none() && rows.iter().any(|r| r.engine == EngineChoice::Exact) {
        engines.push(EngineChoice::Exact);
    }
    report(args, &engines, &rows)?;
    let is = |row: &Row, words: &[&str]| words.contains(&row.verdict.word());
    let wrong = rows.iter().filter(|r| is(r, &["wrong", "invalid"])).count();
    // With one engine asked for, its absence is no pass.
    let absent = args.engine.is_some() && rows.iter().any(|r| is(r, &["unavailable"]));
    let nothing = rows.iter().all(|r| is(r, &["unavailable"]));
    if wrong > 0 || absent || nothing {
        let error = match wrong {
            0 => anyhow::anyhow!("the engine is not available; see `framecast doctor`"),
            n => anyhow::anyhow!("{n} of {} checks are wrong or invalid", rows.len()),
        };
        return Err(Failure::new(exit::CONFIG, error));
    }
    Ok(())
}

/// True for a model that the exact engine is for; what cannot be read is another check's to say.
fn is_integer(case: &Case) -> bool {
    let contract = ModelFile::open(&case.model).ok().and_then(|m| m.contract().ok().flatten());
    contract.is_some_and(|c| wants_exact(&c))
}

fn report(args: &Args, engines: &[EngineChoice], rows: &[Row]) -> Outcome {
    let count = |engine: EngineChoice, word: &str| {
        rows.iter().filter(|r| r.engine == engine && r.verdict.word() == word).count()
    };
    let mut out = io::stdout().lock();
    const WORDS: [&str; 5] = ["pass", "refused", "wrong", "invalid", "unavailable"];
    if args.json {
        let checks: Vec<_> = rows
            .iter()
            .map(|r| {
                let mut row = json!({
                    "name": r.case.name, "model": r.case.model, "engine": r.engine,
                });
                if let (Some(row), Ok(serde_json::Value::Object(verdict))) =
                    (row.as_object_mut(), serde_json::to_value(&r.verdict))
                {
                    row.extend(verdict);
                }
                row
            })
            .collect();
        let totals: serde_json::Map<_, _> = engines
            .iter()
            .map(|&e| {
                let counts: serde_json::Map<_, _> =
                    WORDS.iter().map(|w| ((*w).to_owned(), json!(count(e, w)))).collect();
                (e.to_string(), json!(counts))
            })
            .collect();
        let document = json!({ "schema_version": 1, "totals": totals, "checks": checks });
        return Ok(writeln!(out, "{document:#}")?);
    }
    writeln!(out)?;
    for &engine in engines {
        let total = rows.iter().filter(|r| r.engine == engine).count();
        let parts: Vec<String> = WORDS
            .iter()
            .map(|w| (*w, count(engine, w)))
            .filter(|(word, n)| *n > 0 || *word == "wrong")
            .map(|(word, n)| format!("{n} {word}"))
            .collect();
        writeln!(out, "{engine}: {} of {total}", parts.join(", "))?;
    }
    Ok(())
}
