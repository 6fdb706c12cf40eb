//! Where everything lies in an index file.
//!
//! A header of 4096 bytes, then blocks of 256 entries. A block holds what the scan reads side by
//! side: scales and lengths, then codes; behind them what only results need: records, vectors and
//! texts. Numbers are little-endian. Blocks are added whole (sparse), entries one at a time; an
//! entry counts once its record, written last, is there and its checksum holds.

use serde::{Deserialize, Serialize};

use super::dot::ALIGNMENT;

/// Bytes before the first block.
pub(super) const HEADER: usize = 4096;
/// Entries of a block.
pub(super) const BLOCK: usize = 256;
/// Bytes of a record.
pub(super) const RECORD: usize = 48;
/// The longest vectors.
pub(super) const MAX_DIMENSION: usize = 4096;
/// The longest text of an entry.
pub(super) const MAX_TEXT: usize = 1024;
/// Most entries: what a mapping of a sane size holds.
pub(super) const MAX_ENTRIES: usize = 1 << 28;
/// First bytes of the file.
const MAGIC: &[u8; 8] = b"FCINDEX\n";
/// Version of the format.
const VERSION: u32 = 1;
/// Longest description in the header.
const MAX_ABOUT: usize = HEADER - 4 - 64;

/// How vectors are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Inner product of vectors of unit length, -1 to 1: vectors are stored at unit length.
    #[default]
    Cosine,
    /// Inner product of the vectors as the model gives them.
    Dot,
}

impl std::str::FromStr for Metric {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "cosine" => Ok(Self::Cosine),
            "dot" => Ok(Self::Dot),
            _ => Err(format!("{text:?} is no way to compare; cosine and dot are")),
        }
    }
}

/// What an index holds, written once into its header.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Numbers of a vector.
    pub dimension: usize,
    /// How they are compared.
    pub metric: Metric,
    /// Bytes kept for the text of an entry; 0 when entries have none.
    #[serde(default)]
    pub text: usize,
    /// SHA-256 of the model that made the vectors.
    #[serde(default)]
    pub model_sha256: String,
    /// Name of that model.
    #[serde(default)]
    pub model: String,
    /// The space its vectors lie in; models of one space may be compared.
    #[serde(default)]
    pub space: String,
    /// What was indexed.
    #[serde(default)]
    pub source: String,
    /// Folder with a picture of each entry, relative to the index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnails: Option<String>,
}

/// Sizes and offsets that follow from [`About`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) dimension: usize,
    /// Codes of an entry, filled up.
    pub(super) stride: usize,
    pub(super) text: usize,
}

impl Layout {
    /// The layout for `about`; what is out of range, in words.
    pub(super) fn new(about: &About) -> Result<Self, String> {
        if !(1..=MAX_DIMENSION).contains(&about.dimension) {
            return Err(format!("dimension {} is outside 1..={MAX_DIMENSION}", about.dimension));
        }
        if about.text > MAX_TEXT || !about.text.is_multiple_of(16) {
            let text = about.text;
            return Err(format!("{text} bytes of text are no multiple of 16 up to {MAX_TEXT}"));
        }
        let stride = about.dimension.next_multiple_of(ALIGNMENT);
        Ok(Self { dimension: about.dimension, stride, text: about.text })
    }

    /// Offset of the lengths in a block, behind a scale for each entry.
    pub(super) const fn lengths(self) -> usize {
        4 * BLOCK
    }

    /// Offset of the codes in a block.
    pub(super) const fn codes(self) -> usize {
        8 * BLOCK
    }

    /// Offset of the records in a block.
    pub(super) const fn records(self) -> usize {
        self.codes() + BLOCK * self.stride
    }

    /// Offset of the vectors in a block.
    pub(super) const fn vectors(self) -> usize {
        self.records() + BLOCK * RECORD
    }

    /// Offset of the texts in a block.
    pub(super) const fn texts(self) -> usize {
        self.vectors() + BLOCK * self.dimension * 4
    }

    /// Bytes of a block.
    pub(super) const fn block(self) -> usize {
        self.texts() + BLOCK * self.text
    }

