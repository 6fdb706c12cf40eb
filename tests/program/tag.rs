//! `framecast tag` on clips whose colours are the labels.

use std::path::{Path, PathBuf};

use framecast::model::onnx::GraphBuilder;
use framecast::model::{Contract, DType, ModelFile, Port, Role, SizeRule, Task};
use serde_json::Value;

use crate::program::framecast;

/// A clip of 16x16 of grey levels, four frames a second.
fn clip(folder: &Path, levels: &[u8]) -> PathBuf {
    let path = folder.join("clip.y4m");
    let mut bytes = b"YUV4MPEG2 W16 H16 F4:1 Ip C420jpeg XCOLORRANGE=FULL\n".to_vec();
    for &level in levels {
        bytes.extend_from_slice(b"FRAME\n");
        bytes.extend(std::iter::repeat_n(level, 256));
        bytes.extend(std::iter::repeat_n(128, 128));
    }
    std::fs::write(&path, bytes).unwrap();
    path
}

fn write(folder: &Path, name: &str, graph: GraphBuilder, contract: Contract) -> String {
    let mut proto = graph.finish().unwrap();
    contract.write(&mut proto).unwrap();
    let model = ModelFile::from_proto(name, &proto).unwrap();
    let path = folder.join(format!("{name}.onnx"));
    std::fs::write(&path, model.bytes()).unwrap();
    path.display().to_string()
}

/// The mean of each colour of an 8x8 picture.
fn backbone(folder: &Path) -> String {
    let mut g = GraphBuilder::new("mean");
    let shape = [1.into(), 3.into(), 8.into(), 8.into()];
    let frame = g.input("frame", DType::F32, &shape);
    let pooled = g.node("GlobalAveragePool", &[&frame], &[]);
    let flat = g.node("Flatten", &[&pooled], &[]);
    g.output_as(&flat, "embedding", DType::F32, &[1.into(), 3.into()]);
    let mut contract = Contract::new("mean", Task::Embed);
    contract.inputs = vec![Port::new("frame", Role::Frame, DType::F32, &shape)];
    contract.outputs =
        vec![Port::new("embedding", Role::Embedding, DType::F32, &[1.into(), 3.into()])];
    contract.size = Some(SizeRule::Fixed { width: 8, height: 8 });
    write(folder, "mean", g, contract)
}

/// `light` is 20 times the mean less 10, `dark` the opposite.
fn head(folder: &Path, features: Option<&str>) -> String {
    let mut g = GraphBuilder::new("head");
    let x = g.input("features", DType::F32, &[1.into(), 3.into()]);
    let w = g.constant("w", &[3, 2], vec![20.0f32, -20.0, 0.0, 0.0, 0.0, 0.0]);
    let b = g.constant("b", &[1, 2], vec![-10.0f32, 10.0]);
    let y = g.node("MatMul", &[&x, &w], &[]);
    let y = g.node("Add", &[&y, &b], &[]);
    g.output_as(&y, "logits", DType::F32, &[1.into(), 2.into()]);
    let mut contract = Contract::new("head", Task::Tag);
    contract.inputs =
        vec![Port::new("features", Role::Features, DType::F32, &[1.into(), 3.into()])];
    contract.outputs = vec![Port::new("logits", Role::Logits, DType::F32, &[1.into(), 2.into()])];
    contract.features = features.map(str::to_owned);
    contract.labels = vec!["light".into(), "dark".into()];
    contract.links = vec!["https://example.org/light".into(), String::new()];
    write(folder, "head", g, contract)
}

fn hash(path: &str) -> String {
    ModelFile::open(Path::new(path)).unwrap().sha256()[..16].to_owned()
}

