//! `framecast encode` and `framecast decode`: what goes in comes out, and what is damaged is said.

use std::path::Path;

use assert_cmd::Command;

use crate::program::{Answer, LIMIT, framecast, framecast_with};

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

/// The frames of the demo as bare samples, from another part of the program.
fn raw(folder: &Path, format: &str, size: &str, frames: u32) -> String {
    let rgb = path(folder, &format!("{format}.{}", format.to_lowercase()));
    let stream = path(folder, "raw.fcv");
    let source = format!("demo:?size={size}&format={format}&frames={frames}");
    framecast(&["encode", &source, &stream]).succeeded();
    framecast(&["decode", &stream, &rgb]).succeeded();
    rgb
}

impl Answer {
    fn succeeded(&self) -> &Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }
}

#[test]
fn every_pixel_format_comes_back_byte_by_byte() {
    let folder = tempfile::tempdir().unwrap();
    for format in ["YUYV", "UYVY", "NV12", "NV21", "I420", "YV12", "GREY", "RGB24", "BGR24"] {
        // What the demo draws went through one stream; a second one must not change it.
        let first = raw(folder.path(), format, "46x34", 4);
        let bytes = std::fs::read(&first).unwrap();
        let (stream, second) = (path(folder.path(), "b.fcv"), path(folder.path(), "b.raw"));
        for profile in ["light", "fast", "strong"] {
            let shape = ["--size", "46x34", "--format", format, "--fps", "30"];
            framecast(&[&["encode", &first, &stream, "--profile", profile][..], &shape].concat())
                .succeeded();
            let decoded = framecast(&["decode", &stream, &second]);
            assert!(decoded.succeeded().stderr.contains("4 frames, all exact"));
            assert!(std::fs::read(&second).unwrap() == bytes, "{format} {profile}");
        }
    }
}

#[test]
fn y4m_goes_through_pipes_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let mut clip =
        b"YUV4MPEG2 W22 H18 F30000:1001 Ip A1:1 C420jpeg XYSCSS=420JPEG XCOLORRANGE=FULL\n"
            .to_vec();
    for t in 0..5u32 {
        clip.extend_from_slice(b"FRAME\n");
        clip.extend((0..22 * 18 * 3 / 2).map(|i| (i * (7 + t) % 251) as u8));
    }
    let coded = Command::cargo_bin("framecast")
        .unwrap()
        .args(["encode", "-", "-", "--max-error", "0"])
        .write_stdin(clip.clone())
        .timeout(LIMIT)
        .output()
        .unwrap();
    assert!(coded.status.success(), "{}", String::from_utf8_lossy(&coded.stderr));
    assert!(
        String::from_utf8_lossy(&coded.stderr).contains("per pixel"),
        "the report is on stderr"
    );
    let decoded = Command::cargo_bin("framecast")
        .unwrap()
        .args(["decode", "-", "-"])
        .write_stdin(coded.stdout)
        .timeout(LIMIT)
        .output()
        .unwrap();
    assert!(decoded.status.success());
    assert!(decoded.stdout == clip, "the same header and the same samples");
    let out = path(folder.path(), "none.fcv");
    let empty = framecast(&["encode", "no-such.y4m", &out]);
    empty.refused(4, &["no-such.y4m"]);
    assert!(!Path::new(&out).exists());
}

#[test]
fn the_report_counts_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = path(folder.path(), "a.fcv");
    let args = [
        "encode",
        "demo:?size=64x48&noise=0",
        &out,
        "--frames",
        "20",
        "--key-interval",
        "8",
        "--json",
    ];
    let json = framecast(&args).json();
    assert_eq!((&json["frames"], &json["key_frames"]), (&20.into(), &3.into()));
    assert_eq!(json["bytes"], std::fs::metadata(&out).unwrap().len());
    assert_eq!(json["raw_bytes"], 20 * 64 * 48 * 3 / 2);
    let bits = json["bits_per_pixel"].as_f64().unwrap();
    assert!((bits - 8.0 * json["bytes"].as_f64().unwrap() / (20.0 * 64.0 * 48.0)).abs() < 1e-9);
    assert!(json["resilience"].is_null());
    let args = ["encode", "demo:?size=64x96", &out, "--frames", "70", "--resilient", "--json"];
    let cost = framecast(&args).json()["resilience"].clone();
    assert_eq!(cost["frames"], 60, "two refresh periods of a second");
    assert!(cost["bytes"].as_u64() > cost["plain_bytes"].as_u64(), "{cost}");
}

