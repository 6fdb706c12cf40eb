//! Every picture tested once: a training for each fold, scored on what it did not see.

use std::fmt::Write as _;
use std::path::Path;

use super::EmbedLesson;
use super::recall::{Both, Chance, Ranks};
use crate::TrainError;
use crate::fit::{FitCheckpoint, FitRecipe, fit};
use crate::train::Options;

/// Rounds of the permutation test.
const ROUNDS: usize = 2_000;

/// Trains `recipe` once for each of its folds, in folders of `out`, and scores all test folds
/// together. A fold that was trained before is not trained again.
///
/// # Errors
/// [`TrainError`] as of training.
pub fn crossval(recipe: &FitRecipe, out: &Path) -> Result<String, TrainError> {
    let settings: super::EmbedSettings = recipe.table("embed")?;
    let mut galleries = Vec::new();
    for fold in 0..settings.folds {
        let mut own = recipe.clone();
        let table = own.own.entry("embed").or_insert_with(|| toml::Table::new().into());
        if let Some(table) = table.as_table_mut() {
            table.insert("fold".into(), toml::Value::Integer(fold as i64));
        }
        let mut lesson = EmbedLesson::open(&own)?;
        let folder = out.join(format!("fold-{fold}"));
        let resume = folder.join("last.ckpt").exists();
        let options = Options { out: folder, resume, ..Options::default() };
        let outcome = fit(&own, &mut lesson, &options)?;
        let best = FitCheckpoint::read(&outcome.best)?;
        galleries.push(lesson.test_gallery(&best.optimiser.average));
    }
    let both = Both::of(&galleries);
    let chance = Chance::of(&galleries, ROUNDS, recipe.seed);
    let pictures: Vec<String> = galleries.iter().map(|g| g.pictures.to_string()).collect();
    let mut text = format!(
        "{}: {} folds, galleries of {} pictures; chance is the mean of {ROUNDS} permutations\n",
        recipe.name,
        settings.folds,
        pictures.join(", ")
    );
    let mut row = |name: &str, ranks: &Ranks, way: usize| {
        let _ = write!(text, "{name}");
        for (k, chance) in [1, 5, 10].into_iter().zip(chance.recall[way]) {
            let _ = write!(text, "  R@{k} {:.3} (chance {chance:.3})", ranks.recall(k));
        }
        let _ = writeln!(
            text,
            "  median rank {:.1} (chance {:.1}), p = {:.4}",
            ranks.median(),
            chance.median[way],
            chance.p[way]
        );
    };
    row("text to image", &both.text_to_image, 0);
    row("image to text", &both.image_to_text, 1);
    Ok(text)
}
