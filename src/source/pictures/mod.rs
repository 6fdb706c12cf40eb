//! PNG and JPEG pictures as a recording: one file, a folder, or a tar archive.
//!
//! JPEGs are handed on as they are, as MJPEG frames, so that one decoder exists; PNGs become RGB.
//! Each picture stands for itself, so a damaged one is counted as lost and the others are read; only
//! when none can be read is that an error. All must have one size: another one is a mistake of
//! whoever put them together, and ends the recording with an error that names it. Read by one
//! thread.
#![warn(clippy::indexing_slicing)]

mod archive;
pub mod jpeg;
pub mod png;
mod store;

pub(crate) use archive::expand;
pub use archive::{Member, index};

use std::path::Path;

use archive::Archive;
use store::{Files, Store};

use super::open::open_path;
use super::playback::at_rate;
use super::recording::{Next, Picture, Recording};
use super::y4m::check_pixels;
use super::{DamageLog, Limits, SourceError, SourceInfo, SourceOptions};
use crate::frame::{Colour, DropReason, Layout, PixelFormat, PooledBuf, Size};

/// The most bytes a gzipped archive may expand to.
const MAX_EXPANDED: u64 = 1 << 34;

/// Pictures of one size, in order.
pub struct Pictures {
    store: Box<dyn Store>,
    info: SourceInfo,
    limits: Limits,
    colour: Option<Colour>,
    next: usize,
    scratch: Vec<u8>,
    /// Pictures delivered.
    read: u64,
    damage: DamageLog,
    /// Why the picture just counted as lost ends the recording.
    misfit: Option<SourceError>,
}

/// Why a picture cannot be had.
enum Fault {
    /// It is damaged, too large, or cannot be opened; the next one may be well.
    Damaged(String),
    /// It does not belong here.
    Misfit(String),
    /// What holds the pictures cannot be read any more.
    Place(SourceError),
}

impl From<SourceError> for Fault {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Io { .. } => Self::Place(error),
            own => Self::Damaged(own.to_string()),
        }
    }
}

impl Pictures {
    /// One PNG or JPEG file: a recording of one frame.
    ///
    /// # Errors
    /// [`SourceError`], as for the others.
    pub fn file(path: &Path, options: &SourceOptions) -> Result<Self, SourceError> {
        let store = Files::one(path, options.limits);
        Self::new(Box::new(store), path, "picture", options)
    }

    /// The PNG and JPEG files of a folder in natural order.
    ///
    /// # Errors
    /// [`SourceError`]; [`SourceError::Format`] when there are none.
    pub fn folder(path: &Path, options: &SourceOptions) -> Result<Self, SourceError> {
        let store = Files::folder(path, options.limits)?;
        Self::new(Box::new(store), path, "folder of pictures", options)
    }

    /// The PNG and JPEG files of a tar archive, gzipped or not, in natural order.
    ///
    /// # Errors
    /// [`SourceError`]; [`SourceError::Format`] when there are none.
    pub fn tar(path: &Path, options: &SourceOptions) -> Result<Self, SourceError> {
        let name = path.display().to_string();
        let mut file = open_path(path)?;
        let mut magic = [0; 2];
        let got = super::y4m::read_full(&mut file, &mut magic)
            .and_then(|_| std::io::Seek::rewind(&mut file));
        got.map_err(|e| super::y4m::io_error(&name, e))?;
        if magic == [0x1f, 0x8b] {
            file = expand(std::io::BufReader::new(file), &name, MAX_EXPANDED)?;
        }
        let store = Archive::new(std::io::BufReader::new(file), &name, &options.limits)?;
        Self::new(Box::new(store), path, "tar of pictures", options)
    }

    fn new(
        mut store: Box<dyn Store>,
        path: &Path,
        kind: &str,
        options: &SourceOptions,
    ) -> Result<Self, SourceError> {
        let uri = path.display().to_string();
        let count = store.len();
        if count == 0 {
            let reason = "it holds no PNG or JPEG pictures (.png, .jpg, .jpeg)".into();
            return Err(SourceError::Format { name: uri, reason });
        }
        let mut scratch = Vec::new();
        let (format, size) = first_readable(&mut *store, &uri, options, &mut scratch)?;
        let info = SourceInfo {
            uri,
            description: format!("{kind}, {count} in all"),
            format,
            size,
            rate: options.rate,
            live: false,
            frames: Some(count as u64),
        };
        let (limits, colour, damage) = (options.limits, options.colour, DamageLog::default());
        Ok(Self { store, info, limits, colour, next: 0, scratch, read: 0, damage, misfit: None })
    }

