//! Writes decoded pictures sample by sample: as Y4M, as bare samples, or as a folder of PNGs.
//!
//! Y4M carries YUV and grey as they are. It knows no RGB, which becomes 4:4:4 there and is no
//! longer exact; bare samples and PNG keep it.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::codec::{CodecError, Picture, SampleLayout, StreamSpec, picture_to_bytes};
use crate::frame::{
    ChromaSiting, Colour, ColourRange, Frame, FrameMeta, Layout, PixelFormat, PooledBuf, Rational,
};
use crate::source::uri::FileKind;
use crate::vision::{FrameConverter, RgbImage, VisionError, rgb_to_i444};

use super::growing::GrowingFile;

/// Pictures that cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteDecodedError {
    /// The output fails.
    #[error(
        "cannot write {path}: {cause}; choose a place that can be written and has room",
        path = path.display()
    )]
    Io {
        /// The output.
        path: PathBuf,
        /// The system's answer.
        #[source]
        cause: io::Error,
    },
    /// The name does not say what to write.
    #[error(
        "cannot tell from {path} what to write; name a .y4m file, - for Y4M on stdout, a .raw file \
         for samples alone, or a folder for PNG pictures (an existing one, or with / at the end)",
        path = path.display()
    )]
    Name {
        /// The output.
        path: PathBuf,
    },
    /// A picture that does not fit the stream.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A picture that cannot be converted.
    #[error(transparent)]
    Vision(#[from] VisionError),
    /// A PNG that cannot be made.
    #[error("cannot write {path}: {cause}", path = path.display())]
    Png {
        /// The picture's file.
        path: PathBuf,
        /// What the encoder said.
        #[source]
        cause: image::ImageError,
    },
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Y4m,
    Raw,
    Png,
}

/// Decoded pictures being written; one thread owns it.
#[derive(Debug)]
pub struct DecodedWriter {
    kind: Kind,
    path: PathBuf,
    out: Option<GrowingFile>,
    spec: StreamSpec,
    bytes: Vec<u8>,
    rgb: RgbImage,
    frames: u64,
}

