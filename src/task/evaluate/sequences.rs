//! Finds sequences: folders of frames, in a folder or in a tar archive.
//!
//! Every folder that directly holds JPEG or PNG pictures is a sequence; folders and pictures are
//! in natural order (`cat_9` before `cat_10`). Pictures are read one at a time when they are
//! needed; an archive is indexed, and a gzipped one expanded into a temporary file, under the limits
//! of the sources.
#![warn(clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::source::{Limits, pictures};
use crate::task::TaskError;

/// The most bytes a gzipped archive may expand to, pictures or not.
const MAX_ARCHIVE_BYTES: u64 = 4 << 30;

/// The deepest folder that is looked into.
const MAX_DEPTH: usize = 16;

/// A compressed picture of a sequence.
#[derive(Clone, Debug)]
pub(super) enum Encoded {
    /// In a file.
    File(PathBuf),
    /// In an archive, which all its pictures share.
    Member { archive: Arc<File>, offset: u64, len: u64 },
}

impl Encoded {
    /// Reads the picture into `out`.
    pub(super) fn read(&self, limits: &Limits, out: &mut Vec<u8>) -> Result<(), String> {
        out.clear();
        let mut read = || -> std::io::Result<usize> {
            match self {
                Self::File(path) => {
                    File::open(path)?.take(limits.packet_bytes + 1).read_to_end(out)
                }
                Self::Member { archive, offset, len } => {
                    let mut archive = archive.as_ref();
                    archive.seek(SeekFrom::Start(*offset))?;
                    archive.take(*len).read_to_end(out)
                }
            }
        };
        let got = read().map_err(|e| e.to_string())?;
        if got as u64 > limits.packet_bytes {
            return Err(format!("it is above the limit of {} bytes", limits.packet_bytes));
        }
        Ok(())
    }
}

/// Frames in order; the last is the target.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    pub(super) name: String,
    pub(super) pictures: Vec<Encoded>,
}

type Folders = BTreeMap<String, Vec<(String, Encoded)>>;

/// The sequences in `path`, a folder or an archive.
pub(super) fn find(path: &Path, limits: &Limits) -> Result<Vec<Sequence>, TaskError> {
    let bad = |reason: String| TaskError::Data { place: path.display().to_string(), reason };
    let mut folders = Folders::new();
    let mut entries = 0;
    if path.is_dir() {
        walk(path, "", 0, limits, &mut entries, &mut folders).map_err(bad)?;
    } else {
        members(path, limits, MAX_ARCHIVE_BYTES, &mut folders)?;
    }
    let mut sequences: Vec<Sequence> = folders
        .into_iter()
        .map(|(name, mut pictures)| {
            pictures.sort_by(|(a, _), (b, _)| natord::compare(a, b).then_with(|| a.cmp(b)));
            Sequence { name, pictures: pictures.into_iter().map(|(_, p)| p).collect() }
        })
        .collect();
    sequences.sort_by(|a, b| natord::compare(&a.name, &b.name).then_with(|| a.name.cmp(&b.name)));
    if sequences.is_empty() {
        return Err(bad("it holds no folder with JPEG or PNG pictures".into()));
    }
    Ok(sequences)
}

fn is_picture(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
    // Hidden files are what copying programs leave behind.
    !name.starts_with('.') && matches!(extension.as_deref(), Some("jpg" | "jpeg" | "png"))
}

fn count(entries: &mut u64, limits: &Limits) -> Result<(), String> {
    *entries += 1;
    if *entries > limits.entries {
        return Err(format!("it holds more than {} entries, the limit", limits.entries));
    }
    Ok(())
}

fn walk(
    folder: &Path,
    name: &str,
    depth: usize,
    limits: &Limits,
    entries: &mut u64,
    folders: &mut Folders,
) -> Result<(), String> {
    let fail = |e: std::io::Error| format!("cannot read {}: {e}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        count(entries, limits)?;
        let file = entry.file_name().to_string_lossy().into_owned();
        // Follows links to pictures but not to folders, which could lead in a circle.
        let kind = entry.file_type().map_err(fail)?;
        if kind.is_dir() {
            if depth < MAX_DEPTH {
                let inner = if name.is_empty() { file } else { format!("{name}/{file}") };
                walk(&entry.path(), &inner, depth + 1, limits, entries, folders)?;
            }
        } else if is_picture(&file) {
            let picture = Encoded::File(entry.path());
            folders.entry(name.to_owned()).or_default().push((file, picture));
        }
    }
    Ok(())
}

