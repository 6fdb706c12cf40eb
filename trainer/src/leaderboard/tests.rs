use framecast::task::predict::{CopyLast, Motion};

use super::*;
use crate::describe::untrained;
use crate::export::save;
use crate::recipe::Recipe;

#[test]
fn an_untrained_model_stands_beside_what_it_equals() {
    let folder = std::env::temp_dir().join(format!("framecast-board-{}", std::process::id()));
    let models = folder.join("models");
    fs::create_dir_all(&models).unwrap();
    let text = "name = \"x\"\nnetwork = \"nano\"\n[data]\nside = 32\nframes = 9\n";
    let model = untrained(&Recipe::parse("r", text).unwrap()).unwrap();
    save(&model, &models.join("a&b.onnx")).unwrap();
    fs::write(models.join("broken.onnx"), b"no model").unwrap();
    let options = Options {
        out: folder.join("board"),
        models: vec![models],
        benchmarks: vec![Benchmark::Demo],
        frames: Some(6),
        folds: Vec::new(),
        markdown: Some(folder.join("copy.md")),
        jobs: 2,
        command: "framecast-train leaderboard".to_owned(),
    };
    let board = leaderboard(&options).unwrap();
    let [table] = board.tables.as_slice() else { panic!("{:?}", board.tables) };
    assert_eq!((table.name, table.rows.len()), ("demo", 7));
    let at = |name: &str| table.rows.iter().position(|r| r.name == name).unwrap();
    let pd = |name: &str| table.rows[at(name)].means.pd.unwrap();
    assert_eq!(table.rows[0].targets, 15, "three flights of six frames");
    assert!(table.rows.is_sorted_by(|a, b| a.means.pd <= b.means.pd));
    // An untrained blend network is the causal gate.
    assert!((pd("a&b") - pd(Motion::GATE)).abs() < 0.05);
    assert!(pd(Motion::GATE) < pd(CopyLast::NAME), "a flying camera moves");
    // A finer choice is a better one, and no choice is worse than either of both.
    assert!(pd("oracle-16x16") <= pd("oracle-frame"));
    assert!(pd("oracle-frame") <= pd(Motion::NAME).min(pd(CopyLast::NAME)));
    let gate = &table.rows[at(Motion::GATE)];
    let difference = gate.statistics.differences.pd.unwrap();
    assert!(difference.value < 0.0 && difference.ends().is_none(), "{difference:?}");
    assert!(gate.mean_gain().unwrap() > 0.0 && gate.worst().unwrap().0.contains("seed="));
    let facts = board.facts("a&b").unwrap();
    assert!(facts.parameters > 1_000 && facts.macs["96x96"].unwrap() > 10_000, "{facts:?}");
    assert!(facts.latency_ms["tract"]["640x360"] > 0.0);
    assert!(board.notes.iter().any(|n| n.what.ends_with("broken.onnx")), "{:?}", board.notes);

    let read = |name: &str| fs::read_to_string(options.out.join(name)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&read("leaderboard.json")).unwrap();
    assert_eq!(json["tables"][0]["rows"][4]["targets"], 15);
    let markdown = read("leaderboard.md");
    assert!(markdown.contains("| a&b |") && markdown.contains("| - | oracle-16x16 (knows"));
    assert_eq!(fs::read_to_string(folder.join("copy.md")).unwrap(), markdown);
    let html = read("leaderboard.html");
    assert!(html.contains("<td>a&amp;b</td>") && !html.contains("a&b<"), "names are no markup");
    let pictures = html.matches("src=").count();
    // Of three flights, the input, the target, and two of each of four baselines and the model.
    assert_eq!(pictures, 3 * (2 + 5 * 2));
    assert_eq!(html.matches("src=\"data:image/png;base64,").count(), pictures);
    assert!(html.contains("<svg"), "it needs nothing else");
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_named_file_that_is_no_model_is_refused() {
    let options = Options {
        out: std::env::temp_dir(),
        models: vec!["/no/such/model.onnx".into()],
        benchmarks: vec![Benchmark::Demo],
        frames: Some(2),
        folds: Vec::new(),
        markdown: None,
        jobs: 1,
        command: String::new(),
    };
    let error = leaderboard(&options).unwrap_err().to_string();
    assert!(error.contains("/no/such/model.onnx"), "{error}");
}