impl DecodedWriter {
    /// Opens `path` for frames of `spec`: `-` or `*.y4m` for Y4M, `*.raw` and other endings of bare
    /// samples for frames in the format of the stream, a folder for PNG.
    ///
    /// # Errors
    /// [`WriteDecodedError`].
    pub fn create(path: &Path, spec: &StreamSpec) -> Result<Self, WriteDecodedError> {
        let fail = |cause| WriteDecodedError::Io { path: path.to_owned(), cause };
        let text = path.to_string_lossy().to_ascii_lowercase();
        let folder = path.is_dir() || text.ends_with('/');
        let special = std::fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir());
        let kind = match FileKind::by_name(&text) {
            _ if folder => Kind::Png,
            Some(FileKind::Raw) => Kind::Raw,
            Some(FileKind::Y4m) => Kind::Y4m,
            // Pipes and devices have no endings.
            _ if text == "-" || special => Kind::Y4m,
            _ => return Err(WriteDecodedError::Name { path: path.to_owned() }),
        };
        let out = match kind {
            Kind::Png => {
                std::fs::create_dir_all(path).map_err(fail)?;
                None
            }
            _ => Some(GrowingFile::create(path).map_err(fail)?),
        };
        let mut writer = Self {
            kind,
            path: path.to_owned(),
            out,
            spec: *spec,
            bytes: Vec::new(),
            rgb: RgbImage::default(),
            frames: 0,
        };
        if kind == Kind::Y4m {
            let header = y4m_header(spec);
            writer.put(header.as_bytes())?;
        }
        Ok(writer)
    }

    /// True when samples are written as they were decoded.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        let grey = self.spec.layout() == SampleLayout::Grey;
        match self.kind {
            Kind::Y4m => !self.spec.format.is_rgb(),
            Kind::Raw => true,
            Kind::Png => {
                self.spec.format.is_rgb() || (grey && self.spec.colour.range == ColourRange::Full)
            }
        }
    }

    /// Pictures written so far.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    /// The file that holds what was written until [`DecodedWriter::finish`], if there is one.
    #[must_use]
    pub fn partial(&self) -> Option<&Path> {
        self.out.as_ref()?.partial()
    }

    /// Writes a picture of the stream.
    ///
    /// # Errors
    /// [`WriteDecodedError`].
    pub fn write(&mut self, picture: &Picture) -> Result<(), WriteDecodedError> {
        let mut bytes = std::mem::take(&mut self.bytes);
        let written = match self.kind {
            Kind::Raw => picture_to_bytes(picture, self.spec.format, &mut bytes)
                .map_err(WriteDecodedError::from)
                .and_then(|()| self.put(&bytes)),
            Kind::Y4m => self.y4m(picture, &mut bytes),
            Kind::Png => self.png(picture),
        };
        self.bytes = bytes;
        written?;
        self.flush()?;
        self.frames += 1;
        Ok(())
    }

    /// Ends the output: a file gets its name.
    ///
    /// # Errors
    /// [`WriteDecodedError::Io`].
    pub fn finish(self) -> Result<u64, WriteDecodedError> {
        let Self { out, path, frames, .. } = self;
        match out.map(GrowingFile::finish) {
            Some(Err(cause)) => Err(WriteDecodedError::Io { path, cause }),
            _ => Ok(frames),
        }
    }

    fn y4m(&mut self, picture: &Picture, bytes: &mut Vec<u8>) -> Result<(), WriteDecodedError> {
        self.put(b"FRAME\n")?;
        if picture.layout() == SampleLayout::Gbr {
            self.make_rgb(picture)?;
            bytes.resize(self.rgb.size().pixels() * 3, 0);
            rgb_to_i444(&self.rgb, Colour::default(), bytes)?;
            return self.put(bytes);
        }
        for plane in picture.planes() {
            self.put(&plane.data)?;
        }
        Ok(())
    }

    fn png(&mut self, picture: &Picture) -> Result<(), WriteDecodedError> {
        let name = self.path.join(format!("frame-{:06}.png", self.frames));
        let (width, height) = (picture.width() as u32, picture.height() as u32);
        let saved = match picture.planes() {
            [luma] if self.spec.colour.range == ColourRange::Full => {
                image::save_buffer(&name, &luma.data, width, height, image::ColorType::L8)
            }
            _ => {
                self.make_rgb(picture)?;
                image::save_buffer(&name, self.rgb.data(), width, height, image::ColorType::Rgb8)
            }
        };
        saved.map_err(|cause| WriteDecodedError::Png { path: name, cause })
    }

    fn make_rgb(&mut self, picture: &Picture) -> Result<(), WriteDecodedError> {
        let format = match picture.layout() {
            SampleLayout::Gbr => PixelFormat::Rgb24,
            SampleLayout::Yuv420 => PixelFormat::I420,
            SampleLayout::Yuv422 => PixelFormat::I422,
            SampleLayout::Yuv444 => PixelFormat::I444,
            SampleLayout::Grey => PixelFormat::Grey,
        };
        let mut bytes = Vec::new();
        picture_to_bytes(picture, format, &mut bytes)?;
        let layout = Layout::packed(format, picture.size()).map_err(CodecError::from)?;
        let meta = FrameMeta { colour: self.spec.colour, ..FrameMeta::default() };
        let frame = Frame::new(PooledBuf::unpooled(bytes), layout, meta);
        let frame = frame.map_err(CodecError::from)?;
        Ok(FrameConverter::new().to_rgb(&frame, &mut self.rgb)?)
    }

    /// What reads a pipe is to have the frame now and whole.
    fn flush(&mut self) -> Result<(), WriteDecodedError> {
        let Some(out) = &mut self.out else { return Ok(()) };
        out.flush().map_err(|cause| WriteDecodedError::Io { path: self.path.clone(), cause })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), WriteDecodedError> {
        let Some(out) = &mut self.out else { return Ok(()) };
        out.write_all(bytes)
            .map_err(|cause| WriteDecodedError::Io { path: self.path.clone(), cause })
    }
}

