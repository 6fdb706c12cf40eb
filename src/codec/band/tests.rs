//! Bands of small pictures, there and back.

use super::super::picture::{Picture, SampleLayout};
use super::{BandCoder, BandSpec, Damaged, Drawn, Profile, References};

const LAYOUTS: [SampleLayout; 5] = [
    SampleLayout::Grey,
    SampleLayout::Yuv420,
    SampleLayout::Yuv422,
    SampleLayout::Yuv444,
    SampleLayout::Gbr,
];

struct Random(u32);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 8
    }
}

/// A pattern that moves, with noise and a few outliers.
fn picture(layout: SampleLayout, width: usize, height: usize, t: usize) -> Picture {
    let mut picture = Picture::new(layout, width, height);
    let mut random = Random(t as u32 + 1);
    for (index, plane) in picture.planes_mut().iter_mut().enumerate() {
        for at in 0..plane.data.len() {
            let (x, y) = (at % plane.width + 2 * t, at / plane.width + t);
            let level = 90 + (x * 7 + y * 3) % 60 + 20 * index + random.next() as usize % 4;
            let outlier = random.next().is_multiple_of(97);
            plane.data[at] = if outlier { (random.next() & 255) as u8 } else { level as u8 };
        }
    }
    picture
}

fn rows(spec: &BandSpec, picture: &mut Picture) -> Vec<Vec<u8>> {
    let layout = picture.layout();
    (0..layout.planes())
        .map(|index| {
            let (first, end) = spec.plane_rows(index);
            let plane = &picture.planes()[index];
            plane.data[first * plane.width..end * plane.width].to_vec()
        })
        .collect()
}

/// Puts the rows of a band where they belong.
fn put(spec: &BandSpec, picture: &mut Picture, rows: &[Vec<u8>]) {
    for (index, rows) in rows.iter().enumerate() {
        let first = spec.plane_rows(index).0;
        let plane = &mut picture.planes_mut()[index];
        let at = first * plane.width;
        plane.data[at..at + rows.len()].copy_from_slice(rows);
    }
}

fn slices(rows: &mut [Vec<u8>]) -> Vec<&mut [u8]> {
    rows.iter_mut().map(Vec::as_mut_slice).collect()
}

/// Lines of black and white that change places: the largest differences there are.
fn lines(layout: SampleLayout, width: usize, height: usize, t: usize) -> Picture {
    let mut picture = Picture::new(layout, width, height);
    for plane in picture.planes_mut() {
        for (y, row) in plane.data.chunks_exact_mut(plane.width).enumerate() {
            row.fill(if (y + t / 2).is_multiple_of(2) { 255 } else { 0 });
        }
    }
    picture
}

/// Codes eight frames with a key frame in their middle, and decodes them from both key frames.
fn there_and_back(spec: &BandSpec, predicted: bool) {
    there_and_back_of(picture, spec, predicted);
}

