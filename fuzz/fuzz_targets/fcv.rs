//! Arbitrary bytes as a coded stream, whose checksums count as right: every frame is of the declared
//! size, in order, and what is decoded twice is the same.
#![no_main]

use framecast::codec::stream::{Record, StreamReader};
use framecast::codec::{
    CopyLast, Decoder, DecoderOptions, Motion, Predictor, PredictorKind, Received,
};

/// Pixels of the largest picture tried: larger ones only take longer.
const PIXELS: usize = 4096;

/// Frames decoded: a repeat costs eight bytes.
const FRAMES: usize = 400;

fn play(bytes: &[u8], threads: usize) -> Option<Vec<(u64, u32)>> {
    let mut reader = StreamReader::new(bytes).ok()?;
    let header = reader.header().clone();
    if header.spec.size.pixels() > PIXELS {
        return None;
    }
    let predictor: Option<Box<dyn Predictor>> = match header.predictor.as_ref().map(|id| id.kind) {
        None => None,
        Some(PredictorKind::CopyLast) => Some(Box::new(CopyLast::new())),
        Some(PredictorKind::Motion) => Some(Box::new(Motion::new())),
        // A model is not at hand: the stream is refused.
        Some(PredictorKind::Model) => {
            assert!(Decoder::new(&header, None, DecoderOptions::default()).is_err());
            return None;
        }
    };
    let mut decoder = Decoder::new(&header, predictor, DecoderOptions { threads }).ok()?;
    let mut frames = Vec::new();
    while let Some(record) = reader.next_record().expect("bytes can be read") {
        match record {
            Record::Frame(packet) => decoder.send_packet(packet).expect("damage is no error"),
            Record::End(end) => decoder.send_end(&end),
        }
        while let Some(received) = decoder.receive_frame() {
            let Received::Frame(frame) = received else { continue };
            assert_eq!(frame.picture.size(), header.spec.size);
            assert!(frames.last().is_none_or(|(before, _)| *before < frame.index));
            let planes = frame.picture.planes().iter();
            let sum = planes.flat_map(|p| &p.data).fold(0u32, |s, &v| s.rotate_left(5) ^ u32::from(v));
            frames.push((frame.index, sum));
        }
        if frames.len() >= FRAMES {
            break;
        }
    }
    Some(frames)
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(frames) = play(bytes, 1) {
        assert_eq!(play(bytes, 2), Some(frames));
    }
});
