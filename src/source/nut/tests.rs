//! Streams made by hand from the specification; ffmpeg's own are read in the tests of `ffmpeg`.

use super::*;

fn v(out: &mut Vec<u8>, value: u64) {
    let groups = (64 - value.leading_zeros()).div_ceil(7).max(1);
    for i in (0..groups).rev() {
        let more = if i > 0 { 128 } else { 0 };
        out.push((value >> (7 * i) & 127) as u8 | more);
    }
}

fn packet_of(code: u64, payload: &[u8]) -> Vec<u8> {
    let mut out = code.to_be_bytes().to_vec();
    v(&mut out, payload.len() as u64 + 4);
    out.extend_from_slice(payload);
    out.extend_from_slice(&[0; 4]);
    out
}

fn numbers(values: &[u64]) -> Vec<u8> {
    let mut out = Vec::new();
    values.iter().for_each(|&n| v(&mut out, n));
    out
}

/// One video stream of 2x1 grey, 1/30 s a tick; every code is a frame with coded time and size.
fn headers() -> Vec<u8> {
    let flags = flag::CODED_PTS | flag::SIZE_MSB;
    // Version 3, one stream, distance, one time base; then 255 codes of one kind.
    let main = numbers(&[3, 1, 1000, 1, 1, 30, flags, 6, 0, 1, 0, 0, 0, 255, 0]);
    let mut stream = numbers(&[0, 0, 4]);
    stream.extend_from_slice(b"Y800");
    stream.extend(numbers(&[0, 7, 1, 0, 0, 0, 2, 1, 1, 1, 0]));
    let mut info = numbers(&[1, 0, 0, 0, 1, 12]);
    info.extend_from_slice(b"r_frame_rate");
    // -1: text.
    info.extend(numbers(&[2, 4]));
    info.extend_from_slice(b"30/1");
    let sync = numbers(&[90, 0]);
    let mut out = ID.to_vec();
    out.extend(packet_of(MAIN, &main));
    out.extend(packet_of(STREAM, &stream));
    out.extend(packet_of(INFO, &info));
    out.extend(packet_of(SYNCPOINT, &sync));
    out
}

fn frame(pts: u64, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0];
    out.extend(numbers(&[pts, bytes.len() as u64]));
    out.extend_from_slice(bytes);
    out
}

fn sample() -> Vec<u8> {
    let mut bytes = headers();
    bytes.extend(frame(90 & 127, b"ab"));
    bytes.extend(frame(128 + 200, b"cd"));
    bytes.extend(packet_of(SYNCPOINT, &numbers(&[201, 0])));
    bytes.extend(frame(201 & 127, b"ef"));
    bytes
}

fn all(bytes: &[u8]) -> Result<Vec<(i128, Vec<u8>)>, NutError> {
    let mut nut = Nut::open(bytes, 100)?;
    let mut frames = Vec::new();
    let mut out = Vec::new();
    while let Some(packet) = nut.next(&mut out)? {
        frames.push((packet.nanos, out.clone()));
    }
    Ok(frames)
}

#[test]
fn frames_with_full_and_short_times() {
    let bytes = sample();
    let nut = Nut::open(bytes.as_slice(), 100).unwrap();
    assert_eq!((nut.video().width, nut.video().height), (2, 1));
    assert_eq!((nut.video().fourcc.as_slice(), nut.rate()), (&b"Y800"[..], Some("30/1")));
    let at = |pts: i128| pts * 1_000_000_000 / 30;
    let want = [(at(90), b"ab"), (at(200), b"cd"), (at(201), b"ef")];
    let want: Vec<_> = want.into_iter().map(|(t, b)| (t, b.to_vec())).collect();
    assert_eq!(all(&bytes).unwrap(), want);
}