/// The same of what `picture` draws by layout, width, height and number of the frame.
fn there_and_back_of(
    picture: impl Fn(SampleLayout, usize, usize, usize) -> Picture,
    spec: &BandSpec,
    predicted: bool,
) {
    let (width, height) = (spec.width, spec.height);
    let mut encoder = BandCoder::new(spec.clone());
    let mut decoders = [Some(BandCoder::new(spec.clone())), None];
    let mut history: Vec<Picture> = Vec::new();
    for t in 0..8 {
        let source = picture(spec.layout, width, height, t);
        if t == 4 {
            encoder.reset();
            if let Some(decoder) = &mut decoders[0] {
                decoder.reset();
            }
            decoders[1] = Some(BandCoder::new(spec.clone()));
            history.clear();
        }
        // A prediction that comes and goes, and so does its memory.
        let expected = picture(spec.layout, width, height, t + 1);
        let drawn = Drawn { picture: &expected, memory: history.first().filter(|_| t % 4 != 3) };
        let references = References {
            last: history.last(),
            before: history.len().checked_sub(2).and_then(|i| history.get(i)),
            predicted: (predicted && t % 3 != 0 && !history.is_empty()).then_some(drawn),
        };
        let mut whole = source.clone();
        let wanted = rows(spec, &mut whole);
        let mut made: Vec<Vec<u8>> = wanted.iter().map(|r| vec![0; r.len()]).collect();
        let mut slice = vec![1, 2, 3];
        encoder.encode(&source, references, &mut slices(&mut made), &mut slice);
        for (made, wanted) in made.iter().zip(&wanted) {
            let worst = made.iter().zip(wanted).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(worst.unwrap_or(0) <= spec.max_error, "{spec:?} frame {t}: {worst:?}");
        }
        for decoder in decoders.iter_mut().flatten() {
            let mut got: Vec<Vec<u8>> = wanted.iter().map(|r| vec![0; r.len()]).collect();
            let ended = decoder.decode(&slice[3..], references, &mut slices(&mut got));
            assert_eq!(ended, Ok(()), "{spec:?} frame {t}");
            assert!(got == made, "{spec:?} frame {t}");
        }
        put(spec, &mut whole, &made);
        history.push(whole);
    }
}

fn spec(profile: Profile, layout: SampleLayout, width: usize, height: usize) -> BandSpec {
    BandSpec { profile, layout, width, height, rows: 0..height, max_error: 0, confined: false }
}

#[test]
fn every_layout_and_odd_size_comes_back() {
    for profile in Profile::ALL {
        for layout in LAYOUTS {
            for (width, height) in [(1, 1), (2, 3), (17, 5), (33, 34), (70, 19)] {
                there_and_back(&spec(profile, layout, width, height), false);
            }
        }
    }
}

#[test]
fn predictions_come_and_go() {
    for profile in Profile::ALL {
        there_and_back(&spec(profile, SampleLayout::Yuv420, 50, 38), true);
        there_and_back(&spec(profile, SampleLayout::Gbr, 23, 9), true);
    }
}

#[test]
fn the_largest_differences_come_back() {
    for profile in Profile::ALL {
        for (layout, width) in [(SampleLayout::Gbr, 640), (SampleLayout::Yuv420, 767)] {
            for max_error in [0, 31] {
                let spec = BandSpec { max_error, ..spec(profile, layout, width, 12) };
                there_and_back_of(lines, &spec, true);
            }
        }
    }
}

#[test]
fn a_bounded_error_is_kept_and_bands_may_be_confined() {
    for profile in Profile::ALL {
        for max_error in [1, 2, 4, 31] {
            for confined in [false, true] {
                let whole = spec(profile, SampleLayout::Yuv420, 45, 67);
                for rows in [0..32, 32..67] {
                    let band = BandSpec { rows, max_error, confined, ..whole.clone() };
                    there_and_back(&band, !confined);
                }
            }
        }
    }
}

#[test]
fn confined_bands_see_no_other_rows() {
    let band = BandSpec {
        rows: 16..32,
        confined: true,
        ..spec(Profile::Fast, SampleLayout::Yuv420, 40, 48)
    };
    let source = picture(band.layout, 40, 48, 1);
    let last = picture(band.layout, 40, 48, 0);
    let mut other = Picture::new(band.layout, 40, 48);
    let kept = rows(&band, &mut last.clone());
    put(&band, &mut other, &kept);
    let coded = |last: &Picture| {
        let mut target = kept.clone();
        let mut slice = Vec::new();
        let drawn = Drawn { picture: last, memory: Some(last) };
        let references = References { last: Some(last), before: None, predicted: Some(drawn) };
        BandCoder::new(band.clone()).encode(
            &source,
            references,
            &mut slices(&mut target),
            &mut slice,
        );
        slice
    };
    assert_eq!(coded(&last), coded(&other));
}

