//! `index`, `search` and `describe` as a user runs them, with the shipped towers.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

fn framecast() -> Command {
    let mut command = Command::cargo_bin("framecast").unwrap();
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["-q"]);
    command
}

/// Standard output of a run that succeeds.
fn output(arguments: &[&str]) -> String {
    let done = framecast().args(arguments).args(["--engine", "tract"]).output().unwrap();
    let error = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{arguments:?}: {error}");
    String::from_utf8(done.stdout).unwrap()
}

/// Exit code and error of a run that fails.
fn refused(arguments: &[&str]) -> (i32, String) {
    let done = framecast().args(arguments).output().unwrap();
    assert!(!done.status.success(), "{arguments:?} succeeded");
    (done.status.code().unwrap(), String::from_utf8(done.stderr).unwrap())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// An index of the synthetic camera in `folder`.
fn indexed(folder: &Path) -> PathBuf {
    let out = folder.join("demo.fci");
    let frames = ["index", "demo:?seed=3&size=160x96", "--frames", "60"];
    let more = ["--every", "10", "--change", "0", "--thumbnails", "--out", text(&out)];
    let said = output(&[&frames[..], &more].concat());
    assert!(said.contains("6 entries of 64 numbers (search-image) from 60 frames"), "{said}");
    out
}

#[test]
fn what_was_indexed_is_found_by_text_and_by_picture() {
    let folder = tempfile::tempdir().unwrap();
    let index = indexed(folder.path());
    let found = output(&["search", text(&index), "a dog on green grass", "--apart", "0", "--json"]);
    let found: Value = serde_json::from_str(&found).unwrap();
    let results = found["results"].as_array().unwrap();
    assert_eq!(results.len(), 6);
    let scores: Vec<f64> = results.iter().map(|r| r["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b) && scores.iter().all(|s| s.abs() <= 1.0001));
    let thumbnail = results[0]["thumbnail"].as_str().unwrap();
    assert!(fs::metadata(thumbnail).unwrap().len() > 0);
    // A thumbnail is nearest to the frame it was made of.
    let frame = &results[3]["frame"];
    let like = results[3]["thumbnail"].as_str().unwrap();
    let found = output(&["search", text(&index), "--image", like, "--top", "1", "--json"]);
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(&found["results"][0]["frame"], frame);
    assert!(output(&["search", text(&index), "--check"]).contains("6 entries, all sound"));
}

#[test]
fn an_index_is_gone_on_with_and_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let index = indexed(folder.path());
    let again = ["index", "demo:?seed=4&size=160x96", "--frames", "20", "--every", "10"];
    let out = ["--change", "0", "--out", text(&index)];
    let (code, error) = refused(&[&again[..], &out].concat());
    assert!(code == 2 && error.contains("is there already"), "{error}");
    let said = output(&[&again[..], &out, &["--append"]].concat());
    assert!(said.contains("8 entries"), "{said}");
    // Its pictures stand beside those of the first recording, not in their place.
    let said = output(&[&again[..], &out, &["--append", "--thumbnails"]].concat());
    assert!(said.contains("10 entries"), "{said}");
    let folder = index.with_added_extension("thumbnails");
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|f| f.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 8, "{names:?}");
    assert!(names.contains(&"0002-00000010.png".to_owned()), "{names:?}");
    let found = output(&["search", text(&index), "a dog", "--apart", "1000", "--json"]);
    let found: Value = serde_json::from_str(&found).unwrap();
    let mut of: Vec<_> =
        found["results"].as_array().unwrap().iter().map(|r| r["recording"].as_u64()).collect();
    of.sort();
    assert_eq!(of, [Some(0), Some(1), Some(2)], "the best moment of each recording");
    // One flipped bit in the last entry is found, and not written over unasked.
    let mut bytes = fs::read(&index).unwrap();
    let last = bytes.windows(4).rposition(|w| w == b"ENTR").unwrap();
    bytes[last + 8] ^= 1;
    fs::write(&index, &bytes).unwrap();
    let (code, error) = refused(&["search", text(&index), "--check"]);
    assert!(code == 4 && error.contains("1 entries at its end are damaged"), "{error}");
    let (code, error) = refused(&[&again[..], &out, &["--append"]].concat());
    assert!(code == 4 && error.contains("--drop-damaged"), "{error}");
    let said = output(&[&again[..], &out, &["--append", "--drop-damaged"]].concat());
    assert!(said.contains("11 entries"), "{said}");
}

#[test]
fn pictures_are_described_by_the_nearest_sentences() {
    let folder = tempfile::tempdir().unwrap();
    let (list, out) = (folder.path().join("list.txt"), folder.path().join("list.fci"));
    fs::write(&list, "1\ta man in the snow\n1\tsnow and a man\n2\ta green field\nqqq zzz\n")
        .unwrap();
    let said = output(&["index", "--sentences", text(&list), "--out", text(&out)]);
    assert!(said.contains("3 entries of 64 numbers (search-text) from 4 lines"), "{said}");
    let source = "demo:?seed=3&size=160x96";
    let arguments = ["describe", source, "--frames", "1", "--sentences", text(&out), "--json"];
    let moment: Value = serde_json::from_str(&output(&arguments)).unwrap();
    // One sentence an item.
    assert_eq!(moment["sentences"].as_array().unwrap().len(), 2);
    // Sentences have no time that could be too near.
    let found = output(&["search", text(&out), "snow", "--json"]);
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found["results"].as_array().unwrap().len(), 2, "{found}");
    let table = output(&["search", text(&out), "a green field"]);
    assert!(table.lines().next().unwrap().contains("line 3"), "{table}");
}

#[cfg(unix)]
#[test]
fn a_device_without_an_end_is_no_list_of_sentences() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("s.fci");
    let (code, error) = refused(&["index", "--sentences", "/dev/zero", "--out", text(&out)]);
    assert!(code == 4 && error.contains("above the limit of 268435456 bytes"), "{error}");
}

#[test]
fn what_cannot_be_searched_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let index = indexed(folder.path());
    let index = text(&index);
    let search = |text: &str| refused(&["search", index, text]);
    for (sentence, reason) in [
        ("", "has no words"),
        ("?!", "has no words"),
        ("qqqq zzzz", "knows none of the words"),
        (&"dog ".repeat(10_000), "above the limit"),
    ] {
        let (code, error) = search(sentence);
        assert!(code == 2 && error.contains(reason), "{error}");
    }
    let (code, error) = refused(&["search", index, "a dog", "--model", "search-image"]);
    assert!(code == 3 && error.contains("tokenizer"), "{error}");
    let (code, error) = refused(&["search", index, "a dog", "--apart", "-1"]);
    assert!(code == 2, "{error}");
    let broken = folder.path().join("broken.fci");
    fs::write(&broken, &fs::read(index).unwrap()[..2000]).unwrap();
    let (code, error) = refused(&["search", text(&broken), "a dog"]);
    assert!(code == 4 && error.contains("cut short"), "{error}");
    let sentences = folder.path().join("s.txt");
    fs::write(&sentences, b"a dog\n\xff\n").unwrap();
    let out = folder.path().join("s.fci");
    let (code, error) = refused(&["index", "--sentences", text(&sentences), "--out", text(&out)]);
    assert!(code == 4 && error.contains("no UTF-8"), "{error}");
    assert!(!out.exists());
}
