//! From a URI to an open source.

use std::fs::{File, Metadata};
use std::io::{self, BufReader};
use std::path::Path;

use super::background::Background;
use super::demo::{Demo, DemoOptions};
use super::gif::Gif;
use super::pictures::Pictures;
use super::playback::Playback;
use super::raw::Raw;
use super::recording::Recording;
use super::uri::{FileKind, Location, redact};
use super::y4m::Y4m;
use super::{Source, SourceError, SourceOptions, ffmpeg};
use crate::frame::FramePool;

/// Bytes read from a file at once: a few lines of a large picture.
const READ_AHEAD: usize = 1 << 18;

/// Opens the source that `uri` names. Its frames use buffers of `pool`.
///
/// A live source is returned as it is; wrap it in the supervisor to have it opened again.
///
/// # Errors
/// [`SourceError::Uri`] when the text is wrong, otherwise what the kind of source answers.
pub fn open(
    uri: &str,
    options: &SourceOptions,
    pool: &FramePool,
) -> Result<Box<dyn Source>, SourceError> {
    match Location::parse(uri)? {
        Location::Demo(query) => {
            let demo = DemoOptions::parse(&query, options)
                .map_err(|reason| SourceError::Uri { uri: redact(uri), reason })?;
            Ok(Box::new(Demo::open(uri, &demo, options, pool)?))
        }
        Location::Stdin => {
            let opened = options.clone();
            let opener = Box::new(move || {
                let input = BufReader::with_capacity(READ_AHEAD, io::stdin());
                Ok(Box::new(Y4m::new(input, "stdin", &opened)?) as Box<dyn Recording>)
            });
            Ok(Box::new(Background::open("stdin", options, pool, None, opener)?))
        }
        Location::Path(path) => open_file(&path, options, pool),
        Location::Network(address) => Ok(Box::new(ffmpeg::open_network(&address, options, pool)?)),
        Location::V4l2(path) => open_camera(&path, options, pool),
        Location::Nokhwa(index) => open_nokhwa(&index, options, pool),
    }
}

#[cfg(any(target_os = "macos", windows, all(target_os = "linux", feature = "nokhwa")))]
fn open_nokhwa(
    index: &str,
    options: &SourceOptions,
    pool: &FramePool,
) -> Result<Box<dyn Source>, SourceError> {
    Ok(Box::new(super::nokhwa::open(index, options, pool)?))
}

#[cfg(not(any(target_os = "macos", windows, all(target_os = "linux", feature = "nokhwa"))))]
fn open_nokhwa(
    index: &str,
    _options: &SourceOptions,
    _pool: &FramePool,
) -> Result<Box<dyn Source>, SourceError> {
    Err(SourceError::Uri {
        uri: format!("nokhwa:{index}"),
        reason: "this build has no nokhwa (feature `nokhwa`); on Linux use v4l2:/dev/video0".into(),
    })
}

#[cfg(all(target_os = "linux", target_pointer_width = "64", target_endian = "little"))]
fn open_camera(
    path: &Path,
    options: &SourceOptions,
    pool: &FramePool,
) -> Result<Box<dyn Source>, SourceError> {
    use super::v4l2::{Camera, CaptureOptions};
    let wishes = CaptureOptions {
        path: path.to_owned(),
        size: options.size,
        format: options.format,
        code: None,
        rate: options.rate,
        colour: options.colour,
        controls: options.controls.clone(),
        buffers: options.buffers,
        newest_only: options.newest_only,
    };
    Ok(Box::new(Camera::open(&wishes, pool)?))
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64", target_endian = "little")))]
fn open_camera(
    path: &Path,
    _options: &SourceOptions,
    _pool: &FramePool,
) -> Result<Box<dyn Source>, SourceError> {
    Err(SourceError::Uri {
        uri: format!("v4l2:{}", path.display()),
        reason: "V4L2 cameras exist on 64-bit Linux only; try nokhwa:0".into(),
    })
}

fn open_file(
    path: &Path,
    options: &SourceOptions,
    pool: &FramePool,
) -> Result<Box<dyn Source>, SourceError> {
    let raw = options.size.is_some() && options.format.is_some();
    let kind = FileKind::of(path, raw)?;
    if kind == FileKind::Other {
        return Ok(Box::new(ffmpeg::open_file(path, options, pool)?));
    }
    let pipe = std::fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir());
    if pipe {
        // Opening and reading a named pipe may block for ever.
        let name = path.display().to_string();
        let (path, opened) = (path.to_owned(), options.clone());
        let opener = Box::new(move || recording(kind, &path, &opened));
        return Ok(Box::new(Background::open(&name, options, pool, None, opener)?));
    }
    Ok(Box::new(Playback::new(recording(kind, path, options)?, pool, options.paced)))
}

/// Opens what we read ourselves.
fn recording(
    kind: FileKind,
    path: &Path,
    options: &SourceOptions,
) -> Result<Box<dyn Recording>, SourceError> {
    let name = path.display().to_string();
    let buffered = || Ok(BufReader::with_capacity(READ_AHEAD, open_path(path)?));
    Ok(match kind {
        FileKind::Y4m => Box::new(Y4m::new(buffered()?, &name, options)?),
        FileKind::Gif => Box::new(Gif::new(buffered()?, &name, options)?),
        FileKind::Picture => Box::new(Pictures::file(path, options)?),
        FileKind::Folder => Box::new(Pictures::folder(path, options)?),
        FileKind::Tar => Box::new(Pictures::tar(path, options)?),
        FileKind::Coded => super::replay::open(path, options)?,
        FileKind::Raw | FileKind::Other => {
            let input = buffered()?;
            // A pipe has no length to be checked.
            let len = input.get_ref().metadata().ok().filter(Metadata::is_file).map(|m| m.len());
            Box::new(Raw::new(input, path, len, options)?)
        }
    })
}

pub(super) fn open_path(path: &Path) -> Result<File, SourceError> {
    File::open(path).map_err(|cause| SourceError::Open {
        path: path.to_owned(),
        cause,
        hint: "check the path and its permissions".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::MonoTime;
    use crate::source::Read;
    use std::io::Write as _;
    use std::time::Duration;

    fn soon() -> MonoTime {
        MonoTime::now().after(Duration::from_secs(10))
    }

    #[test]
    fn demo_and_y4m_open_by_uri() {
        let pool = FramePool::new(4);
        let mut demo = open("demo:?size=8x6", &SourceOptions::default(), &pool).unwrap();
        assert!(matches!(demo.read(soon()).unwrap(), Read::Frame(_)));
        let mut file = tempfile::Builder::new().suffix(".bin").tempfile().unwrap();
        file.write_all(b"YUV4MPEG2 W2 H2 F10:1\nFRAME\n123456FRAME\nabcdef").unwrap();
        let name = file.path().to_string_lossy();
        let mut y4m = open(&name, &SourceOptions::default(), &pool).unwrap();
        assert!(matches!(y4m.read(soon()).unwrap(), Read::Frame(_)));
        assert!(matches!(y4m.read(soon()).unwrap(), Read::Frame(f) if f.bytes() == b"abcdef"));
        assert!(matches!(y4m.read(soon()).unwrap(), Read::End));
    }

    #[test]
    fn a_missing_file_names_itself() {
        let pool = FramePool::new(1);
        let error = open("no/such.y4m", &SourceOptions::default(), &pool).err().unwrap();
        assert!(matches!(error, SourceError::Open { .. }));
        assert!(error.to_string().contains("no/such.y4m"), "{error}");
    }
}
