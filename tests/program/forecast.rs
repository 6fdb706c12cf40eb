//! `framecast eval` and `framecast predict` on clips small enough to work out by hand.

use std::path::{Path, PathBuf};

use framecast::model::onnx::GraphBuilder;
use framecast::model::{Contract, DType, ModelFile};

use crate::program::{framecast, framecast_with};

/// PD of a grey error of one level.
fn level() -> f64 {
    (4.0f64 + 1279.0 / 256.0).sqrt()
}

/// A full-range grey clip of 16x16 with these levels.
fn clip(folder: &Path, levels: &[u8]) -> PathBuf {
    let path = folder.join("clip.y4m");
    let mut bytes = b"YUV4MPEG2 W16 H16 F25:1 Ip C420jpeg XCOLORRANGE=FULL\n".to_vec();
    for &level in levels {
        bytes.extend_from_slice(b"FRAME\n");
        bytes.extend(std::iter::repeat_n(level, 256));
        bytes.extend(std::iter::repeat_n(128, 128));
    }
    std::fs::write(&path, bytes).unwrap();
    path
}

/// A third-party model: twice the last frame minus the one before, as a convolution over a window.
fn window_model(folder: &Path) -> PathBuf {
    let contract = r#"{
        "version": 1, "name": "line", "task": "predict", "kind": "direct",
        "inputs": [{"name": "frames", "role": "window", "dtype": "f32", "shape": [1, 6, "H", "W"]}],
        "outputs": [{"name": "pred", "role": "prediction", "dtype": "f32", "shape": [1, 3, "H", "W"]}],
        "window": {"frames": 2, "layout": "channels"}
    }"#;
    let mut weights = vec![0.0f32; 18];
    for c in 0..3 {
        weights[c * 6 + c] = -1.0;
        weights[c * 6 + 3 + c] = 2.0;
    }
    let mut graph = GraphBuilder::new("line");
    let x = graph.input("frames", DType::F32, &[1.into(), 6.into(), "H".into(), "W".into()]);
    let w = graph.constant("w", &[3, 6, 1, 1], weights);
    let y = graph.node("Conv", &[&x, &w], &[]);
    graph.output_as(&y, "pred", DType::F32, &[1.into(), 3.into(), "H".into(), "W".into()]);
    graph.metadata(Contract::KEY, contract);
    let model = ModelFile::from_proto("line", &graph.finish().unwrap()).unwrap();
    let path = folder.join("line.onnx");
    std::fs::write(&path, model.bytes()).unwrap();
    path
}

fn near(value: &serde_json::Value, wanted: f64) -> bool {
    value.as_f64().is_some_and(|v| (v - wanted).abs() < 1e-3)
}

#[test]
fn a_window_model_scores_what_its_arithmetic_says() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clip(folder.path(), &[100, 110, 120, 120]);
    let model = window_model(folder.path());
    let (clip, model) = (clip.to_str().unwrap(), model.to_str().unwrap());
    for (name, engine) in [("linear", "auto"), (model, "tract"), (model, "auto")] {
        let answer = framecast(&["eval", clip, "--model", name, "--engine", engine, "--json"]);
        let json = answer.json();
        assert_eq!((&json["schema_version"], &json["frames"]), (&1.into(), &3.into()));
        // 10 (copy-last after one frame), 0 and 10 levels; copy-last 10, 10 and 0.
        for who in ["model", "copy_last"] {
            assert!(near(&json[who]["pd"], 20.0 / 3.0 * level()), "{name} {engine} {who}: {json}");
            assert!(near(&json[who]["mse"], 200.0 / 3.0 / 65025.0), "{json}");
        }
        assert!(near(&json["copy_last"]["psnr_frames"], 28.1308), "{json}");
        assert!(near(&json["model"]["psnr_frames"], (28.1308 + 60.0) / 2.0), "{json}");
    }
}

#[test]
fn a_source_that_fails_takes_nothing_from_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let good = clip(folder.path(), &[100, 110, 120]);
    let mut bytes = std::fs::read(&good).unwrap();
    bytes.truncate(bytes.len() - 100);
    let torn = folder.path().join("torn.y4m");
    std::fs::write(&torn, bytes).unwrap();
    let (good, torn) = (good.to_str().unwrap(), torn.to_str().unwrap());
    let args = ["eval", torn, "no/such.y4m", good, "--model", "copy-last"];
    let answer = framecast(&[&args[..], &["--json"]].concat());
    answer.refused(4, &["2 of 3 sources failed", "torn.y4m"]);
    let json: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    let rows = json["sources"].as_array().unwrap();
    assert_eq!(rows.iter().map(|r| &r["frames"]).collect::<Vec<_>>(), [1, 0, 2], "{json}");
    assert!(rows[0]["error"].is_string() && rows[2]["error"].is_null(), "{json}");
    assert!(rows[1]["error"].as_str().unwrap().contains("no/such.y4m"), "{json}");
    assert_eq!(json["frames"], 3);
    assert!(near(&rows[0]["model"]["pd"], 10.0 * level()), "{json}");
    let text = framecast(&args);
    text.refused(4, &["2 of 3"]);
    assert_eq!(text.stdout.matches("  failed: ").count(), 2, "{}", text.stdout);
    assert!(text.stdout.contains("all sources: 3 targets"), "{}", text.stdout);
}

