//! `framecast rank`: events in the order an operator wants to see them.

use crate::program::framecast;

#[test]
fn events_like_those_opened_come_first_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let kinds = ["\"person\",\"night\"", "\"person\",\"day\"", "\"vehicle\",\"day\""];
    let lines: String =
        (0..60).map(|i| format!("{{\"id\":\"e{i:02}\",\"tags\":[{}]}}\n", kinds[i % 3])).collect();
    std::fs::write(path("events.jsonl"), lines).unwrap();
    let opened: String = (0..30).step_by(3).map(|i| format!("e{i:02}\n")).collect();
    std::fs::write(path("opened.txt"), opened + "gone\n").unwrap();
    let (events, opened) = (path("events.jsonl"), path("opened.txt"));
    let args = ["rank", &events, "--opened", &opened, "--top", "3"];
    let json = framecast(&[&args[..], &["--json"]].concat()).json();
    assert_eq!(
        (&json["events"], &json["opened"], &json["unknown"]),
        (&60.into(), &10.into(), &1.into())
    );
    let ids: Vec<_> =
        json["ranked"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["e57", "e54", "e51"]);
    let reasons = json["ranked"][0]["tags"].as_array().unwrap();
    assert_eq!(reasons.len(), 3);
    assert!(reasons[0]["tag"].as_str().unwrap().contains("night"), "{reasons:?}");
    let held = &json["held_out"];
    assert!(held["auc"].as_f64().unwrap() > 0.85 && held["events"] == 2, "{held}");
    let text = framecast(&args).stdout;
    assert!(text.contains("60 events, 10 opened") && text.contains("newest first"), "{text}");

    std::fs::write(path("none.txt"), "").unwrap();
    let text = framecast(&["rank", &events, "--opened", &path("none.txt"), "--top", "1"]).stdout;
    assert!(text.contains("nothing was opened yet") && text.contains("e59"), "{text}");
}

#[test]
fn lists_that_cannot_be_read_are_refused_with_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("bad"), "{\"id\":\"a\"}\n{\"id\":\"a\"}\n").unwrap();
    framecast(&["rank", &path("bad"), "--opened", &path("bad")]).refused(4, &["line 2", "twice"]);
    std::fs::write(path("good"), "{\"id\":\"a\"}\n").unwrap();
    framecast(&["rank", &path("good"), "--opened", &path("no")])
        .refused(4, &["no", "opened events"]);
    framecast(&["rank", &path("good")]).refused(2, &["--opened"]);
}