    /// Reads picture `index` into `buf`.
    fn picture(&mut self, buf: &mut PooledBuf, index: usize) -> Result<Picture, Fault> {
        self.store.load(index, buf.as_vec())?;
        let (format, size) = identify(buf).map_err(Fault::Damaged)?;
        if size != self.info.size {
            return Err(Fault::Misfit(format!(
                "its size is {size}, but the pictures before it have {}; all must have one size",
                self.info.size
            )));
        }
        if format == PixelFormat::Rgb24 {
            std::mem::swap(buf.as_vec(), &mut self.scratch);
            let memory = self.limits.pixels.saturating_mul(8);
            png::decode(&self.scratch, memory, buf.as_vec()).map_err(Fault::Damaged)?;
        } else if !jpeg::has_end(buf) {
            return Err(Fault::Damaged("it has no end marker; the file is truncated".into()));
        }
        let layout = Layout::packed(format, size).map_err(|e| Fault::Damaged(e.to_string()))?;
        let position = self.info.rate.map(|rate| at_rate(index as u64, rate));
        Ok(Picture { layout, colour: self.colour.unwrap_or(Colour::JPEG), position })
    }
}

/// Format and size of the first picture whose head can be read; `scratch` is room for it.
fn first_readable(
    store: &mut dyn Store,
    place: &str,
    options: &SourceOptions,
    scratch: &mut Vec<u8>,
) -> Result<(PixelFormat, Size), SourceError> {
    let mut first_error = None;
    for index in 0..store.len() {
        let name = store.name(index);
        let error = match store.load(index, scratch) {
            Ok(()) => match identify(scratch) {
                Ok((format, size)) => match check_pixels(&name, size, &options.limits) {
                    Ok(()) => return Ok((format, size)),
                    Err(error) => error,
                },
                Err(reason) => SourceError::Format { name, reason },
            },
            Err(error @ SourceError::Io { .. }) => return Err(error),
            Err(error) => error,
        };
        first_error.get_or_insert(error);
    }
    Err(match first_error {
        Some(error) if store.len() == 1 => error,
        first => none_readable(place, store.len(), &first.map(|e| e.to_string())),
    })
}

fn none_readable(place: &str, count: usize, first: &Option<String>) -> SourceError {
    let first = first.as_deref().unwrap_or_default();
    let reason = format!("none of its {count} pictures can be read; {first}");
    SourceError::Format { name: place.to_owned(), reason }
}

/// Format as delivered and size, by the first bytes.
fn identify(bytes: &[u8]) -> Result<(PixelFormat, Size), String> {
    match bytes {
        [] => Err("the file is empty".into()),
        [0x89, ..] => png::size(bytes).map(|size| (PixelFormat::Rgb24, size)),
        [0xff, ..] => jpeg::size(bytes).map(|size| (PixelFormat::Mjpeg, size)),
        _ => Err("it is neither PNG nor JPEG".into()),
    }
}

impl Recording for Pictures {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn frame_len(&self) -> usize {
        // Unknown: the buffer first takes the file.
        0
    }

    fn next(&mut self, buf: &mut PooledBuf) -> Result<Next, SourceError> {
        if let Some(error) = self.misfit.take() {
            return Err(error);
        }
        let (index, count) = (self.next, self.store.len());
        if index >= count {
            let damage = self.damage.so_far();
            return match self.read {
                0 => Err(none_readable(&self.info.uri, count, &damage.first)),
                _ => Ok(Next::End),
            };
        }
        self.next += 1;
        let name = self.store.name(index);
        match self.picture(buf, index) {
            Ok(picture) => {
                self.read += 1;
                return Ok(Next::Picture(picture));
            }
            Err(Fault::Place(error)) => return Err(error),
            Err(Fault::Misfit(reason)) => {
                self.misfit = Some(SourceError::Format { name, reason });
            }
            // An error that is one already names the picture.
            Err(Fault::Damaged(reason)) if reason.contains(&name) => self.damage.add(&reason),
            Err(Fault::Damaged(reason)) => self.damage.add(&format!("{name}: {reason}")),
        }
        Ok(Next::Lost { frames: 1, reason: DropReason::Corrupt })
    }

