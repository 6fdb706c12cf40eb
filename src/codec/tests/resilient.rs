//! Resilient streams: what is lost comes back band by band, without a key frame.

use super::clip::{decode, encode, spec};
use crate::codec::stream::{Record, StreamReader};
use crate::codec::{EncoderConfig, FrameKind, PredictorKind, PredictorUse};
use crate::frame::PixelFormat;

#[test]
fn a_lost_frame_comes_back_within_one_refresh_period() {
    lost_frame_comes_back(None);
}

#[test]
fn it_comes_back_with_the_last_frame_as_the_predicted_one_too() {
    lost_frame_comes_back(Some(PredictorKind::CopyLast));
}

fn lost_frame_comes_back(predictor: Option<PredictorKind>) {
    let period = 8;
    let config = EncoderConfig {
        refresh: Some(period),
        slices: Some(4),
        key_interval: 1000,
        scene_cuts: false,
        predictor_use: PredictorUse::Always,
        ..EncoderConfig::default()
    };
    let spec = spec(PixelFormat::I420, 48, 64);
    let coded = encode(&config, &spec, predictor, 30);
    // Frame 9 is cut out whole.
    let mut reader = StreamReader::new(coded.bytes.as_slice()).unwrap();
    let mut bytes = Vec::new();
    reader.header().write(&mut bytes);
    let mut refreshed = Vec::new();
    while let Some(Record::Frame(packet)) = reader.next_record().unwrap() {
        refreshed.push(packet.header.refreshed);
        let inter = packet.header.kind == FrameKind::Inter;
        assert_eq!(packet.header.predicted, inter && predictor.is_some());
        if packet.header.index != 9 {
            bytes.extend_from_slice(packet.bytes);
        }
    }
    for band in 0..4 {
        let turns = refreshed.iter().filter(|r| r.contains(band)).count();
        assert!((3..=4).contains(&turns), "band {band} was refreshed {turns} times");
    }
    let played = decode(&bytes, 1).unwrap();
    assert_eq!(played.lost, 1);
    let mut sure = 0;
    for shown in &played.shown {
        let t = shown.index as usize;
        if t < 9 {
            assert!(shown.repaired.is_empty());
            continue;
        }
        // Each band is sure from its own refresh on, whatever its neighbours are.
        for band in 0..4 {
            let back = (10..=t).any(|t| refreshed[t].contains(band));
            assert_eq!(!shown.repaired.contains(band), back, "frame {t}, band {band}");
            sure += usize::from(back && !shown.repaired.is_empty());
        }
        if shown.repaired.is_empty() {
            assert!(shown.picture == coded.frames[t]);
        }
    }
    assert!(sure > 0, "bands come back one by one");
    let back = played.shown.iter().filter(|s| !s.repaired.is_empty()).count();
    assert!((1..=period as usize).contains(&back), "{back} frames were repaired");
}

#[test]
fn damage_stays_in_its_band() {
    let config = EncoderConfig {
        refresh: Some(12),
        slices: Some(3),
        key_interval: 1000,
        scene_cuts: false,
        ..EncoderConfig::default()
    };
    let coded = encode(&config, &spec(PixelFormat::I420, 48, 48), None, 20);
    let mut reader = StreamReader::new(coded.bytes.as_slice()).unwrap();
    let mut bytes = Vec::new();
    reader.header().write(&mut bytes);
    let mut refreshed_at = None;
    while let Some(Record::Frame(packet)) = reader.next_record().unwrap() {
        let header = packet.header;
        let from = bytes.len() + packet.bytes.len() - packet.payload().len();
        bytes.extend_from_slice(packet.bytes);
        if header.index == 5 {
            let first = header.slices[0].len as usize;
            let second = header.slices[1].len as usize;
            bytes[from + first..from + first + second].fill(0x77);
        }
        if header.index > 5 && header.refreshed.contains(1) {
            refreshed_at.get_or_insert(header.index);
        }
    }
    let refreshed_at = refreshed_at.unwrap();
    let played = decode(&bytes, 1).unwrap();
    for shown in &played.shown {
        let damaged = (5..refreshed_at).contains(&shown.index);
        let expected = if damaged { "1" } else { "none" };
        assert_eq!(shown.repaired.to_string(), expected, "frame {}", shown.index);
    }
}
