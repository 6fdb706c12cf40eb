//! One entry of an index, and its record in the file.

use std::time::Duration;

use super::layout::{RECORD, long, word};

/// First bytes of a record that is in use.
const MARK: u32 = u32::from_le_bytes(*b"ENTR");
/// The item of an entry that stands for itself only.
const OWN: u64 = u64::MAX;

/// What is put into an index.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewEntry<'a> {
    /// Which of the recordings of the index it is from, from 0 on: time, frame numbers and items mean
    /// something within one only. See [`IndexWriter::recording`](super::IndexWriter::recording).
    pub recording: u32,
    /// Number of the frame in its source, or of the sentence.
    pub seq: u64,
    /// Time since the start of the recording or stream.
    pub time: Duration,
    /// Entries of one item of a recording are one result, for example all sentences about one picture.
    pub item: Option<u64>,
    /// A sentence.
    pub text: &'a str,
}

/// What an index says about an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which of the recordings of the index it is from, from 0 on.
    pub recording: u32,
    /// Number of the frame in its source, or of the sentence.
    pub seq: u64,
    /// Time since the start of the recording or stream.
    pub time: Duration,
    /// Entries of one item of a recording are one result.
    pub item: Option<u64>,
    /// A sentence; empty where the index has none.
    pub text: String,
}

/// A record as it lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) crc: u32,
    pub(super) seq: u64,
    pub(super) nanos: u64,
    pub(super) item: u64,
    pub(super) text: u32,
    /// 0 in files from before it was kept, which is the first one.
    pub(super) recording: u32,
}

impl Record {
    /// The record of `entry`, without its checksum.
    pub(super) fn new(entry: &NewEntry<'_>, text: u32) -> Self {
        Self {
            crc: 0,
            seq: entry.seq,
            nanos: u64::try_from(entry.time.as_nanos()).unwrap_or(u64::MAX),
            item: entry.item.unwrap_or(OWN),
            text,
            recording: entry.recording,
        }
    }

    pub(super) fn bytes(&self) -> [u8; RECORD] {
        let mut bytes = [0; RECORD];
        let fields: [&[u8]; 7] = [
            &MARK.to_le_bytes(),
            &self.crc.to_le_bytes(),
            &self.seq.to_le_bytes(),
            &self.nanos.to_le_bytes(),
            &self.item.to_le_bytes(),
            &self.text.to_le_bytes(),
            &self.recording.to_le_bytes(),
        ];
        for (to, from) in bytes.iter_mut().zip(fields.concat()) {
            *to = from;
        }
        bytes
    }

    /// The record in `bytes`; none where nothing was written.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        (word(bytes, 0) == MARK).then(|| Self {
            crc: word(bytes, 4),
            seq: long(bytes, 8),
            nanos: long(bytes, 16),
            item: long(bytes, 24),
            text: word(bytes, 32),
            recording: word(bytes, 36),
        })
    }

    pub(super) fn entry(&self, text: &[u8]) -> Entry {
        let text = text.get(..self.text as usize).unwrap_or(text);
        Entry {
            recording: self.recording,
            seq: self.seq,
            time: Duration::from_nanos(self.nanos),
            item: (self.item != OWN).then_some(self.item),
            text: String::from_utf8_lossy(text).into_owned(),
        }
    }
}

impl Entry {
    /// Name of its picture in the folder of the index, so that no recording's replaces another's.
    #[must_use]
    pub fn thumbnail(&self) -> String {
        thumbnail(self.recording, self.seq)
    }
}

impl NewEntry<'_> {
    /// As [`Entry::thumbnail`].
    #[must_use]
    pub fn thumbnail(&self) -> String {
        thumbnail(self.recording, self.seq)
    }
}

fn thumbnail(recording: u32, seq: u64) -> String {
    match recording {
        0 => format!("{seq:08}.png"),
        n => format!("{n:04}-{seq:08}.png"),
    }
}
