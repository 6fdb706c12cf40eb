//! What `framecast eval` says beside the means: intervals, baselines, splits, horizons.

use crate::program::framecast;

const FLIGHT: &str = "demo:?seed=2&size=64x48&noise=0";

#[test]
fn a_difference_comes_with_its_interval_and_the_baselines() {
    let args = ["eval", FLIGHT, "--frames", "121", "--model", "motion", "--baselines", "--json"];
    let json = framecast(&args).json();
    let pd = &json["statistics"]["differences"]["pd"];
    let [value, low, high] = ["value", "low", "high"].map(|k| pd[k].as_f64().unwrap());
    assert!(low <= value && value <= high && value < 0.0, "a flight moves: {pd}");
    assert_eq!(json["statistics"]["unit"], "blocks of 24 targets");
    let parts = json["statistics"]["motion"].as_array().unwrap();
    let targets: u64 = parts.iter().map(|p| p["targets"].as_u64().unwrap()).sum();
    assert_eq!(targets, 120, "every target is in one third");
    let rows = json["baselines"].as_array().unwrap();
    let distance = |name: &str| {
        let row = rows.iter().find(|r| r["predictor"] == name).unwrap();
        row["model"]["pd"].as_f64().unwrap()
    };
    assert!((distance("motion") - json["model"]["pd"].as_f64().unwrap()).abs() < 1e-9);
    assert!(distance("oracle-16x16") <= distance("oracle-frame"));
    assert!(distance("oracle-frame") <= distance("motion"));
    assert_eq!(rows.iter().filter(|r| r["reachable"] == true).count(), 3);

    let args = ["eval", FLIGHT, "--frames", "5", "--model", "motion", "--split"];
    let text = framecast(&args).stdout;
    assert!(text.contains("over copy-last, 95 %") && text.contains("by the error of copy-last"));
    assert!(text.contains(" [-]"), "four targets are no ground for an interval: {text}");
}

#[test]
fn baselines_need_frames_that_can_be_read_again() {
    for uri in ["-", "/dev/video0", "v4l2:/dev/video0", "rtsp://10.0.0.1/a", "/dev/null"] {
        framecast(&["eval", FLIGHT, uri, "--model", "motion", "--baselines"])
            .refused(2, &["--baselines reads the same frames again", uri, "record it"]);
    }
}

#[test]
fn a_sweep_scores_each_horizon_as_eval_does() {
    let args = ["eval", FLIGHT, "--frames", "30", "--model", "motion", "--sweep", "4", "--json"];
    let json = framecast(&args).json();
    let horizons = json["sources"][0]["horizons"].as_array().unwrap();
    assert_eq!(horizons.len(), 4);
    assert!(horizons.iter().all(|h| h["targets"] == 26), "from every frame with four after it");
    let error = |at: usize| horizons[at]["copy_last"]["mse"].as_f64().unwrap();
    assert!(error(0) < error(3), "the older the frame the further it is");
    let better = |at: usize| horizons[at]["model"]["mse"].as_f64().unwrap() < error(at);
    assert!(better(0) && better(3));
    // The same frames one by one: what starts later than the sweep's last start is left out there.
    let args = ["eval", FLIGHT, "--frames", "27", "--model", "motion", "--json"];
    let single = framecast(&args).json();
    let [a, b] = [&single["model"]["mse"], &horizons[0]["model"]["mse"]];
    assert!((a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-12, "{a} and {b}");

    // A source that is not there takes nothing from the others.
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone.y4m");
    let args = ["eval", gone.to_str().unwrap(), FLIGHT, "--frames", "9", "--model", "motion"];
    let failed = framecast(&[&args[..], &["--sweep", "2"]].concat());
    failed.refused(4, &["1 of 2 sources failed", "gone.y4m"]);
    assert!(
        failed.stdout.contains(FLIGHT) && failed.stdout.contains("failed: "),
        "{}",
        failed.stdout
    );

    framecast(&["eval", FLIGHT, "--sweep", "4", "--skip", "1"]).refused(2, &["--sweep"]);
    framecast(&["eval", ".", "--layout", "sequences", "--sweep", "4"]).refused(2, &["one target"]);
}

#[test]
fn a_motion_prior_reaches_the_search_and_a_wrong_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let prior = folder.path().join("gyro.csv");
    let lines: String = (0..12).map(|i| format!("{i},1,0,60,0,1,40,0,0,1\n")).collect();
    std::fs::write(&prior, lines).unwrap();
    let prior = prior.to_str().unwrap();
    let score = |extra: &[&str]| {
        let args = ["eval", FLIGHT, "--frames", "12", "--model", "motion", "--json"];
        framecast(&[&args, extra].concat()).json()["model"]["mse"].as_f64().unwrap()
    };
    let (alone, misled) = (score(&[]), score(&["--motion-prior", prior]));
    assert!(alone != misled, "it changed what was found: {alone}");
    std::fs::write(folder.path().join("bad.csv"), "0,1,0\n").unwrap();
    let bad = folder.path().join("bad.csv");
    let args = ["eval", FLIGHT, "--frames", "4", "--model", "motion", "--motion-prior"];
    framecast(&[&args[..], &[bad.to_str().unwrap()]].concat())
        .refused(4, &["line 1", "9 elements"]);
    framecast(&[&args[..], &[prior, "--sweep", "2"]].concat()).refused(2, &["motion prior"]);
}
