//! A table of what models say of themselves: the scores in their contracts, beside the baselines.

use std::path::Path;

use framecast::model::ModelFile;

use crate::TrainError;
use crate::describe::scaled;

/// One line a score of each of `models`, as Markdown.
///
/// # Errors
/// [`TrainError::Data`] for a file that cannot be read, or has no contract or scores.
pub fn score_table(models: &[impl AsRef<Path>]) -> Result<String, TrainError> {
    let mut text = String::from(
        "| model | bytes | parameters | measure | score | beside |\n|---|---:|---:|---|---:|---|\n",
    );
    for path in models.iter().map(AsRef::as_ref) {
        let uri = path.display().to_string();
        let fail = |reason: String| TrainError::Data { uri: uri.clone(), reason };
        let model = ModelFile::open(path).map_err(|e| fail(e.to_string()))?;
        let contract = model.contract().map_err(|e| fail(e.to_string()))?;
        let contract = contract.ok_or_else(|| fail("it carries no contract".to_owned()))?;
        if contract.scores.is_empty() {
            return Err(fail("its contract has no scores".to_owned()));
        }
        let weights = model.graph().initializer.iter().filter_map(|t| t.to_tensor().ok());
        // Constants of shapes and limits are single numbers or a few.
        let parameters: usize = weights.map(|t| t.data().len()).filter(|n| *n > 4).sum();
        for (at, score) in contract.scores.iter().enumerate() {
            let beside: Vec<String> =
                score.baselines.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
            let [name, bytes, count] = match at {
                0 => [
                    format!("`{}`", contract.name),
                    model.bytes().len().to_string(),
                    scaled(parameters as u64),
                ],
                _ => Default::default(),
            };
            text += &format!(
                "| {name} | {bytes} | {count} | {}, {} samples | {:.4} | {} |\n",
                score.metric,
                score.frames,
                score.model,
                beside.join(", ")
            );
        }
    }
    Ok(text)
}
