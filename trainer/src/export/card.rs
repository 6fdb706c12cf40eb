//! `models/README.md`, made from what the shipped files say about themselves.

use std::fs;
use std::path::{Path, PathBuf};

use framecast::model::{Contract, ModelFile, Score, SizeRule};

use crate::TrainError;

/// Name of the card within the folder of models.
pub const CARD: &str = "README.md";

/// The card of all ONNX files of `folder`.
///
/// # Errors
/// [`TrainError::Io`], and [`TrainError::Export`] for a file that is no model with a contract.
pub fn card(folder: &Path) -> Result<String, TrainError> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .map_err(TrainError::io("read", folder))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "onnx"))
        .collect();
    paths.sort();
    let mut text = String::from(
        "# Models\n\nMade by `framecast-train card models` from the files themselves; do not edit.\n",
    );
    for path in paths {
        let fail = |reason: String| TrainError::Export { name: path.display().to_string(), reason };
        let model = ModelFile::open(&path).map_err(|e| fail(e.to_string()))?;
        let Some(contract) = model.contract().map_err(|e| fail(e.to_string()))? else {
            return Err(fail("it carries no contract".to_owned()));
        };
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        one(&mut text, &file, &model, &contract);
    }
    Ok(text)
}

fn one(text: &mut String, file: &str, model: &ModelFile, contract: &Contract) {
    let mut line = |s: String| {
        text.push_str(&s);
        text.push('\n');
    };
    line(format!("\n## {file}\n\n{}\n", contract.description));
    let size = match contract.size {
        Some(SizeRule::MultipleOf(n)) => format!("any, padded to multiples of {n}"),
        Some(SizeRule::Fixed { width, height }) => format!("{width}x{height}"),
        None => "any".to_owned(),
    };
    let parameters: i64 = model
        .graph()
        .initializer
        .iter()
        .filter(|t| t.dims.len() > 1)
        .map(|t| t.dims.iter().product::<i64>())
        .sum();
    let p = &contract.provenance;
    line("| | |\n|---|---|".to_owned());
    line(format!("| size of frames | {size} |"));
    line(format!("| weights in kernels | {parameters} |"));
    line(format!("| bytes | {} |", model.bytes().len()));
    line(format!("| operator set | {} |", model.opset()));
    line(format!("| state tensors | {} |", contract.state.len()));
    line(format!("| SHA-256 | `{}` |", model.sha256()));
    line(format!("| made by | {}, seed {} |", p.producer, p.seed));
    line(format!("| licence of the weights | {} |", p.licence));
    line(format!("| trained on | {} |", p.data.join("; ")));
    if !contract.scores.is_empty() {
        line("\n| data | samples | metric | model | copy-last | other baselines |\n|---|---|---|---|---|---|".to_owned());
        for s in &contract.scores {
            let copy = s.copy_last.map_or_else(|| "-".to_owned(), |c| format!("{c:.3}"));
            let others: Vec<String> =
                s.baselines.iter().map(|(name, value)| format!("{name} {value:.3}")).collect();
            let others = if others.is_empty() { "-".to_owned() } else { others.join(", ") };
            let Score { data, metric, model, frames, .. } = s;
            line(format!("| {data} | {frames} | {metric} | {model:.3} | {copy} | {others} |"));
        }
    }
    line(format!("\nThe recipe it was trained by:\n\n```toml\n{}\n```", p.config.trim_end()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_card_in_the_tree_is_current() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        let text = card(&folder).unwrap();
        assert!(text.contains("predict-nano-direct.onnx") && text.contains("predict-nano.onnx"));
        let written = fs::read_to_string(folder.join(CARD)).unwrap();
        assert_eq!(
            text,
            written.replace("\r\n", "\n"),
            "run `cargo run --release -p framecast-trainer -- card models`"
        );
    }
}
