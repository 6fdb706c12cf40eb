//! Every profile, layout, bound, predictor and number of threads gives back what was coded.

use super::clip::{self, decode, encode, info, spec};
use crate::codec::stream::{Record, StreamReader};
use crate::codec::{
    CodecError, Decoder, DecoderOptions, Encoder, EncoderConfig, Exactness, FrameInfo, FrameKind,
    Picture, Predictor, PredictorFailure, PredictorId, PredictorKind, PredictorUse, Profile,
    SampleLayout, StreamHeader, StreamSpec,
};
use crate::frame::{PixelFormat, Size};

/// Formats of each layout.
const FORMATS: [PixelFormat; 5] = [
    PixelFormat::I420,
    PixelFormat::Yuyv,
    PixelFormat::I444,
    PixelFormat::Grey,
    PixelFormat::Bgr24,
];

fn comes_back(config: &EncoderConfig, spec: &StreamSpec, kind: Option<PredictorKind>) {
    let frames = 7;
    let coded = encode(config, spec, kind, frames);
    let played = decode(&coded.bytes, config.threads).unwrap();
    assert!(played.is_whole(), "{config:?} {spec:?}");
    assert_eq!(played.shown.len(), frames);
    for (t, (shown, picture)) in played.shown.iter().zip(&coded.frames).enumerate() {
        assert!(shown.picture == *picture, "frame {t}: {config:?} {spec:?} {kind:?}");
        assert_eq!((shown.index, shown.info), (t as u64, info(t)));
    }
}

#[test]
fn every_profile_and_layout_comes_back_at_odd_sizes_too() {
    for profile in Profile::ALL {
        for format in FORMATS {
            for (width, height) in [(64, 48), (37, 35), (16, 1), (1, 17), (1, 1)] {
                let config = EncoderConfig { profile, ..EncoderConfig::default() };
                comes_back(&config, &spec(format, width, height), None);
            }
        }
    }
}

#[test]
fn every_error_bound_holds_and_comes_back() {
    for profile in Profile::ALL {
        for max_error in [1, 2, 4, 16] {
            let config = EncoderConfig { profile, max_error, ..EncoderConfig::default() };
            comes_back(&config, &spec(PixelFormat::Nv12, 50, 34), None);
        }
    }
}

#[test]
fn predictors_key_frames_and_resilience_come_back() {
    for kind in [None, Some(PredictorKind::CopyLast), Some(PredictorKind::Motion)] {
        for predictor_use in [PredictorUse::Always, PredictorUse::WhenItPays] {
            let config = EncoderConfig {
                predictor_use,
                key_interval: 4,
                slices: Some(3),
                ..EncoderConfig::default()
            };
            comes_back(&config, &spec(PixelFormat::I420, 80, 60), kind);
        }
    }
    let resilient = EncoderConfig { refresh: Some(5), slices: Some(4), ..EncoderConfig::default() };
    comes_back(&resilient, &spec(PixelFormat::I422, 80, 60), None);
    comes_back(&resilient, &spec(PixelFormat::I420, 80, 60), Some(PredictorKind::CopyLast));
}

#[test]
fn the_bytes_are_the_same_for_any_number_of_threads() {
    let spec = spec(PixelFormat::I420, 96, 80);
    let with = |threads| {
        let config = EncoderConfig { threads, slices: Some(5), ..EncoderConfig::default() };
        encode(&config, &spec, Some(PredictorKind::Motion), 6)
    };
    let one = with(1);
    for threads in [2, 4, 16] {
        assert!(with(threads).bytes == one.bytes, "{threads} threads");
        let played = decode(&one.bytes, threads).unwrap();
        assert!(played.shown.iter().zip(&one.frames).all(|(s, p)| s.picture == *p));
    }
}

#[test]
fn frames_are_key_frames_repeats_and_others_as_they_should_be() {
    let spec = spec(PixelFormat::Grey, 64, 48);
    let config = EncoderConfig { key_interval: 12, ..EncoderConfig::default() };
    let mut encoder = Encoder::new(&config, &spec, None).unwrap();
    let mut kinds = Vec::new();
    let mut send = |picture: &Picture| {
        encoder.send_frame(picture, &FrameInfo::default()).unwrap();
        let packet = encoder.receive_packet().unwrap();
        kinds.push(packet.header.kind);
    };
    let mut white = Picture::new(SampleLayout::Grey, 64, 48);
    white.planes_mut()[0].data.fill(250);
    // A flash of one frame too early for a key frame, a cut, and a still picture to the end.
    for t in 0..30 {
        match t {
            3 | 10..30 => send(&white),
            _ => send(&clip::picture(&spec, t)),
        }
    }
    let at = |kind| kinds.iter().enumerate().filter(move |(_, k)| **k == kind).map(|(i, _)| i);
    assert_eq!(at(FrameKind::Key).collect::<Vec<_>>(), [0, 10, 22]);
    let repeats: Vec<usize> = at(FrameKind::Repeat).collect();
    assert_eq!(repeats[..3], [9, 11, 12], "frame 9 is as frame 8, and the end is still");
    assert_eq!(repeats.len(), 1 + 11 + 7);
}

