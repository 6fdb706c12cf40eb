//! Whole pictures: made by an encoder, left without tables, cut short, and broken.

use super::{JpegDecoder, size};
use crate::frame::Size;
use crate::vision::{RgbImage, VisionError};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

fn picture(size: Size) -> Vec<u8> {
    let mut data = Vec::new();
    for y in 0..size.height {
        for x in 0..size.width {
            data.extend([(x * 2) as u8, (y * 2) as u8, 90 + (x * y % 7) as u8]);
        }
    }
    data
}

fn encode(size: Size, set: impl Fn(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, 95);
    set(&mut encoder);
    encoder.encode(&picture(size), size.width as u16, size.height as u16, ColorType::Rgb).unwrap();
    jpeg
}

fn decode(jpeg: &[u8]) -> Result<RgbImage, VisionError> {
    let mut out = RgbImage::default();
    JpegDecoder::new().decode(jpeg, None, &mut out).map(|()| out)
}

fn mean_error(a: &[u8], b: &[u8]) -> f64 {
    let sum: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.len() as f64
}

#[test]
fn every_coding_gives_the_picture_back() {
    let samplings = [
        SamplingFactor::F_1_1,
        SamplingFactor::F_2_1,
        SamplingFactor::F_1_2,
        SamplingFactor::F_2_2,
        SamplingFactor::F_4_1,
    ];
    for (w, h) in [(1, 1), (3, 5), (16, 16), (50, 30), (97, 41)] {
        let size = Size::new(w, h);
        for sampling in samplings {
            let plain = decode(&encode(size, |e| e.set_sampling_factor(sampling))).unwrap();
            assert_eq!(plain.size(), size);
            let error = mean_error(plain.data(), &picture(size));
            assert!(error < 4.0, "{size} {sampling:?}: {error}");
            let same = |set: &dyn Fn(&mut Encoder<&mut Vec<u8>>)| {
                decode(&encode(size, |e| {
                    e.set_sampling_factor(sampling);
                    set(e);
                }))
                .unwrap()
            };
            assert!(same(&|e| e.set_progressive(true)) == plain, "{size} {sampling:?} progressive");
            assert!(same(&|e| e.set_restart_interval(2)) == plain, "{size} {sampling:?} restarts");
            assert!(
                same(&|e| e.set_optimized_huffman_tables(true)) == plain,
                "{size} {sampling:?}"
            );
        }
    }
}

/// `jpeg` without its segments of the given marker.
fn without(jpeg: &[u8], marker: u8) -> Vec<u8> {
    let (mut out, mut at) = (jpeg[..2].to_vec(), 2);
    while jpeg[at + 1] != 0xDA {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if jpeg[at + 1] != marker {
            out.extend(&jpeg[at..end]);
        }
        at = end;
    }
    out.extend(&jpeg[at..]);
    out
}

#[test]
fn missing_huffman_tables_are_the_typical_ones() {
    let jpeg = encode(Size::new(64, 48), |_| {});
    let bare = without(&jpeg, 0xC4);
    assert!(bare.len() + 400 < jpeg.len());
    assert_eq!(decode(&bare).unwrap(), decode(&jpeg).unwrap());
    let error = decode(&without(&jpeg, 0xDB)).unwrap_err().to_string();
    assert!(error.contains("quantisation"), "{error}");
}

#[test]
fn an_end_marker_is_not_needed_and_what_follows_is_ignored() {
    let jpeg = encode(Size::new(33, 20), |_| {});
    let whole = decode(&jpeg).unwrap();
    assert_eq!(decode(&jpeg[..jpeg.len() - 2]).unwrap(), whole);
    assert_eq!(decode(&[&jpeg[..], &[0, 0xFF, 0xD8, 7]].concat()).unwrap(), whole);
}

#[test]
fn another_size_than_announced_is_refused() {
    let jpeg = encode(Size::new(50, 30), |_| {});
    assert_eq!(size(&jpeg), Some(Size::new(50, 30)));
    let mut out = RgbImage::default();
    let other = Some(Size::new(50, 31));
    let error = JpegDecoder::new().decode(&jpeg, other, &mut out).unwrap_err().to_string();
    assert!(error.contains("50x30") && error.contains("50x31"), "{error}");
}

#[test]
fn what_is_cut_short_is_an_error() {
    for progressive in [false, true] {
        let jpeg = encode(Size::new(40, 40), |e| e.set_progressive(progressive));
        for end in 0..jpeg.len() - 4 {
            assert!(decode(&jpeg[..end]).is_err(), "cut at {end} of {}", jpeg.len());
        }
    }
}

#[test]
fn broken_pictures_never_panic() {
    let mut state = 99u32;
    let mut next = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    let mut decoder = JpegDecoder::new();
    let mut out = RgbImage::default();
    let mut refused = 0;
    for progressive in [false, true] {
        let jpeg = encode(Size::new(40, 24), |e| {
            e.set_progressive(progressive);
            e.set_restart_interval(2);
        });
        for _ in 0..4000 {
            let mut broken = jpeg.clone();
            for _ in 0..=next(4) {
                let at = next(broken.len());
                broken[at] = next(256) as u8;
            }
            // A size as of a frame keeps a broken header from asking for much memory.
            let expected = Some(Size::new(40, 24));
            refused += usize::from(decoder.decode(&broken, expected, &mut out).is_err());
        }
    }
    assert!(refused > 1000, "only {refused} were refused");
}

#[test]
fn a_huge_size_needs_huge_data() {
    let mut jpeg = encode(Size::new(16, 16), |_| {});
    let sof = jpeg.windows(2).position(|m| m == [0xFF, 0xC0]).unwrap();
    jpeg[sof + 5..sof + 9].copy_from_slice(&[0x20, 0, 0x20, 0]);
    let error = decode(&jpeg).unwrap_err().to_string();
    assert!(error.contains("end before"), "{error}");
    jpeg[sof + 5..sof + 9].copy_from_slice(&[0x40, 0, 0x40, 0]);
    assert!(decode(&jpeg).unwrap_err().to_string().contains("pixels"));
}

#[test]
fn what_is_not_supported_is_named() {
    let jpeg = encode(Size::new(16, 16), |_| {});
    let sof = jpeg.windows(2).position(|m| m == [0xFF, 0xC0]).unwrap();
    let with = |at: usize, value: u8| {
        let mut jpeg = jpeg.clone();
        jpeg[sof + at] = value;
        decode(&jpeg).unwrap_err().to_string()
    };
    assert!(with(1, 0xC9).contains("arithmetic"));
    assert!(with(1, 0xC3).contains("lossless"));
    assert!(with(4, 12).contains("12 bits"));
    assert!(with(9, 4).contains("4 components"));
    assert!(decode(b"GIF89a").unwrap_err().to_string().contains("FF D8"));
}
