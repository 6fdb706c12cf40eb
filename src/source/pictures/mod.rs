//! PNG and JPEG pictures as a recording: one file, a folder, or a tar archive.
//!
//! JPEGs are handed on as they are, as MJPEG frames, so that one decoder exists; PNGs become RGB.
//! All pictures must have one size. A damaged picture is counted as lost and ends the recording
//! with an error that names it. Read by one thread.
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
use super::{Limits, SourceError, SourceInfo, SourceOptions};
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
    /// Why the picture just counted as lost cannot be had.
    damaged: Option<SourceError>,
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
        store.load(0, &mut scratch)?;
        let name = store.name(0);
        let bad = |reason| SourceError::Format { name: name.clone(), reason };
        let (format, size) = identify(&scratch).map_err(bad)?;
        check_pixels(&name, size, &options.limits)?;
        let info = SourceInfo {
            uri,
            description: format!("{kind}, {count} in all"),
            format,
            size,
            rate: options.rate,
            live: false,
            frames: Some(count as u64),
        };
        let (limits, colour) = (options.limits, options.colour);
        Ok(Self { store, info, limits, colour, next: 0, scratch, damaged: None })
    }

    /// Turns the encoded picture in `buf` into a frame.
    fn picture(&mut self, buf: &mut PooledBuf, index: usize) -> Result<Picture, String> {
        let (format, size) = identify(buf)?;
        if size != self.info.size {
            return Err(format!(
                "its size is {size}, but the pictures before it have {}; all must have one size",
                self.info.size
            ));
        }
        if format == PixelFormat::Rgb24 {
            std::mem::swap(buf.as_vec(), &mut self.scratch);
            let memory = self.limits.pixels.saturating_mul(8);
            png::decode(&self.scratch, memory, buf.as_vec())?;
        } else if !jpeg::has_end(buf) {
            return Err("it has no end marker; the file is truncated".into());
        }
        let layout = Layout::packed(format, size).map_err(|e| e.to_string())?;
        let position = self.info.rate.map(|rate| at_rate(index as u64, rate));
        Ok(Picture { layout, colour: self.colour.unwrap_or(Colour::JPEG), position })
    }
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
        if let Some(error) = self.damaged.take() {
            return Err(error);
        }
        let index = self.next;
        if index >= self.store.len() {
            return Ok(Next::End);
        }
        self.next += 1;
        self.store.load(index, buf.as_vec())?;
        match self.picture(buf, index) {
            Ok(picture) => Ok(Next::Picture(picture)),
            Err(reason) => {
                let name = self.store.name(index);
                self.damaged = Some(SourceError::Format { name, reason });
                Ok(Next::Lost { frames: 1, reason: DropReason::Corrupt })
            }
        }
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
    fn damage_and_mixed_sizes_name_the_file() {
        let whole = png_file(4, 3, 1);
        let jpeg = jpeg_file(4, 3);
        for (bytes, part) in [
            (png_file(5, 3, 1), "its size is 5x3, but the pictures before it have 4x3"),
            (whole[..whole.len() - 30].to_vec(), "b.png"),
            (jpeg[..jpeg.len() - 9].to_vec(), "no end marker"),
            (jpeg[..20].to_vec(), "it ends before the size"),
            (b"hello".to_vec(), "neither PNG nor JPEG"),
            (Vec::new(), "the file is empty"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("a.png"), &whole).unwrap();
            std::fs::write(dir.path().join("b.png"), bytes).unwrap();
            let (frames, lost, error) =
                read(Pictures::folder(dir.path(), &SourceOptions::default()).unwrap());
            let error = error.unwrap();
            assert_eq!((frames.len(), lost), (1, 1));
            assert!(error.contains(part) && error.contains("b.png"), "{error}");
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