#[test]
fn tags_begin_and_end_and_are_summed_up() {
    let folder = tempfile::tempdir().unwrap();
    // Two seconds of white, then two of black.
    let levels: Vec<u8> = (0..16).map(|n| if n < 8 { 255 } else { 0 }).collect();
    let clip = clip(folder.path(), &levels).display().to_string();
    let made_by = backbone(folder.path());
    // The backbone is found beside the model by the name it was trained with.
    let model = head(folder.path(), Some(&format!("mean/{}", hash(&made_by))));
    let common = ["tag", &clip, "--model", &model, "--engine", "tract", "--window", "1s"];
    let run = framecast(&common);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let lines: Vec<&str> = run.stdout.lines().map(str::trim_start).collect();
    assert!(lines[0].starts_with("0.00 s  + light  1.00"), "{}", run.stdout);
    assert!(run.stdout.contains("+ dark") && run.stdout.contains("- light"), "{}", run.stdout);
    assert!(run.stdout.contains("16 frames over 3.75 s, tagged by head"), "{}", run.stdout);
    assert!(run.stdout.contains("light  https://example.org/light"), "{}", run.stdout);

    let json = framecast(&[&common[..], &["--json"]].concat());
    let lines: Vec<Value> = json.stdout.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["schema_version"]), (17, &Value::from(1)));
    assert_eq!(lines[0]["tags"][0]["link"], "https://example.org/light");
    assert_eq!(lines[0]["events"][0]["change"], "begin");
    let summary = &lines[16]["summary"];
    assert_eq!((&summary["frames"], &summary["tags"][0]["tag"]), (&16.into(), &"light".into()));
    // Of four frames in the window light holds three fifths until the second dark one.
    let ended: Vec<_> = lines[..16]
        .iter()
        .filter(|l| l["events"].as_array().unwrap().iter().any(|e| e["change"] == "end"))
        .map(|l| l["frame"].as_u64().unwrap())
        .collect();
    assert_eq!(ended, [10]);
}

/// A feature extractor of somebody else, without a contract, and the lines that describe it.
fn foreign(folder: &Path) -> [String; 2] {
    let mut g = GraphBuilder::new("foreign");
    let frame = g.input("data", DType::F32, &[1.into(), 3.into(), 8.into(), 8.into()]);
    let pooled = g.node("GlobalAveragePool", &[&frame], &[]);
    g.output_as(&pooled, "pool5", DType::F32, &[1.into(), 3.into(), 1.into(), 1.into()]);
    let model = ModelFile::from_proto("foreign", &g.finish().unwrap()).unwrap();
    let [path, lines] = ["foreign.onnx", "extractor.toml"].map(|name| folder.join(name));
    std::fs::write(&path, model.bytes()).unwrap();
    std::fs::write(&lines, "task = \"embed\"\nroles = { pool5 = \"embedding\" }\n").unwrap();
    [path, lines].map(|path| path.display().to_string())
}

