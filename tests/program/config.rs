//! `framecast config`, and commands that do not exist.

use crate::program::framecast;

#[test]
fn every_value_has_an_origin() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cam.toml");
    std::fs::write(&file, "[ring]\ncapacity = 7\n").unwrap();
    let file = file.to_str().unwrap();
    let set = "engine.threads=3";
    let shown = framecast(&["config", "show", "--config", file, "--set", set]);
    assert_eq!(shown.code, Some(0));
    let origin = |key: &str| {
        let line = shown.stdout.lines().find(|l| l.starts_with(&format!("{key} "))).unwrap();
        line.rsplit("# ").next().unwrap().to_owned()
    };
    assert_eq!(origin("ring.capacity"), format!("{file}:2"));
    assert_eq!(origin("engine.threads"), "--set engine.threads");
    assert_eq!(origin("source.uri"), "default");
    let json = framecast(&["config", "show", "--json", "--config", file]).json();
    assert_eq!(json["values"]["ring.capacity"]["value"], 7);
}

#[test]
fn the_shipped_file_checks_itself() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("framecast.toml");
    std::fs::write(&file, framecast(&["config", "show", "--default"]).stdout).unwrap();
    let checked = framecast(&["config", "check", file.to_str().unwrap()]);
    assert_eq!((checked.code, checked.stdout.contains("ok")), (Some(0), true));
}

#[test]
fn bad_files_are_refused_by_line() {
    let dir = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        let file = dir.path().join("bad.toml");
        std::fs::write(&file, text).unwrap();
        framecast(&["config", "check", file.to_str().unwrap()])
    };
    check("[ring]\ncapcity = 3\n").refused(3, &["bad.toml:2", "did you mean \"ring.capacity\"?"]);
    check("[ring]\ncapacity = 0\n").refused(3, &["bad.toml:2", "from 1 to 256"]);
    check("[ring\n").refused(3, &["bad.toml:1"]);
    framecast(&["config", "check", "/nonexistent/x.toml"]).refused(3, &["/nonexistent/x.toml"]);
    framecast(&["config", "show", "--set", "ring"]).refused(2, &["--set ring.capacity=8"]);
}

#[test]
fn commands_of_later_versions_are_a_plain_sentence() {
    let answer = framecast(&["bench", "--json"]);
    answer.refused(2, &["\"bench\" is not a command of this version"]);
    let help = framecast(&["--help"]).stdout;
    assert!(help.contains("run") && !help.contains("bench"), "{help}");
}

#[test]
fn a_password_is_printed_nowhere() {
    let uri = "rtsp://me:pa55word@127.0.0.1:9/x";
    let (set, row) = (format!("source.uri={uri}"), format!("source.uri {uri}"));
    let (slashless, file) =
        ("rtsp:me:pa55word@127.0.0.1/x", tempfile::NamedTempFile::new().unwrap());
    std::fs::write(file.path(), format!("[source]\nuri = [\"{uri}\"]\n")).unwrap();
    let path = file.path().to_str().unwrap();
    let calls: &[(i32, &[&str])] = &[
        (0, &["config", "show", "--set", &set]),
        (0, &["config", "show", "--json", "--set", &set]),
        (0, &["config", "show", "--set", &format!("source.uri={slashless}")]),
        (3, &["config", "check", path]),
        (2, &["config", "show", "--set", uri]),
        (2, &["run", "--source", slashless]),
        (2, &["run", uri]),
        (2, &["predict", slashless, "--out", "-"]),
        (4, &["predict", uri, "--model", "copy-last", "--out", "-"]),
        (2, &["eval", slashless]),
        (4, &["eval", "--model", "copy-last", "--json", uri]),
        (4, &["eval", "--model", "copy-last", "--json", "--layout", "sequences", uri]),
        (2, &["source", "probe", slashless]),
    ];
    for (code, args) in calls {
        let answer = framecast(args);
        let said = format!("{}{}", answer.stdout, answer.stderr);
        assert_eq!(answer.code, Some(*code), "{args:?}: {said}");
        assert!(!said.contains("pa55word"), "{args:?}: {said}");
        assert!(said.contains("127.0.0.1") || args.contains(&path), "{args:?}: {said}");
    }
    assert!(!framecast(&["config", "show", "--set", &row]).stderr.contains("pa55word"));
}
