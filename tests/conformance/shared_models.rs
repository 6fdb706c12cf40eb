//! Every shared model on every engine: within tolerance, or refused with node and operator.

use framecast::engine::check::{Verdict, check, discover};
use framecast::engine::{EngineChoice, LoadOptions};

use super::data;

fn options(engine: EngineChoice) -> LoadOptions {
    let mut options = LoadOptions::default();
    options.engine = engine;
    options.threads = 1;
    options
}

#[test]
fn shared_models_match_their_golden_values() {
    let test = "shared models";
    let Some(folder) = data::onnx() else { return data::skip(test, "no shared data") };
    let cases = discover(&folder).unwrap();
    assert!(cases.len() >= 19, "{} models", cases.len());
    for engine in data::engines(test) {
        for case in &cases {
            let verdict = check(case, &options(engine), None);
            println!("{} {engine}: {} {}", case.name, verdict.word(), verdict.detail());
            match verdict {
                Verdict::Pass { .. } => assert_ne!(case.name, "superres_prepost_opset18.onnx"),
                Verdict::Refused { node, operator, .. } => {
                    assert!(!node.is_empty() && !operator.is_empty(), "{}: who?", case.name);
                    // ONNX Runtime takes all but the one made to be refused.
                    if engine == EngineChoice::Ort {
                        assert_eq!(case.name, "superres_prepost_opset18.onnx");
                        assert!(operator.contains("DecodeImage"), "{operator}");
                    }
                }
                other => panic!("{} on {engine}: {}", case.name, other.detail()),
            }
        }
    }
}

#[test]
fn light_models_match_their_outputs() {
    let test = "light models";
    let Some(folder) = data::unpacked("onnx_light_models.tar.gz") else {
        return data::skip(test, "no shared data");
    };
    let cases = discover(folder.path()).unwrap();
    assert_eq!(cases.len(), 9);
    for engine in data::engines(test) {
        for case in &cases {
            let verdict = check(case, &options(engine), None);
            assert_eq!(verdict.word(), "pass", "{} {engine}: {}", case.name, verdict.detail());
        }
    }
}
