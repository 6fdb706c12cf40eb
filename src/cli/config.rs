//! `framecast config`: what is configured and where each value comes from.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Subcommand;
use framecast::config::{Config, DEFAULTS, RawConfig};
use framecast::source::uri::redact;
use toml::Value;

use super::Outcome;
use super::settings::SettingsArgs;

/// Arguments of `framecast config`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print every key with its value and where that comes from
    Show {
        #[command(flatten)]
        settings: SettingsArgs,
        /// Print the shipped configuration file with its comments instead
        #[arg(long, conflicts_with_all = ["config", "set", "json"])]
        default: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Check a configuration file
    Check {
        /// The file
        file: PathBuf,
    },
}

/// Runs `framecast config`.
pub(crate) fn run(args: &Args) -> Outcome {
    let mut out = std::io::stdout().lock();
    match &args.command {
        Command::Show { default: true, .. } => out.write_all(DEFAULTS.as_bytes())?,
        Command::Show { settings, json, .. } => {
            let raw = settings.load()?;
            Config::from_raw(&raw)?;
            let text = if *json { as_json(&raw) } else { as_lines(&raw) };
            out.write_all(text.as_bytes())?;
        }
        Command::Check { file } => {
            let mut raw = RawConfig::defaults()?;
            raw.merge_file(file)?;
            Config::from_raw(&raw)?;
            writeln!(out, "{}: ok", file.display())?;
        }
    }
    Ok(())
}

/// A value as it may be printed: an address stands there without its password.
fn shown(key: &str, value: &Value) -> Value {
    match value {
        Value::String(uri) if key == "source.uri" => Value::String(redact(uri)),
        value => value.clone(),
    }
}

fn as_lines(raw: &RawConfig) -> String {
    let lines: Vec<(String, String)> = raw
        .entries()
        .map(|(key, entry)| match &entry.value {
            Some(value) => (format!("{key} = {}", shown(key, value)), entry.origin.to_string()),
            None => (key.to_owned(), "not set".to_owned()),
        })
        .collect();
    // One long value does not push all origins to the right.
    let width = lines.iter().map(|(text, _)| text.chars().count()).filter(|n| *n <= 60).max();
    let width = width.unwrap_or(0);
    let mut text = String::new();
    for (line, origin) in lines {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{line:width$}  # {origin}");
    }
    text
}

fn as_json(raw: &RawConfig) -> String {
    let values: serde_json::Map<_, _> = raw
        .entries()
        .map(|(key, entry)| {
            let value = entry.value.as_ref().map(|value| shown(key, value));
            let value = serde_json::to_value(value).unwrap_or_default();
            let origin = entry.origin.to_string();
            (key.to_owned(), serde_json::json!({ "value": value, "origin": origin }))
        })
        .collect();
    format!("{:#}\n", serde_json::json!({ "schema_version": 1, "values": values }))
}