    /// Offset of block `index` in the file.
    pub(super) const fn start(self, index: usize) -> usize {
        HEADER + index * self.block()
    }
}

/// The header of an index about `about`; what does not fit, in words.
pub(super) fn encode(about: &About) -> Result<Vec<u8>, String> {
    Layout::new(about)?;
    let text = serde_json::to_string(about).map_err(|e| e.to_string())?;
    if text.len() > MAX_ABOUT {
        return Err(format!("names of {} bytes; {MAX_ABOUT} fit the header", text.len()));
    }
    let mut header = vec![0; HEADER];
    let fields: [&[u8]; 3] =
        [MAGIC, &VERSION.to_le_bytes(), &u32::try_from(text.len()).unwrap_or(0).to_le_bytes()];
    let start = fields.concat();
    for (to, from) in header.iter_mut().zip(&start) {
        *to = *from;
    }
    for (to, from) in header.iter_mut().skip(64).zip(text.as_bytes()) {
        *to = *from;
    }
    let sum = checksum(&[header.get(..HEADER - 4).unwrap_or_default()]);
    for (to, from) in header.iter_mut().skip(HEADER - 4).zip(sum.to_le_bytes()) {
        *to = from;
    }
    Ok(header)
}

/// Reads a header; what is wrong, in words.
pub(super) fn decode(header: &[u8]) -> Result<About, String> {
    if header.get(..8) != Some(MAGIC) {
        return Err("it is no index of framecast; make one with framecast index".to_owned());
    }
    let version = word(header, 8);
    if version != VERSION {
        return Err(format!("its format is version {version}; this program reads {VERSION}"));
    }
    if header.len() < HEADER {
        return Err("its header is cut short".to_owned());
    }
    let sum = checksum(&[header.get(..HEADER - 4).unwrap_or_default()]);
    if sum != word(header, HEADER - 4) {
        return Err("its header is damaged (checksum)".to_owned());
    }
    let length = word(header, 12) as usize;
    if length > MAX_ABOUT {
        return Err(format!("its description claims {length} bytes of {MAX_ABOUT}"));
    }
    let text = header.get(64..64 + length).unwrap_or_default();
    let about: About =
        serde_json::from_slice(text).map_err(|e| format!("its description is damaged: {e}"))?;
    Layout::new(&about)?;
    Ok(about)
}

/// CRC-32 over the parts, one after the other.
pub(super) fn checksum(parts: &[&[u8]]) -> u32 {
    let mut crc = flate2::Crc::new();
    parts.iter().for_each(|part| crc.update(part));
    crc.sum()
}

/// The little-endian number at `at`; 0 behind the end.
pub(super) fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b))
}

/// The little-endian number at `at`; 0 behind the end.
pub(super) fn long(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u64::from_le_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About {
        About { dimension: 100, text: 32, space: "s".into(), ..About::default() }
    }

    #[test]
    fn headers_survive_and_damage_is_named() {
        let bytes = encode(&about()).unwrap();
        assert_eq!(bytes.len(), HEADER);
        assert_eq!(decode(&bytes).unwrap(), about());
        let damaged = |at: usize| {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            decode(&bytes).unwrap_err()
        };
        assert!(damaged(0).contains("no index"));
        assert!(damaged(8).contains("version 0"));
        assert!(damaged(70).contains("checksum"));
        assert!(decode(&bytes[..100]).unwrap_err().contains("cut short"));
        assert!(decode(&[]).unwrap_err().contains("no index"));
    }

    #[test]
    fn sizes_are_limited_before_anything_is_allocated() {
        let of = |dimension, text| Layout::new(&About { dimension, text, ..About::default() });
        assert!(of(0, 0).unwrap_err().contains("dimension 0"));
        assert!(of(5000, 0).unwrap_err().contains("5000"));
        assert!(of(8, 17).unwrap_err().contains("17 bytes"));
        let layout = of(100, 32).unwrap();
        assert_eq!(layout.stride, 128);
        for offset in [layout.codes(), layout.records(), layout.vectors(), layout.texts()] {
            assert_eq!(offset % 64, 0);
        }
        assert_eq!(layout.block() % 64, 0);
    }
}
