//! Damaged streams: what is claimed exact is exact, with its own time, and nothing else happens.

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg32;

use super::clip::{Coded, Played, decode, encode, encode_from, info, spec};
use crate::codec::stream::Ending;
use crate::codec::{EncoderConfig, PredictorKind, Profile};
use crate::frame::PixelFormat;

/// No frame claimed exact is another one, and no time is another frame's.
fn honest(coded: &Coded, played: &Played, what: &str) {
    let mut before = None;
    for shown in &played.shown {
        let t = shown.index as usize;
        assert!(before.is_none_or(|b| b < shown.index), "{what}: frame {t} comes again");
        before = Some(shown.index);
        let truth = coded.frames.get(t).unwrap_or_else(|| panic!("{what}: there is no frame {t}"));
        assert_eq!(shown.info, info(t), "{what}: time of frame {t}");
        for (band, rows) in coded.header.slices.iter().enumerate() {
            if shown.repaired.contains(band) {
                continue;
            }
            for plane in 0..truth.planes().len() {
                let of = |p| crate::codec::slices::band_samples(p, plane, &rows);
                assert!(of(&shown.picture) == of(truth), "{what}: frame {t}, band {band}");
            }
        }
    }
    let frames = coded.frames.len() as u64;
    assert!(played.shown.len() as u64 + played.lost <= frames, "{what}: too many frames");
}

/// Small streams of every kind of record: keys, repeats, predicted frames, several bands.
fn small() -> Vec<Coded> {
    let mut all = Vec::new();
    for profile in Profile::ALL {
        let config =
            EncoderConfig { profile, key_interval: 4, slices: Some(2), ..EncoderConfig::default() };
        all.push(encode(&config, &spec(PixelFormat::I420, 10, 18), None, 6));
        let plain = EncoderConfig { slices: Some(1), ..config.clone() };
        let motion = Some(PredictorKind::Motion);
        all.push(encode(&plain, &spec(PixelFormat::Grey, 14, 12), motion, 6));
        let resilient = EncoderConfig { refresh: Some(3), key_interval: 9, ..config };
        all.push(encode(&resilient, &spec(PixelFormat::Rgb24, 6, 18), None, 6));
    }
    all
}

#[test]
fn every_changed_byte_of_small_streams_is_an_error_or_marked() {
    for coded in small() {
        for at in 0..coded.bytes.len() {
            for flip in [0xff, 1 << (at % 8)] {
                let mut bytes = coded.bytes.clone();
                bytes[at] ^= flip;
                let Some(played) = decode(&bytes, 1) else { continue };
                honest(&coded, &played, &format!("byte {at} ^ {flip:#x}"));
            }
        }
    }
}

#[test]
fn every_changed_byte_of_small_streams_in_every_way() {
    for profile in Profile::ALL {
        let config = EncoderConfig { profile, key_interval: 3, ..EncoderConfig::default() };
        let coded = encode(&config, &spec(PixelFormat::Grey, 4, 3), None, 5);
        for at in 0..coded.bytes.len() {
            for flip in 1..=255 {
                let mut bytes = coded.bytes.clone();
                bytes[at] ^= flip;
                let Some(played) = decode(&bytes, 1) else { continue };
                honest(&coded, &played, &format!("{profile}, byte {at} ^ {flip:#x}"));
            }
        }
    }
}

#[test]
fn every_truncation_decodes_up_to_the_cut_and_says_so() {
    for coded in small() {
        let whole = decode(&coded.bytes, 1).unwrap();
        assert!(whole.is_whole());
        for cut in 0..coded.bytes.len() {
            let Some(played) = decode(&coded.bytes[..cut], 1) else { continue };
            assert_ne!(played.ending, Ending::Closed, "cut at {cut}");
            assert_eq!(played.lost, 0);
            assert!(played.shown.len() <= whole.shown.len());
            assert!(played.shown.iter().zip(&whole.shown).all(|(a, b)| a == b), "cut at {cut}");
        }
    }
}

/// Something that happens to files.
fn damage(bytes: &mut Vec<u8>, rng: &mut Pcg32) -> String {
    let len = bytes.len();
    let at = rng.random_range(0..len);
    let run = rng.random_range(1..=(len - at).min(600));
    match rng.random_range(0..8) {
        0 => bytes[at] ^= rng.random_range(1..=255u8),
        1 => bytes[at..at + run].fill(0),
        2 => rng.fill(&mut bytes[at..at + run]),
        3 => drop(bytes.drain(at..at + run)),
        4 => drop(bytes.splice(at..at, std::iter::repeat_n(0xfc, run))),
        5 => {
            let copy = bytes[at..at + run].to_vec();
            let to = rng.random_range(0..=len);
            drop(bytes.splice(to..to, copy));
        }
        6 => bytes.truncate(at),
        _ => {
            for _ in 0..20 {
                let at = rng.random_range(0..len);
                bytes[at] ^= 1 << rng.random_range(0..8);
            }
        }
    }
    format!("at {at}, {run} bytes of {len}")
}

