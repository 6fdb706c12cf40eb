//! The published schema against the reader: both accept and refuse the same documents.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{
    Answering, ClipMemory, Contract, Dim, Golden, GoldenOutput, Port, PredictKind, Provenance,
    ResetReason, Role, Score, SizeRule, StateInit, StatePair, Task, Window, WindowLayout,
};
use crate::model::onnx::GraphBuilder;
use crate::model::tokenizer::{Side, TokenKind, Tokenizer};
use crate::model::{DType, ModelFile};

fn schema() -> jsonschema::Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/model-contract.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::validator_for(&schema).unwrap()
}

fn shape() -> Vec<Dim> {
    vec![1.into(), 3.into(), "H".into(), "W".into()]
}

fn model() -> ModelFile {
    let mut g = GraphBuilder::new("g");
    g.input("x", DType::F32, &shape());
    g.input("h", DType::F32, &[4.into()]);
    g.output_as("x", "y", DType::F32, &shape());
    g.output_as("h", "h2", DType::F32, &[4.into()]);
    ModelFile::from_proto("g", &g.finish().unwrap()).unwrap()
}

/// A contract with every field in use.
fn full() -> Contract {
    let golden = GoldenOutput {
        name: "y".into(),
        shape: vec![1, 3, 2, 2],
        indices: vec![0, 11],
        values: vec![vec![0.5, -1.0], vec![0.25, 3.0]],
    };
    let mut contract = Contract::new("full", Task::Predict);
    contract.kind = Some(PredictKind::Direct);
    contract.description = "everything".into();
    contract.inputs = vec![Port::new("x", Role::Frame, DType::F32, &shape())];
    contract.inputs[0].range.mean = vec![0.5; 3];
    contract.inputs[0].range.std = vec![0.25; 3];
    contract.outputs = vec![Port::new("y", Role::Prediction, DType::F32, &shape())];
    contract.size = Some(SizeRule::MultipleOf(8));
    contract.state = vec![StatePair {
        input: "h".into(),
        output: "h2".into(),
        init: StateInit::FirstFrame,
        reset: vec![ResetReason::SceneCut, ResetReason::Gap],
    }];
    contract.labels = vec!["a".into()];
    contract.links = vec!["https://example.org/a".into()];
    contract.tokenizer = Some(Tokenizer {
        kind: TokenKind::Characters,
        side: Side::Right,
        ends: true,
        lower: false,
        filter: "?".into(),
        ..Tokenizer::new([("c".to_owned(), 3)].into(), 16)
    });
    contract.space = Some("s".into());
    contract.golden = Some(Golden {
        bind: [("H".to_owned(), 2), ("W".to_owned(), 2)].into(),
        steps: 2,
        tolerance: 1e-4,
        outputs: vec![golden],
    });
    contract.provenance = Provenance {
        producer: "p 1".into(),
        licence: "MIT".into(),
        data: vec!["demo".into()],
        config: "steps = 3".into(),
        seed: 7,
    };
    contract.scores = vec![Score {
        data: "demo".into(),
        metric: "pd".into(),
        model: 1.5,
        copy_last: Some(2.5),
        baselines: [("chance".to_owned(), 0.5)].into(),
        frames: 100,
    }];
    contract
}

fn read(document: &Value) -> Result<(), String> {
    Contract::from_json("m", &document.to_string())
        .and_then(|c| c.validate(&model()))
        .map_err(|e| e.to_string())
}

/// A contract of a model that answers, and the model.
fn answering() -> (Contract, ModelFile) {
    let shape = shape();
    let mut contract = Contract::new("answers", Task::Answer);
    contract.inputs = vec![
        Port::new("x", Role::Frame, DType::F32, &shape),
        Port::new("q", Role::Tokens, DType::F32, &[4.into()]),
    ];
    contract.outputs = vec![
        Port::new("y", Role::Other, DType::F32, &shape),
        Port::new("s", Role::Scores, DType::F32, &[4.into()]),
    ];
    contract.labels = ["a", "b", "c", "d"].map(Into::into).into();
    contract.tokenizer = Some(Tokenizer::new([("cat".to_owned(), 3)].into(), 4));
    let clip = Some(ClipMemory { rate: 8.0, frames: 16 });
    contract.answering = Some(Answering { abstain: 0.5, clip });
    let mut g = GraphBuilder::new("g");
    g.input("x", DType::F32, &shape);
    g.input("q", DType::F32, &[4.into()]);
    g.output_as("x", "y", DType::F32, &shape);
    g.output_as("q", "s", DType::F32, &[4.into()]);
    (contract, ModelFile::from_proto("g", &g.finish().unwrap()).unwrap())
}

