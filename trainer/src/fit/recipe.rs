//! Recipes of the families other than prediction: what all have, and a part of their own.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::recipe::Training;

/// How often a run is validated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Validate {
    /// Steps between validations, each of which writes a checkpoint: an epoch.
    pub every: u64,
}

impl Default for Validate {
    fn default() -> Self {
        Self { every: 200 }
    }
}

/// A recipe with `task = "..."`; one without is a predictor's, [`crate::recipe::Recipe`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FitRecipe {
    /// The family, which names the table of its own settings too.
    pub task: String,
    /// Name of the run, and of the model or the first part of its models' names.
    pub name: String,
    /// One sentence about the model.
    #[serde(default)]
    pub description: String,
    /// Licence of the weights.
    #[serde(default)]
    pub licence: String,
    /// What all chance of the run comes from.
    #[serde(default)]
    pub seed: u64,
    /// The loop.
    #[serde(default)]
    pub train: Training,
    /// Validation.
    #[serde(default)]
    pub validate: Validate,
    /// The family's own tables.
    #[serde(flatten)]
    pub own: toml::Table,
}

impl FitRecipe {
    /// Whether the text is a recipe of a family other than prediction.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("task"))
    }

    /// Reads a recipe; `path` is named in errors.
    ///
    /// # Errors
    /// [`TrainError::Recipe`] for a syntax error, a missing or unknown field, or a number out of
    /// range.
    pub fn parse(path: &str, text: &str) -> Result<Self, TrainError> {
        let wrong = |reason: String| TrainError::Recipe { path: path.to_owned(), reason };
        let recipe: Self = toml::from_str(text).map_err(|e| wrong(e.to_string()))?;
        recipe.check().map_err(wrong)?;
        Ok(recipe)
    }

    /// Reads a recipe from a file.
    ///
    /// # Errors
    /// [`TrainError::Io`], and as [`FitRecipe::parse`].
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let text = fs::read_to_string(path).map_err(TrainError::io("read", path))?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// The recipe as text that gives the same recipe when it is read.
    ///
    /// # Errors
    /// [`TrainError::Recipe`] when it cannot be written.
    pub fn to_toml(&self) -> Result<String, TrainError> {
        toml::to_string(self).map_err(|e| self.wrong(e.to_string()))
    }

    /// The table `[name]` of the family's own settings; its defaults where there is none.
    ///
    /// # Errors
    /// [`TrainError::Recipe`] for an unknown field or a value of another type.
    pub fn table<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T, TrainError> {
        let Some(value) = self.own.get(name) else { return Ok(T::default()) };
        value.clone().try_into().map_err(|e| self.wrong(format!("[{name}]: {e}")))
    }

    /// Fails when the recipe has tables other than `known` ones.
    ///
    /// # Errors
    /// [`TrainError::Recipe`] naming the first one.
    pub fn only(&self, known: &[&str]) -> Result<(), TrainError> {
        match self.own.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(self.wrong(format!(
                "{key:?} is unknown for task {:?}; it has {}",
                self.task,
                known.join(", ")
            ))),
        }
    }

    /// An error about this recipe.
    #[must_use]
    pub fn wrong(&self, reason: String) -> TrainError {
        TrainError::Recipe { path: self.name.clone(), reason }
    }

    fn check(&self) -> Result<(), String> {
        let t = &self.train;
        let plain =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if self.name.is_empty() || self.name.len() > 80 || !self.name.chars().all(plain) {
            return Err(format!(
                "name = {:?}; give 1 to 80 small letters, digits, - and _",
                self.name
            ));
        }
        for (key, value, low, high) in [
            ("train.steps", t.steps, 1, 100_000_000),
            ("train.batch", t.batch as u64, 1, 65_536),
            ("train.warm_up", t.warm_up, 0, 100_000_000),
            ("validate.every", self.validate.every, 1, 100_000_000),
        ] {
            if !(low..=high).contains(&value) {
                return Err(format!("{key} = {value} is outside {low} to {high}"));
            }
        }
        for (key, value, low, high) in [
            ("train.learning_rate", t.learning_rate, 1e-7, 10.0),
            ("train.floor", t.floor, 0.0, 1.0),
            ("train.weight_decay", f64::from(t.weight_decay), 0.0, 10.0),
            ("train.clip", f64::from(t.clip), 1e-6, 1e6),
            ("train.ema", f64::from(t.ema), 0.0, 0.999_999),
        ] {
            if !(low..=high).contains(&value) {
                return Err(format!("{key} = {value} is outside {low} to {high}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "task = \"tag\"\nname = \"a-1\"\n[train]\nsteps = 5\n[tag]\nwidth = 3\n";

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Own {
        width: usize,
    }

    #[test]
    fn a_recipe_comes_back_and_has_a_part_of_its_own() {
        let recipe = FitRecipe::parse("r", TEXT).unwrap();
        assert_eq!(FitRecipe::parse("r", &recipe.to_toml().unwrap()).unwrap(), recipe);
        assert_eq!(recipe.table::<Own>("tag").unwrap(), Own { width: 3 });
        recipe.only(&["tag"]).unwrap();
        assert!(recipe.only(&["answer"]).unwrap_err().to_string().contains("\"tag\" is unknown"));
        assert!(FitRecipe::is_one(TEXT) && !FitRecipe::is_one("name = \"x\"\n"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |text: &str| FitRecipe::parse("r", text).unwrap_err().to_string();
        assert!(error(&TEXT.replace("steps = 5", "steps = 0")).contains("outside 1 to"));
        assert!(error(&TEXT.replace("steps", "stops")).contains("stops"));
        assert!(error(&TEXT.replace("a-1", "../a")).contains("small letters"));
        let recipe = FitRecipe::parse("r", &TEXT.replace("width", "wide")).unwrap();
        assert!(recipe.table::<Own>("tag").unwrap_err().to_string().contains("wide"));
    }
}
