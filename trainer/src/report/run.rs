//! What a run's folder holds: curves, recipe, contact sheet.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::TrainError;

/// Points of a curve, by step.
pub(super) type Curve = Vec<(f64, f64)>;

/// A run as its folder tells it.
#[derive(Debug)]
pub(super) struct Run {
    /// Its folder's name.
    pub(super) name: String,
    /// Every number of the log by its key, such as `model.pd`.
    pub(super) curves: BTreeMap<String, Curve>,
    /// The last validation; of the best checkpoint on all data when the run is complete.
    pub(super) last: Option<Value>,
    /// The recipe, flat.
    pub(super) recipe: BTreeMap<String, String>,
    /// The contact sheet, a PNG.
    pub(super) sheet: Option<Vec<u8>>,
}

impl Run {
    /// Reads a folder.
    pub(super) fn read(folder: &Path) -> Result<Self, TrainError> {
        let log = folder.join("log.jsonl");
        let text = fs::read_to_string(&log).map_err(|cause| TrainError::Report {
            folder: folder.to_owned(),
            reason: format!("no log.jsonl can be read ({cause}); name the --out folders of runs"),
        })?;
        let (curves, last) = parse(&text);
        if curves.is_empty() {
            return Err(TrainError::Report {
                folder: folder.to_owned(),
                reason: "its log.jsonl tells of no step yet; train first".to_owned(),
            });
        }
        let recipe = fs::read_to_string(folder.join("recipe.toml")).unwrap_or_default();
        let mut flat_recipe = BTreeMap::new();
        if let Ok(table) = recipe.parse::<toml::Table>() {
            flat_toml("", &toml::Value::Table(table), &mut flat_recipe);
        }
        let sheet = ["best.png", "sheet.png"];
        Ok(Self {
            name: name_of(folder),
            curves,
            last,
            recipe: flat_recipe,
            sheet: sheet.iter().find_map(|file| fs::read(folder.join(file)).ok()),
        })
    }
}

/// The last part of the path that is a name.
fn name_of(folder: &Path) -> String {
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = real.file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| folder.display().to_string())
}

/// The curves of a log and its last validation. Lines that are no JSON are passed over: a run may be
/// writing one.
fn parse(log: &str) -> (BTreeMap<String, Curve>, Option<Value>) {
    let mut curves: BTreeMap<String, Curve> = BTreeMap::new();
    let mut last = None;
    for line in log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let Some(step) = line.get("step").and_then(Value::as_f64) else { continue };
        // The last word is on other frames than the rest of the curve.
        if line.get("final").is_none() {
            flat_json("", &line, &mut |key, value| {
                if !matches!(key, "step" | "frames") {
                    curves.entry(key.to_owned()).or_default().push((step, value));
                }
            });
        }
        if line.get("model").is_some() {
            last = Some(line);
        }
    }
    (curves, last)
}

fn flat_json(prefix: &str, value: &Value, put: &mut impl FnMut(&str, f64)) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                flat_json(&joined(prefix, key), value, put);
            }
        }
        _ => {
            if let Some(number) = value.as_f64().filter(|n| n.is_finite()) {
                put(prefix, number);
            }
        }
    }
}

fn flat_toml(prefix: &str, value: &toml::Value, out: &mut BTreeMap<String, String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                flat_toml(&joined(prefix, key), value, out);
            }
        }
        toml::Value::Array(list) if list.iter().any(toml::Value::is_table) => {
            for (at, value) in list.iter().enumerate() {
                flat_toml(&joined(prefix, &(at + 1).to_string()), value, out);
            }
        }
        _ => drop(out.insert(prefix.to_owned(), value.to_string())),
    }
}

fn joined(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_a_log_is_a_curve_and_damage_is_passed_over() {
        let log = "{\"step\":1,\"loss\":0.5}\n{\"step\":2,\"loss\":0.25,\"model\":{\"pd\":17.5}}\n\
                   {\"step\":2,\"final\":true,\"model\":{\"pd\":17.25}}\n{\"step\":3,\"lo";
        let (curves, last) = parse(log);
        assert_eq!(curves["loss"], [(1.0, 0.5), (2.0, 0.25)]);
        assert_eq!(curves["model.pd"], [(2.0, 17.5)]);
        assert_eq!(last.unwrap()["model"]["pd"], 17.25);
    }

    #[test]
    fn recipes_are_flat() {
        let table: toml::Table =
            "a = 1\n[b]\nc = \"x\"\n[[d]]\ne = 2\n[[d]]\ne = 3\n".parse().unwrap();
        let mut flat = BTreeMap::new();
        flat_toml("", &toml::Value::Table(table), &mut flat);
        let flat: Vec<_> = flat.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(flat, ["a=1", "b.c=\"x\"", "d.1.e=2", "d.2.e=3"]);
    }
}