#[test]
fn a_model_that_answers_says_how() {
    let schema = schema();
    let (contract, model) = answering();
    let good = serde_json::to_value(&contract).unwrap();
    let read = |document: &Value| {
        Contract::from_json("m", &document.to_string())
            .and_then(|c| c.validate(&model))
            .map_err(|e| e.to_string())
    };
    assert!(schema.is_valid(&good));
    assert_eq!(read(&good), Ok(()));
    for (pointer, value, expected) in [
        ("/answering/abstain", json!(1.5), "outside 0..=1"),
        ("/answering/clip/rate", json!(0), "clip.rate"),
        ("/answering/clip/frames", json!(1), "clip.frames"),
        ("/tokenizer", Value::Null, "`tokenizer`"),
        ("/task", json!("other"), "only the task `answer`"),
    ] {
        let mut document = good.clone();
        *document.pointer_mut(pointer).unwrap() = value.clone();
        if pointer != "/tokenizer" {
            assert!(!schema.is_valid(&document), "schema accepts {pointer} = {value}");
        }
        let error = read(&document).unwrap_err();
        assert!(error.contains(expected), "{pointer} = {value}: {error}");
    }
    for (pointer, expected) in [
        ("/inputs/1/role", "role `frame` and one of role `tokens`"),
        ("/outputs/1/role", "`scores`"),
    ] {
        let mut document = good.clone();
        *document.pointer_mut(pointer).unwrap() = json!("other");
        let error = read(&document).unwrap_err();
        assert!(error.contains(expected), "{pointer}: {error}");
    }
}

#[test]
fn what_we_write_fits_the_schema() {
    let schema = schema();
    let mut windowed = full();
    windowed.window = Some(Window { frames: 5, layout: WindowLayout::Time });
    windowed.size = Some(SizeRule::Fixed { width: 3, height: 2 });
    for contract in [full(), windowed, Contract::new("bare", Task::Other)] {
        let document: Value = serde_json::from_str(&contract.to_json().unwrap()).unwrap();
        let errors: Vec<String> = schema.iter_errors(&document).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", contract.name);
        let again = Contract::from_json("m", &contract.to_json().unwrap()).unwrap();
        assert_eq!(again, contract);
    }
    assert_eq!(read(&serde_json::to_value(full()).unwrap()), Ok(()));
}

#[test]
fn shipped_models_fit_the_schema_and_their_graphs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().extension().is_none_or(|e| e != "onnx") {
            continue;
        }
        let model = ModelFile::open(entry.path()).unwrap();
        let contract = model.contract().unwrap().expect("a shipped model has a contract");
        let document = serde_json::to_value(&contract).unwrap();
        let errors: Vec<String> = schema().iter_errors(&document).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", model.name());
        assert!(contract.golden.is_some(), "{} has no self-test", model.name());
    }
}

