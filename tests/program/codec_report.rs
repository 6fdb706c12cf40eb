//! `framecast codec-report`: the files of a small report, going on after an interruption, and what
//! is refused.

use std::path::Path;

use serde_json::Value;

use crate::data::skip;
use crate::program::{Answer, framecast};

const CLIP: &str = "demo:?size=48x32&format=I420&frames=6";

fn report(out: &Path, more: &[&str]) -> Answer {
    let out = out.display().to_string();
    let mut args = vec!["codec-report", CLIP, "--out", &out, "--json"];
    args.extend(more);
    framecast(&args)
}

/// True unless there is no ffmpeg, which is said.
fn has_ffmpeg() -> bool {
    let found = std::process::Command::new("ffmpeg").arg("-version").output().is_ok();
    if !found {
        skip("ffmpeg is not installed");
    }
    found
}

#[test]
fn a_small_report_has_every_part_and_goes_on_where_it_was() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let flags = [
        "--codecs",
        "framecast:light,ffv1,x264,x265",
        "--rates",
        "20,30,40,50",
        "--every",
        "1,2",
        "--limits",
        "20,30",
        "--predict",
        "copy-last,motion",
    ];
    let made = report(&out, &flags).json();
    assert_eq!(made["schema_version"], 1);
    assert_eq!(made["clips"][0]["frames"], 6, "{made}");
    let rows = made["lossless"]["rows"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|r| r["codec"].as_str().unwrap()).collect();
    assert_eq!(names, ["framecast:light", "ffv1", "x264", "x265"]);
    for row in rows {
        assert_eq!(row["exact"], true, "{row}");
        assert!(row["vs_best"].as_f64().unwrap() >= 0.1, "{row}");
        let bits = row["clips"][0]["bpp"].as_f64().unwrap();
        let bytes = row["clips"][0]["bytes"].as_f64().unwrap();
        assert!((bits - bytes * 8.0 / (48.0 * 32.0 * 6.0)).abs() < 1e-9, "{row}");
    }
    let curves = made["curves"][0]["curves"].as_array().unwrap();
    let find = |name: &str| curves.iter().find(|c| c["codec"] == name).unwrap();
    for point in find("framecast:light")["points"].as_array().unwrap() {
        let bound: u64 =
            point["mode"].as_str().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        assert!(point["max_error"].as_u64().unwrap() <= bound, "{point}");
    }
    let rates: Vec<f64> = find("x264")["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["bpp"].as_f64().unwrap())
        .collect();
    assert!(rates.is_sorted_by(|a, b| a > b), "a higher crf takes fewer bits: {rates:?}");
    assert_eq!(made["predictors"].as_array().unwrap().len(), 3);
    let motion = &made["predictors"][2];
    assert_eq!(
        (&motion["predictor"], &motion["clips"][0]["exact"]),
        (&"motion".into(), &true.into())
    );
    for base in ["saved_percent", "saved_percent_vs_copy_last", "saved_percent_vs_motion"] {
        assert!(motion[base].is_f64() && motion["clips"][0][base].is_f64(), "{base}: {motion}");
    }
    // Four rates of every frame, and of every second one with two predictors.
    assert_eq!(made["frame_rate"][0]["points"].as_array().unwrap().len(), 12);
    assert_eq!(made["frame_rate_bd"].as_array().unwrap().len(), 2, "{}", made["frame_rate_bd"]);
    let gates = made["gating"][0]["points"].as_array().unwrap();
    assert_eq!(gates.len(), 4);
    assert!(gates.iter().all(|g| g["sent"].as_u64().unwrap() >= 1), "{gates:?}");
    let html = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(
        html.contains("<svg") && html.contains("framecast codec-report") && !html.contains("http")
    );
    for name in framecast::bench::codec::CSV_FILES {
        assert!(out.join(name).is_file(), "{name}");
    }
    // The command that is printed makes what was measured.
    let by_hand = find("framecast:light")["points"][0].clone();
    let stream = folder.path().join("by-hand.fcv").display().to_string();
    let command = by_hand["command"].as_str().unwrap();
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let (_, words) = words.split_last().unwrap();
    assert_eq!(framecast(&[words, &[stream.as_str()]].concat()).code, Some(0), "{command}");
    assert_eq!(std::fs::metadata(&stream).unwrap().len(), by_hand["bytes"].as_u64().unwrap());
    assert!(!out.join("work").exists(), "streams are not kept");

    // The same again measures nothing anew, so even the times are the same.
    let cells = |out: &Path| std::fs::read_dir(out.join("cells")).unwrap().count();
    let kept = cells(&out);
    let again = report(&out, &flags).json();
    assert_eq!(again["lossless"], made["lossless"]);
    assert_eq!(cells(&out), kept);
    // What is missing is measured, the rest is not.
    let one = std::fs::read_dir(out.join("cells")).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(&one).unwrap();
    report(&out, &flags).json();
    assert_eq!(cells(&out), kept);
    // Tables of an earlier report do not stay beside a smaller one.
    report(&out, &[&flags[..2], &["--experiments", "lossless"]].concat()).json();
    assert!(out.join("lossless.csv").is_file() && !out.join("curves.csv").exists());
}