#[test]
fn a_library_that_was_named_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clip(folder.path(), &[100, 110, 120]);
    let model = window_model(folder.path());
    let library = "/no/such/libonnxruntime.so";
    let named = format!("engine.library={library}");
    let args = ["eval", clip.to_str().unwrap(), "--model", model.to_str().unwrap(), "--json"];
    let asked = framecast(&[&args[..], &["--set", &named]].concat());
    asked.refused(3, &[library, "does not exist", "engine tract"]);
    let asked = framecast(&[&args[..], &["--engine", "ort", "--set", &named]].concat());
    asked.refused(3, &[library, "does not exist"]);
    // Also where the model would not need it.
    let integers = concat!(env!("CARGO_MANIFEST_DIR"), "/models/predict-nano-int.onnx");
    let args_int = ["eval", clip.to_str().unwrap(), "--model", integers, "--set", &named];
    framecast(&args_int).refused(3, &[library, "does not exist"]);
    let in_environment = [&args[..], &["--engine", "ort"]].concat();
    framecast_with("ORT_DYLIB_PATH", library, &in_environment).refused(1, &[library]);
    let found = framecast_with("ORT_DYLIB_PATH", library, &args);
    let engine = &found.json()["engine"];
    assert_eq!(engine["engine"], "tract");
    assert!(engine["notes"][0].as_str().unwrap().contains(library), "{engine}");
    assert!(found.stderr.contains(library), "{}", found.stderr);
}

#[test]
fn what_cannot_be_evaluated_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let one = clip(folder.path(), &[100]);
    let one = one.to_str().unwrap();
    framecast(&["eval"]).refused(2, &["SOURCE"]);
    framecast(&["eval", one, "--model", "copy-last"]).refused(4, &["two frames"]);
    framecast(&["eval", "no/such.y4m", "--model", "copy-last"]).refused(4, &["no/such.y4m"]);
    framecast(&["eval", one, "--model", "no/such.onnx"]).refused(3, &["no/such.onnx"]);
    framecast(&["eval", one, "--layout", "piles"]).refused(2, &["clip, sequences"]);
    framecast(&["eval", one, "--layout", "sequences", "--skip", "1"]).refused(2, &["--skip"]);
    let empty = folder.path().to_str().unwrap();
    let sequences = ["eval", empty, "--model", "copy-last", "--layout", "sequences"];
    framecast(&sequences).refused(4, &["no folder with JPEG"]);
}

#[test]
fn predicted_video_lines_up_with_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clip(folder.path(), &[100, 110, 120, 130]);
    let clip = clip.to_str().unwrap();
    let out = folder.path().join("out.y4m");
    let written = |view: &str, horizon: &str| {
        let path = out.to_str().unwrap();
        let args = ["--model", "linear", "--view", view, "--horizon", horizon, "--out", path];
        let answer = framecast(&[&["predict", clip][..], &args].concat());
        assert_eq!(answer.code, Some(0), "{}", answer.stderr);
        let bytes = std::fs::read(&out).unwrap();
        let end = bytes.iter().position(|b| *b == b'\n').unwrap();
        (String::from_utf8_lossy(&bytes[..end]).into_owned(), bytes[end + 1..].to_vec())
    };
    let luma = |frames: &[u8], width: usize| -> Vec<u8> {
        frames.chunks(6 + width * 16 * 3 / 2).map(|f| f[6 + width - 1]).collect()
    };
    // Limited range: 16 + level * 219 / 255.
    let limited = |level: f64| (16.0 + level * 219.0 / 255.0).round() as u8;
    let (header, frames) = written("predicted", "1");
    assert!(header.starts_with("YUV4MPEG2 W16 H16 F25:1 "), "{header}");
    // The first has no prediction; the second was made after one frame.
    assert_eq!(luma(&frames, 16), [100.0, 100.0, 120.0, 130.0].map(limited));
    let (header, frames) = written("side-by-side", "2");
    assert!(header.starts_with("YUV4MPEG2 W32 H16 "), "{header}");
    // Frame 2 was predicted from frame 0 alone, frame 3 from 100 and 110 two ahead.
    assert_eq!(luma(&frames, 32), [100.0, 110.0, 100.0, 130.0].map(limited));
    assert!(!folder.path().join("out.y4m.partial").exists());

    let elsewhere = ["predict", clip, "--model", "linear", "--out", "/no/such/place/x.y4m"];
    framecast(&elsewhere).refused(1, &["/no/such/place/x.y4m", "No such file"]);
    let far = ["predict", clip, "--model", "linear", "--horizon", "99", "--out", "-"];
    framecast(&far).refused(2, &["99", "1..=32"]);
}

