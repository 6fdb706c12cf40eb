//! Drives `framecast-train data` as a user does, and trains on data that are damaged.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_framecast-train")).args(arguments).output().unwrap()
}

fn ran(arguments: &[&str]) -> String {
    let output = run(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// The exit code and what is said.
fn refused(arguments: &[&str]) -> (i32, String) {
    let output = run(arguments);
    assert!(!output.status.success(), "{arguments:?} succeeded");
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A file of the test data, or nothing with the reason printed.
fn shared(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder =
        std::env::var("FRAMECAST_DATA").map_or_else(|_| root.join("../shared/data"), PathBuf::from);
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none_or(|v| v != "true"), "{} is missing", path.display());
    println!("skipped: {} is not there", path.display());
    None
}

#[test]
fn made_data_are_converted_and_inspected() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name).display().to_string();
    let (set, small, clip) = (at("set"), at("small"), at("clip.y4m"));
    let made = ran(&[
        "data",
        "synth",
        "demo",
        "--seed",
        "1005",
        "--length",
        "24",
        "--size",
        "64x48",
        "--cadence",
        "2",
        "--frames",
        "3",
        "--out",
        &set,
    ]);
    assert!(made.contains("6 sequences, of 24 frames read"), "{made}");
    ran(&["data", "convert", &set, "--width", "32", "--frames", "3", "--out", &small]);
    let again = ["data", "convert", &set, "--width", "32", "--frames", "3", "--out", &small];
    let (code, said) = refused(&again);
    assert!(code == 1 && said.contains("--force"), "{code} {said}");
    ran(&["data", "convert", "demo:?seed=5&size=64x48&frames=12", "--out", &clip]);
    let text = ran(&["data", "inspect", &set, &small, &clip, "--json"]);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["sources"][0]["frames"], 24);
    assert_eq!(report["sources"][0]["repeats"], 12, "{text}");
    assert_eq!(report["sources"][1]["sizes"]["32x24"], 24, "{text}");
    let common = &report["duplicates"][0];
    assert_eq!((&common["near"], &common["sequences"]), (&24.into(), &6.into()), "{common}");
}

#[test]
fn the_two_sizes_of_a_clip_are_found_to_be_one_source() {
    let names = ["clips/CiscoVT2people_320x192_12fps.yuv", "clips/CiscoVT2people_160x96_6fps.yuv"];
    let Some([large, small]) =
        names.map(shared).into_iter().collect::<Option<Vec<_>>>().map(|list| {
            let mut list = list.into_iter().map(|p| p.display().to_string());
            [list.next().unwrap(), list.next().unwrap()]
        })
    else {
        return;
    };
    let text = ran(&["data", "inspect", &large, &small, "--json"]);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(report["duplicates"][0]["near"].as_u64().unwrap() >= 5, "{text}");
}