#[test]
fn bad_documents_are_refused_by_schema_and_reader() {
    let schema = schema();
    let good = serde_json::to_value(full()).unwrap();
    let cases: &[(&str, Value)] = &[
        ("/version", json!(2)),
        ("/version", json!("1")),
        ("/task", json!("predic")),
        ("/task", json!("tag")),
        ("/kind", Value::Null),
        ("/kind", json!("blend")),
        ("/inputs", json!({})),
        ("/inputs/0/role", json!("frames")),
        ("/inputs/0/dtype", json!("float")),
        ("/inputs/0/shape/0", json!(-1)),
        ("/inputs/0/shape/0", json!(0)),
        ("/inputs/0/layout", json!("NCHW")),
        ("/inputs/0/range", json!({"black": 0})),
        ("/inputs/0/range/std/0", json!(0.0)),
        ("/inputs/0/range/mean", json!([1, 2, 3, 4])),
        ("/inputs/0/name", json!("")),
        ("/inputs/0/colour", json!("yuv")),
        ("/size", json!({"multiple-of": 0})),
        ("/size", json!({"multiple": 8})),
        ("/state/0/init", json!("ones")),
        ("/state/0/reset/0", json!("scene_cut")),
        ("/space", json!("")),
        ("/tokenizer/kind", json!("bpe")),
        ("/tokenizer/vocabulary", json!({})),
        ("/tokenizer/vocabulary/c", json!(-1)),
        ("/tokenizer/length", json!(5000)),
        ("/tokenizer/side", json!("both")),
        ("/tokenizer/lower", json!("yes")),
        ("/golden/steps", json!(0)),
        ("/golden/tolerance", json!(-0.1)),
        ("/golden/outputs", json!([])),
        ("/scores/0/frames", json!(-1)),
        ("/provenance/seed", json!(1.5)),
        ("/labels", json!("cat")),
        ("/links", json!("cat")),
    ];
    for (pointer, value) in cases {
        let mut document = good.clone();
        *document.pointer_mut(pointer).unwrap() = value.clone();
        assert!(!schema.is_valid(&document), "schema accepts {pointer} = {value}");
        assert!(read(&document).is_err(), "the reader accepts {pointer} = {value}");
    }
    for object in ["", "/inputs/0", "/state/0", "/tokenizer", "/golden", "/scores/0", "/provenance"]
    {
        let mut document = good.clone();
        let inner = document.pointer_mut(object).unwrap().as_object_mut().unwrap();
        inner.insert("surprise".to_owned(), json!(1));
        assert!(!schema.is_valid(&document), "schema accepts a surprise in {object:?}");
        assert!(read(&document).unwrap_err().contains("surprise"), "{object:?}");
    }
}

/// What only the graph can tell; each error names the field and what was expected.
#[test]
fn contracts_that_do_not_fit_the_graph_are_refused() {
    let good = serde_json::to_value(full()).unwrap();
    let cases: &[(&str, Value, &str)] = &[
        ("/inputs/0/name", json!("z"), "no input \"z\"; it has x, h"),
        ("/outputs/0/name", json!("z"), "no output \"z\"; it has y, h2"),
        ("/inputs/0/dtype", json!("u8"), "is f32 in the graph, not u8"),
        ("/inputs/0/shape/1", json!(1), "[1, 3, H, W] in the graph"),
        ("/inputs/0/shape", json!([1, 3]), "[1, 3, H, W] in the graph"),
        ("/inputs/0/range/mean", json!([1.0]), "1 numbers for 3 channels"),
        ("/inputs/0/range/white", json!(0.0), "black 0 and white 0"),
        ("/inputs", json!([]), "input \"x\" is in neither"),
        ("/outputs", json!([]), "output \"y\" is in neither"),
        ("/state", json!([]), "input \"h\" is in neither"),
        ("/state/0/output", json!("y"), "\"h\" is [4] but \"y\" is"),
        ("/state/0/input", json!("x"), "\"x\" is [1, 3, H, W] but \"h2\""),
        ("/inputs/0/role", json!("other"), "needs an input of role"),
        ("/outputs/0/role", json!("other"), "role `prediction`"),
        ("/inputs/0/role", json!("window"), "role `window`, so frames and layout are needed"),
        ("/labels", json!(["a", "b"]), "1 links for 2 labels"),
        ("/tokenizer/vocabulary/c", json!(2), "\"c\" has the id 2"),
        ("/golden/outputs/0/name", json!("z"), "no output \"z\""),
        ("/golden/outputs/0/indices/1", json!(12), "index 12 is outside"),
        ("/golden/steps", json!(3), "3 steps of 2 numbers"),
        ("/golden/outputs/0/values/0", json!([0.5]), "2 steps of 2 numbers"),
    ];
    for (pointer, value, expected) in cases {
        let mut document = good.clone();
        *document.pointer_mut(pointer).unwrap() = value.clone();
        let error = read(&document).unwrap_err();
        assert!(error.contains(expected), "{pointer} = {value}: {error}");
    }
}