/// The pictures of an archive that expands to at most `most` bytes.
fn members(
    path: &Path,
    limits: &Limits,
    most: u64,
    folders: &mut Folders,
) -> Result<(), TaskError> {
    let place = path.display().to_string();
    let fail = |e: std::io::Error| TaskError::Data {
        place: place.clone(),
        reason: format!("cannot open it as a tar archive: {e}"),
    };
    let mut file = File::open(path).map_err(fail)?;
    let mut magic = Vec::new();
    (&file).take(2).read_to_end(&mut magic).map_err(fail)?;
    file.rewind().map_err(fail)?;
    if magic == [0x1f, 0x8b] {
        file = pictures::expand(BufReader::new(file), &place, most)?;
    }
    let found = pictures::index(&mut BufReader::new(&file), &place, limits)?;
    let archive = Arc::new(file);
    for member in found {
        // Nothing is written to disk, so names need no more care than making sense.
        let odd = |part: &&str| !matches!(*part, "" | "." | "..");
        let parts: Vec<&str> = member.name.split('/').filter(odd).collect();
        let Some((file, parents)) = parts.split_last() else { continue };
        let picture = Encoded::Member {
            archive: Arc::clone(&archive),
            offset: member.offset,
            len: member.len,
        };
        folders.entry(parents.join("/")).or_default().push(((*file).to_owned(), picture));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(names: &[&str]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for name in names {
            let mut header = tar::Header::new_gnu();
            header.set_size(name.len() as u64);
            header.set_cksum();
            builder.append_data(&mut header, name, name.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn names(sequences: &[Sequence]) -> Vec<(&str, Vec<String>)> {
        let text = |p: &Encoded| match p {
            Encoded::File(f) => f.file_name().unwrap().to_string_lossy().into_owned(),
            Encoded::Member { .. } => {
                let mut bytes = Vec::new();
                p.read(&Limits::default(), &mut bytes).unwrap();
                String::from_utf8(bytes).unwrap().rsplit('/').next().unwrap().to_owned()
            }
        };
        sequences.iter().map(|s| (s.name.as_str(), s.pictures.iter().map(text).collect())).collect()
    }

    #[test]
    fn folders_and_archives_give_the_same_sequences() {
        let files = [
            "d/10/f_10.jpg",
            "d/10/f_9.png",
            "d/2/b.JPG",
            "d/2/a.jpeg",
            "d/2/.x.jpg",
            "d/note.txt",
        ];
        let place = tempfile::tempdir().unwrap();
        for file in files {
            let path = place.path().join("in").join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file).unwrap();
        }
        let want = vec![
            ("d/2", vec!["a.jpeg".to_owned(), "b.JPG".to_owned()]),
            ("d/10", vec!["f_9.png".to_owned(), "f_10.jpg".to_owned()]),
        ];
        let limits = Limits::default();
        assert_eq!(names(&find(&place.path().join("in"), &limits).unwrap()), want);
        let tar = place.path().join("a.tar");
        std::fs::write(&tar, archive(&files)).unwrap();
        assert_eq!(names(&find(&tar, &limits).unwrap()), want);
        let gz = place.path().join("a.tar.gz");
        let mut encoder =
            flate2::write::GzEncoder::new(File::create(&gz).unwrap(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &archive(&files)).unwrap();
        encoder.finish().unwrap();
        assert_eq!(names(&find(&gz, &limits).unwrap()), want);
    }

    fn refusal(bytes: &[u8], limits: &Limits, most: u64) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let outcome = members(file.path(), limits, most, &mut Folders::new());
        outcome.err().map(|e| e.to_string()).unwrap_or_default()
    }

    #[test]
    fn limits_and_damage() {
        let limits = Limits::default();
        let bytes = archive(&["s/a.jpg", "s/b.jpg", "s/c.jpg"]);
        assert_eq!(refusal(&bytes, &limits, u64::MAX), "");
        assert!(refusal(&bytes[..514], &limits, u64::MAX).contains("truncated"));
        assert!(refusal(&[7; 2000], &limits, u64::MAX).contains("damaged"));
        let small = Limits { packet_bytes: 3, ..limits };
        assert!(refusal(&bytes, &small, u64::MAX).contains("above the limit of 3"));
        let few = Limits { entries: 2, ..limits };
        assert!(refusal(&bytes, &few, u64::MAX).contains("above the limit of 2"));
    }

    fn gzip_of_zeros(kind: tar::EntryType, len: u64) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_path("s/notes.txt").unwrap();
        header.set_entry_type(kind);
        header.set_size(len);
        header.set_cksum();
        let out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut builder = tar::Builder::new(out);
        builder.append(&header, std::io::repeat(0).take(len)).unwrap();
        builder.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn bombs_are_refused_before_they_fill_memory() {
        let limits = Limits::default();
        let len = 32 << 20;
        let name = gzip_of_zeros(tar::EntryType::GNULongName, len);
        assert!(name.len() < 1 << 18, "a bomb of {} bytes", name.len());
        let error = refusal(&name, &limits, u64::MAX >> 1);
        assert!(error.contains("length of a file name is 33554432"), "{error}");
        let pax = gzip_of_zeros(tar::EntryType::XHeader, len);
        let error = refusal(&pax, &limits, u64::MAX >> 1);
        assert!(error.contains("size of a PAX header is 33554432"), "{error}");
        // What is no picture counts too.
        let error = refusal(&gzip_of_zeros(tar::EntryType::Regular, len), &limits, 1 << 20);
        assert!(error.contains("above the limit of 1048576"), "{error}");
    }

    #[test]
    fn nothing_found_is_said() {
        let place = tempfile::tempdir().unwrap();
        let error = find(place.path(), &Limits::default()).unwrap_err().to_string();
        assert!(error.contains("no folder with JPEG"), "{error}");
        let error = find(&place.path().join("none"), &Limits::default()).unwrap_err().to_string();
        assert!(error.contains("cannot open"), "{error}");
    }
}
