//! Reads single files out of a ZIP archive (PKWARE's APPNOTE 6.3): stored and deflated entries, no
//! encryption, no ZIP64.
#![warn(clippy::indexing_slicing)]

use std::io::Read as _;

use flate2::read::DeflateDecoder;

/// The most bytes of an archive that is searched for its directory: a comment is at most 65535.
const TAIL: usize = 22 + 65_535;
/// The most entries of an archive.
const ENTRIES: usize = 4_096;
/// The most bytes of one file.
const LARGEST: u64 = 256 << 20;

/// The file whose name ends in `name`.
///
/// # Errors
/// A sentence that says what is wrong. No more is unpacked than the directory announces.
pub(super) fn read(archive: &[u8], name: &str) -> Result<Vec<u8>, String> {
    let start = archive.len().saturating_sub(TAIL);
    let tail = archive.get(start..).unwrap_or_default();
    let end = tail
        .windows(22)
        .rposition(|w| w.starts_with(b"PK\x05\x06"))
        .ok_or("it is no ZIP archive: its end has no directory")?;
    let end = start + end;
    let count = usize::from(u16_at(archive, end + 10)?);
    if count > ENTRIES {
        return Err(format!("it has {count} entries; {ENTRIES} is the limit"));
    }
    let mut at = u32_at(archive, end + 16)? as usize;
    let mut names = Vec::new();
    for _ in 0..count {
        if bytes(archive, at, 4)? != b"PK\x01\x02" {
            return Err(format!("its directory is damaged at byte {at}"));
        }
        let lengths = [28, 30, 32].map(|o| u16_at(archive, at + o).map(usize::from));
        let [own, extra, comment] = lengths;
        let (own, extra, comment) = (own?, extra?, comment?);
        let entry = String::from_utf8_lossy(bytes(archive, at + 46, own)?).into_owned();
        if entry == name || entry.ends_with(&format!("/{name}")) {
            return unpack(archive, at).map_err(|e| format!("{entry}: {e}"));
        }
        names.push(entry);
        at += 46 + own + extra + comment;
    }
    Err(format!("it holds no {name}, but {}", names.join(", ")))
}

/// The content of the entry whose place in the directory is `at`.
fn unpack(archive: &[u8], at: usize) -> Result<Vec<u8>, String> {
    let (flags, method) = (u16_at(archive, at + 8)?, u16_at(archive, at + 10)?);
    let (sum, packed) = (u32_at(archive, at + 16)?, u32_at(archive, at + 20)? as usize);
    let size = u64::from(u32_at(archive, at + 24)?);
    let local = u32_at(archive, at + 42)? as usize;
    if flags & 1 != 0 {
        return Err("it is encrypted".to_owned());
    }
    if size > LARGEST {
        return Err(format!("it is {size} bytes; {LARGEST} is the limit"));
    }
    if bytes(archive, local, 4)? != b"PK\x03\x04" {
        return Err(format!("its header is damaged at byte {local}"));
    }
    let head =
        usize::from(u16_at(archive, local + 26)?) + usize::from(u16_at(archive, local + 28)?);
    let content = bytes(archive, local + 30 + head, packed)?;
    let mut out = Vec::new();
    let read = match method {
        0 => content.take(size + 1).read_to_end(&mut out),
        8 => DeflateDecoder::new(content).take(size + 1).read_to_end(&mut out),
        other => return Err(format!("it is packed by method {other}; 0 and 8 are read")),
    };
    read.map_err(|e| format!("it cannot be unpacked: {e}"))?;
    if out.len() as u64 != size {
        return Err(format!("{} bytes come out where {size} are announced", out.len()));
    }
    let mut crc = flate2::Crc::new();
    crc.update(&out);
    if crc.sum() != sum {
        return Err("its checksum does not fit: the archive is damaged".to_owned());
    }
    Ok(out)
}

fn bytes(archive: &[u8], at: usize, count: usize) -> Result<&[u8], String> {
    at.checked_add(count)
        .and_then(|end| archive.get(at..end))
        .ok_or_else(|| format!("it is cut short: byte {at} is past its end"))
}

fn u16_at(archive: &[u8], at: usize) -> Result<u16, String> {
    Ok(bytes(archive, at, 2)?.iter().rev().fold(0, |sum, &b| sum << 8 | u16::from(b)))
}

fn u32_at(archive: &[u8], at: usize) -> Result<u32, String> {
    Ok(bytes(archive, at, 4)?.iter().rev().fold(0, |sum, &b| sum << 8 | u32::from(b)))
}

#[cfg(test)]
pub(in crate::task) mod tests {
    use std::io::Write as _;

    use super::*;

    /// An archive of files, deflated.
    pub(crate) fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for (name, text) in files {
            let mut deflate =
                flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
            deflate.write_all(text.as_bytes()).unwrap();
            let packed = deflate.finish().unwrap();
            let mut crc = flate2::Crc::new();
            crc.update(text.as_bytes());
            let place = out.len() as u32;
            let mut about = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0];
            about.extend(crc.sum().to_le_bytes());
            about.extend((packed.len() as u32).to_le_bytes());
            about.extend((text.len() as u32).to_le_bytes());
            about.extend((name.len() as u16).to_le_bytes());
            about.extend([0, 0]);
            out.extend(b"PK\x03\x04");
            out.extend(&about);
            out.extend(name.as_bytes());
            out.extend(&packed);
            directory.extend(b"PK\x01\x02\x14\x00");
            directory.extend(&about);
            directory.extend([0; 10]);
            directory.extend(place.to_le_bytes());
            directory.extend(name.as_bytes());
        }
        let (at, size, count) = (out.len() as u32, directory.len() as u32, files.len() as u16);
        out.extend(&directory);
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend(count.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend(size.to_le_bytes());
        out.extend(at.to_le_bytes());
        out.extend([0, 0]);
        out
    }

    #[test]
    fn files_come_out_and_damage_is_told() {
        let long = "a line of text\n".repeat(500);
        let whole = archive(&[("set/first.csv", "one,two\n"), ("set/second.csv", &long)]);
        assert_eq!(read(&whole, "first.csv").unwrap(), b"one,two\n");
        assert_eq!(read(&whole, "second.csv").unwrap(), long.as_bytes());
        assert!(read(&whole, "third.csv").unwrap_err().contains("set/first.csv, set/second.csv"));
        assert!(read(&whole, "irst.csv").is_err());
        assert!(read(b"no archive", "x").unwrap_err().contains("no ZIP archive"));
        for at in 0..whole.len() {
            // Whatever is cut off or changed, nothing worse than an error comes of it.
            assert!(read(&whole[..at], "first.csv").is_err());
            let mut changed = whole.clone();
            changed[at] ^= 0x55;
            if let Ok(text) = read(&changed, "second.csv") {
                assert_eq!(text, long.as_bytes());
            }
        }
    }
}
