//! The real clips, read through the library: frame counts, sizes and colours as documented beside
//! the data, and what bad files do to the reader.

use std::path::PathBuf;
use std::time::Duration;

use framecast::frame::{DropReason, FramePool, MonoTime, PixelFormat, Size};
use framecast::source::{Damage, Read, SourceError, SourceOptions, open};

/// The folder of clips; `None`, with a printed reason, when it is absent outside CI.
fn clips() -> Option<PathBuf> {
    let data = std::env::var_os("FRAMECAST_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let clips = data.join("clips");
    if clips.is_dir() {
        return Some(clips);
    }
    assert!(
        std::env::var_os("CI").is_none_or(|v| v != "true"),
        "CI needs the clips; {} is absent",
        clips.display()
    );
    println!("skipped: {} is absent", clips.display());
    None
}

/// What reading a source to its end brought.
#[derive(Debug, Default)]
struct Outcome {
    frames: u64,
    lost: u64,
    first: Option<(PixelFormat, Size)>,
    /// Frames whose time is not after the one before.
    not_later: u64,
    damage: Damage,
    error: Option<SourceError>,
    /// A timeout, or what a recording may not answer.
    unexpected: Option<String>,
}

fn read_all(uri: &str, options: &SourceOptions) -> Outcome {
    let mut outcome = Outcome::default();
    let pool = FramePool::new(4);
    let mut source = match open(uri, options, &pool) {
        Ok(source) => source,
        Err(error) => return Outcome { error: Some(error), ..outcome },
    };
    let mut last = None;
    loop {
        match source.read(MonoTime::now().after(Duration::from_secs(60))) {
            Ok(Read::Frame(frame)) => {
                outcome.frames += 1;
                outcome.first.get_or_insert((frame.format(), frame.size()));
                let position = frame.meta().position;
                if last.is_some() && position <= last {
                    outcome.not_later += 1;
                }
                last = position;
            }
            Ok(Read::Lost { frames, reason }) => {
                assert_eq!(reason, DropReason::Corrupt);
                outcome.lost += frames;
            }
            Ok(Read::End) => {
                outcome.damage = source.damage();
                return outcome;
            }
            Ok(other) => {
                outcome.unexpected = Some(format!("{other:?}"));
                return outcome;
            }
            Err(error) => {
                outcome.error = Some(error);
                return outcome;
            }
        }
    }
}

#[test]
fn every_clip_has_its_documented_frames() {
    const CLIPS: [(&str, u64, u32, u32); 18] = [
        ("aerial_suburb_flyover.mp4", 810, 1600, 900),
        ("uav123_wakeboard7.tar", 67, 1280, 720),
        ("tello_indoor_takeoff.mp4", 827, 960, 540),
        ("vtest_480x360.avi", 795, 480, 360),
        ("car_overhead.mp4", 377, 768, 432),
        ("bottle_conveyor.mp4", 1189, 640, 360),
        ("dashcam_solidWhiteRight.mp4", 221, 960, 540),
        ("bridge_traffic.mp4", 917, 640, 360),
        ("cockatoo.mp4", 280, 1280, 720),
        ("arm_wrestling.mp4", 280, 340, 256),
        ("pool_cleaning.mp4", 300, 340, 256),
        ("apply_eye_makeup.avi", 164, 320, 240),
        ("bikes.mp4", 250, 640, 272),
        ("foreman_cif_BA1_FT_C.264", 299, 352, 288),
        ("multi_scene_qcif_LS_SVA_D.264", 1700, 176, 144),
        ("two_people_320x192.264", 9, 320, 192),
        ("CiscoVT2people_320x192_12fps.yuv", 9, 320, 192),
        ("CiscoVT2people_160x96_6fps.yuv", 5, 160, 96),
    ];
    let Some(folder) = clips() else { return };
    for (name, frames, width, height) in CLIPS {
        let uri = folder.join(name).to_string_lossy().into_owned();
        let outcome = read_all(&uri, &SourceOptions::default());
        let format = match name {
            "cockatoo.mp4" => PixelFormat::I444,
            "uav123_wakeboard7.tar" => PixelFormat::Mjpeg,
            _ => PixelFormat::I420,
        };
        println!("{name}: {outcome:?}");
        assert!(outcome.error.is_none() && outcome.unexpected.is_none(), "{name}: {outcome:?}");
        assert_eq!((outcome.frames, outcome.lost), (frames, 0), "{name}");
        assert!(outcome.damage.is_none(), "{name}: {}", outcome.damage);
        assert_eq!(outcome.first, Some((format, Size::new(width, height))), "{name}");
        // The tar has no times; every other recording's times must rise.
        if !name.ends_with(".tar") {
            assert_eq!(outcome.not_later, 0, "{name}: times stand still or run backwards");
        }
    }
}

#[test]
fn a_video_cut_in_the_middle_is_an_error_in_ffmpeg_s_words() {
    let Some(folder) = clips() else { return };
    let bytes = std::fs::read(folder.join("bikes.mp4")).unwrap();
    let file = tempfile::Builder::new().suffix(".mp4").tempfile().unwrap();
    std::fs::write(file.path(), &bytes[..bytes.len() / 2]).unwrap();
    let outcome = read_all(&file.path().to_string_lossy(), &SourceOptions::default());
    // Its index stands at the end and is gone.
    let error = outcome.error.unwrap();
    assert!(matches!(error, SourceError::Program { .. }));
    assert!(error.to_string().contains("moov atom not found"), "{error}");
    assert_eq!(outcome.frames, 0);
}

#[test]
fn a_video_with_damage_inside_is_read_and_the_damage_is_told() {
    let Some(folder) = clips() else { return };
    let mut bytes = std::fs::read(folder.join("bikes.mp4")).unwrap();
    let end = bytes.len() - 20_000;
    for at in (60_000..end).step_by(10_000) {
        bytes[at..at + 50].fill(0);
    }
    let file = tempfile::Builder::new().suffix(".mp4").tempfile().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();
    let outcome = read_all(&file.path().to_string_lossy(), &SourceOptions::default());
    println!("{outcome:?}");
    assert!(outcome.error.is_none() && outcome.frames > 200, "{outcome:?}");
    assert!(outcome.damage.errors > 10, "{outcome:?}");
    assert!(outcome.damage.first.unwrap().contains("[h264]"));
}
