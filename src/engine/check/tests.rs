//! References that do not belong to the model must not pass as if they had been compared.

use std::fs;
use std::path::Path;

use prost::Message as _;
use serde_json::{Value, json};

use super::{Verdict, check, discover};
use crate::engine::{EngineChoice, LoadOptions};
use crate::model::onnx::{GraphBuilder, TensorProto};
use crate::model::{DType, ModelFile};

/// y = x + h, z = x + x, with h a state that becomes h2 = y.
fn model(path: &Path) {
    let shape = [1.into(), 2.into()];
    let mut b = GraphBuilder::new("sums");
    let [x, h] = ["x", "h"].map(|name| b.input(name, DType::F32, &shape));
    for (name, terms) in [("y", [&x[..], &h]), ("z", [&x, &x]), ("h2", [&x, &h])] {
        let sum = b.node("Add", &terms, &[]);
        b.output_as(&sum, name, DType::F32, &shape);
    }
    let model = ModelFile::from_proto("sums", &b.finish().unwrap()).unwrap();
    fs::write(path, model.bytes()).unwrap();
}

fn verdict(model: &Path) -> Verdict {
    let options = LoadOptions { engine: EngineChoice::Tract, ..LoadOptions::default() };
    let cases = discover(model).unwrap();
    check(&cases[0], &options, None)
}

/// A summary of two values.
fn summary(name: &str, values: [f64; 2]) -> Value {
    json!({
        "name": name, "shape": [1, 2], "sum": values[0] + values[1],
        "abs_sum": values[0].abs() + values[1].abs(), "min": values[0].min(values[1]),
        "max": values[0].max(values[1]), "sample_index": [0, 1], "sample_value": values,
    })
}

#[test]
fn a_golden_file_names_each_output_and_state_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sums.onnx");
    model(&path);
    let x = |step| [0, 1].map(|i| f64::from(crate::model::golden::value(i, step) as f32));
    let ([a, b], [c, d]) = (x(0), x(1));
    let first =
        [summary("y", [a, b]), summary("z", [2.0 * a, 2.0 * b]), summary("h2", [a, b])].to_vec();
    let sum = [a + c, b + d];
    let second = [summary("y", sum), summary("z", [2.0 * c, 2.0 * d]), summary("h2", sum)].to_vec();
    let with = |steps: Vec<Vec<Value>>| {
        let golden = json!({"models": {"sums.onnx": {
            "inputs": [{"name": "x", "shape": [1, 2]}, {"name": "h", "shape": [1, 2]}],
            "state_input": "h", "state_output": "h2", "steps": steps,
        }}});
        fs::write(folder.path().join("golden.json"), golden.to_string()).unwrap();
        verdict(&path)
    };
    let good = with(vec![first.clone(), second.clone()]);
    assert!(matches!(good, Verdict::Pass { .. }), "{}", good.detail());
    let mut state = second.clone();
    state[2] = summary("h2", [sum[0], sum[1] + 0.01]);
    let wrong = with(vec![first.clone(), state]);
    assert!(wrong.word() == "wrong" && wrong.detail().contains("h2"), "{}", wrong.detail());
    let mut missing = second.clone();
    missing[1] = summary("zz", sum);
    let mut untold = second;
    untold.remove(1);
    for (steps, word) in [
        (vec![first.clone(), missing], "\"zz\""),
        (vec![first, untold], "nothing about output \"z\""),
        (Vec::new(), "either steps or a load_error"),
    ] {
        let verdict = with(steps);
        assert_eq!(verdict.word(), "invalid", "{}", verdict.detail());
        assert!(verdict.detail().contains(word), "{}", verdict.detail());
    }
}

#[test]
fn a_golden_file_that_was_asked_for_knows_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sums.onnx");
    model(&path);
    let golden = super::GoldenFile::parse(r#"{"models": {}}"#).unwrap();
    let cases = discover(&path).unwrap();
    let verdict = check(&cases[0], &LoadOptions::default(), Some(&golden));
    assert!(verdict.word() == "invalid" && verdict.detail().contains("sums.onnx"), "{verdict:?}");
}

#[test]
fn an_operator_test_has_a_tensor_for_each_port() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    model(&path);
    let set = folder.path().join("test_data_set_0");
    fs::create_dir(&set).unwrap();
    let put = |name: &str, values: [f32; 2]| {
        let tensor = TensorProto {
            dims: vec![1, 2],
            data_type: Some(1),
            float_data: values.to_vec(),
            ..TensorProto::default()
        };
        fs::write(set.join(name), tensor.encode_to_vec()).unwrap();
    };
    put("input_0.pb", [1.0, 2.0]);
    put("input_1.pb", [3.0, 4.0]);
    put("output_0.pb", [4.0, 6.0]);
    put("output_1.pb", [2.0, 4.0]);
    let invalid = |counts: &str| {
        let verdict = verdict(&path);
        assert_eq!(verdict.word(), "invalid", "{}", verdict.detail());
        assert!(verdict.detail().contains(counts), "{}", verdict.detail());
    };
    invalid("2 outputs for a model of 3");
    put("output_2.pb", [4.0, 6.0]);
    let good = verdict(&path);
    assert_eq!(good.word(), "pass", "{}", good.detail());
    put("output_3.pb", [4.0, 6.0]);
    invalid("4 outputs for a model of 3");
    fs::remove_file(set.join("output_3.pb")).unwrap();
    put("input_2.pb", [1.0, 2.0]);
    invalid("3 inputs for a model of 2");
}