    fn damage(&self) -> DamageLog {
        self.damage.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::ImageEncoder;
    use image::codecs::png::PngEncoder;
    use jpeg_encoder::{ColorType, Encoder};

    fn png_file(w: u32, h: u32, grey: u8) -> Vec<u8> {
        let mut out = Vec::new();
        let samples = vec![grey; (w * h * 3) as usize];
        let colour = image::ExtendedColorType::Rgb8;
        PngEncoder::new(&mut out).write_image(&samples, w, h, colour).unwrap();
        out
    }

    fn jpeg_file(w: u16, h: u16) -> Vec<u8> {
        let mut out = Vec::new();
        let samples = vec![90; usize::from(w) * usize::from(h) * 3];
        Encoder::new(&mut out, 90).encode(&samples, w, h, ColorType::Rgb).unwrap();
        out
    }

    fn read(mut pictures: Pictures) -> (Vec<(PixelFormat, u8)>, u64, Option<String>) {
        let mut buf = PooledBuf::unpooled(Vec::new());
        let (mut frames, mut lost) = (Vec::new(), 0);
        loop {
            match pictures.next(&mut buf) {
                Ok(Next::Picture(p)) => frames.push((p.layout.format(), buf[0])),
                Ok(Next::Lost { frames, .. }) => lost += frames,
                Ok(Next::End) => return (frames, lost, None),
                Err(error) => return (frames, lost, Some(error.to_string())),
            }
        }
    }

    #[test]
    fn a_folder_is_read_in_natural_order() {
        let dir = tempfile::tempdir().unwrap();
        for (name, grey) in [("f10.png", 10), ("f9.png", 9), ("F8.PNG", 8)] {
            std::fs::write(dir.path().join(name), png_file(4, 3, grey)).unwrap();
        }
        std::fs::write(dir.path().join("g.jpg"), jpeg_file(4, 3)).unwrap();
        std::fs::write(dir.path().join("notes.txt"), "x").unwrap();
        let pictures = Pictures::folder(dir.path(), &SourceOptions::default()).unwrap();
        assert_eq!((pictures.info().frames, pictures.info().size), (Some(4), Size::new(4, 3)));
        let (frames, lost, error) = read(pictures);
        let rgb = |grey| (PixelFormat::Rgb24, grey);
        assert_eq!(frames, [rgb(8), rgb(9), rgb(10), (PixelFormat::Mjpeg, 0xff)]);
        assert_eq!((lost, error), (0, None));
    }

    #[test]
    fn a_damaged_picture_is_lost_and_the_others_are_read() {
        let whole = png_file(4, 3, 1);
        let jpeg = jpeg_file(4, 3);
        for (bytes, part) in [
            (whole[..whole.len() - 30].to_vec(), "unexpected end of file"),
            (jpeg[..jpeg.len() - 9].to_vec(), "no end marker"),
            (jpeg[..20].to_vec(), "it ends before the size"),
            (b"hello".to_vec(), "neither PNG nor JPEG"),
            (Vec::new(), "the file is empty"),
        ] {
            // At the start, in the middle and at the end.
            for bad in ["a", "b", "c"] {
                let dir = tempfile::tempdir().unwrap();
                for name in ["a", "b", "c"] {
                    let bytes = if name == bad { &bytes } else { &whole };
                    std::fs::write(dir.path().join(format!("{name}.png")), bytes).unwrap();
                }
                let pictures = Pictures::folder(dir.path(), &SourceOptions::default()).unwrap();
                let log = pictures.damage();
                let (frames, lost, error) = read(pictures);
                assert_eq!((frames.len(), lost, error), (2, 1, None), "{part}");
                let text = log.so_far().to_string();
                assert!(text.contains(part) && text.contains(&format!("{bad}.png")), "{text}");
            }
        }
    }

    #[test]
    fn another_size_ends_it_and_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.png"), png_file(4, 3, 1)).unwrap();
        std::fs::write(dir.path().join("b.png"), png_file(5, 3, 1)).unwrap();
        let pictures = Pictures::folder(dir.path(), &SourceOptions::default()).unwrap();
        let (frames, lost, error) = read(pictures);
        let error = error.unwrap();
        assert_eq!((frames.len(), lost), (1, 1));
        let part = "its size is 5x3, but the pictures before it have 4x3";
        assert!(error.contains(part) && error.contains("b.png"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn what_cannot_be_opened_is_lost_and_a_pipe_is_no_picture() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("a.png")).unwrap();
        std::fs::write(dir.path().join("b.png"), png_file(4, 3, 1)).unwrap();
        let pipe = dir.path().join("c.png");
        assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
        let pictures = Pictures::folder(dir.path(), &SourceOptions::default()).unwrap();
        assert_eq!(pictures.info().frames, Some(2));
        let (frames, lost, error) = read(pictures);
        assert_eq!((frames.len(), lost, error), (1, 1, None));
    }

    #[test]
    fn a_tar_with_a_damaged_picture_goes_on() {
        let whole = png_file(2, 2, 7);
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in [("1.png", &whole[..]), ("2.png", &whole[..40]), ("3.png", &whole)] {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, name, bytes).unwrap();
        }
        let file = tempfile::Builder::new().suffix(".tar").tempfile().unwrap();
        std::fs::write(file.path(), builder.into_inner().unwrap()).unwrap();
        let pictures = Pictures::tar(file.path(), &SourceOptions::default()).unwrap();
        let log = pictures.damage();
        let (frames, lost, error) = read(pictures);
        assert_eq!((frames.len(), lost, error), (2, 1, None));
        assert!(log.so_far().first.unwrap().contains("2.png"));
    }