/// A checksum, reserved fields, an elided beginning, a match time, coded flags, and another stream,
/// each in a frame of its own.
#[test]
fn frames_with_every_kind_of_field() {
    let timed = flag::CODED_PTS | flag::SIZE_MSB;
    let mut main = numbers(&[4, 0, 2, 1000, 2, 1, 30, 1, 8000]);
    for entry in [
        // Flags and how many fields follow: time, multiple, stream, size, reserved, count, match
        // time, header.
        &[timed, 6, 0, 1, 0, 0, 0, 1][..],
        &[flag::CHECKSUM, 6, 1, 4, 0, 3, 0, 1],
        &[flag::RESERVED | flag::SIZE_MSB, 6, 1, 1, 0, 0, 3, 1],
        &[0, 8, 1, 4, 0, 3, 1, 1, 0, 1],
        &[flag::MATCH_TIME | flag::HEADER_IDX, 6, 3, 4, 0, 2, 0, 1],
        &[flag::CODED | flag::CODED_PTS, 6, 0, 4, 0, 2, 0, 1],
        &[flag::STREAM_ID, 6, 0, 4, 0, 3, 0, 1],
        &[flag::INVALID, 6, 0, 1, 0, 0, 0, 248],
    ] {
        main.extend(numbers(entry));
    }
    main.extend(numbers(&[1, 2]));
    main.extend_from_slice(b"XY");
    let video = [&numbers(&[0, 0, 4])[..], b"Y800", &numbers(&[0, 7, 1, 0, 0, 0, 2, 1])].concat();
    let audio = [&numbers(&[1, 1, 4])[..], b"PSD\x08", &numbers(&[1, 7, 1, 0, 0, 0])].concat();
    let mut bytes = ID.to_vec();
    for (code, payload) in [(MAIN, main), (STREAM, video), (STREAM, audio)] {
        bytes.extend(packet_of(code, &payload));
    }
    for (fields, data) in [
        (&[0, 128 + 10, 3][..], &b"one"[..]),
        (&[1, 0, 0, 0, 0], b"two"),
        (&[2, 5, 2, 9, 9], b"three"),
        (&[3, 9], b"4"),
        (&[4, 7, 1], b""),
        (&[5, flag::SIZE_MSB, 128 + 20, 1], b"four"),
        (&[6, 1], b"a"),
        (&[1, 0, 0, 0, 0], b"end"),
    ] {
        bytes.extend(numbers(fields));
        bytes.extend_from_slice(data);
    }
    let at = |pts: i128, bytes: &[u8]| (pts * 1_000_000_000 / 30, bytes.to_vec());
    let want = [
        at(10, b"one"),
        at(11, b"two"),
        // The reserved fields are counted anew in the frame.
        at(12, b"three"),
        // The elided beginning holds for the codes that follow too.
        at(13, b"XY4"),
        at(15, b"XY"),
        at(20, b"XYfour"),
        at(21, b"end"),
    ];
    assert_eq!(all(&bytes).unwrap(), want);
    bytes.push(9);
    assert!(all(&bytes).unwrap_err().to_string().contains("frame code 9 is not in use"));
}

#[test]
fn every_cut_is_an_error_or_a_shorter_stream() {
    let bytes = sample();
    let starts = headers().len();
    for cut in 0..bytes.len() {
        match all(&bytes[..cut]) {
            Ok(frames) => assert!(cut >= starts && frames.len() < 3, "cut at {cut}"),
            Err(error) => assert!(matches!(error, NutError::Cut(_)), "cut at {cut}: {error}"),
        }
    }
}

#[test]
fn lengths_are_checked_before_memory_is_taken() {
    let mut bytes = headers();
    bytes.push(0);
    bytes.extend(numbers(&[0, u64::MAX >> 8]));
    let error = all(&bytes).unwrap_err().to_string();
    assert!(error.contains("above the limit of 100"), "{error}");
    let mut bytes = ID.to_vec();
    bytes.extend(MAIN.to_be_bytes());
    bytes.extend(numbers(&[1 << 40]));
    bytes.extend([0; 8]);
    assert!(matches!(all(&bytes), Err(NutError::Limit { .. })));
}

#[test]
fn nonsense_is_refused() {
    assert!(all(b"nut/multimedia container!").is_err());
    let mut no_stream = ID.to_vec();
    no_stream.extend(packet_of(SYNCPOINT, &[0]));
    assert!(all(&no_stream).unwrap_err().to_string().contains("no main header"));
    // A table of codes that never fills must not be read for ever.
    let mut endless = ID.to_vec();
    endless.extend(packet_of(MAIN, &numbers(&[3, 1, 0, 1, 1, 30, 0, 6, 0, 0, 0, 0, 0, 0])));
    assert!(all(&endless).is_err());
}
