//! Heads that learn made-up features, and recipes that cannot be.

use super::*;
use crate::fit::fit;
use crate::train::Options;

fn recipe(more: &str) -> FitRecipe {
    let text = format!(
        "task = \"tag\"\nname = \"t\"\nseed = 4\n[train]\nsteps = 120\nbatch = 32\n\
         learning_rate = 0.02\nwarm_up = 5\nema = 0.9\n[validate]\nevery = 60\n{more}"
    );
    FitRecipe::parse("r", &text).unwrap()
}

const MADE: &str = "[generated]\ndims = 48\nclasses = 30\nlabels = 2.5\nnoise = 0.05\ntrain = 600\n\
                    validate = 120\n";

fn untrained(recipe: &FitRecipe, lesson: &TagLesson) -> FitCheckpoint {
    FitCheckpoint {
        recipe: recipe.clone(),
        data: lesson.data(),
        vocabulary: lesson.vocabulary(),
        optimiser: crate::train::AdamW::new(lesson.init()),
        standing: Default::default(),
    }
}

#[test]
fn every_preset_learns_is_chosen_by_gap_and_exported() {
    for preset in ["mlp", "mixture-of-experts", "gated"] {
        let place = tempfile::tempdir().unwrap();
        let own = format!("[tag]\npreset = \"{preset}\"\nhidden = [64]\nmixtures = 2\n{MADE}");
        let recipe = recipe(&own);
        let mut lesson = TagLesson::open(&recipe).unwrap();
        let options = Options { out: place.path().to_owned(), ..Options::default() };
        let outcome = fit(&recipe, &mut lesson, &options).unwrap();
        let first = outcome.measures.first().unwrap();
        let prior = first.baselines[0].1;
        assert_eq!(first.name, "GAP@20");
        assert!(first.value > 0.8 && first.value > prior + 0.4, "{preset}: {first:?}");
        let checkpoint = FitCheckpoint::read(&outcome.best).unwrap();
        let scores = lesson.test(&checkpoint.optimiser.average).unwrap();
        let products = lesson.export(&checkpoint, &scores).unwrap();
        let product = &products[0];
        assert!(product.checked.iter().all(|c| c.worst < 1e-4), "{preset}: {:?}", product.checked);
        let contract = product.model.contract().unwrap().unwrap();
        let roles: Vec<_> = contract.outputs.iter().map(|o| o.name.as_str()).collect();
        assert_eq!((contract.task, &roles[..]), (Task::Tag, &["logits", "scores"][..]));
        assert_eq!(contract.scores[0].metric, "GAP@20");
    }
}

#[test]
fn labels_and_links_of_a_list_are_carried() {
    let place = tempfile::tempdir().unwrap();
    let list = place.path().join("labels.csv");
    let rows: String = (0..30).map(|n| format!("{n},name {n},https://x/{n}\n")).collect();
    std::fs::write(&list, format!("Index,Name,WikiUrl\n{rows}")).unwrap();
    let own = format!("[tag]\nlabels = {:?}\n{MADE}", list.display().to_string());
    let recipe = recipe(&own);
    let mut lesson = TagLesson::open(&recipe).unwrap();
    let checkpoint = untrained(&recipe, &lesson);
    let products = lesson.export(&checkpoint, &Measures::default()).unwrap();
    let contract = products[0].model.contract().unwrap().unwrap();
    assert_eq!((contract.labels.len(), contract.links[29].as_str()), (30, "https://x/29"));
    std::fs::write(&list, "one\ntwo\n").unwrap();
    let error = TagLesson::open(&recipe).err().unwrap().to_string();
    assert!(error.contains("names 2 labels but there are 30"), "{error}");
}

#[test]
fn what_a_recipe_gets_wrong_is_named() {
    let said = |more: &str| TagLesson::open(&recipe(more)).err().unwrap().to_string();
    assert!(said("").contains("give one of [features]"));
    assert!(said(&format!("{MADE}[embedded]\n")).contains("give one of"));
    assert!(said(&format!("[tag]\ndropout = 1.0\n{MADE}")).contains("tag.dropout = 1"));
    assert!(said(&format!("[tag]\npreset = \"deep\"\n{MADE}")).contains("deep"));
    assert!(said(&format!("[tag]\nmixtures = 0\n{MADE}")).contains("mixtures = 0"));
    let none = said("[embedded]\nbackbone = \"no/such.onnx\"\n");
    assert!(none.contains("no/such.onnx"), "{none}");
    let missing = "[features]\ndims = 2\nclasses = 2\ntrain = [\"no.csv\"]\nvalidate = []\n";
    assert!(said(missing).contains("no.csv"));
}

#[test]
fn scores_say_which_part_they_were_made_on() {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str| {
        let path = place.path().join(name);
        std::fs::write(&path, "id,labels,a,b\nx,1,0.5,1\ny,0,1,0\n").unwrap();
        path.display().to_string()
    };
    let part = |name: &str| format!("{name} = [{:?}]\n", file(&format!("{name}.csv")));
    let text = format!("[features]\ndims = 2\nclasses = 2\n{}{}", part("train"), part("validate"));
    for (more, said) in [(String::new(), "validation"), (part("test"), "test")] {
        let recipe = recipe(&format!("{text}{more}"));
        let mut lesson = TagLesson::open(&recipe).unwrap();
        let checkpoint = untrained(&recipe, &lesson);
        let scores = lesson.test(&checkpoint.optimiser.average).unwrap();
        assert_eq!(scores.text().contains("GAP@20 (validation)"), said == "validation");
        let products = lesson.export(&checkpoint, &scores).unwrap();
        let contract = products[0].model.contract().unwrap().unwrap();
        assert_eq!(contract.scores[0].data, said);
    }
}

#[test]
fn sizes_of_files_are_checked_before_memory_is_taken() {
    let said = |more: &str| {
        let text = format!("{more}\ntrain = [\"a.csv\"]\nvalidate = [\"b.csv\"]\n");
        TagLesson::open(&recipe(&text)).err().unwrap().to_string()
    };
    let sizes =
        |dims: u64, classes: u64| said(&format!("[features]\ndims = {dims}\nclasses = {classes}"));
    assert!(sizes(2, 1_000_000_000_000).contains("features.classes = 1000000000000"));
    assert!(sizes(0, 2).contains("features.dims = 0"));
    assert!(sizes(60_000, 90_000).contains("weights"));
    let deep = "[tag]\nhidden = [16384, 16384, 16384]\n[features]\ndims = 2\nclasses = 2";
    assert!(said(deep).contains("weights"));
}
