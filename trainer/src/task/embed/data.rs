//! Captioned pictures, and files of sentences.

use std::collections::HashMap;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use framecast::frame::Size;
use framecast::source::Limits;
use framecast::source::pictures::{index, png};
use framecast::vision::RgbImage;
use framecast::vision::jpeg::JpegDecoder;
use framecast::vision::resize::Resizer;

use super::features::SIDE;
use crate::TrainError;
use crate::data::{limited, place};

/// Largest file of captions or sentences.
const MAX_TEXT: u64 = 256 << 20;
/// Largest picture file.
const MAX_PICTURE: u64 = 64 << 20;

/// A picture at the towers' size and the sentences about it.
#[derive(Clone, Debug)]
pub(crate) struct Captioned {
    pub(crate) picture: RgbImage,
    pub(crate) captions: Vec<String>,
}

fn fail(uri: &str, reason: impl Into<String>) -> TrainError {
    TrainError::Data { uri: uri.to_owned(), reason: reason.into() }
}

/// The text of a file, of at most 256 MiB.
pub(crate) fn text(uri: &str) -> Result<String, TrainError> {
    let bytes = limited::file(Path::new(&place(uri)), MAX_TEXT).map_err(|e| fail(uri, e))?;
    String::from_utf8(bytes).map_err(|e| {
        fail(uri, format!("byte {} is no UTF-8; convert the file", e.utf8_error().valid_up_to()))
    })
}

/// The sentences of a file, without the file name some begin with.
pub(crate) fn sentences(uri: &str) -> Result<Vec<String>, TrainError> {
    let text = text(uri)?;
    let sentence = |line: &str| match line.split_once(' ') {
        Some((name, rest)) if name.contains('.') && !rest.is_empty() => rest.to_owned(),
        _ => line.to_owned(),
    };
    Ok(text.lines().filter(|l| !l.trim().is_empty()).map(sentence).collect())
}

/// Captions by picture: lines `picture#number<TAB>sentence`.
pub(super) fn captions(uri: &str) -> Result<Vec<(String, Vec<String>)>, TrainError> {
    let text = text(uri)?;
    let mut list: Vec<(String, Vec<String>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (number, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let (name, sentence) = line.split_once('\t').ok_or_else(|| {
            fail(uri, format!("line {} has no tabulator behind the picture's name", number + 1))
        })?;
        let name = name.split_once('#').map_or(name, |(name, _)| name);
        let at = *places.entry(name.to_owned()).or_insert_with(|| {
            list.push((name.to_owned(), Vec::new()));
            list.len() - 1
        });
        if let Some((_, sentences)) = list.get_mut(at) {
            sentences.push(sentence.trim().to_owned());
        }
    }
    Ok(list)
}

/// The bytes of every picture by its last name.
fn pictures(uri: &str) -> Result<HashMap<String, Vec<u8>>, TrainError> {
    let path = place(uri);
    let path = Path::new(&path);
    let io = |e: std::io::Error| fail(uri, e.to_string());
    let last = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
    let mut found = HashMap::new();
    if path.is_dir() {
        for entry in fs::read_dir(path).map_err(io)? {
            let entry = entry.map_err(io)?;
            let path = entry.path();
            // Of what a link leads to; pipes and devices are no pictures.
            if fs::metadata(&path).is_ok_and(|m| m.is_file() && m.len() <= MAX_PICTURE) {
                let name = entry.file_name().to_string_lossy().into_owned();
                let bytes = limited::file(&path, MAX_PICTURE);
                found.insert(
                    name,
                    bytes.map_err(|e| fail(uri, format!("{}: {e}", path.display())))?,
                );
            }
        }
        return Ok(found);
    }
    let mut file = fs::File::open(path).map_err(io)?;
    let members =
        index(&mut file, uri, &Limits::default()).map_err(|e| fail(uri, e.to_string()))?;
    for member in members.iter().filter(|m| m.len <= MAX_PICTURE) {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(member.offset)).map_err(io)?;
        file.by_ref().take(member.len).read_to_end(&mut bytes).map_err(io)?;
        found.insert(last(&member.name), bytes);
    }
    Ok(found)
}

/// A picture at the towers' size, scaled as the runtime does it.
fn decode(bytes: &[u8]) -> Result<RgbImage, String> {
    let mut picture = RgbImage::default();
    if bytes.starts_with(png::MAGIC) {
        let mut data = Vec::new();
        let size = png::decode(bytes, MAX_PICTURE, &mut data)?;
        picture = RgbImage::from_vec(size, data).ok_or("its samples are incomplete")?;
    } else {
        JpegDecoder::new().decode(bytes, None, &mut picture).map_err(|e| e.to_string())?;
    }
    let mut small = RgbImage::new(Size::new(SIDE as u32, SIDE as u32));
    let mut resizer = Resizer::new();
    let scaled = if picture.size().pixels() > small.size().pixels() {
        resizer.area(&picture, &mut small)
    } else {
        resizer.bilinear(&picture, &mut small)
    };
    scaled.map(|()| small).map_err(|e| e.to_string())
}

/// The captioned pictures, in the order of the captions.
pub(crate) fn captioned(
    pictures_uri: &str,
    captions_uri: &str,
) -> Result<Vec<Captioned>, TrainError> {
    let bytes = pictures(pictures_uri)?;
    let mut list = Vec::new();
    for (name, captions) in captions(captions_uri)? {
        let bytes = bytes.get(&name).ok_or_else(|| {
            fail(pictures_uri, format!("picture {name:?} of {captions_uri} is not there"))
        })?;
        let picture =
            decode(bytes).map_err(|reason| fail(pictures_uri, format!("{name}: {reason}")))?;
        list.push(Captioned { picture, captions });
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_are_grouped_and_file_names_are_no_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.tsv");
        fs::write(&path, "a.jpg#0\tOne dog .\nb.jpg#0\tTwo.\na.jpg#1\tA dog\n").unwrap();
        let uri = path.display().to_string();
        let list = captions(&uri).unwrap();
        assert_eq!(list[0], ("a.jpg".to_owned(), vec!["One dog .".into(), "A dog".into()]));
        assert_eq!(list[1].1, ["Two."]);
        fs::write(&path, "x.jpg a man\nno name here\n\n").unwrap();
        assert_eq!(sentences(&uri).unwrap(), ["a man", "no name here"]);
        assert!(captions(&uri).unwrap_err().to_string().contains("line 1 has no tabulator"));
        fs::write(&path, b"a.jpg#0\t\xff").unwrap();
        assert!(captions(&uri).unwrap_err().to_string().contains("no UTF-8"));
        assert!(captioned(&uri, &uri).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn what_has_no_length_is_limited_too() {
        use std::os::unix::fs::symlink;
        assert!(text("/dev/zero").unwrap_err().to_string().contains("268435456"));
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.png"), "a").unwrap();
        symlink("/dev/zero", folder.path().join("b.png")).unwrap();
        let found = pictures(&folder.path().display().to_string()).unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [("a.png".to_owned(), b"a".to_vec())]);
    }
}