#[test]
fn error_bounds_and_predictors_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let shape = ["--size", "48x40", "--format", "I420", "--fps", "30"];
    let clip = raw(folder.path(), "I420", "48x40", 6);
    let (stream, back) = (path(folder.path(), "b.fcv"), path(folder.path(), "b.raw"));
    let source = std::fs::read(&clip).unwrap();
    for (bound, predictor) in
        [("0", "motion"), ("0", "copy"), ("1", "none"), ("3", "motion"), ("0", "predict-nano-int")]
    {
        let wishes = ["--max-error", bound, "--predict", predictor];
        framecast(&[&["encode", &clip, &stream][..], &shape, &wishes].concat()).succeeded();
        framecast(&["decode", &stream, &back]).succeeded();
        let decoded = std::fs::read(&back).unwrap();
        assert_eq!(decoded.len(), source.len());
        let most = source.iter().zip(&decoded).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(most.unwrap() <= bound.parse().unwrap(), "{bound} {predictor}: {most:?}");
    }
    let wishes = ["--predict", "predict-nano-direct"];
    let tied = framecast(&[&["encode", &clip, &stream][..], &shape, &wishes].concat());
    assert!(tied.succeeded().stderr.contains("decodes only with the same model"));
    framecast(&["decode", &stream, &back]).succeeded();
    assert!(std::fs::read(&back).unwrap() == source);
    framecast(&["decode", &stream, &back, "--predict", "predict-nano-int"])
        .refused(3, &["SHA-256", "predict-nano-direct"]);
    framecast(&[
        "encode",
        &clip,
        &stream,
        "--predict",
        "predict-nano-int",
        shape[0],
        shape[1],
        shape[2],
        shape[3],
    ])
    .succeeded();
    // The stream names its model by hash: another one is refused.
    let refused = framecast(&["decode", &stream, &back, "--predict", "motion"]);
    refused.refused(3, &["predict-nano-int", "motion"]);
}

#[test]
fn damage_is_said_and_the_rest_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (stream, out) = (path(folder.path(), "a.fcv"), path(folder.path(), "a.y4m"));
    let args = ["encode", "demo:?size=64x48", &stream, "--frames", "12", "--key-interval", "6"];
    framecast(&args).succeeded();
    let whole = std::fs::read(&stream).unwrap();
    framecast(&["decode", &stream, &out]).succeeded();
    let exact = std::fs::read(&out).unwrap();

    std::fs::write(&stream, &whole[..whole.len() * 3 / 4]).unwrap();
    let cut = framecast(&["decode", &stream, &out]);
    cut.refused(1, &["the stream", "cut", "frames are exact and written"]);
    let shorter = std::fs::read(&out).unwrap();
    assert!(exact.starts_with(&shorter) && shorter.len() > exact.len() / 2);

    let mut damaged = whole.clone();
    let at = whole.len() / 4;
    damaged[at..at + 64].fill(0);
    std::fs::write(&stream, &damaged).unwrap();
    let answer = framecast(&["decode", &stream, &out]);
    answer.refused(1, &["repaired, the first is"]);
    assert_eq!(std::fs::read(&out).unwrap().len(), exact.len(), "every frame has its place");

    std::fs::write(&stream, [&whole[..], &whole].concat()).unwrap();
    framecast(&["decode", &stream, &out])
        .refused(1, &["what follows the end", "12 frames are exact"]);

    std::fs::write(&stream, b"RIFF no stream").unwrap();
    let answer = framecast(&["decode", &stream, &out]);
    answer.refused(4, &["not a framecast stream"]);
    assert_eq!(std::fs::read(&out).unwrap().len(), exact.len(), "what was there is kept");
}

#[test]
fn a_part_is_decoded_from_the_key_frame_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let stream = path(folder.path(), "a.fcv");
    let (all, part) = (path(folder.path(), "a.raw"), path(folder.path(), "b.raw"));
    let args = ["encode", "demo:?size=64x48", &stream, "--frames", "20", "--key-interval", "6"];
    framecast(&args).succeeded();
    framecast(&["decode", &stream, &all]).succeeded();
    let (all, frame) = (std::fs::read(&all).unwrap(), 64 * 48 * 3 / 2);
    let decode = |skip: &str, frames: &str| {
        let json =
            framecast(&["decode", &stream, &part, "--skip", skip, "--frames", frames, "--json"]);
        (json.json(), std::fs::read(&part).unwrap())
    };
    for (skip, frames) in [(0, 20), (0, 3), (7, 5), (12, 1), (19, 9)] {
        let (json, bytes) = decode(&skip.to_string(), &frames.to_string());
        let count = frames.min(20 - skip);
        assert_eq!(bytes, all[skip * frame..(skip + count) * frame], "{skip} {frames}");
        assert_eq!((&json["frames"], &json["repaired"]), (&count.into(), &0.into()), "{json}");
    }
    // Damage before the key frame is not met on the way.
    let mut bytes = std::fs::read(&stream).unwrap();
    bytes[400..440].fill(0);
    std::fs::write(&stream, &bytes).unwrap();
    assert_eq!(decode("13", "4").1, all[13 * frame..17 * frame]);
    framecast(&["decode", &stream, &part]).refused(1, &["exact and written"]);
    let behind = framecast(&["decode", &stream, &part, "--skip", "20"]);
    behind.refused(1, &["ends before frame 20"]);
}