    #[test]
    fn a_folder_without_one_readable_picture_is_an_error() {
        let whole = png_file(4, 3, 1);
        // Without a head nothing can be opened; with one, the end tells.
        for (len, opens) in [(5, false), (whole.len() - 30, true)] {
            let dir = tempfile::tempdir().unwrap();
            for name in ["a.png", "b.png"] {
                std::fs::write(dir.path().join(name), &whole[..len]).unwrap();
            }
            let pictures = Pictures::folder(dir.path(), &SourceOptions::default());
            assert_eq!(pictures.is_ok(), opens);
            let error = match pictures {
                Ok(pictures) => read(pictures).2.unwrap(),
                Err(error) => error.to_string(),
            };
            assert!(error.contains("none of its 2 pictures") && error.contains("a.png"), "{error}");
        }
    }

    #[test]
    fn nothing_to_read_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let error = Pictures::folder(dir.path(), &SourceOptions::default()).err().unwrap();
        assert!(error.to_string().contains("no PNG or JPEG pictures"), "{error}");
        let one = dir.path().join("a.png");
        let mut zero = png_file(4, 3, 1);
        zero[16..20].fill(0);
        std::fs::write(&one, zero).unwrap();
        let error = Pictures::file(&one, &SourceOptions::default()).err().unwrap();
        assert!(error.to_string().contains("0x3"), "{error}");
    }

    #[test]
    fn a_gzipped_tar_is_a_tar() {
        let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(
            Vec::new(),
            flate2::Compression::fast(),
        ));
        for name in ["x/2.png", "x/1.png"] {
            let mut header = tar::Header::new_ustar();
            let bytes = png_file(2, 2, name.as_bytes()[2]);
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, name, &bytes[..]).unwrap();
        }
        let file = tempfile::Builder::new().suffix(".tgz").tempfile().unwrap();
        std::fs::write(file.path(), builder.into_inner().unwrap().finish().unwrap()).unwrap();
        let (frames, ..) = read(Pictures::tar(file.path(), &SourceOptions::default()).unwrap());
        assert_eq!(frames.iter().map(|f| f.1).collect::<Vec<_>>(), [b'1', b'2']);
    }
}