#[test]
fn digits_are_made_with_their_places() {
    let Some(digits) = shared("mnist/t10k-images-idx3-ubyte.gz") else { return };
    let digits = digits.display().to_string();
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("digits").display().to_string();
    let arguments = |split: &'static str, out: &str| {
        ["data", "synth", "moving-mnist", "--digits", &digits, "--split", split, "--sequences", "3"]
            .into_iter()
            .chain(["--frames", "10", "--out", out])
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let list = arguments("test", &out);
    ran(&list.iter().map(String::as_str).collect::<Vec<_>>());
    let truth = fs::read_to_string(place.path().join("digits/truth.jsonl")).unwrap();
    let numbers: Vec<u64> = truth
        .lines()
        .flat_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            [0, 1].map(|d| line["digits"][d]["digit"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(numbers.len(), 6);
    assert!(numbers.iter().all(|n| (8_000..10_000).contains(n)), "{numbers:?}");
    assert_eq!(fs::read_dir(place.path().join("digits/000002")).unwrap().count(), 11);
}

/// A recipe that trains and validates on `uri`, written beside it.
fn recipe(place: &Path, uri: &Path) -> String {
    let path = place.join("recipe.toml");
    let text = format!(
        "name = \"x\"\nnetwork = \"nano-direct\"\n[data]\nside = 16\nframes = 4\n\
         [[data.sequences]]\nuri = {:?}\n[train]\nsteps = 6\nbatch = 2\nchunk = 3\nwarm_up = 1\n\
         [validate]\nevery = 2\nseeds = [9901]\nframes = 3\nsize = [16, 16]\n",
        uri.display().to_string()
    );
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn picture(path: &Path, side: u32, level: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let data = vec![level; (side * side * 3) as usize];
    image::save_buffer(path, &data, side, side, image::ExtendedColorType::Rgb8).unwrap();
}

/// A folder of three sequences, changed by `damage`.
fn training(damage: impl Fn(&Path)) -> (i32, String) {
    let place = tempfile::tempdir().unwrap();
    let set = place.path().join("set");
    fs::create_dir(&set).unwrap();
    for sequence in 0..3 {
        for frame in 0..4 {
            let name = format!("{sequence}/frame_{frame}.png");
            picture(&set.join(name), 16, 40 * sequence + frame);
        }
    }
    damage(&set);
    let recipe = recipe(place.path(), &set);
    let out = place.path().join("run").display().to_string();
    let found = refused(&["train", &recipe, "--out", &out]);
    // What was there before the damage was met is whole.
    let best = place.path().join("run/best.ckpt");
    if best.exists() {
        ran(&["describe", best.to_str().unwrap()]);
    }
    found
}

#[test]
fn damaged_sets_are_named_with_the_place_of_the_damage() {
    let (code, said) = training(|set| fs::write(set.join("1/frame_2.png"), b"no picture").unwrap());
    assert!(code == 4 && said.contains("picture 2 of 1"), "{code} {said}");
    let (code, said) = training(|set| picture(&set.join("2/frame_1.png"), 24, 9));
    assert!(code == 4 && said.contains("sequence 2 has pictures of 16x16 and of 24x24"), "{said}");
    let (code, said) = training(|set| {
        for sequence in 0..3 {
            (0..4).for_each(|f| picture(&set.join(format!("{sequence}/frame_{f}.png")), 8, 9));
        }
    });
    assert!(code == 4 && said.contains("data.side = 16"), "{code} {said}");
    let (code, said) = training(|set| {
        (1..4).for_each(|f| fs::remove_file(set.join(format!("0/frame_{f}.png"))).unwrap());
    });
    assert!(code == 4 && said.contains("sequence 0 has one picture"), "{code} {said}");
    let (code, said) =
        training(|set| fs::remove_dir_all(set).and_then(|()| fs::create_dir(set)).unwrap());
    assert!(code == 4 && said.contains("no folder with JPEG or PNG pictures"), "{code} {said}");
}

#[test]
fn a_clip_of_one_frame_is_too_short_to_train_on() {
    let place = tempfile::tempdir().unwrap();
    let clip = place.path().join("clip");
    picture(&clip.join("only.png"), 16, 7);
    let path = place.path().join("recipe.toml");
    let text = format!(
        "name = \"x\"\nnetwork = \"nano-direct\"\n[data]\nside = 16\nframes = 4\n\
         [[data.recording]]\nuri = {:?}\n",
        clip.display().to_string()
    );
    fs::write(&path, text).unwrap();
    let out = place.path().join("run").display().to_string();
    let (code, said) = refused(&["train", path.to_str().unwrap(), "--out", &out]);
    assert!(code == 4 && said.contains("it has 1 frames but a sequence takes 4"), "{code} {said}");
}

#[test]
fn labelled_scenes_are_made_with_their_labels() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("scenes.y4m").display().to_string();
    ran(&[
        "data", "synth", "scenes", "--seed", "7", "--scenes", "3", "--length", "2", "--out", &out,
    ]);
    let truth = fs::read_to_string(place.path().join("scenes.truth.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> =
        truth.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[2]["seed"], &lines[2]["frames"]), (3, &9.into(), &2.into()));
    assert!(lines.iter().all(|l| l["labels"].as_array().unwrap().len() >= 2), "{truth}");
}
