//! `framecast model inspect` on real files, broken files and somebody else's models.

use std::fs;
use std::path::Path;

use framecast::model::DType;
use framecast::model::onnx::{GraphBuilder, ModelProto, StringStringEntryProto};
use prost::Message as _;
use serde_json::Value;

use crate::data;
use crate::program::framecast;

fn json(arguments: &[&str]) -> Value {
    framecast(&[&["model", "inspect", "--json"], arguments].concat()).json()
}

/// Nodes and multiply-accumulates at the given sizes. The figures were made once from the shapes of
/// all intermediate values in a run of ONNX Runtime 1.31 without optimisation.
const KNOWN: &[(&str, &[&str], u64, u64)] = &[
    ("blazeface", &[], 94, 30_760_960),
    ("chineseocr_angle_net", &[], 174, 6_897_536),
    ("dtln_model_1", &[], 36, 361_088),
    ("mnist-8", &[], 12, 786_560),
    ("nanodet_m", &[], 225, 578_357_208),
    ("ort_upsample", &["unk__32=5", "unk__33=6"], 11, 0),
    ("ppocr_mobile_v2_cls", &["?2=48", "?3=192"], 536, 16_315_376),
    ("tinycnn_esp", &[], 30, 2_405_632),
    ("tinycnn_esp_int8", &[], 21, 2_405_632),
    ("tract_byte_sb_bidi_lstm", &["length=7"], 27, 2_295_552),
    ("tract_keras_tf2_example", &[], 6, 3_232),
    ("ultraface_version-RFB-320", &[], 242, 100_418_560),
    ("ultraface_version-slim-320_simplified", &[], 95, 81_410_560),
    ("wonnx_opt-mnist", &[], 8, 786_560),
    ("yolo-fastestv2", &[], 239, 106_382_232),
    ("yolov8n_quant_calendula", &[], 307, 4_371_993_600),
];

#[test]
fn multiply_accumulates_are_those_of_a_real_run() {
    for (name, sizes, nodes, macs) in KNOWN {
        let Some(file) = data::file(&format!("onnx/{name}.onnx")) else { return };
        let mut arguments = vec![file.to_str().unwrap()];
        for size in *sizes {
            arguments.extend(["--bind", size]);
        }
        let report = json(&arguments);
        assert_eq!(report["macs"].as_u64(), Some(*macs), "{name}");
        assert_eq!(report["macs_unknown"], Value::Array(Vec::new()), "{name}");
        assert_eq!(report["nodes"].as_u64(), Some(*nodes), "{name}");
        assert_eq!(report["sha256"].as_str().map(str::len), Some(64), "{name}");
    }
}

#[test]
fn the_guides_examples_work_on_the_models_they_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_to_string(root.join("docs/model-contract.md")).unwrap();
    let examples: Vec<&str> =
        guide.split("```toml\n").skip(1).map(|t| t.split("```").next().unwrap()).collect();
    let models = ["ultraface_version-RFB-320", "dtln_model_1", "silero_vad_16k_op15"];
    assert!(examples.len() > models.len());
    let dir = tempfile::tempdir().unwrap();
    let lines = dir.path().join("lines.toml");
    for (name, example) in models.iter().zip(&examples) {
        let Some(file) = data::file(&format!("onnx/{name}.onnx")) else { return };
        fs::write(&lines, example).unwrap();
        let report = json(&[file.to_str().unwrap(), "--contract", lines.to_str().unwrap()]);
        let contract = &report["contract"];
        match *name {
            "ultraface_version-RFB-320" => {
                assert_eq!(contract["inputs"][0]["role"], "frame");
                assert_eq!(contract["inputs"][0]["range"]["mean"][0], 127.0);
                assert_eq!(contract["outputs"][0]["role"], "scores");
                assert_eq!(contract["size"]["fixed"]["width"], 320);
            }
            "dtln_model_1" => assert_eq!(contract["state"][0]["output"], "tf_op_layer_stack_2"),
            _ => assert_eq!(contract["inputs"][1]["constant"], 16000.0),
        }
    }
    // The last example, on a window of five frames made here.
    let mut g = GraphBuilder::new("window");
    let x = g.input("x", DType::F32, &[1.into(), 15.into(), "H".into(), "W".into()]);
    let parts = ["a", "b", "c", "d", "e"];
    g.node_named("Split", "", &[&x], &parts, &[("axis", 1i64.into())]);
    for part in &parts[..4] {
        g.output(part, DType::F32, &[1.into(), 3.into(), "H".into(), "W".into()]);
    }
    let window = dir.path().join("window.onnx");
    fs::write(&window, g.finish().unwrap().encode_to_vec()).unwrap();
    fs::write(&lines, examples.last().unwrap()).unwrap();
    let arguments =
        ["model", "inspect", window.to_str().unwrap(), "--contract", lines.to_str().unwrap()];
    framecast(&arguments).refused(3, &["write output = one of a, b, c, d"]);
    let text = examples.last().unwrap().to_string() + "output = 'a'\n";
    fs::write(&lines, text).unwrap();
    let report = json(&[window.to_str().unwrap(), "--contract", lines.to_str().unwrap()]);
    assert_eq!(report["contract"]["inputs"][0]["colour"], "bgr");
    assert_eq!(report["contract"]["outputs"][0]["role"], "prediction");
}