#[test]
fn ten_thousand_random_damages_are_errors_or_marked() {
    let config = |profile, refresh, slices| EncoderConfig {
        profile,
        refresh,
        slices: Some(slices),
        key_interval: 5,
        ..EncoderConfig::default()
    };
    let (motion, copy) = (Some(PredictorKind::Motion), Some(PredictorKind::CopyLast));
    let clips = [
        encode(&config(Profile::Light, None, 2), &spec(PixelFormat::I420, 24, 20), None, 11),
        encode(&config(Profile::Fast, None, 2), &spec(PixelFormat::I420, 18, 20), motion, 9),
        encode(&config(Profile::Strong, None, 1), &spec(PixelFormat::I422, 16, 16), None, 8),
        encode(&config(Profile::Fast, Some(4), 2), &spec(PixelFormat::I444, 12, 18), None, 11),
        encode(&config(Profile::Light, Some(4), 2), &spec(PixelFormat::I420, 16, 20), copy, 12),
    ];
    let mut rng = Pcg32::seed_from_u64(5);
    let (mut opened, mut marked) = (0, 0);
    for round in 0..10_000 {
        let coded = &clips[round % clips.len()];
        let mut bytes = coded.bytes.clone();
        let mut what = format!("round {round}:");
        for _ in 0..rng.random_range(1..=3) {
            if !bytes.is_empty() {
                what += &damage(&mut bytes, &mut rng);
            }
        }
        let Some(played) = decode(&bytes, 1 + round / clips.len() % 2) else { continue };
        honest(coded, &played, &what);
        opened += 1;
        marked += u32::from(!played.is_whole());
        if !played.is_whole() || bytes == coded.bytes {
            continue;
        }
        // What is not marked changed nothing that can be seen.
        assert_eq!(played.shown.len(), coded.frames.len(), "{what}");
    }
    assert!(opened > 9_000 && marked > 8_000, "{opened} opened, {marked} marked");
}

/// What a file system gives after a power cut: blocks of a recording that was deleted, here one of
/// the same camera with the same settings.
#[test]
fn frames_of_another_stream_are_never_taken() {
    let spec = spec(PixelFormat::I420, 32, 32);
    let coded = |id, first| {
        let config = EncoderConfig { id, key_interval: 3, ..EncoderConfig::default() };
        encode_from(first, &config, &spec, None, 12)
    };
    let (ours, older) = (coded(1, 0), coded(2, 100));
    for cut in [ours.bytes.len() / 3, ours.bytes.len() / 2] {
        let mut bytes = ours.bytes[..cut].to_vec();
        bytes.extend_from_slice(&older.bytes[cut..]);
        let played = decode(&bytes, 1).unwrap();
        honest(&ours, &played, "an older recording behind");
        assert!((3..12).contains(&played.shown.len()) && played.ending == Ending::Cut);
        bytes.truncate(cut);
        bytes.extend_from_slice(&ours.bytes[cut..]);
        assert!(decode(&bytes, 1).unwrap().is_whole());
    }
}

#[test]
fn what_follows_the_end_is_said() {
    let coded = encode(&EncoderConfig::default(), &spec(PixelFormat::Grey, 8, 8), None, 3);
    for more in [&b"x"[..], &coded.bytes] {
        let played = decode(&[&coded.bytes, more].concat(), 1).unwrap();
        assert_eq!((played.shown.len(), played.ending), (3, Ending::Followed));
    }
}

#[test]
fn a_damaged_first_header_costs_the_frames_up_to_its_copy() {
    let config = EncoderConfig { key_interval: 3, ..EncoderConfig::default() };
    let coded = encode(&config, &spec(PixelFormat::I420, 32, 32), None, 8);
    let mut bytes = coded.bytes.clone();
    bytes[..40].fill(0);
    let played = decode(&bytes, 1).unwrap();
    honest(&coded, &played, "no header");
    assert_eq!(played.lost, 3);
    assert_eq!(played.shown.len(), 5);
    assert!(played.shown.iter().all(|s| s.repaired.is_empty()));
    assert!(played.skipped > 0 && !played.is_whole());
}

#[test]
fn damage_spreads_until_the_key_frame_and_no_further() {
    let config = EncoderConfig { key_interval: 6, slices: Some(2), ..EncoderConfig::default() };
    let spec = spec(PixelFormat::I420, 48, 48);
    let mut coded = encode(&config, &spec, None, 12);
    // The second band of frame 2.
    let mut reader = crate::codec::stream::StreamReader::new(coded.bytes.as_slice()).unwrap();
    let mut at = None;
    while let Some(crate::codec::stream::Record::Frame(packet)) = reader.next_record().unwrap() {
        if packet.header.index == 2 {
            let place = packet.bytes.as_ptr_range();
            let slice = packet.payload()[packet.header.slices[0].len as usize..].to_vec();
            assert!(!place.is_empty() && slice.len() > 30);
            at = coded.bytes.windows(slice.len()).position(|w| w == slice);
        }
    }
    let at = at.unwrap();
    coded.bytes[at + 5..at + 25].fill(0x5a);
    let played = decode(&coded.bytes, 2).unwrap();
    honest(&coded, &played, "one slice");
    let repaired: Vec<String> = played.shown.iter().map(|s| s.repaired.to_string()).collect();
    // The frame itself loses one band; those after it refer to all of it.
    assert_eq!(repaired[..2], ["none", "none"]);
    assert_eq!(repaired[2], "1");
    assert_eq!(repaired[3], "0-1");
    assert_eq!(repaired[4], "0-1", "a repeat of what is not sure");
    assert_eq!(repaired[5], "0-1");
    assert!(repaired[6..].iter().all(|r| r == "none"), "{repaired:?}");
    assert_eq!((played.lost, played.skipped), (0, 0));
}
