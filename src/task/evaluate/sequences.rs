//! Finds sequences: folders of frames, in a folder or in a tar archive.
//!
//! Every folder that directly holds JPEG or PNG pictures is a sequence; folders and pictures are
//! in natural order (`cat_9` before `cat_10`). An archive, perhaps gzipped, is read into memory
//! once, under limits.
#![warn(clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::source::Limits;
use crate::task::TaskError;

/// The most bytes of pictures that are read from one archive.
const MAX_ARCHIVE_BYTES: u64 = 4 << 30;

/// The deepest folder that is looked into.
const MAX_DEPTH: usize = 16;

/// A compressed picture of a sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Encoded {
    /// In a file.
    File(PathBuf),
    /// From an archive.
    Bytes(Vec<u8>),
}

impl Encoded {
    /// Reads the picture into `scratch`, or gives what is in memory already.
    pub(super) fn bytes<'a>(
        &'a self,
        limits: &Limits,
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], String> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::File(path) => {
                let mut read = || -> std::io::Result<()> {
                    scratch.clear();
                    File::open(path)?.take(limits.packet_bytes + 1).read_to_end(scratch)?;
                    Ok(())
                };
                read().map_err(|e| e.to_string())?;
                if scratch.len() as u64 > limits.packet_bytes {
                    return Err(format!("it is above the limit of {} bytes", limits.packet_bytes));
                }
                Ok(scratch)
            }
        }
    }
}

/// Frames in order; the last is the target.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        unpack(path, limits, &mut folders).map_err(bad)?;
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

fn unpack(path: &Path, limits: &Limits, folders: &mut Folders) -> Result<(), String> {
    let file = File::open(path).map_err(|e| format!("cannot open it: {e}"))?;
    let mut input = BufReader::new(file);
    let start = std::io::BufRead::fill_buf(&mut input).map_err(|e| e.to_string())?;
    let gzip = start.starts_with(&[0x1f, 0x8b]);
    if gzip {
        read_tar(MultiGzDecoder::new(input), limits, folders)
    } else {
        read_tar(input, limits, folders)
    }
}

/// Reads the pictures of the tar archive `input`.
pub(super) fn read_tar(
    input: impl Read,
    limits: &Limits,
    folders: &mut Folders,
) -> Result<(), String> {
    let fail = |e: std::io::Error| format!("it is no folder and no intact tar archive: {e}");
    let mut archive = tar::Archive::new(input);
    let (mut entries, mut total) = (0, 0u64);
    for entry in archive.entries().map_err(fail)? {
        let mut entry = entry.map_err(fail)?;
        count(&mut entries, limits)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path().map_err(fail)?.into_owned();
        // Nothing is written to disk, so names need no more care than making sense.
        let parts: Vec<_> = path
            .components()
            .filter_map(|c| match c {
                Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
                _ => None,
            })
            .collect();
        let Some((file, parents)) = parts.split_last().filter(|(file, _)| is_picture(file)) else {
            continue;
        };
        let size = entry.size();
        total = total.saturating_add(size);
        if size > limits.packet_bytes || total > MAX_ARCHIVE_BYTES {
            return Err(format!(
                "entry {} makes {total} bytes; the limits are {} a picture and \
                 {MAX_ARCHIVE_BYTES} altogether",
                path.display(),
                limits.packet_bytes
            ));
        }
        let mut bytes = Vec::with_capacity(size.min(1 << 20) as usize);
        entry.read_to_end(&mut bytes).map_err(fail)?;
        folders.entry(parents.join("/")).or_default().push((file.clone(), Encoded::Bytes(bytes)));
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
            Encoded::Bytes(b) => String::from_utf8_lossy(b).rsplit('/').next().unwrap().to_owned(),
            Encoded::File(f) => f.file_name().unwrap().to_string_lossy().into_owned(),
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

    #[test]
    fn limits_and_damage() {
        let mut limits = Limits::default();
        let bytes = archive(&["s/a.jpg", "s/b.jpg", "s/c.jpg"]);
        let read = |bytes: &[u8], limits: &Limits| {
            read_tar(bytes, limits, &mut Folders::new()).err().unwrap_or_default()
        };
        assert_eq!(read(&bytes, &limits), "");
        assert!(read(&bytes[..700], &limits).contains("no intact tar"));
        assert!(read(&[7; 2000], &limits).contains("no intact tar"));
        limits.packet_bytes = 3;
        assert!(read(&bytes, &limits).contains("3 a picture"));
        limits = Limits::default();
        limits.entries = 2;
        assert!(read(&bytes, &limits).contains("more than 2"));
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