#[test]
fn rubbish_ends_without_a_panic() {
    let mut random = Random(7);
    let mut refused = 0;
    for round in 0..60 {
        let spec = spec(Profile::ALL[round % 3], LAYOUTS[round % 5], 37, 21);
        let spec = BandSpec { max_error: [0, 2, 16][round / 3 % 3], ..spec };
        let mut decoder = BandCoder::new(spec.clone());
        let mut last = picture(spec.layout, 37, 21, round);
        let before = picture(spec.layout, 37, 21, round + 3);
        let mut got = rows(&spec, &mut last);
        for _ in 0..3 {
            let length = random.next() as usize % 900;
            let slice: Vec<u8> = (0..length).map(|_| (random.next() & 255) as u8).collect();
            let references = References {
                last: Some(&last),
                before: Some(&before),
                predicted: (round % 2 == 0).then_some(Drawn {
                    picture: &before,
                    memory: (round % 4 == 0).then_some(&before),
                }),
            };
            let ended = decoder.decode(&slice, references, &mut slices(&mut got));
            refused += usize::from(ended == Err(Damaged));
        }
    }
    assert!(refused > 150, "{refused} of 180 refused");
}

/// Two bands of unequal height decoded in turn are those decoded one after the other, also when
/// one's bytes are rubbish.
#[test]
fn two_bands_at_once_are_as_one_by_one() {
    for (profile, layout, max_error) in [
        (Profile::Light, SampleLayout::Yuv420, 0),
        (Profile::Fast, SampleLayout::Yuv444, 0),
        (Profile::Fast, SampleLayout::Grey, 2),
        (Profile::Strong, SampleLayout::Yuv420, 0),
    ] {
        for rubbish in [false, true] {
            let whole = BandSpec { max_error, ..spec(profile, layout, 61, 53) };
            let specs = [0..32, 32..53].map(|rows| BandSpec { rows, ..whole.clone() });
            let mut encoders = specs.clone().map(BandCoder::new);
            let mut apart = specs.clone().map(BandCoder::new);
            let [mut one, mut two] = specs.clone().map(BandCoder::new);
            let mut history: Vec<Picture> = Vec::new();
            for t in 0..5 {
                let mut source = picture(layout, 61, 53, t);
                // The first band is refreshed after a prediction, whose statistics the other keeps.
                if t == 2 {
                    for band in [&mut encoders[0], &mut apart[0], &mut one] {
                        band.reset();
                    }
                }
                let expected = picture(layout, 61, 53, t + 1);
                let references = References {
                    last: history.last(),
                    before: history.len().checked_sub(2).and_then(|i| history.get(i)),
                    predicted: (t == 1 || t == 4).then_some(Drawn {
                        picture: &expected,
                        memory: (t == 1).then_some(&expected),
                    }),
                };
                let made: [_; 2] = std::array::from_fn(|i| {
                    let mut made = rows(&specs[i], &mut source);
                    let mut slice = Vec::new();
                    let mut target = slices(&mut made);
                    encoders[i].encode(&source, references, &mut target, &mut slice);
                    if rubbish && i == 1 {
                        slice.reverse();
                    }
                    (made, slice)
                });
                let mut got: [_; 2] = std::array::from_fn(|i| rows(&specs[i], &mut source));
                let mut turn = got.clone();
                let ended: [_; 2] = std::array::from_fn(|i| {
                    apart[i].decode(&made[i].1, references, &mut slices(&mut got[i]))
                });
                let [turn_a, turn_b] = &mut turn;
                let both = BandCoder::decode_two(
                    [&mut one, &mut two],
                    [&made[0].1, &made[1].1],
                    [references; 2],
                    [&mut slices(turn_a), &mut slices(turn_b)],
                );
                assert_eq!(both, ended, "{profile:?} frame {t}");
                assert!(turn == got && turn[0] == made[0].0, "{profile:?} frame {t}");
                assert_eq!(turn[1] == made[1].0, !rubbish, "{profile:?} frame {t}");
                for (spec, (made, _)) in specs.iter().zip(&made) {
                    put(spec, &mut source, made);
                }
                history.push(source);
            }
        }
    }
}
