//! Pictures in a tar archive, which is read in place: nothing is unpacked, so names in it reach no
//! disk. A first pass over the headers finds the pictures; a gzipped archive is first expanded
//! into a nameless temporary file, because gzip cannot be read out of order.
#![warn(clippy::indexing_slicing)]

use std::io::{Read, Seek, SeekFrom, Write};

use super::store::{Store, check_count, check_len, is_picture};
use crate::source::y4m::io_error;
use crate::source::{Limits, SourceError};

/// The longest file name read from an extension header.
const MAX_NAME: u64 = 4096;
/// The longest set of PAX records read.
const MAX_PAX: u64 = 1 << 16;
/// The most bytes all names of pictures take together.
const MAX_NAMES: u64 = 1 << 26;
/// The most headers looked at, pictures or not.
const MAX_HEADERS: u64 = 4_000_000;

/// One picture of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its path in the archive.
    pub name: String,
    /// Where its bytes begin.
    pub offset: u64,
    /// How many they are.
    pub len: u64,
}

/// Finds the pictures of a tar archive (ustar, GNU long names, PAX), in natural order. Links,
/// devices, folders and sparse files are passed over.
///
/// # Errors
/// [`SourceError::Format`] for a damaged archive, [`SourceError::Limit`].
pub fn index<R: Read + Seek>(
    input: &mut R,
    name: &str,
    limits: &Limits,
) -> Result<Vec<Member>, SourceError> {
    let bad = |e: std::io::Error| SourceError::Format {
        name: name.to_owned(),
        reason: format!("the tar archive is damaged: {e}"),
    };
    let len = input.seek(SeekFrom::End(0)).map_err(bad)?;
    input.seek(SeekFrom::Start(0)).map_err(bad)?;
    let mut members = Vec::new();
    let mut archive = tar::Archive::new(&mut *input);
    // Raw: extension headers come as entries, so that their lengths are checked here.
    let entries = archive.entries_with_seek().map_err(bad)?.raw(true);
    let mut long_name: Option<Vec<u8>> = None;
    let mut names = 0;
    for (count, entry) in (1u64..).zip(entries) {
        let mut entry = entry.map_err(bad)?;
        if count > MAX_HEADERS {
            let what = "the number of headers";
            let name = name.to_owned();
            return Err(SourceError::Limit { name, what, value: count, limit: MAX_HEADERS });
        }
        let kind = entry.header().entry_type();
        let size = entry.size();
        if kind.is_gnu_longname() || kind.is_pax_local_extensions() {
            let (what, limit) = match kind.is_gnu_longname() {
                true => ("the length of a file name", MAX_NAME),
                false => ("the size of a PAX header", MAX_PAX),
            };
            if size > limit {
                return Err(SourceError::Limit { name: name.to_owned(), what, value: size, limit });
            }
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(bad)?;
            let found = match kind.is_gnu_longname() {
                true => Some(bytes.split(|&b| b == 0).next().unwrap_or_default().to_vec()),
                false => pax_path(&bytes),
            };
            long_name = found.or(long_name);
            continue;
        }
        if kind.is_gnu_longlink() || kind.is_pax_global_extensions() {
            continue;
        }
        let path = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
        let path = String::from_utf8_lossy(&path).into_owned();
        if !kind.is_file() || !is_picture(&path) {
            continue;
        }
        check_count(name, members.len(), limits)?;
        check_len(&format!("{name}: {path}"), size, limits)?;
        names += path.len() as u64;
        if names > MAX_NAMES {
            let what = "the length of all names of pictures";
            let name = name.to_owned();
            return Err(SourceError::Limit { name, what, value: names, limit: MAX_NAMES });
        }
        let offset = entry.raw_file_position();
        if offset.checked_add(size).is_none_or(|end| end > len) {
            let reason = format!("{path} is cut short; the archive is truncated");
            return Err(SourceError::Format { name: name.to_owned(), reason });
        }
        members.push(Member { name: path, offset, len: size });
    }
    members.sort_by(|a, b| natord::compare(&a.name, &b.name));
    Ok(members)
}

/// The `path` record of a PAX header.
fn pax_path(records: &[u8]) -> Option<Vec<u8>> {
    tar::PaxExtensions::new(records)
        .map_while(Result::ok)
        .filter(|record| record.key_bytes() == b"path")
        .last()
        .map(|record| record.value_bytes().to_vec())
}

/// The pictures of an archive.
pub(super) struct Archive<R> {
    input: R,
    name: String,
    members: Vec<Member>,
}

impl<R: Read + Seek + Send> Archive<R> {
    pub(super) fn new(mut input: R, name: &str, limits: &Limits) -> Result<Self, SourceError> {
        let members = index(&mut input, name, limits)?;
        Ok(Self { input, name: name.to_owned(), members })
    }
}

impl<R: Read + Seek + Send> Store for Archive<R> {
    fn len(&self) -> usize {
        self.members.len()
    }