fn y4m_header(spec: &StreamSpec) -> String {
    let rate = spec.rate.unwrap_or(Rational::whole(25));
    let tag = match (spec.layout(), spec.colour.siting) {
        (SampleLayout::Grey, _) => "mono",
        (SampleLayout::Yuv420, ChromaSiting::Left) => "420mpeg2 XYSCSS=420MPEG2",
        (SampleLayout::Yuv420, ChromaSiting::Centre) => "420jpeg XYSCSS=420JPEG",
        (SampleLayout::Yuv422, _) => "422 XYSCSS=422",
        (SampleLayout::Yuv444 | SampleLayout::Gbr, _) => "444 XYSCSS=444",
    };
    let full = spec.colour.range == ColourRange::Full && spec.layout() != SampleLayout::Gbr;
    format!(
        "YUV4MPEG2 W{} H{} F{}:{} Ip A1:1 C{tag} XCOLORRANGE={}\n",
        spec.size.width,
        spec.size.height,
        rate.num(),
        rate.den(),
        if full { "FULL" } else { "LIMITED" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;
    use crate::source::y4m::Header;

    fn pattern(spec: &StreamSpec) -> Picture {
        let mut picture = Picture::new(spec.layout(), spec.size.w(), spec.size.h());
        for (index, plane) in picture.planes_mut().iter_mut().enumerate() {
            for (at, v) in plane.data.iter_mut().enumerate() {
                *v = (at * 29 + index * 71) as u8;
            }
        }
        picture
    }

    #[test]
    fn y4m_holds_the_planes_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.y4m");
        for format in [PixelFormat::Nv12, PixelFormat::Yuyv, PixelFormat::I444, PixelFormat::Grey] {
            let mut spec = StreamSpec::new(format, Size::new(7, 5));
            spec.colour.range = ColourRange::Full;
            let picture = pattern(&spec);
            let mut writer = DecodedWriter::create(&path, &spec).unwrap();
            assert!(writer.is_exact());
            writer.write(&picture).unwrap();
            assert_eq!(writer.finish().unwrap(), 1);
            let bytes = std::fs::read(&path).unwrap();
            let end = bytes.iter().position(|b| *b == b'\n').unwrap();
            let header = Header::parse(&bytes[..end]).unwrap();
            assert_eq!(crate::codec::layout_of(header.layout.format()), Some(spec.layout()));
            assert_eq!(header.colour.range, ColourRange::Full);
            let samples: Vec<u8> =
                picture.planes().iter().flat_map(|p| p.data.iter().copied()).collect();
            assert_eq!(bytes[end + 7..], samples);
        }
    }

    #[test]
    fn rgb_is_exact_as_raw_and_as_png_but_not_as_y4m() {
        let folder = tempfile::tempdir().unwrap();
        let spec = StreamSpec::new(PixelFormat::Bgr24, Size::new(6, 4));
        let picture = pattern(&spec);
        let raw = folder.path().join("a.raw");
        let mut writer = DecodedWriter::create(&raw, &spec).unwrap();
        writer.write(&picture).unwrap();
        assert!(writer.is_exact());
        writer.finish().unwrap();
        let mut bytes = Vec::new();
        picture_to_bytes(&picture, PixelFormat::Bgr24, &mut bytes).unwrap();
        assert_eq!(std::fs::read(&raw).unwrap(), bytes);
        let mut writer = DecodedWriter::create(folder.path(), &spec).unwrap();
        writer.write(&picture).unwrap();
        assert!(writer.is_exact());
        let png = image::open(folder.path().join("frame-000000.png")).unwrap().to_rgb8();
        picture_to_bytes(&picture, PixelFormat::Rgb24, &mut bytes).unwrap();
        assert_eq!(*png.as_raw(), bytes);
        let y4m = DecodedWriter::create(&folder.path().join("a.y4m"), &spec).unwrap();
        assert!(!y4m.is_exact());
    }

    #[test]
    fn a_name_that_says_nothing_is_refused() {
        let spec = StreamSpec::new(PixelFormat::Grey, Size::new(1, 1));
        let error = DecodedWriter::create(Path::new("out.mp4"), &spec).unwrap_err().to_string();
        assert!(error.contains("out.mp4") && error.contains(".y4m"), "{error}");
    }
}
