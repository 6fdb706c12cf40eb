//! Near-duplicates between sets of data: the same picture at another size, coding or place, by which
//! a test would be scored on what training saw.
//!
//! Each frame leaves a difference hash of 256 bits (is a cell of a 17x16 grid brighter than its
//! left neighbour?; after Krawetz, 2013), which survives scaling and coding. Frames without contrast
//! leave none, since they resemble each other.

use framecast::frame::Size;
use framecast::vision::motion::luma;
use framecast::vision::{RgbImage, resize};
use serde::Serialize;

/// Bits of a hash.
pub const BITS: u32 = 256;
/// Two frames are near-duplicates when at most this many bits differ.
pub const NEAR: u32 = 26;
const WIDTH: u32 = 17;
const HEIGHT: u32 = 16;
/// The mean difference of neighbouring cells, in levels, below which a frame has no contrast.
const CONTRAST: f64 = 1.0;
/// The most frames of a place that are kept: every n-th, with n doubled whenever there are more.
const MOST: usize = 1 << 14;

/// A difference hash.
type Hash = [u64; 4];

/// The hashes of a place.
#[derive(Clone, Debug)]
pub(super) struct Signatures {
    every: u64,
    seen: u64,
    flat: u64,
    plane: Vec<u8>,
    kept: Vec<(Position, Hash)>,
}

/// A frame of a place, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Position {
    /// The sequence; 0 for a clip.
    pub sequence: u64,
    /// The frame of the sequence.
    pub frame: u64,
}

impl Default for Signatures {
    fn default() -> Self {
        Self { every: 1, seen: 0, flat: 0, plane: Vec::new(), kept: Vec::new() }
    }
}

impl Signatures {
    /// Takes the frame at `position` in, perhaps.
    pub(super) fn offer(&mut self, picture: &RgbImage, position: Position) {
        let wanted = self.seen.is_multiple_of(self.every);
        self.seen += 1;
        if !wanted {
            return;
        }
        let Some(hash) = hash(picture, &mut self.plane) else {
            self.flat += 1;
            return;
        };
        if self.kept.len() == MOST {
            let mut at = 0;
            self.kept.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            self.every *= 2;
        }
        self.kept.push((position, hash));
    }
}

/// `None` without contrast, or when the picture is too small.
fn hash(picture: &RgbImage, plane: &mut Vec<u8>) -> Option<Hash> {
    let mut small = RgbImage::new(Size::new(WIDTH, HEIGHT));
    resize::area(picture, &mut small).ok()?;
    luma(&small, plane);
    let mut hash = [0u64; 4];
    let (mut bit, mut differences) = (0usize, 0u64);
    for line in plane.chunks_exact(WIDTH as usize) {
        for pair in line.windows(2) {
            let &[left, right] = pair else { continue };
            differences += u64::from(left.abs_diff(right));
            if right > left {
                *hash.get_mut(bit / 64)? |= 1 << (bit % 64);
            }
            bit += 1;
        }
    }
    (differences as f64 >= CONTRAST * f64::from(BITS)).then_some(hash)
}

fn distance(a: &Hash, b: &Hash) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

/// What two places have in common.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Duplicates {
    /// One place.
    pub a: String,
    /// The other.
    pub b: String,
    /// Frames compared of each; frames without contrast are left out.
    pub compared: [u64; 2],
    /// Frames of the first with a near-duplicate in the second.
    pub near: u64,
    /// Sequences of the first that hold such a frame.
    pub sequences: u64,
    /// Bits of [`BITS`] that differ between the two most similar frames.
    pub closest: Option<u32>,
    /// The closest pairs, at most one a sequence of the first, the closest first.
    pub pairs: Vec<Pair>,
}

/// Two similar frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// Bits that differ.
    pub distance: u32,
    /// Where in the first place.
    pub a: Position,
    /// Where in the second place.
    pub b: Position,
}

/// The most pairs that are told.
const PAIRS: usize = 10;

/// Compares two places.
pub(super) fn compare(a: (&str, &Signatures), b: (&str, &Signatures)) -> Duplicates {
    let mut found = Duplicates {
        a: a.0.to_owned(),
        b: b.0.to_owned(),
        compared: [a.1.kept.len() as u64, b.1.kept.len() as u64],
        near: 0,
        sequences: 0,
        closest: None,
        pairs: Vec::new(),
    };
    for (position, hash) in &a.1.kept {
        let other = b.1.kept.iter().map(|(p, other)| (distance(hash, other), *p));
        let Some((distance, other)) = other.min_by_key(|(distance, _)| *distance) else { break };
        found.closest = Some(found.closest.map_or(distance, |c| c.min(distance)));
        if distance > NEAR {
            continue;
        }
        found.near += 1;
        let pair = Pair { distance, a: *position, b: other };
        match found.pairs.last_mut() {
            Some(last) if last.a.sequence == position.sequence => {
                if distance < last.distance {
                    *last = pair;
                }
            }
            _ => found.pairs.push(pair),
        }
    }
    found.sequences = found.pairs.len() as u64;
    found.pairs.sort_by_key(|pair| pair.distance);
    found.pairs.truncate(PAIRS);
    found
}

impl Duplicates {
    /// What was found, in lines; nothing when the places have nothing in common.
    #[must_use]
    pub fn text(&self) -> String {
        let [a, b] = self.compared;
        let closest = self.closest.map_or("-".to_owned(), |c| c.to_string());
        let mut text = format!(
            "{} of {a} frames of {} resemble one of {b} of {} (in {} sequences; closest {closest} of \
             {BITS} bits)\n",
            self.near, self.a, self.b, self.sequences
        );
        for Pair { distance, a, b } in &self.pairs {
            text.push_str(&format!(
                "  {distance:>3} bits  sequence {} frame {}  -  sequence {} frame {}\n",
                a.sequence, a.frame, b.sequence, b.frame
            ));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use framecast::frame::Rational;
    use framecast::source::demo::Scene;

    use super::*;

    fn flight(seed: u64, size: Size, frames: u64) -> Signatures {
        let mut scene = Scene::new(seed, Size::new(320, 192), Rational::whole(30)).unwrap();
        let mut signatures = Signatures::default();
        let (mut picture, mut small) = (RgbImage::default(), RgbImage::new(size));
        for frame in 0..frames {
            scene.render(frame * 20, &mut picture);
            resize::area(&picture, &mut small).unwrap();
            signatures.offer(&small, Position { sequence: 0, frame });
        }
        signatures
    }

    #[test]
    fn another_size_is_the_same_and_another_scene_is_not() {
        let full = flight(1, Size::new(320, 192), 12);
        let half = compare(("full", &full), ("half", &flight(1, Size::new(160, 96), 12)));
        assert_eq!((half.near, half.compared, half.sequences), (12, [12, 12], 1), "{half:?}");
        assert_eq!(half.pairs[0].a, half.pairs[0].b);
        let other = compare(("full", &full), ("other", &flight(2, Size::new(160, 96), 12)));
        assert_eq!(other.near, 0, "{other:?}");
        assert!(other.closest.unwrap() > NEAR);
    }

    #[test]
    fn pictures_without_contrast_are_left_out() {
        let mut signatures = Signatures::default();
        signatures.offer(&RgbImage::new(Size::new(64, 64)), Position::default());
        assert_eq!((signatures.kept.len(), signatures.flat), (0, 1));
        let nothing = compare(("a", &signatures), ("b", &signatures));
        assert_eq!((nothing.near, nothing.closest), (0, None));
    }
}
