//! Reads handwritten digits from an IDX file (LeCun's format: magic, three big-endian sizes, one
//! byte a pixel), plain or gzipped.
#![warn(clippy::indexing_slicing)]

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

/// `0 0`, unsigned bytes, three dimensions.
const MAGIC: [u8; 4] = [0, 0, 8, 3];
const HEADER: usize = 16;
/// The most pictures, and the longest side, that are read: ten times MNIST.
const MOST_PICTURES: usize = 600_000;
const LONGEST_SIDE: usize = 256;
/// The most bytes of pixels.
const MOST_BYTES: usize = 1 << 29;

/// Grey pictures of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digits {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Digits {
    /// Reads the file.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what is expected. Sizes are checked before memory is
    /// taken, and no more is read than they announce.
    pub fn read(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|e| format!("cannot be opened: {e}"))?;
        let mut reader = BufReader::new(file);
        let mut magic = [0; 2];
        let begin = reader.read_exact(&mut magic);
        begin.map_err(|_| format!("is shorter than the {HEADER} bytes of an IDX header"))?;
        let whole = magic.chain(reader);
        if magic == [0x1f, 0x8b] {
            Self::parse(MultiGzDecoder::new(whole))
        } else {
            Self::parse(whole)
        }
    }

    /// Reads the bytes of an IDX file that is not compressed.
    ///
    /// # Errors
    /// As [`Digits::read`].
    pub fn parse(mut reader: impl Read) -> Result<Self, String> {
        let mut header = [0; HEADER];
        reader
            .read_exact(&mut header)
            .map_err(|e| format!("has no complete IDX header of {HEADER} bytes: {e}"))?;
        let (words, _) = header.as_chunks::<4>();
        let [magic, sizes @ ..] = words else { return Err("has no IDX header".to_owned()) };
        if *magic != MAGIC {
            return Err(format!(
                "begins with {magic:02x?}, but an IDX file of pictures (idx3-ubyte) with {MAGIC:02x?}; \
                 the labels (idx1-ubyte) hold no pictures"
            ));
        }
        let sizes: Vec<usize> =
            sizes.iter().map(|bytes| u32::from_be_bytes(*bytes) as usize).collect();
        let &[count, height, width] = sizes.as_slice() else {
            return Err("has no three sizes".to_owned());
        };
        for (what, value, most) in [
            ("pictures", count, MOST_PICTURES),
            ("lines a picture", height, LONGEST_SIDE),
            ("pixels a line", width, LONGEST_SIDE),
        ] {
            if !(1..=most).contains(&value) {
                return Err(format!("announces {value} {what}; 1 to {most} are allowed"));
            }
        }
        let bytes = count * height * width;
        if bytes > MOST_BYTES {
            return Err(format!("announces {bytes} bytes of pixels; {MOST_BYTES} are allowed"));
        }
        // Grows with what really comes: a short file that announces much takes little memory.
        let mut pixels = Vec::new();
        let read = reader.take(bytes as u64 + 1).read_to_end(&mut pixels);
        read.map_err(|e| format!("ends early, after {} of {bytes} pixels: {e}", pixels.len()))?;
        if pixels.len() != bytes {
            let more = if pixels.len() > bytes { "more than" } else { "only" };
            return Err(format!(
                "holds {more} {} bytes of pixels where {count} pictures of {width}x{height} are \
                 {bytes}; it may be cut, fetch it again",
                pixels.len().min(bytes)
            ));
        }
        Ok(Self { width, height, pixels })
    }

    /// Number of pictures.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pixels.len() / (self.width * self.height).max(1)
    }

    /// True without pictures.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    /// Width and height of the pictures.
    #[must_use]
    pub const fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Picture `at`, line by line; nothing beyond the last.
    #[must_use]
    pub fn picture(&self, at: usize) -> &[u8] {
        let len = self.width * self.height;
        self.pixels.get(at * len..(at + 1) * len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn bytes(sizes: [u32; 3], pixels: usize) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(sizes.iter().flat_map(|s| s.to_be_bytes()));
        bytes.extend((0..pixels).map(|i| i as u8));
        bytes
    }

    #[test]
    fn pictures_come_back_plain_and_gzipped() {
        let folder = tempfile::tempdir().unwrap();
        let plain = bytes([3, 2, 4], 24);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&plain).unwrap();
        for (name, bytes) in [("a.gz", encoder.finish().unwrap()), ("a", plain)] {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            let digits = Digits::read(&path).unwrap();
            assert_eq!((digits.len(), digits.size()), (3, (4, 2)));
            assert_eq!(digits.picture(1), [8, 9, 10, 11, 12, 13, 14, 15]);
            assert!(digits.picture(3).is_empty());
        }
    }

    #[test]
    fn hostile_files_are_refused_before_memory_is_taken() {
        let refused = |bytes: &[u8]| Digits::parse(bytes).unwrap_err();
        assert!(refused(&[0, 0, 8]).contains("header of 16 bytes"));
        assert!(refused(&[0, 0, 8, 1, 0, 0, 0, 9, 1, 1, 1, 1, 1, 1, 1, 1]).contains("idx1"));
        let huge = refused(&bytes([u32::MAX, 28, 28], 0));
        assert!(huge.contains("4294967295 pictures; 1 to 600000"), "{huge}");
        assert!(refused(&bytes([1, 0, 28], 0)).contains("0 lines a picture"));
        assert!(refused(&bytes([1, 28, 257], 0)).contains("257 pixels a line"));
        assert!(refused(&bytes([600_000, 256, 256], 0)).contains("are allowed"));
        assert!(refused(&bytes([2, 3, 3], 17)).contains("only 17 bytes"));
        assert!(refused(&bytes([2, 3, 3], 19)).contains("more than 18 bytes"));
    }

    #[test]
    fn a_damaged_archive_and_a_missing_file_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.gz");
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&bytes([9, 28, 28], 9 * 784)).unwrap();
        let whole = encoder.finish().unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let error = Digits::read(&path).unwrap_err();
        assert!(error.contains("early") || error.contains("header"), "{error}");
        assert!(Digits::read(&folder.path().join("none")).unwrap_err().contains("opened"));
    }
}
