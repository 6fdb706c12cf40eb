//! With the real program where it is installed; its faults are played by shell scripts.

use super::*;
use crate::source::{Read, Source};
use std::path::PathBuf;

fn soon() -> MonoTime {
    MonoTime::now().after(Duration::from_secs(30))
}

/// True when ffmpeg runs; CI must have it.
fn have_ffmpeg() -> bool {
    let have = std::process::Command::new("ffmpeg").arg("-version").output().is_ok();
    assert!(have || std::env::var_os("CI").is_none_or(|v| v != "true"), "CI needs ffmpeg");
    if !have {
        println!("skipped: ffmpeg is not installed");
    }
    have
}

/// Makes a small video with ffmpeg's own test pattern.
fn make(dir: &Path, name: &str, filter: &str, codec: &[&str]) -> PathBuf {
    let path = dir.join(name);
    let mut command = std::process::Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", filter]).args(codec).arg(&path);
    assert!(command.status().unwrap().success());
    path
}

fn script(dir: &Path, body: &str) -> SourceOptions {
    use std::os::unix::fs::PermissionsExt as _;
    let path = dir.join("ffmpeg");
    // Written by a child: a file that is open for writing here would be so in a child that another
    // test starts at that moment, and could not be executed.
    let to = std::process::Command::new("sh")
        .args(["-c", "printf '%s' \"$1\" > \"$2\"", "sh", &format!("#!/bin/sh\n{body}\n")])
        .arg(&path)
        .status();
    assert!(to.unwrap().success());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    SourceOptions { ffmpeg: path, ..SourceOptions::default() }
}

fn drain(source: &mut Background) -> (u64, Vec<u64>, Option<SourceError>) {
    let (mut frames, mut times) = (0, Vec::new());
    loop {
        match source.read(soon()) {
            Ok(Read::Frame(f)) => {
                assert_eq!(f.seq().0, frames);
                frames += 1;
                times.push(f.meta().position.unwrap().as_nanos() / 1_000_000);
            }
            Ok(Read::End) => return (frames, times, None),
            Ok(other) => panic!("{other:?}"),
            Err(error) => return (frames, times, Some(error)),
        }
    }
}

#[test]
fn native_formats_odd_sizes_and_times() {
    if !have_ffmpeg() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for (wanted, format) in [
        ("yuv420p", PixelFormat::I420),
        ("yuv422p", PixelFormat::I422),
        ("yuv444p", PixelFormat::I444),
        ("gray", PixelFormat::Grey),
        ("yuv420p10le", PixelFormat::I420),
        ("gbrp", PixelFormat::Rgb24),
    ] {
        let filter = format!("testsrc=s=33x17:r=20:d=0.25,format={wanted}");
        let path = make(dir.path(), &format!("{wanted}.mkv"), &filter, &["-c:v", "ffv1"]);
        let pool = FramePool::new(4);
        let mut source = open_file(&path, &SourceOptions::default(), &pool).unwrap();
        let info = source.info().clone();
        assert_eq!((info.format, info.size), (format, Size::new(33, 17)), "{wanted}");
        assert_eq!(info.rate.unwrap().to_string(), "20");
        let (frames, times, error) = drain(&mut source);
        assert!(error.is_none(), "{error:?}");
        assert_eq!((frames, times), (5, vec![0, 50, 100, 150, 200]), "{wanted}");
    }
}