#[test]
fn streams_tied_to_a_build_play_there_and_name_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let (stream, back) = (path(folder.path(), "a.fcv"), path(folder.path(), "a.raw"));
    let wishes = ["--predict", "predict-nano-direct", "--engine", "tract", "--frames", "5"];
    framecast(&[&["encode", "demo:?size=48x40", &stream][..], &wishes].concat()).succeeded();
    framecast(&["decode", &stream, &back, "--engine", "tract"]).succeeded();
    let exact = ["--predict", "predict-nano-direct", "--engine", "exact"];
    framecast(&[&["encode", "demo:?size=48x40", &back][..], &exact].concat())
        .refused(3, &["integer models of kind blend"]);
    // As a source too, on the engine that is chosen by itself.
    let scored = framecast(&["eval", &stream, "--model", "copy-last", "--json"]);
    match scored.code {
        Some(0) => assert_eq!(scored.json()["frames"], 4),
        _ => scored.refused(4, &["tract", "can be decoded only where"]),
    }
}

#[test]
fn wrong_wishes_are_refused_with_what_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let out = path(folder.path(), "a.fcv");
    for (wishes, code, words) in [
        (&["--profile", "slow"][..], 2, &["slow", "light, fast and strong"][..]),
        (&["--max-error", "17"], 2, &["17", "0 (lossless) to 16"]),
        (&["--slices", "9"], 2, &["9", "1 to 3"]),
        (&["--key-interval", "0"], 2, &["key frame interval is 0"]),
        (&["--threads", "0"], 2, &["threads is 0"]),
        (&["--predict", "no-such-model"], 3, &["no-such-model"]),
        (&["--predict", "tag-scenes"], 3, &["tag"]),
        (&["--resilient", "--predict", "motion"], 3, &["use none or copy"]),
        (&["--refresh", "2s"], 2, &["--resilient"]),
        (&["--engine", "gpu"], 2, &["gpu", "tract"]),
    ] {
        let args = [&["encode", "demo:?size=64x48&frames=2", &out][..], wishes].concat();
        framecast(&args).refused(code, words);
        assert!(!Path::new(&out).exists(), "{wishes:?}");
    }
}

#[test]
fn golden_streams_decode_to_the_same_bytes_without_wide_instructions() {
    let folder = tempfile::tempdir().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/codec");
    let named = std::fs::read_to_string(golden.join("frames.txt")).unwrap().lines().count();
    let mut streams = 0;
    for entry in std::fs::read_dir(golden).unwrap() {
        let stream = entry.unwrap().path();
        if stream.extension().is_none_or(|e| e != "fcv") {
            continue;
        }
        let (plain, wide) = (path(folder.path(), "a.raw"), path(folder.path(), "b.raw"));
        let stream = stream.to_str().unwrap();
        let args = ["decode", stream, &plain, "--threads", "1"];
        framecast_with("FRAMECAST_SIMD", "off", &args).succeeded();
        framecast(&["decode", stream, &wide, "--threads", "4"]).succeeded();
        assert!(std::fs::read(&plain).unwrap() == std::fs::read(&wide).unwrap(), "{stream}");
        streams += 1;
    }
    assert!(streams > 0);
    assert_eq!(streams, named, "streams, and those of frames.txt");
}

#[test]
fn streams_are_made_of_the_same_bytes_without_wide_instructions() {
    let folder = tempfile::tempdir().unwrap();
    for profile in ["light", "fast", "strong"] {
        let (plain, wide) = (path(folder.path(), "a.fcv"), path(folder.path(), "b.fcv"));
        let source = "demo:?size=104x72&frames=6";
        let args = |out| ["encode", source, out, "--profile", profile, "--predict", "motion"];
        framecast_with("FRAMECAST_SIMD", "off", &args(&plain)).succeeded();
        framecast(&args(&wide)).succeeded();
        assert!(std::fs::read(&plain).unwrap() == std::fs::read(&wide).unwrap(), "{profile}");
    }
}