#[test]
fn a_lost_frame_is_stood_for_by_its_prediction_and_a_failure_leaves_a_partial_file() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clip(folder.path(), &[100, 110, 120, 77]);
    // The end of the last frame is missing: it is lost, and the file is no good.
    let bytes = std::fs::read(&clip).unwrap();
    std::fs::write(&clip, &bytes[..bytes.len() - 10]).unwrap();
    let out = folder.path().join("out.y4m");
    let (clip, path) = (clip.to_str().unwrap(), out.to_str().unwrap());
    framecast(&["predict", clip, "--model", "linear", "--out", path])
        .refused(4, &["4 frames are kept in", "out.y4m.partial", "cut short"]);
    assert!(!out.exists());
    let written = std::fs::read(folder.path().join("out.y4m.partial")).unwrap();
    let end = written.iter().position(|b| *b == b'\n').unwrap();
    let luma: Vec<u8> = written[end + 1..].chunks(6 + 384).map(|f| f[6]).collect();
    let limited = |level: f64| (16.0 + level * 219.0 / 255.0).round() as u8;
    assert_eq!(luma, [100.0, 100.0, 120.0, 130.0].map(limited));
}

#[test]
fn copy_last_on_the_catz_test_set_is_within_the_acceptance() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data =
        std::env::var_os("FRAMECAST_DATA").map_or(root.join("../shared/data"), PathBuf::from);
    let archive = data.join("catz/catz-test.tar.gz");
    if !archive.is_file() {
        assert!(
            std::env::var_os("CI").is_none_or(|v| v != "true"),
            "{} is needed in CI",
            archive.display()
        );
        eprintln!("skipped: {} is not there", archive.display());
        return;
    }
    let archive = archive.to_str().unwrap();
    let json =
        framecast(&["eval", archive, "--layout", "sequences", "--model", "copy-last", "--json"])
            .json();
    assert_eq!((&json["frames"], &json["lost"]), (&1342.into(), &0.into()));
    for who in ["model", "copy_last"] {
        assert!((json[who]["pd"].as_f64().unwrap() - 19.09).abs() <= 0.01, "{json}");
        assert!((json[who]["mse"].as_f64().unwrap() - 0.00511).abs() <= 0.00002, "{json}");
    }
}

#[test]
fn damage_that_did_not_end_a_source_is_in_every_report() {
    let dir = tempfile::tempdir().unwrap();
    let mut picture = Vec::new();
    image::RgbImage::from_fn(16, 16, |x, y| image::Rgb([x as u8, y as u8, 9]))
        .write_to(&mut std::io::Cursor::new(&mut picture), image::ImageFormat::Png)
        .unwrap();
    for i in 0..6 {
        let bytes = if i == 2 { &picture[..60] } else { &picture };
        std::fs::write(dir.path().join(format!("f{i}.png")), bytes).unwrap();
    }
    let folder = dir.path().to_str().unwrap();
    let told = |damage: &serde_json::Value, stderr: &str| {
        assert_eq!(damage["errors"], 1);
        assert!(damage["first"].as_str().unwrap().contains("f2.png"), "{damage}");
        assert!(stderr.contains("f2.png"), "{stderr}");
    };
    let run = framecast(&["run", "--source", folder, "--predict", "none", "--json"]);
    let json = run.json();
    told(&json["source_damage"], &run.stderr);
    assert_eq!((&json["outcome"], &json["frames"]["processed"]), (&"complete".into(), &5.into()));
    assert_eq!(json["frames"]["dropped"]["corrupt"], 1);
    let text = framecast(&["run", "--source", folder, "--predict", "none"]).stdout;
    assert!(text.contains("damage") && text.contains("f2.png"), "{text}");
    let eval = framecast(&["eval", folder, "--model", "copy-last", "--json"]);
    let json = eval.json();
    told(&json["sources"][0]["damage"], &eval.stderr);
    assert_eq!((&json["lost"], &json["frames"]), (&1.into(), &3.into()));
    let text = framecast(&["eval", folder, "--model", "copy-last"]).stdout;
    assert!(text.contains("damaged: 1 error"), "{text}");
    let probe = framecast(&["source", "probe", folder, "--json"]).json();
    assert_eq!((&probe["damage"]["errors"], &probe["frames"]["captured"]), (&1.into(), &6.into()));
    let out = dir.path().join("out.y4m");
    let predict = ["predict", folder, "--model", "copy-last", "--out", out.to_str().unwrap()];
    assert!(framecast(&predict).stderr.contains("f2.png"));
}
