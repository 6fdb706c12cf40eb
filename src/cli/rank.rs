//! `framecast rank`: recorded events in the order an operator wants to see them.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use framecast::task::rank::{EventLog, Taste, TasteOptions, full_auc};
use serde::Serialize;

use super::Outcome;

/// Opened events from which the last fifth is held out to say how good the order is.
const ENOUGH: usize = 5;

/// Reasons that are printed of an event.
const SHOWN: usize = 3;

/// Arguments of `framecast rank`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Events, oldest first: lines such as {"id":"gate-0412","tags":["person","night"]}
    #[arg(value_name = "EVENTS.jsonl")]
    events: PathBuf,

    /// The ids of those that were opened, one a line, in the order they were opened
    #[arg(long, value_name = "FILE")]
    opened: PathBuf,

    /// How many to print
    #[arg(long, value_name = "N", default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    top: u64,

    /// Print the result as one JSON object on stdout
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    events: usize,
    opened: usize,
    /// Opened ids that no event has.
    unknown: usize,
    held_out: Option<HeldOut>,
    ranked: Vec<Row<'a>>,
}

/// How well the last events that were opened are found from those opened before.
#[derive(Serialize)]
struct HeldOut {
    /// Events that were held out.
    events: usize,
    /// Share of pairs in order, against the events that were not opened.
    auc: f64,
    /// The same of the newest first.
    newest_first: f64,
}

#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    score: f32,
    /// Tags and pairs of tags, the one that counts most first.
    tags: Vec<Reason>,
}

#[derive(Serialize)]
struct Reason {
    tag: String,
    adds: f32,
}

/// Runs `framecast rank`.
pub(crate) fn run(args: &Args) -> Outcome {
    let log = EventLog::read(&args.events)?;
    let (opened, unknown) = log.named_in(&args.opened)?;
    if unknown > 0 {
        tracing::warn!("{unknown} opened ids are not among the {} events", log.events().len());
    }
    let taste = Taste::learn(log.events(), &opened, &TasteOptions::default());
    let ranked = taste.rank(log.events(), &opened);
    let top = usize::try_from(args.top).unwrap_or(usize::MAX);
    let rows = ranked.iter().take(top).filter_map(|(at, score)| {
        let event = log.events().get(*at)?;
        let reasons = taste.reasons(event).into_iter();
        let mut tags: Vec<_> = reasons.map(|(tag, adds)| Reason { tag, adds }).collect();
        tags.sort_by(|a, b| b.adds.abs().total_cmp(&a.adds.abs()));
        Some(Row { id: &event.id, score: *score, tags })
    });
    let document = Document {
        schema_version: 1,
        events: log.events().len(),
        opened: opened.len(),
        unknown,
        held_out: held_out(&log, &opened),
        ranked: rows.collect(),
    };
    let text = match args.json {
        true => serde_json::to_string_pretty(&document).map_err(anyhow::Error::from)? + "\n",
        false => text(&document),
    };
    Ok(std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?)
}

/// Learns from the first of the opened events and scores the last.
fn held_out(log: &EventLog, opened: &[usize]) -> Option<HeldOut> {
    if opened.len() < ENOUGH {
        return None;
    }
    let (first, last) = opened.split_at(opened.len() - opened.len() / ENOUGH);
    let taste = Taste::learn(log.events(), first, &TasteOptions::default());
    let (known, wanted): (HashSet<_>, HashSet<_>) = (first.iter().collect(), last.iter().collect());
    let scores: Vec<f32> = log.events().iter().map(|event| taste.score(event)).collect();
    let newest: Vec<f32> = (0..scores.len()).map(|at| at as f32).collect();
    let auc = |scores: &[f32]| {
        let candidates = (0..scores.len()).filter(|at| !known.contains(at));
        full_auc(scores, candidates.map(|at| (at, wanted.contains(&at))))
    };
    Some(HeldOut { events: last.len(), auc: auc(&scores)?, newest_first: auc(&newest)? })
}

fn text(document: &Document<'_>) -> String {
    let Document { events, opened, held_out, ranked, .. } = document;
    let mut text = format!("{events} events, {opened} opened\n");
    if *opened == 0 {
        text += "nothing was opened yet: the newest come first\n";
    }
    if let Some(HeldOut { events, auc, newest_first }) = held_out {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "AUC of the last {events} opened, found from those before: {auc:.3} (newest first \
             {newest_first:.3}, chance 0.500)"
        );
    }
    let width = ranked.iter().map(|row| row.id.chars().count()).max().unwrap_or_default();
    for Row { id, score, tags } in ranked {
        let tags: Vec<String> = tags
            .iter()
            .take(SHOWN)
            .map(|Reason { tag, adds }| format!("{tag} {adds:+.2}"))
            .collect();
        let _ = writeln!(text, "{score:>+7.2}  {id:<width$}  {}", tags.join(", "));
    }
    text
}
