//! Handwritten digits with their classes (IDX files).
#![warn(clippy::indexing_slicing)]

use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::data::moving_mnist::Digits;
use crate::data::{limited, place};

/// `0 0`, unsigned bytes, one dimension.
const MAGIC: [u8; 4] = [0, 0, 8, 1];
/// The most bytes that are read, packed or not: 600,000 classes behind the header.
const LARGEST: u64 = 600_008;

/// Where digits are and how they are split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DigitFiles {
    /// The pictures, plain or gzipped.
    pub pictures: String,
    /// Their classes.
    pub classes: String,
    /// The first so many are learned from or held out, the others tested.
    pub train: usize,
    /// The last so many of these are held out to choose the checkpoint.
    pub hold_out: usize,
}

impl Default for DigitFiles {
    fn default() -> Self {
        Self {
            pictures: "data:mnist/t10k-images-idx3-ubyte.gz".to_owned(),
            classes: "data:mnist/t10k-labels-idx1-ubyte.gz".to_owned(),
            train: 8_000,
            hold_out: 800,
        }
    }
}

/// Pictures of one part, values 0..=1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// One after the other.
    pub pixels: Vec<f32>,
    /// One a picture.
    pub classes: Vec<usize>,
}

/// All parts.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledDigits {
    /// `[lines, columns]`.
    pub size: [usize; 2],
    /// Learned from.
    pub fit: Part,
    /// Held out.
    pub hold_out: Part,
    /// Tested.
    pub test: Part,
}

impl Part {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// True without any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// The pixels of the pictures `which`, `each` pixels large.
    pub fn pick(&self, which: impl Iterator<Item = usize>, each: usize) -> Vec<f32> {
        let of = |at: usize| self.pixels.get(at * each..(at + 1) * each).unwrap_or_default();
        which.flat_map(of).copied().collect()
    }
}

impl LabelledDigits {
    /// Reads and splits.
    ///
    /// # Errors
    /// [`TrainError::Data`] naming the file.
    pub fn read(files: &DigitFiles) -> Result<Self, TrainError> {
        let fail = |uri: &str| {
            let uri = uri.to_owned();
            move |reason: String| TrainError::Data { uri, reason }
        };
        let digits = Digits::read(Path::new(&place(&files.pictures)));
        let digits = digits.map_err(fail(&files.pictures))?;
        let classes = classes(Path::new(&place(&files.classes))).map_err(fail(&files.classes))?;
        let (count, (width, height)) = (digits.len(), digits.size());
        if classes.len() != count {
            let reason = format!("{} classes for {count} pictures", classes.len());
            return Err(fail(&files.classes)(reason));
        }
        if files.train >= count || files.hold_out == 0 || files.hold_out >= files.train {
            return Err(fail(&files.pictures)(format!(
                "of {count} pictures train = {} and, of these, hold_out = {} leave nothing to \
                 test, hold out or learn from",
                files.train, files.hold_out
            )));
        }
        let part = |which: std::ops::Range<usize>| Part {
            pixels: which
                .clone()
                .flat_map(|at| digits.picture(at).iter().map(|&v| f32::from(v) / 255.0))
                .collect(),
            classes: classes.get(which).unwrap_or_default().to_vec(),
        };
        let learned = files.train - files.hold_out;
        Ok(Self {
            size: [height, width],
            fit: part(0..learned),
            hold_out: part(learned..files.train),
            test: part(files.train..count),
        })
    }

    /// Pixels of a picture.
    #[must_use]
    pub const fn pixels(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// What they are, for the provenance.
    #[must_use]
    pub fn about(&self, files: &DigitFiles) -> String {
        format!(
            "{}: {} pictures learned from, {} held out, {} tested",
            files.pictures,
            self.fit.len(),
            self.hold_out.len(),
            self.test.len()
        )
    }
}

/// The classes of an IDX file.
fn classes(path: &Path) -> Result<Vec<usize>, String> {
    let mut bytes = limited::file(path, LARGEST)?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        bytes = limited::bytes(MultiGzDecoder::new(bytes.as_slice()), LARGEST)?;
    }
    let Some((head, classes)) = bytes.split_first_chunk::<8>() else {
        return Err("is shorter than the 8 bytes of an IDX header".to_owned());
    };
    let (magic, count) = head.split_at(4);
    if magic != MAGIC {
        return Err(format!("begins with {magic:?}; an IDX file of classes with {MAGIC:?}"));
    }
    let count = count.iter().fold(0_usize, |n, &b| n << 8 | usize::from(b));
    if count != classes.len() {
        return Err(format!("announces {count} classes and holds {}", classes.len()));
    }
    match classes.iter().find(|c| **c > 9) {
        Some(class) => Err(format!("holds class {class}; digits are 0 to 9")),
        None => Ok(classes.iter().map(|&c| usize::from(c)).collect()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Files of `count` pictures of 28x28, of class `i % 10` with a bright square at the class's
    /// place, and some noise.
    pub(crate) fn made(folder: &Path, count: usize) -> DigitFiles {
        use rand::{RngExt as _, SeedableRng as _};
        let mut random = rand_pcg::Pcg64::seed_from_u64(5);
        let be = |n: usize| (n as u32).to_be_bytes();
        let mut pictures = [[0, 0, 8, 3], be(count), be(28), be(28)].concat();
        let mut classes = [[0, 0, 8, 1], be(count)].concat();
        for at in 0..count {
            let class = at % 10;
            classes.push(class as u8);
            for pixel in 0..784 {
                let (y, x) = (pixel / 28, pixel % 28);
                let inside = y / 9 == class / 4 && x / 7 == class % 4;
                pictures.push(if inside { 200 } else { 0 } + random.random_range(0..50));
            }
        }
        let files = DigitFiles {
            pictures: folder.join("pictures").display().to_string(),
            classes: folder.join("classes").display().to_string(),
            train: count - count / 5,
            hold_out: count / 5,
        };
        std::fs::write(&files.pictures, pictures).unwrap();
        std::fs::write(&files.classes, classes).unwrap();
        files
    }

    #[test]
    fn digits_are_split_and_mistakes_named() {
        let folder = tempfile::tempdir().unwrap();
        let files = made(folder.path(), 50);
        let found = LabelledDigits::read(&files).unwrap();
        assert_eq!((found.fit.len(), found.hold_out.len(), found.test.len()), (30, 10, 10));
        assert_eq!(
            (found.size, found.test.classes[3], found.test.pixels.len()),
            ([28; 2], 3, 7840)
        );
        let said = |files: &DigitFiles| LabelledDigits::read(files).unwrap_err().to_string();
        assert!(said(&DigitFiles { train: 50, ..files.clone() }).contains("train = 50"));
        let mut bytes = std::fs::read(&files.classes).unwrap();
        bytes[9] = 77;
        std::fs::write(&files.classes, &bytes).unwrap();
        assert!(said(&files).contains("class 77"));
        std::fs::write(&files.classes, &bytes[..20]).unwrap();
        assert!(said(&files).contains("announces 50 classes and holds 12"));
    }

    #[cfg(unix)]
    #[test]
    fn classes_without_end_are_refused() {
        let error = classes(Path::new("/dev/zero")).unwrap_err();
        assert!(error.contains("limit"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("classes.gz");
        let mut pack = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut pack, &vec![0; 4 << 20]).unwrap();
        std::fs::write(&file, pack.finish().unwrap()).unwrap();
        let error = classes(&file).unwrap_err();
        assert!(error.contains("limit"), "{error}");
    }
}