    fn name(&self, index: usize) -> String {
        let member = self.members.get(index).map(|m| m.name.as_str()).unwrap_or_default();
        format!("{}: {member}", self.name)
    }

    fn load(&mut self, index: usize, out: &mut Vec<u8>) -> Result<(), SourceError> {
        out.clear();
        let Some(member) = self.members.get(index) else { return Ok(()) };
        let failed = |e| io_error(&self.name, e);
        self.input.seek(SeekFrom::Start(member.offset)).map_err(failed)?;
        self.input.by_ref().take(member.len).read_to_end(out).map_err(failed)?;
        Ok(())
    }
}

/// Expands a gzipped archive into a temporary file, at most `limit` bytes.
pub(crate) fn expand(
    input: impl Read,
    name: &str,
    limit: u64,
) -> Result<std::fs::File, SourceError> {
    let mut file = tempfile::tempfile().map_err(|e| io_error(name, e))?;
    let mut expanded = flate2::read::MultiGzDecoder::new(input).take(limit + 1);
    let mut block = vec![0; 1 << 16];
    let mut total = 0u64;
    loop {
        let got = expanded.read(&mut block).map_err(|e| SourceError::Format {
            name: name.to_owned(),
            reason: format!("the gzip stream is damaged: {e}"),
        })?;
        total += got as u64;
        if total > limit {
            let what = "the expanded size in bytes";
            return Err(SourceError::Limit { name: name.to_owned(), what, value: total, limit });
        }
        match block.get(..got) {
            None | Some([]) => break,
            Some(part) => file.write_all(part).map_err(|e| io_error(name, e))?,
        }
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn sample() -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let long = format!("{}/frame3.png", "d".repeat(150));
        for (name, bytes) in [
            ("b/frame10.jpg", &b"ten"[..]),
            ("b/frame9.jpg", b"nine"),
            ("b/._frame9.jpg", b"hidden"),
            ("b/notes.txt", b"text"),
            ("../../etc/evil.png", b"evil"),
            (&long, b"long"),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            if name.starts_with("..") {
                header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
                header.set_cksum();
                builder.append(&header, bytes).unwrap();
            } else {
                builder.append_data(&mut header, name, bytes).unwrap();
            }
        }
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        builder.append_link(&mut link, "b/link.png", "/etc/passwd").unwrap();
        builder.into_inner().unwrap()
    }

    #[test]
    fn pictures_are_found_in_natural_order_and_read_in_place() {
        let mut store = Archive::new(Cursor::new(sample()), "a.tar", &Limits::DEFAULT).unwrap();
        let mut out = Vec::new();
        let mut all = Vec::new();
        for i in 0..store.len() {
            store.load(i, &mut out).unwrap();
            all.push((store.name(i), String::from_utf8(out.clone()).unwrap()));
        }
        assert_eq!(all[0], ("a.tar: ../../etc/evil.png".into(), "evil".into()));
        assert_eq!(all[1], ("a.tar: b/frame9.jpg".into(), "nine".into()));
        assert_eq!(all[2], ("a.tar: b/frame10.jpg".into(), "ten".into()));
        assert!(all[3].0.ends_with("d/frame3.png") && all[3].1 == "long");
        assert_eq!(all.len(), 4);
    }

    #[test]
    fn limits_and_damage_are_named() {
        let bytes = sample();
        let of = |bytes: &[u8], limits: &Limits| {
            index(&mut Cursor::new(bytes), "a.tar", limits).unwrap_err().to_string()
        };
        let few = Limits { entries: 2, ..Limits::DEFAULT };
        assert!(of(&bytes, &few).contains("number of pictures is 3, above the limit of 2"));
        let small = Limits { packet_bytes: 3, ..Limits::DEFAULT };
        assert!(of(&bytes, &small).contains("b/frame9.jpg: the size of a picture in bytes is 4"));
        assert!(of(&bytes[..514], &Limits::DEFAULT).contains("frame10.jpg is cut short"));
        let mut torn = bytes;
        torn[3] ^= 1;
        assert!(of(&torn, &Limits::DEFAULT).contains("damaged"));
        // An extension header that claims a name of 4 GiB.
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::GNULongName);
        header.set_size(1 << 32);
        header.set_cksum();
        let text = of(header.as_bytes(), &Limits::DEFAULT);
        assert!(text.contains("length of a file name is 4294967296"), "{text}");
    }

    #[test]
    fn gzip_is_expanded_within_its_limit() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&vec![0; 1 << 20]).unwrap();
        let bomb = encoder.finish().unwrap();
        let error = expand(&bomb[..], "a.tgz", 1000).unwrap_err().to_string();
        assert!(error.contains("above the limit of 1000"), "{error}");
        let error = expand(&bomb[..bomb.len() / 2], "a.tgz", 1 << 30).unwrap_err().to_string();
        assert!(error.contains("gzip stream is damaged"), "{error}");
        assert_eq!(expand(&bomb[..], "a", 1 << 20).unwrap().metadata().unwrap().len(), 1 << 20);
    }
}