fn small() -> ModelProto {
    let mut g = GraphBuilder::new("small");
    let x = g.input("x", DType::F32, &[2.into()]);
    let w = g.constant("w", &[2], vec![1.0f32; 2]);
    let y = g.node("Add", &[&x, &w], &[]);
    g.output(&y, DType::F32, &[2.into()]);
    g.finish().unwrap()
}

#[test]
fn bad_files_are_refused_with_code_3_and_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let changed = |change: &dyn Fn(&mut ModelProto)| {
        let mut proto = small();
        change(&mut proto);
        proto.encode_to_vec()
    };
    let whole = small().encode_to_vec();
    let external = changed(&|p| {
        let w = &mut p.graph.as_mut().unwrap().initializer[0];
        w.raw_data.clear();
        w.data_location = 1;
        let entry = StringStringEntryProto { key: "location".into(), value: "w.bin".into() };
        w.external_data.push(entry);
    });
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("truncated", whole[..whole.len() - 3].to_vec(), &["not a complete ONNX model", "cut off"]),
        ("text", b"hello, this is text".to_vec(), &["not a complete ONNX model"]),
        ("empty", Vec::new(), &["it is empty"]),
        ("new", changed(&|p| p.opset_import[0].version = 99), &["operator set 99", "1..=28"]),
        ("none", changed(&|p| p.opset_import.clear()), &["no operator set is named"]),
        ("external", external, &["w.bin", "beside the model"]),
        (
            "shape",
            changed(&|p| p.graph.as_mut().unwrap().initializer[0].dims[0] = 7),
            &["tensor \"w\"", "8 bytes", "7 elements"],
        ),
    ];
    for (name, bytes, expected) in cases {
        let path = dir.path().join(format!("{name}.onnx"));
        fs::write(&path, bytes).unwrap();
        framecast(&["model", "inspect", path.to_str().unwrap()]).refused(3, expected);
    }
    framecast(&["model", "inspect", "no-such-model"]).refused(3, &["no-such-model", "searched"]);
}

#[test]
fn a_bad_contract_is_shown_beside_the_rest_and_fails() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.onnx");
    let mut proto = small();
    proto.metadata_props.push(StringStringEntryProto {
        key: "framecast.contract".into(),
        value: r#"{"version": 7, "name": "from the future"}"#.into(),
    });
    fs::write(&path, proto.encode_to_vec()).unwrap();
    let answer = framecast(&["model", "inspect", path.to_str().unwrap()]);
    answer.refused(3, &["7 is newer than 1"]);
    assert!(answer.stdout.contains("7 is newer than 1") && answer.stdout.contains("Add"));
    let answer = framecast(&["model", "inspect", "--json", path.to_str().unwrap()]);
    let report: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert!(report["contract"].is_null() && report["contract_error"].is_string());
}

#[test]
fn unknown_sizes_are_a_usage_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.onnx");
    fs::write(&path, small().encode_to_vec()).unwrap();
    for bind in ["H=3", "H=0", "H"] {
        let file = path.to_str().unwrap();
        framecast(&["model", "inspect", file, "--bind", bind]).refused(2, &["H"]);
    }
}

#[test]
fn a_path_without_a_model_is_refused_alike() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().to_str().unwrap();
    for (command, path) in [("inspect", "/no/such"), ("check", "/no/such"), ("check", empty)] {
        framecast(&["model", command, path]).refused(3, &[path]);
    }
}