#[test]
fn colour_comes_from_the_tags_unless_it_is_given() {
    if !have_ffmpeg() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let tags = ["-c:v", "ffv1", "-colorspace", "bt709", "-color_range", "pc"];
    let filter = "testsrc2=s=32x16:r=5:d=0.2,format=yuv420p,setparams=colorspace=bt709:range=pc";
    let path = make(dir.path(), "a.mkv", filter, &tags);
    let pool = FramePool::new(4);
    let colour = |options: &SourceOptions| {
        let mut source = open_file(&path, options, &pool).unwrap();
        match source.read(soon()).unwrap() {
            Read::Frame(f) => f.meta().colour.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(colour(&SourceOptions::default()), "bt709-full");
    let given = SourceOptions { colour: Some(Colour::default()), ..SourceOptions::default() };
    assert_eq!(colour(&given), "bt601-limited");
}

#[test]
fn a_missing_program_says_what_to_do() {
    let ffmpeg = PathBuf::from("/nowhere/ffmpeg");
    let options = SourceOptions { ffmpeg, ..SourceOptions::default() };
    let error = open_file(Path::new("a.mp4"), &options, &FramePool::new(1)).err().unwrap();
    assert!(matches!(error, SourceError::Program { .. }));
    let text = error.to_string();
    assert!(text.contains("/nowhere/ffmpeg") && text.contains("apt-get install ffmpeg"), "{text}");
}

#[test]
fn what_ffmpeg_cannot_read_is_told_in_its_words() {
    if !have_ffmpeg() {
        return;
    }
    let file = tempfile::Builder::new().suffix(".mp4").tempfile().unwrap();
    std::fs::write(file.path(), vec![7; 5000]).unwrap();
    let pool = FramePool::new(1);
    let error = open_file(file.path(), &SourceOptions::default(), &pool).err().unwrap();
    let text = error.to_string();
    assert!(text.contains("Invalid data") && text.contains(".mp4"), "{text}");
}

#[test]
fn a_child_that_dies_midway_leaves_its_frames_and_last_words() {
    if !have_ffmpeg() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let video = make(dir.path(), "a.mkv", "testsrc2=s=64x48:r=10:d=1", &["-c:v", "ffv1"]);
    // The real program's output, cut in the middle of the sixth frame; then a last word.
    let body = "ffmpeg \"$@\" | head -c 26000\necho 'the disk caught fire' >&2\nexit 3";
    let options = script(dir.path(), body);
    let mut source = open_file(&video, &options, &FramePool::new(4)).unwrap();
    let (frames, _, error) = drain(&mut source);
    assert_eq!(frames, 5);
    let text = error.unwrap().to_string();
    assert!(text.contains("exit status: 3) after 5 frames"), "{text}");
    assert!(text.contains("the disk caught fire"), "{text}");
}

#[test]
fn a_damaged_file_that_ffmpeg_patches_up_says_so() {
    if !have_ffmpeg() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let video = make(dir.path(), "a.mkv", "testsrc2=s=160x120:r=25:d=2", &["-c:v", "mpeg4"]);
    let damage = |path: &Path| {
        let mut source = open_file(path, &SourceOptions::default(), &FramePool::new(4)).unwrap();
        let (frames, _, error) = drain(&mut source);
        assert!(error.is_none(), "{error:?}");
        (frames, source.damage())
    };
    assert_eq!(damage(&video), (50, crate::source::Damage::default()));
    let mut bytes = std::fs::read(&video).unwrap();
    let end = bytes.len() - 4_000;
    for at in (4_000..end).step_by(3_000) {
        bytes[at..at + 40].fill(0);
    }
    let broken = dir.path().join("b.mkv");
    std::fs::write(&broken, bytes).unwrap();
    let (frames, damage) = damage(&broken);
    assert!(frames <= 50 && damage.errors > 1, "{frames} frames, {damage}");
    assert!(damage.first.unwrap().starts_with('['));
}

#[test]
fn a_silent_child_is_given_up_killed_and_reaped() {
    let dir = tempfile::tempdir().unwrap();
    let mut options =
        script(dir.path(), &format!("echo $$ > {}/pid\nexec sleep 600", dir.path().display()));
    options.open_timeout = Duration::from_millis(1500);
    let error = open_file(Path::new("a.mp4"), &options, &FramePool::new(1)).err().unwrap();
    assert!(error.to_string().contains("nothing came within 1.5 s"), "{error}");
    let pid = std::fs::read_to_string(dir.path().join("pid")).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists(), "the child lives on");
}

#[test]
fn a_dropped_source_ends_its_child_at_once() {
    if !have_ffmpeg() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let video = make(dir.path(), "a.mkv", "testsrc2=s=320x240:r=100:d=3", &["-c:v", "ffv1"]);
    let mut options =
        script(dir.path(), &format!("echo $$ > {}/pid\nexec ffmpeg \"$@\"", dir.path().display()));
    options.paced = true;
    let mut source = open_file(&video, &options, &FramePool::new(4)).unwrap();
    assert!(matches!(source.read(soon()).unwrap(), Read::Frame(_)));
    let pid = std::fs::read_to_string(dir.path().join("pid")).unwrap();
    assert!(Path::new("/proc").join(pid.trim()).exists());
    drop(source);
    assert!(!Path::new("/proc").join(pid.trim()).exists(), "the child lives on");
}

#[test]
fn a_network_address_is_printed_without_its_password() {
    if !have_ffmpeg() {
        return;
    }
    let pool = FramePool::new(1);
    let address = "rtsp://me:pa55word@127.0.0.1:9/stream";
    let error = open_network(address, &SourceOptions::default(), &pool).err().unwrap();
    let text = error.to_string();
    assert!(text.contains("rtsp://127.0.0.1:9/stream") && text.contains("refused"), "{text}");
    assert!(!text.contains("pa55word"), "{text}");
}
