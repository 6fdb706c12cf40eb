//! Writes pictures as a Y4M stream: to a file, a pipe, or stdout.
//!
//! A file is a [`GrowingFile`]; what is left of a run that is killed plays up to its last complete
//! frame. Nothing is buffered beyond one frame, so a full disk is known at once.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::frame::{Colour, Rational, Size};
use crate::vision::{RgbImage, VisionError, rgb_to_i420, rgb_to_i444};

use super::growing::GrowingFile;

/// Chroma of the written stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Chroma {
    /// Half the width and height: what everything plays.
    #[default]
    C420,
    /// Full size.
    C444,
}

/// Pictures that cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Y4mError {
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
    /// A picture of another size than the stream's.
    #[error(transparent)]
    Picture(#[from] VisionError),
}

/// A Y4M stream being written; one thread owns it.
pub struct Y4mWriter {
    out: GrowingFile,
    size: Size,
    chroma: Chroma,
    bytes: Vec<u8>,
    frames: u64,
}

const FRAME: &[u8] = b"FRAME\n";

/// The meaning of the samples written: what untagged video is.
const COLOUR: Colour = Colour {
    matrix: crate::frame::ColourMatrix::Bt601,
    range: crate::frame::ColourRange::Limited,
    siting: crate::frame::ChromaSiting::Left,
};

impl Y4mWriter {
    /// Opens `path` (`-` is stdout) and writes the header.
    ///
    /// # Errors
    /// [`Y4mError::Io`] when it cannot be written.
    pub fn create(
        path: &Path,
        size: Size,
        rate: Rational,
        chroma: Chroma,
    ) -> Result<Self, Y4mError> {
        let fail = |cause| Y4mError::Io { path: path.to_owned(), cause };
        let out = GrowingFile::create(path).map_err(fail)?;
        let (w, h) = (size.w(), size.h());
        let (tag, chroma_len) = match chroma {
            Chroma::C420 => ("420mpeg2 XYSCSS=420MPEG2", 2 * w.div_ceil(2) * h.div_ceil(2)),
            Chroma::C444 => ("444 XYSCSS=444", 2 * w * h),
        };
        let mut bytes = FRAME.to_vec();
        bytes.resize(FRAME.len() + w * h + chroma_len, 0);
        let mut writer = Self { out, size, chroma, bytes, frames: 0 };
        let header = format!(
            "YUV4MPEG2 W{w} H{h} F{}:{} Ip A1:1 C{tag} XCOLORRANGE=LIMITED\n",
            rate.num(),
            rate.den()
        );
        writer.put(|out, _| out.write_all(header.as_bytes()))?;
        Ok(writer)
    }

    /// Frames written so far.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    /// The file that holds what was written until [`Y4mWriter::finish`]; none for a pipe.
    #[must_use]
    pub fn partial(&self) -> Option<&Path> {
        self.out.partial()
    }

    /// Writes a picture of the stream's size.
    ///
    /// # Errors
    /// [`Y4mError::Picture`] for another size, [`Y4mError::Io`] when the output fails.
    pub fn write(&mut self, picture: &RgbImage) -> Result<(), Y4mError> {
        if picture.size() != self.size {
            return Err(Y4mError::Picture(VisionError::SizeMismatch {
                what: "the picture to write",
                got: picture.size(),
                expected: self.size,
            }));
        }
        let samples = self.bytes.get_mut(FRAME.len()..).unwrap_or_default();
        match self.chroma {
            Chroma::C420 => rgb_to_i420(picture, COLOUR, samples)?,
            Chroma::C444 => rgb_to_i444(picture, COLOUR, samples)?,
        }
        self.put(|out, bytes| out.write_all(bytes))?;
        self.frames += 1;
        Ok(())
    }

    /// Ends the stream: the file gets its name.
    ///
    /// # Errors
    /// [`Y4mError::Io`] when the last bytes cannot be written or the file not be renamed.
    pub fn finish(self) -> Result<u64, Y4mError> {
        let path = self.out.path().to_owned();
        self.out.finish().map_err(|cause| Y4mError::Io { path, cause })?;
        Ok(self.frames)
    }

    fn put(
        &mut self,
        write: impl FnOnce(&mut GrowingFile, &[u8]) -> io::Result<()>,
    ) -> Result<(), Y4mError> {
        write(&mut self.out, &self.bytes)
            .map_err(|cause| Y4mError::Io { path: self.out.path().to_owned(), cause })
    }
}

impl std::fmt::Debug for Y4mWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Y4mWriter")
            .field("path", &self.out.path())
            .field("frames", &self.frames)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::y4m::Header;

    fn picture(size: Size, level: u8) -> RgbImage {
        RgbImage::from_vec(size, vec![level; size.pixels() * 3]).unwrap()
    }

    #[test]
    fn a_stream_is_what_our_reader_expects() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.y4m");
        let size = Size::new(5, 3);
        for (chroma, frame) in [(Chroma::C420, 15 + 12), (Chroma::C444, 45)] {
            let rate = Rational::new(30000, 1001).unwrap();
            let mut writer = Y4mWriter::create(&path, size, rate, chroma).unwrap();
            writer.write(&picture(size, 255)).unwrap();
            assert!(writer.write(&picture(Size::new(4, 3), 0)).is_err());
            writer.write(&picture(size, 0)).unwrap();
            assert_eq!(writer.finish().unwrap(), 2);
            let bytes = std::fs::read(&path).unwrap();
            let end = bytes.iter().position(|b| *b == b'\n').unwrap();
            let header = Header::parse(&bytes[..end]).unwrap();
            assert_eq!((header.layout.size(), header.rate), (size, Some(rate)));
            assert_eq!(header.colour, Colour::default());
            assert_eq!(header.layout.len(), frame);
            let frames = &bytes[end + 1..];
            assert_eq!(frames.len(), 2 * (6 + frame));
            assert_eq!((&frames[..6], frames[6], frames[frame + 5]), (FRAME, 235, 128));
            assert_eq!(frames[frame + 12], 16);
        }
    }

    #[test]
    fn an_unfinished_stream_stays_as_partial() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.y4m");
        let size = Size::new(2, 2);
        let mut writer = Y4mWriter::create(&path, size, Rational::whole(25), Chroma::C420).unwrap();
        writer.write(&picture(size, 9)).unwrap();
        drop(writer);
        assert!(!path.exists());
        let partial = std::fs::read(folder.path().join("out.y4m.partial")).unwrap();
        assert!(partial.ends_with(&[24, 24, 24, 24, 128, 128]), "the frame is there");
    }

    #[test]
    fn an_output_that_cannot_be_written_says_so() {
        let path = Path::new("/no/such/folder/out.y4m");
        let error = Y4mWriter::create(path, Size::new(2, 2), Rational::whole(25), Chroma::C420);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("/no/such/folder/out.y4m") && error.contains("room"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_known_at_once() {
        let full = Path::new("/dev/full");
        let error = Y4mWriter::create(full, Size::new(2, 2), Rational::whole(25), Chroma::C420);
        assert!(error.unwrap_err().to_string().contains("No space left"));
    }
}