#[test]
fn misuse_is_an_error_that_says_what_to_do() {
    let spec = spec(PixelFormat::I420, 32, 32);
    let config = EncoderConfig::default();
    let mut encoder = Encoder::new(&config, &spec, None).unwrap();
    let other = Picture::new(SampleLayout::Yuv422, 32, 32);
    let error = encoder.send_frame(&other, &FrameInfo::default()).unwrap_err().to_string();
    assert!(error.contains("Yuv422") && error.contains("Yuv420"), "{error}");
    let picture = Picture::new(SampleLayout::Yuv420, 32, 32);
    encoder.send_frame(&picture, &FrameInfo::default()).unwrap();
    let full = encoder.send_frame(&picture, &FrameInfo::default());
    assert!(matches!(full, Err(CodecError::Full)));
    let new = |config: &EncoderConfig, spec: &StreamSpec, kind| {
        Encoder::new(config, spec, clip::predictor(kind)).map(|_| ()).unwrap_err().to_string()
    };
    let jpeg = StreamSpec { format: PixelFormat::Mjpeg, ..spec };
    assert!(new(&config, &jpeg, None).contains("MJPEG"));
    let large = StreamSpec { size: Size::new(8193, 2), ..spec };
    assert!(new(&config, &large, None).contains("8193"));
    let many = EncoderConfig { slices: Some(3), ..EncoderConfig::default() };
    assert!(new(&many, &spec, None).contains("1 to 2"));
    let resilient = EncoderConfig { refresh: Some(30), ..EncoderConfig::default() };
    let refused = new(&resilient, &spec, Some(PredictorKind::Motion));
    assert!(refused.contains("use none or copy"), "{refused}");
}

/// Draws as it likes, then fails.
struct Moody(PredictorId, u32);

impl Predictor for Moody {
    fn id(&self) -> &PredictorId {
        &self.0
    }

    fn reset(&mut self) {}

    fn predict(&mut self, _: &Picture, next: &mut Picture) -> Result<bool, PredictorFailure> {
        self.1 += 1;
        if self.1 > 1 {
            return Err("it is tired".into());
        }
        next.planes_mut()[0].data.truncate(3);
        Ok(true)
    }
}

#[test]
fn predictors_that_do_what_they_should_not_end_in_errors() {
    let spec = spec(PixelFormat::Grey, 32, 32);
    let id = |pins: &str| PredictorId {
        exactness: Exactness::SameBuild { pins: pins.to_owned() },
        ..PredictorId::built_in(PredictorKind::Model, "moody")
    };
    let new = |pins: &str| {
        Encoder::new(&EncoderConfig::default(), &spec, Some(Box::new(Moody(id(pins), 0))))
    };
    for pins in ["x".repeat(1001), "two\nlines".to_owned()] {
        let error = new(&pins).unwrap_err().to_string();
        assert!(error.contains("one line of at most 1000"), "{error}");
    }
    let mut encoder = new("one line").unwrap();
    let mut send = |t| {
        let sent = encoder.send_frame(&clip::picture(&spec, t), &FrameInfo::numbered(t as u64));
        sent.map(|()| encoder.receive_packet().unwrap().header.predicted)
    };
    assert!(!send(0).unwrap());
    assert!(!send(1).unwrap(), "a picture that does not fit is not used");
    let failed = send(2).unwrap_err();
    assert!(failed.to_string().contains("it is tired"), "{failed}");
    assert!(matches!(send(3), Err(CodecError::Ended)), "a decoder would be out of step");
    let mut odd = clip::picture(&spec, 0);
    odd.planes_mut()[0].data.pop();
    let mut encoder = Encoder::new(&EncoderConfig::default(), &spec, None).unwrap();
    let error = encoder.send_frame(&odd, &FrameInfo::default()).unwrap_err().to_string();
    assert!(error.contains("planes of other sizes"), "{error}");
    encoder.send_frame(&clip::picture(&spec, 0), &FrameInfo::default()).unwrap();
}

#[test]
fn a_decoder_wants_the_predictor_of_the_stream() {
    let spec = spec(PixelFormat::Grey, 32, 32);
    let coded = encode(&EncoderConfig::default(), &spec, Some(PredictorKind::Motion), 1);
    for (kind, part) in
        [(None, "needs the predictor \"motion\""), (Some(PredictorKind::CopyLast), "\"copy\"")]
    {
        let options = DecoderOptions::default();
        let error = Decoder::new(&coded.header, clip::predictor(kind), options).map(|_| ());
        assert!(error.unwrap_err().to_string().contains(part));
    }
}

#[test]
fn records_are_found_one_by_one() {
    let spec = spec(PixelFormat::Grey, 32, 32);
    let config = EncoderConfig { key_interval: 2, ..EncoderConfig::default() };
    let coded = encode(&config, &spec, None, 5);
    let mut reader = StreamReader::new(coded.bytes.as_slice()).unwrap();
    assert_eq!(*reader.header(), coded.header);
    let mut keys = Vec::new();
    let mut end = None;
    while let Some(record) = reader.next_record().unwrap() {
        match record {
            Record::Frame(packet) if packet.header.kind == FrameKind::Key => {
                assert_eq!(packet.payload().len(), packet.header.payload_len());
                keys.push((packet.header.index, packet.bytes.to_vec()));
            }
            Record::Frame(_) => {}
            Record::End(found) => end = Some(found),
        }
    }
    let end = end.unwrap();
    let from_back = |header: &StreamHeader| {
        crate::codec::stream::read_end(&mut std::io::Cursor::new(&coded.bytes), header).unwrap()
    };
    assert_eq!(from_back(&coded.header).as_ref(), Some(&end));
    assert_eq!(from_back(&StreamHeader { id: 1, ..coded.header.clone() }), None, "another stream");
    assert_eq!(end.frames, 5);
    assert_eq!(end.keys.len(), 3);
    for ((index, offset), (key, bytes)) in end.keys.iter().zip(&keys) {
        assert_eq!(index, key);
        assert!(coded.bytes[*offset as usize..].starts_with(bytes), "key frame {key}");
    }
}
