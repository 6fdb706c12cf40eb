//! The recipes that come with the trainer, and what the documentation says about them.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::path::Path;

use framecast_trainer::fit::FitRecipe;
use framecast_trainer::net::{Original, Traced};
use framecast_trainer::recipe::Recipe;

fn recipes() -> Vec<Recipe> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    // Those of other families are read where their lessons are.
    paths.retain(|path| !FitRecipe::is_one(&fs::read_to_string(path).unwrap()));
    paths.sort();
    paths.iter().map(|path| Recipe::read(path).unwrap()).collect()
}

#[test]
fn every_original_predictor_has_a_recipe_of_two_epochs_and_a_row() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/originals.md");
    let page = fs::read_to_string(page).unwrap();
    for original in Original::ALL {
        let of = |r: &&Recipe| r.network.traced() == Some(Traced::Original(original));
        let recipes = recipes();
        let recipe = recipes.iter().find(of).unwrap();
        assert_eq!(recipe.name, recipe.network.to_string());
        let taken: usize = recipe.data.sequences.iter().map(|s| s.take.unwrap_or(3353)).sum();
        assert!(recipe.train.steps as usize * recipe.train.batch >= 2 * taken, "{}", recipe.name);
        let row = page.lines().find(|l| l.starts_with(&format!("| `{}` ", recipe.name))).unwrap();
        let parameters = recipe.network.init(1).len();
        assert!(row.contains(&format!("| {parameters} |")), "{row}: {parameters}");
    }
}

#[test]
fn recipes_of_other_families_are_read_and_say_what_they_make() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
    let paths = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let families: Vec<_> =
        paths.filter(|path| FitRecipe::is_one(&fs::read_to_string(path).unwrap())).collect();
    assert!(families.len() > 10, "{families:?}");
    for path in families {
        let recipe = FitRecipe::read(&path).unwrap();
        assert!(!recipe.description.is_empty() && !recipe.licence.is_empty(), "{path:?}");
    }
}
