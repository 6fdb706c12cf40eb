//! Streams made once: every processor, instruction set, build and number of threads makes and reads
//! the same bytes. `FRAMECAST_GOLDEN=write` makes them anew, after a change of the bitstream only.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::clip::{decode, encode, spec};
use crate::codec::stream::{Record, StreamReader};
use crate::codec::{EncoderConfig, PredictorKind, Profile};
use crate::frame::PixelFormat;

struct Case {
    name: String,
    config: EncoderConfig,
    format: PixelFormat,
    size: (u32, u32),
    frames: usize,
    predictor: Option<PredictorKind>,
}

// Odd, and two bands of which the second is not of whole steps.
const SMALL: (u32, u32) = (27, 21);

// Several groups of strips in a row, or strips of more than 64 samples.
const WIDE: (u32, u32) = (760, 7);

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let layouts = [
        ("420", PixelFormat::I420),
        ("422", PixelFormat::Yuyv),
        ("444", PixelFormat::I444),
        ("grey", PixelFormat::Grey),
        ("rgb", PixelFormat::Rgb24),
    ];
    for profile in Profile::ALL {
        let config = EncoderConfig { profile, slices: Some(2), ..EncoderConfig::default() };
        let mut add = |what: &str, config: &EncoderConfig, format, predictor| {
            let (name, config) = (format!("{profile}-{what}"), config.clone());
            let size = if what == "wide" { WIDE } else { SMALL };
            // Long enough for trials of the predictor and a third frame in its memory.
            let frames = if what == "motion-long" { 24 } else { 5 };
            cases.push(Case { name, config, format, size, frames, predictor });
        };
        for (what, format) in layouts {
            add(what, &config, format, None);
        }
        let bounded = EncoderConfig { max_error: 2, id: 0x0123_4567_89ab_cdef, ..config.clone() };
        add("bounded", &bounded, PixelFormat::I420, None);
        add("motion", &config, PixelFormat::I420, Some(PredictorKind::Motion));
        add("motion-long", &config, PixelFormat::I420, Some(PredictorKind::Motion));
        let odd = EncoderConfig { max_error: 3, ..config.clone() };
        add("bounded-motion", &odd, PixelFormat::I420, Some(PredictorKind::Motion));
        let whole = EncoderConfig { slices: Some(1), ..config.clone() };
        add("wide", &whole, PixelFormat::Grey, None);
        let resilient = EncoderConfig { refresh: Some(3), ..config.clone() };
        add("resilient", &resilient, PixelFormat::I420, None);
        let both = EncoderConfig { max_error: 1, ..resilient };
        add("bounded-resilient", &both, PixelFormat::I444, Some(PredictorKind::CopyLast));
    }
    cases
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/codec")
}

/// Of each frame whether the predictor was used.
fn predicted(bytes: &[u8]) -> Vec<bool> {
    let mut reader = StreamReader::new(bytes).unwrap();
    let mut used = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        if let Record::Frame(packet) = record {
            used.push(packet.header.predicted);
        }
    }
    used
}

#[test]
fn golden_streams_are_made_and_read_as_ever() {
    let write = std::env::var_os("FRAMECAST_GOLDEN").is_some_and(|v| v == "write");
    let mut sums = String::new();
    for Case { name, config, format, size, frames, predictor } in cases() {
        let spec = spec(format, size.0, size.1);
        let coded = encode(&config, &spec, predictor, frames);
        let path = folder().join(format!("{name}.fcv"));
        if write {
            std::fs::create_dir_all(folder()).unwrap();
            std::fs::write(&path, &coded.bytes).unwrap();
        }
        let golden = std::fs::read(&path).unwrap_or_default();
        for threads in [1, 4] {
            let config = EncoderConfig { threads, ..config.clone() };
            let again = encode(&config, &spec, predictor, frames);
            assert!(again.bytes == golden, "{name} is made otherwise on {threads} threads");
            let played = decode(&golden, threads).unwrap();
            assert!(played.is_whole() && played.shown.len() == frames, "{name}: {played:?}");
            for (shown, frame) in played.shown.iter().zip(&coded.frames) {
                assert!(shown.picture == *frame, "{name}, frame {}", shown.index);
            }
        }
        if frames > 5 {
            let used = predicted(&golden);
            assert!(used.contains(&true) && used[1..].contains(&false), "{name}: {used:?}");
        }
        let samples = coded.frames.iter().flat_map(|f| f.planes()).map(|p| &p.data);
        let crc = samples.fold(0, |crc, data| crc32c::crc32c_append(crc, data));
        // Writing to a String cannot fail.
        let _ = writeln!(sums, "{name} {crc:08x}");
    }
    let list = folder().join("frames.txt");
    if write {
        std::fs::write(&list, &sums).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&list).unwrap(), sums, "the frames themselves");
}