#[test]
fn odd_sizes_and_grey_have_every_anchor() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let lossless = |clip: &str, codecs: &str, out: &str| {
        let out = folder.path().join(out).display().to_string();
        let experiments = ["--experiments", "lossless", "--codecs", codecs];
        let mut args = vec!["codec-report", clip, "--out", &out, "--json"];
        args.extend(experiments);
        let made = framecast(&args).json();
        made["lossless"]["rows"].as_array().unwrap().clone()
    };
    // ffv1 does not cut this size into four slices, and x264 takes no odd width of 4:2:0.
    let odd = lossless("demo:?size=63x41&format=I420&frames=3", "framecast:light,ffv1", "odd");
    assert_eq!((&odd[0]["exact"], &odd[1]["exact"]), (&Value::Bool(true), &Value::Bool(true)));
    assert!(odd[0]["vs_ffv1"].as_f64().unwrap() > 0.1, "{}", odd[0]);
    assert!(!odd[1]["clips"][0]["command"].as_str().unwrap().contains("-slices"), "{}", odd[1]);
    // Every anchor takes grey; utvideo does not, and is not given a converted clip instead.
    let codecs = "framecast:light,ffv1,x264,x265,utvideo";
    let grey = lossless("demo:?size=64x48&format=GREY&frames=3", codecs, "grey");
    for row in &grey[..4] {
        assert_eq!(row["exact"], true, "{row}");
        assert!(row["vs_best"].as_f64().unwrap() > 0.1, "{row}");
    }
    assert!(grey[4]["clips"][0]["error"].as_str().unwrap().contains("gray"), "{}", grey[4]);
}

#[test]
fn without_the_program_framecast_is_measured_alone() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    let set = "source.ffmpeg=\"no-such-ffmpeg\"";
    let args = [
        "codec-report",
        CLIP,
        "--out",
        &out,
        "--json",
        "--codecs",
        "framecast:light",
        "--set",
        set,
    ];
    let answer = framecast(&args);
    let made: Value = answer.json();
    assert!(answer.stderr.contains("no-such-ffmpeg"), "{}", answer.stderr);
    let rows = made["lossless"]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["exact"], &rows[0]["vs_best"]), (&Value::Bool(true), &Value::Null));
    assert!(made["notes"][0].as_str().unwrap().contains("install ffmpeg"), "{}", made["notes"]);
    assert!(made["ffmpeg"].is_null() && made.get("frame_rate").is_none(), "{made}");
}

#[test]
fn mistakes_are_named_before_anything_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new");
    report(&out, &["--codecs", "x266"]).refused(2, &["\"x266\"", "framecast:light", "ffv1"]);
    report(&out, &["--codecs", "framecast:best"]).refused(2, &["best", "light", "strong"]);
    report(&out, &["--reference", "ffv1"]).refused(2, &["--reference ffv1", "no curve"]);
    report(&out, &["--noise=-1"]).refused(2, &["--noise"]);
    report(&out, &["--limits=-5"]).refused(2, &["--limits"]);
    report(&out, &["--format", "NV12"]).refused(2, &["NV12", "I420"]);
    report(&out, &["--experiments", "all"]).refused(2, &["lossless", "gating"]);
    report(&out, &["--predict", "no-such.onnx"]).refused(3, &["no-such.onnx"]);
    assert!(!out.exists(), "nothing was made");
    let missing = ["codec-report", "no-such.y4m", "--out", &out.display().to_string()];
    framecast(&missing).refused(4, &["no-such.y4m"]);
    framecast(&["codec-report", "--out", "x"]).refused(2, &["CLIP"]);
    // A folder with other things in it, of which none is touched.
    let own = folder.path().join("own");
    std::fs::create_dir(&own).unwrap();
    std::fs::write(own.join("clip.y4m"), "mine").unwrap();
    report(&own, &[]).refused(2, &["--out", "holds other things"]);
    assert_eq!(std::fs::read_dir(&own).unwrap().count(), 1);
    // A folder that cannot be made, because a file has its name.
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let inside = file.join("report");
    report(&inside, &["--codecs", "framecast:light"]).refused(1, &["cannot make the folder"]);
}
