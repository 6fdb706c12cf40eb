//! An index that grows: entries are appended one at a time, each complete or not there.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::task::LockedFile;

use super::IndexError;
use super::codes::Coded;
use super::entry::{NewEntry, Record};
use super::index::Index;
use super::layout::{About, BLOCK, Layout, MAX_ENTRIES, RECORD, checksum, encode};

/// Appends to an index. One writer at a time, held by a lock of the file; readers need none.
#[derive(Debug)]
pub struct IndexWriter {
    path: PathBuf,
    file: LockedFile,
    about: About,
    layout: Layout,
    len: usize,
    /// Blocks the file is long enough for.
    blocks: usize,
    /// The recording that what comes belongs to.
    recording: u32,
}

impl IndexWriter {
    /// Makes a new index.
    ///
    /// # Errors
    /// [`IndexError`] when `path` is there already or cannot be written.
    pub fn create(path: &Path, about: About) -> Result<Self, IndexError> {
        let io = |cause| failed("create", path, cause);
        let header = encode(&about).map_err(IndexError::Vector)?;
        let layout = Layout::new(&about).map_err(IndexError::Vector)?;
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path);
        let mut file = lock(file.map_err(io)?, path)?;
        file.write_all(&header).map_err(io)?;
        Ok(Self { path: path.to_owned(), file, about, layout, len: 0, blocks: 0, recording: 0 })
    }

    /// Goes on with the index at `path`, which must be for the same model and kind of entries. An
    /// entry that a killed writer left unfinished is written over.
    ///
    /// # Errors
    /// [`IndexError`] when it is another index, damaged at its end, or being written.
    pub fn append(path: &Path, about: &About) -> Result<Self, IndexError> {
        Self::open(path, about, false)
    }

    /// As [`IndexWriter::append`], but damaged entries at the end are given up and written over.
    ///
    /// # Errors
    /// [`IndexError`] when it is another index, or being written.
    pub fn append_after_damage(path: &Path, about: &About) -> Result<Self, IndexError> {
        Self::open(path, about, true)
    }

    fn open(path: &Path, about: &About, give_up: bool) -> Result<Self, IndexError> {
        let io = |cause| failed("open", path, cause);
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(io)?;
        Self::go_on(path, file, about, give_up)
    }

    fn go_on(path: &Path, file: File, about: &About, give_up: bool) -> Result<Self, IndexError> {
        let file = lock(file, path)?;
        let index = Index::open(path)?;
        let differs = |reason: String| Err(IndexError::Mismatch { path: path.to_owned(), reason });
        let own = index.about();
        if own.model_sha256 != about.model_sha256 || own.dimension != about.dimension {
            return differs(format!(
                "it was made with the model {:?} ({} numbers), not with {:?} ({}); use the same \
                 model or another file",
                own.model, own.dimension, about.model, about.dimension
            ));
        }
        if own.metric != about.metric || own.text != about.text {
            return differs("it compares vectors in another way, or has other texts".to_owned());
        }
        if index.damaged_end() > 0 && !give_up {
            return Err(index.end_damage(
                "keep a copy and give them up with --drop-damaged, or index the recordings again",
            ));
        }
        let (layout, len, blocks, about) =
            (index.layout(), index.len(), index.blocks(), own.clone());
        let last = len.checked_sub(1).and_then(|at| index.record(at));
        let recording = last.map_or(0, |last| last.recording.saturating_add(1));
        let path = path.to_owned();
        let mut writer = Self { path, file, about, layout, len, blocks, recording };
        // A record that is not true must not outlast what is written before it. The file is never
        // cut: readers have it in their memory.
        for at in (len..blocks * BLOCK).filter(|&at| index.record(at).is_some()) {
            writer.put(at, layout.records(), RECORD, &[0; RECORD])?;
        }
        Ok(writer)
    }

    /// The number of the recording that comes: 0 in a new index, one more than the last in one that
    /// is gone on with.
    #[must_use]
    pub const fn recording(&self) -> u32 {
        self.recording
    }

    /// Entries so far.
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

    /// Writes `bytes` to the part of entry `at` that begins at `offset` and has `each` an entry.
    fn put(
        &mut self,
        at: usize,
        offset: usize,
        each: usize,
        bytes: &[u8],
    ) -> Result<(), IndexError> {
        let at = self.layout.start(at / BLOCK) + offset + at % BLOCK * each;
        let written = self.file.seek(SeekFrom::Start(at as u64));
        written
            .and_then(|_| self.file.write_all(bytes))
            .map_err(|cause| failed("write to", &self.path, cause))
    }

    /// Appends `vector` with what `entry` says about it.
    ///
    /// # Errors
    /// [`IndexError`] when the vector cannot be compared, the text is too long, or the file cannot
    /// be written; the index stays as it was.
    pub fn push(&mut self, vector: &[f32], entry: &NewEntry<'_>) -> Result<(), IndexError> {
        let (layout, at) = (self.layout, self.len);
        let coded = Coded::new(vector, layout.dimension, layout.stride, self.about.metric)?;
        if entry.text.len() > layout.text {
            return Err(IndexError::Vector(format!(
                "its text has {} bytes; this index keeps {}",
                entry.text.len(),
                layout.text
            )));
        }
        if self.len >= MAX_ENTRIES {
            return Err(IndexError::Vector(format!(
                "the index has its most, {MAX_ENTRIES} entries; begin another"
            )));
        }
        if self.len / BLOCK >= self.blocks {
            let size = layout.start(self.blocks + 1) as u64;
            self.file.set_len(size).map_err(|cause| failed("enlarge", &self.path, cause))?;
            self.blocks += 1;
        }
        let (scale, length) = (coded.scale.to_le_bytes(), coded.norm.to_le_bytes());
        let codes: Vec<u8> = coded.codes.iter().map(|c| *c as u8).collect();
        let vector: Vec<u8> = coded.vector.iter().flat_map(|v| v.to_le_bytes()).collect();
        let mut text = entry.text.as_bytes().to_vec();
        text.resize(layout.text, 0);
        let mut record = Record::new(entry, u32::try_from(entry.text.len()).unwrap_or(0));
        let bytes = record.bytes();
        let said = bytes.get(8..).unwrap_or_default();
        record.crc = checksum(&[said, &scale, &length, &codes, &vector, &text]);
        self.put(at, 0, 4, &scale)?;
        self.put(at, layout.lengths(), 4, &length)?;
        self.put(at, layout.codes(), layout.stride, &codes)?;
        self.put(at, layout.vectors(), 4 * layout.dimension, &vector)?;
        self.put(at, layout.texts(), layout.text, &text)?;
        // Last: from here on the entry is there.
        self.put(at, layout.records(), RECORD, &record.bytes())?;
        self.len += 1;
        Ok(())
    }

    /// Has the system write everything to the disk.
    ///
    /// # Errors
    /// [`IndexError::Io`] when it cannot.
    pub fn sync(&self) -> Result<(), IndexError> {
        self.file.sync_data().map_err(|cause| failed("write to", &self.path, cause))
    }
}

fn failed(action: &'static str, path: &Path, cause: std::io::Error) -> IndexError {
    IndexError::Io { action, path: path.to_owned(), cause }
}

/// `file` with the lock that a writer holds until it is dropped.
fn lock(file: File, path: &Path) -> Result<LockedFile, IndexError> {
    LockedFile::lock(file).ok_or_else(|| IndexError::Mismatch {
        path: path.to_owned(),
        reason: "another program is writing it; wait for it or use another file".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_is_refused_is_free_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.fci");
        let about = About { dimension: 8, model: "m".into(), ..About::default() };
        drop(IndexWriter::create(&path, about.clone()).unwrap());
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        // As a process that is being started has one for a moment.
        let copy = file.try_clone().unwrap();
        let other = About { dimension: 9, ..about.clone() };
        let error = IndexWriter::go_on(&path, file, &other, false).unwrap_err().to_string();
        assert!(error.contains("use the same"), "{error}");
        IndexWriter::append(&path, &about).unwrap();
        drop(copy);
    }
}
