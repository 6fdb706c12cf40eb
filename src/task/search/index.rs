//! An index on disk, mapped into memory and read.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::IndexError;
use super::codes::Coded;
use super::entry::{Entry, Record};
use super::layout::{About, BLOCK, HEADER, Layout, MAX_ENTRIES, RECORD, checksum, decode};
use super::mapping::Mapping;
use super::rank::{Hit, Wish};
use super::scan::{Query, Searcher};

/// How long a record takes at most to be written whole.
const SETTLE: Duration = Duration::from_millis(5);

/// An index that is open for searching; it sees the entries that were there when it was opened.
#[derive(Debug)]
pub struct Index {
    path: PathBuf,
    about: About,
    layout: Layout,
    file: File,
    bytes: Mapping,
    len: usize,
    /// Entries behind the last sound one that were there once.
    damaged: usize,
}

impl Index {
    /// Opens the index at `path`. An entry that was being written is not seen, nor are damaged ones at
    /// the end, which [`Index::damaged_end`] counts.
    ///
    /// # Errors
    /// [`IndexError`] when it cannot be read or is damaged.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        let io = |cause| IndexError::Io { action: "read the index", path: path.to_owned(), cause };
        let damaged = |reason| IndexError::Damaged { path: path.to_owned(), reason };
        let mut file = File::open(path).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        let mut header = Vec::with_capacity(HEADER);
        file.by_ref().take(HEADER as u64).read_to_end(&mut header).map_err(io)?;
        let about = decode(&header).map_err(damaged)?;
        let layout = Layout::new(&about).map_err(damaged)?;
        let size = usize::try_from(size).map_err(|_| damaged("it is too large".to_owned()))?;
        let blocks = size.saturating_sub(HEADER) / layout.block();
        if blocks > MAX_ENTRIES / BLOCK {
            return Err(damaged(format!("it claims more than {MAX_ENTRIES} entries")));
        }
        let bytes = Mapping::new(&file, layout.start(blocks)).map_err(io)?;
        let (path, len) = (path.to_owned(), blocks * BLOCK);
        let mut index = Self { path, about, layout, file, bytes, len, damaged: 0 };
        (index.len, index.damaged) = index.count(blocks);
        if index.damaged > 0 {
            // A record that is being written at this moment looks like that too.
            std::thread::sleep(SETTLE);
            (index.len, index.damaged) = index.count(blocks);
        }
        Ok(index)
    }

    /// Entries up to the last sound one, and how many behind it have a record that is not true: a
    /// killed writer leaves none, since a record is written last.
    fn count(&self, blocks: usize) -> (usize, usize) {
        let mut damaged = 0;
        for at in (0..blocks * BLOCK).rev() {
            if self.sound(at) {
                // Everything before is there too, or reported when it is needed.
                return (at + 1, damaged);
            }
            damaged += usize::from(self.record(at).is_some());
        }
        (0, damaged)
    }

    /// Damaged entries at the end, which are not among the [`Index::len`] ones.
    #[must_use]
    pub const fn damaged_end(&self) -> usize {
        self.damaged
    }

    /// What is to be said of [`Index::damaged_end`].
    pub(super) fn end_damage(&self, step: &str) -> IndexError {
        let (damaged, sound) = (self.damaged, self.len);
        let reason = format!(
            "{damaged} entries at its end are damaged (checksum), behind {sound} others; {step}"
        );
        IndexError::Damaged { path: self.path.clone(), reason }
    }

    /// Blocks of the file.
    pub(super) fn blocks(&self) -> usize {
        self.bytes.len().saturating_sub(HEADER) / self.layout.block()
    }

    /// Number of entries.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// True without entries.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What the index holds.
    #[must_use]
    pub const fn about(&self) -> &About {
        &self.about
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) const fn layout(&self) -> Layout {
        self.layout
    }

    /// `len` bytes of block `block` from `offset` on.
    pub(super) fn part(&self, block: usize, offset: usize, len: usize) -> &[u8] {
        let start = self.layout.start(block) + offset;
        self.bytes.get(start..start + len).unwrap_or_default()
    }

    /// The bytes of one entry's part that begins at `offset` of a block and has `each` an entry.
    fn piece(&self, at: usize, offset: usize, each: usize) -> &[u8] {
        self.part(at / BLOCK, offset + at % BLOCK * each, each)
    }

    /// True when entry `at` is there and its checksum holds.
    pub(super) fn sound(&self, at: usize) -> bool {
        let record = self.piece(at, self.layout.records(), RECORD);
        let Some(found) = Record::read(record) else { return false };
        let sum = checksum(&[
            record.get(8..).unwrap_or_default(),
            self.piece(at, 0, 4),
            self.piece(at, self.layout.lengths(), 4),
            self.piece(at, self.layout.codes(), self.layout.stride),
            self.piece(at, self.layout.vectors(), 4 * self.layout.dimension),
            self.piece(at, self.layout.texts(), self.layout.text),
        ]);
        sum == found.crc && found.text as usize <= self.layout.text
    }

    /// The record of entry `at`; none where it is not there.
    pub(super) fn record(&self, at: usize) -> Option<Record> {
        Record::read(self.piece(at, self.layout.records(), RECORD))
    }

    /// Entry `at`.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] when its checksum does not hold.
    pub fn entry(&self, at: usize) -> Result<Entry, IndexError> {
        match self.record(at) {
            Some(record) if at < self.len && self.sound(at) => {
                Ok(record.entry(self.piece(at, self.layout.texts(), self.layout.text)))
            }
            _ => Err(self.damage(at)),
        }
    }

    /// The vector of entry `at` as it lies in the file.
    fn vector_bytes(&self, at: usize) -> &[u8] {
        self.piece(at, self.layout.vectors(), 4 * self.layout.dimension)
    }

    /// Copies the vector of entry `at` as it lies in the file. Few are looked at, each in a page of
    /// its own: reading one costs less than having its page mapped.
    pub(super) fn read_vector(&self, at: usize, into: &mut Vec<u8>) {
        into.resize(4 * self.layout.dimension, 0);
        #[cfg(unix)]
        {
            use std::os::unix::fs::FileExt as _;
            let offset = self.layout.vectors() + at % BLOCK * into.len();
            let offset = self.layout.start(at / BLOCK) + offset;
            if self.file.read_exact_at(into, offset as u64).is_ok() {
                return;
            }
        }
        into.clear();
        into.extend_from_slice(self.vector_bytes(at));
    }

    /// The stored vector of entry `at`: of unit length where the metric is cosine.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] when its checksum does not hold.
    pub fn vector(&self, at: usize) -> Result<Vec<f32>, IndexError> {
        if at >= self.len || !self.sound(at) {
            return Err(self.damage(at));
        }
        let numbers = self.vector_bytes(at).as_chunks::<4>().0;
        Ok(numbers.iter().map(|b| f32::from_le_bytes(*b)).collect())
    }

    pub(super) fn damage(&self, at: usize) -> IndexError {
        IndexError::Damaged {
            path: self.path.clone(),
            reason: format!(
                "entry {at} of {} is damaged (checksum); index the recording again",
                self.len
            ),
        }
    }

    /// The codes a search scans, block by block.
    pub fn codes(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len.div_ceil(BLOCK)).map(|block| {
            let count = (self.len - block * BLOCK).min(BLOCK);
            self.part(block, self.layout.codes(), count * self.layout.stride)
        })
    }

    /// Checks every entry.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] with the first entry whose checksum does not hold, or the number of
    /// those at the end.
    pub fn verify(&self) -> Result<(), IndexError> {
        match (0..self.len).find(|&at| !self.sound(at)) {
            Some(at) => Err(self.damage(at)),
            None if self.damaged > 0 => Err(self.end_damage("index their recording again")),
            None => Ok(()),
        }
    }

    /// The entries nearest to `vector`, best first: the same as if every stored vector were scored,
    /// equal scores in the order of recordings and time, then of entries.
    ///
    /// # Errors
    /// [`IndexError`] when the vector has another dimension or no finite numbers, or a result is
    /// damaged.
    pub fn search(&self, vector: &[f32], wish: &Wish) -> Result<Vec<Hit>, IndexError> {
        let (dimension, stride) = (self.layout.dimension, self.layout.stride);
        let coded = Coded::new(vector, dimension, stride, self.about.metric)?;
        Searcher::new(self, &Query::new(coded)).search(wish)
    }
}
