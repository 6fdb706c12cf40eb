use super::*;
use crate::bench::codec::clip::tests::moving;
use crate::frame::Size;

/// The program, unless there is none, which is said; CI has it.
fn ffmpeg() -> Option<Ffmpeg> {
    match Ffmpeg::find(Path::new("ffmpeg"), &Stop::new()) {
        Ok(found) => Some(found),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none_or(|v| v != "true"), "{error}");
            eprintln!("skipped: {error}");
            None
        }
    }
}

#[test]
fn a_clip_survives_a_lossless_codec() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (input, stream) = (folder.path().join("a.y4m"), folder.path().join("a.nut"));
    // ffv1 does not cut an odd width into four slices.
    let clip = moving(Size::new(64, 41), 5);
    clip.write_y4m(&input).unwrap();
    let codec: Codec = "ffv1".parse().unwrap();
    let words = codec.arguments(Mode::Lossless).unwrap();
    let command = ffmpeg.encode_command(&input, clip.pix_fmt(), &words, &stream);
    assert!(ffmpeg.shown(&command).contains(" -c:v ffv1 "), "{}", ffmpeg.shown(&command));
    assert!(ffmpeg.encode(&command).unwrap() >= 0.0);
    assert!(ffmpeg.time_decoding(&stream).unwrap() >= 0.0);
    let size = ffmpeg.measure(&stream).unwrap();
    let file = std::fs::metadata(&stream).unwrap().len();
    let packets: u64 = size.packets.iter().sum();
    assert_eq!(size.packets.len(), 5);
    assert!(packets + size.header < file && file < packets + size.header + 2000);
    assert_eq!(ffmpeg.decode(&stream, &clip).unwrap(), clip.frames);
    // A frame less in the clip than in the stream cannot be paired.
    let shorter = clip.of_frames(0..4);
    assert!(ffmpeg.decode(&stream, &shorter).is_err());
}

#[test]
fn failures_carry_the_words_of_the_program() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let error = ffmpeg.time_decoding(Path::new("no-such-file.nut")).unwrap_err().to_string();
    assert!(error.contains("no-such-file.nut: No such file"), "{error}");
    let missing = Ffmpeg::find(Path::new("no-such-ffmpeg"), &Stop::new()).unwrap_err();
    assert!(missing.to_string().contains("install ffmpeg"), "{missing}");
}

#[test]
fn a_stopped_run_ends_its_child() {
    let Some(ffmpeg) = ffmpeg() else { return };
    ffmpeg.stop.abort();
    let error = ffmpeg.time_decoding(Path::new("no-such-file.nut")).unwrap_err();
    assert!(matches!(error, BenchError::Stopped));
}

#[test]
fn bytes_are_cut_into_frames() {
    let mut frames = Frames::new(3, 2);
    frames.write_all(b"abcd").unwrap();
    frames.write_all(b"ef").unwrap();
    assert_eq!(frames.finish("x").unwrap(), [b"abc", b"def"]);
    let mut short = Frames::new(3, 2);
    short.write_all(b"abcd").unwrap();
    let error = short.finish("x").unwrap_err().to_string();
    assert!(error.contains("1 frames and 1 bytes"), "{error}");
    assert!(Frames::new(1, 1).write_all(b"abc").is_err());
}

#[test]
fn words_are_quoted_for_a_shell() {
    for (word, shown) in [("a/b.y4m", "a/b.y4m"), ("", "''"), ("it's", "'it'\\''s'")] {
        assert_eq!(quoted(OsStr::new(word)), shown);
    }
}