#[test]
fn a_run_tags_by_an_extractor_that_is_described_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clip(folder.path(), &[255; 40]).display().to_string();
    let model = head(folder.path(), None);
    let [extractor, lines] = foreign(folder.path());
    let results = folder.path().join("results.jsonl").display().to_string();
    let common = [
        "run",
        "--source",
        &clip,
        "--predict",
        "copy-last",
        "--set",
        "engine.name=tract",
        "--json",
    ];
    let named = ["--tag", &model, "--backbone", &extractor];
    let flags = [&common[..], &named, &["--backbone-contract", &lines, "--pace", "realtime"]];
    let ended = framecast(&[&flags.concat()[..], &["--record-jsonl", &results]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let told = std::fs::read_to_string(&results).unwrap();
    assert!(told.contains("\"light\"") && !told.contains("\"dark\""), "{told}");
    framecast(&[&common[..], &named].concat()).refused(3, &["carries no contract"]);
    // The file that says so is where its paths begin.
    let config = folder.path().join("framecast.toml");
    std::fs::write(&config, "[tag]\nbackbone_contract = \"extractor.toml\"\n").unwrap();
    let config = config.display().to_string();
    let from_file = [&common[..], &["--config", &config]].concat();
    framecast(&from_file).refused(3, &["tag.backbone_contract is set and tag.model is not"]);
    let ended = framecast(&[&from_file[..], &named].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn what_does_not_fit_is_refused_with_its_code() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clip(folder.path(), &[0, 0]).display().to_string();
    let made_by = backbone(folder.path());
    let other = head(folder.path(), Some("mean/0123456789abcdef"));
    let refused = |arguments: &[&str], code: i32, words: &str| {
        framecast(&[&["tag", &clip, "--engine", "tract"], arguments].concat())
            .refused(code, &[words]);
    };
    refused(&["--model", &other], 3, "was trained on the embeddings of mean/0123456789abcdef");
    refused(&["--model", &made_by], 3, "not tag");
    refused(&[], 2, "name a tag model");
    refused(&["--model", &other, "--on", "1.5"], 2, "0..=1");
    refused(&["--model", &other, "--pool", "median"], 2, "votes");
    let unnamed = head(folder.path(), None);
    refused(&["--model", &unnamed], 3, "name it with --backbone");
    let labels = folder.path().join("labels.txt");
    std::fs::write(&labels, "one\n").unwrap();
    let labels = labels.display().to_string();
    let named = ["--model", &unnamed, "--backbone", &made_by];
    refused(&[&named[..], &["--labels", &labels]].concat(), 3, "2 labels but 1 are named");
    refused(&[&named[..], &["--audio", &labels]].concat(), 3, "no .npy");
}

#[test]
fn a_run_tags_a_recording_as_if_it_were_played() {
    let folder = tempfile::tempdir().unwrap();
    let levels: Vec<u8> = (0..16).map(|n| if n < 8 { 255 } else { 0 }).collect();
    let clip = clip(folder.path(), &levels).display().to_string();
    let made_by = backbone(folder.path());
    let model = head(folder.path(), None);
    let lines = folder.path().join("lines.jsonl").display().to_string();
    let run = framecast(&[
        "run",
        "--source",
        &clip,
        "--predict",
        "none",
        "--tag",
        &model,
        "--backbone",
        &made_by,
        "--record-jsonl",
        &lines,
        "--set",
        "engine.name=tract",
        "--json",
    ])
    .json();
    // Four frames a second, as often as the tasks look, although all were read at once.
    assert_eq!(run["side"]["tag"]["run"], 16, "{run}");
    assert_eq!(run["side"]["embed"]["run"], 16, "{run}");
    assert_eq!(run["questions"]["asked"], 0, "{run}");
    let text = std::fs::read_to_string(&lines).unwrap();
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["type"] == "event")
        .collect();
    let told: Vec<_> = events
        .iter()
        .map(|e| (e["tag"].as_str().unwrap(), e["change"].as_str().unwrap(), &e["position_ms"]))
        .collect();
    // The cut empties the window, so that the first dark frame counts alone.
    let at = |ms: f64| Value::from(ms);
    let (begin, cut) = (at(0.0), at(2_000.0));
    let expected = [("light", "begin", &begin), ("light", "end", &cut), ("dark", "begin", &cut)];
    assert_eq!(told, expected, "{text}");
}

#[test]
fn a_run_refuses_what_tag_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clip(folder.path(), &[0, 0]).display().to_string();
    let made_by = backbone(folder.path());
    // A head of frames needs no backbone.
    let mut g = GraphBuilder::new("direct");
    let shape = [1.into(), 3.into(), 8.into(), 8.into()];
    let frame = g.input("frame", DType::F32, &shape);
    let pooled = g.node("GlobalAveragePool", &[&frame], &[]);
    let flat = g.node("Flatten", &[&pooled], &[]);
    g.output_as(&flat, "logits", DType::F32, &[1.into(), 3.into()]);
    let mut contract = Contract::new("direct", Task::Tag);
    contract.inputs = vec![Port::new("frame", Role::Frame, DType::F32, &shape)];
    contract.outputs = vec![Port::new("logits", Role::Logits, DType::F32, &[1.into(), 3.into()])];
    contract.size = Some(SizeRule::Fixed { width: 8, height: 8 });
    contract.labels = vec!["red".into(), "green".into(), "blue".into()];
    let direct = write(folder.path(), "direct", g, contract);
    let common = ["--set", "engine.name=tract"];
    let tag = ["tag", &clip, "--model", &direct, "--backbone", &made_by];
    framecast(&[&tag[..], &common].concat()).refused(3, &["it takes frames; mean is not needed"]);
    let run = ["run", "--source", &clip, "--tag", &direct, "--backbone", &made_by];
    framecast(&[&run[..], &common].concat()).refused(3, &["it takes frames; mean is not needed"]);
}
