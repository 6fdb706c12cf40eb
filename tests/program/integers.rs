//! The shipped integer model through the program: the same pictures from every engine, with and
//! without vector instructions.

use crate::program::{framecast, framecast_with};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/predict-nano-int.onnx");

#[test]
fn predicted_video_is_the_same_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.y4m");
    let predict = |engine: &str, simd: &str| {
        let out = path.to_str().unwrap();
        let arguments = [
            "predict",
            "demo:?size=104x72&seed=3",
            "--model",
            MODEL,
            "--engine",
            engine,
            "--frames",
            "40",
            "--full-chroma",
            "--out",
            out,
        ];
        let answer = framecast_with("FRAMECAST_SIMD", simd, &arguments);
        assert_eq!(answer.code, Some(0), "{engine} {simd}: {}", answer.stderr);
        std::fs::read(&path).unwrap()
    };
    let own = predict("exact", "on");
    assert!(own.len() > 39 * 104 * 72 * 3);
    let mut others = vec![("exact", "off"), ("auto", "on"), ("tract", "on"), ("tract", "off")];
    // Left out only where there is no library; one that is wrong fails below.
    let check = framecast(&["model", "check", MODEL, "--engine", "ort"]);
    if !check.stdout.contains("engine ort is not available") {
        others.push(("ort", "on"));
    } else {
        let required = std::env::var_os("CI").is_some_and(|v| v == "true");
        assert!(!required, "an ONNX Runtime library is needed in CI");
        println!("ort is skipped: no ONNX Runtime library is found");
    }
    for (engine, simd) in others {
        assert!(predict(engine, simd) == own, "{engine}, FRAMECAST_SIMD={simd}");
    }
}

#[test]
fn check_and_doctor_know_the_exact_engine() {
    let answer = framecast(&["model", "check", MODEL]);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    assert!(answer.stdout.contains("exact: 1 pass"), "{}", answer.stdout);
    let answer = framecast_with("FRAMECAST_SIMD", "off", &["doctor"]);
    assert!(answer.stdout.contains("kernels for base (FRAMECAST_SIMD=off)"), "{}", answer.stdout);
    let float = concat!(env!("CARGO_MANIFEST_DIR"), "/models/predict-nano.onnx");
    framecast(&[
        "predict", "demo:", "--model", float, "--engine", "exact", "--frames", "2", "--out", "-",
    ])
    .refused(3, &["exact refuses node", "integer models take bytes"]);
}
