//! Raw video: samples without a header. Size, format and rate are given by the caller, or read
//! from the file's name as in `clip_320x192_12fps.yuv`.
#![warn(clippy::indexing_slicing)]

use std::io::BufRead;
use std::path::Path;

use super::playback::at_rate;
use super::recording::{Next, Picture, Recording};
use super::y4m::{check_pixels, io_error, read_full};
use super::{SourceError, SourceInfo, SourceOptions};
use crate::frame::{Colour, DropReason, Layout, PixelFormat, PooledBuf, Rational, Size};

/// What a file name tells of raw video.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameHints {
    /// `320x192`.
    pub size: Option<Size>,
    /// `12fps` or `29.97fps`.
    pub rate: Option<Rational>,
    /// The extension or a word, such as `nv12`.
    pub format: Option<PixelFormat>,
}

impl NameHints {
    /// Reads the words of a file name, separated by anything but letters, digits and points.
    #[must_use]
    pub fn read(name: &str) -> Self {
        let mut hints = Self::default();
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let words = stem.split(|c: char| !c.is_ascii_alphanumeric() && c != '.');
        for word in words.chain([extension]) {
            let lower = word.to_ascii_lowercase();
            if let Some(rate) = lower.strip_suffix("fps") {
                hints.rate = rate.parse().ok().or(hints.rate);
            } else if let Ok(format) = lower.parse::<PixelFormat>() {
                hints.format = Some(format).filter(|f| !f.is_compressed()).or(hints.format);
            } else if lower.starts_with(|c: char| c.is_ascii_digit()) {
                hints.size = lower.parse().ok().or(hints.size);
            }
        }
        hints
    }
}

/// Raw frames, one after the other.
pub struct Raw<R> {
    input: R,
    info: SourceInfo,
    layout: Layout,
    colour: Colour,
    frame: u64,
    truncated: Option<String>,
}

impl<R: BufRead + Send> Raw<R> {
    /// Raw video from `input`, whose length is `len` bytes when known.
    ///
    /// # Errors
    /// [`SourceError::Unsupported`] without a size, [`SourceError::Format`] when the length is no
    /// whole number of frames, which mostly means a wrong size or format.
    pub fn new(
        input: R,
        path: &Path,
        len: Option<u64>,
        options: &SourceOptions,
    ) -> Result<Self, SourceError> {
        let name = path.display().to_string();
        let file_name = path.file_name().map(|n| n.to_string_lossy()).unwrap_or_default();
        let hints = NameHints::read(&file_name);
        let Some(size) = options.size.or(hints.size) else {
            let reason = "raw video does not tell its size; give it with --size, for example --size 640x360 --format I420 --fps 30".into();
            return Err(SourceError::Unsupported { name, reason });
        };
        let format = options.format.or(hints.format).unwrap_or(PixelFormat::I420);
        if format.is_compressed() {
            let reason = format!("raw video cannot be {format}; write for example --format NV12");
            return Err(SourceError::Unsupported { name, reason });
        }
        let bad = |reason: String| SourceError::Format { name: name.clone(), reason };
        let layout = Layout::packed(format, size).map_err(|e| bad(e.to_string()))?;
        check_pixels(&name, size, &options.limits)?;
        let each = layout.len() as u64;
        if let Some(len) = len {
            if len == 0 {
                return Err(bad("it is empty; expected raw video".into()));
            }
            if !len.is_multiple_of(each) {
                return Err(bad(format!(
                    "its {len} bytes are no whole number of {size} {format} frames of {each} bytes ({} frames and {} bytes over); check --size and --format",
                    len / each,
                    len % each
                )));
            }
        }
        let info = SourceInfo {
            uri: name,
            description: format!("raw {format} video"),
            format,
            size,
            rate: options.rate.or(hints.rate),
            live: false,
            frames: len.map(|len| len / each),
        };
        let colour = options.colour.unwrap_or_default();
        Ok(Self { input, info, layout, colour, frame: 0, truncated: None })
    }
}

impl<R: BufRead + Send> Recording for Raw<R> {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn frame_len(&self) -> usize {
        self.layout.len()
    }

    fn next(&mut self, buf: &mut PooledBuf) -> Result<Next, SourceError> {
        if let Some(reason) = self.truncated.take() {
            return Err(SourceError::Format { name: self.info.uri.clone(), reason });
        }
        let len = self.layout.len();
        buf.as_vec().resize(len, 0);
        let got = read_full(&mut self.input, buf).map_err(|e| io_error(&self.info.uri, e))?;
        if got == 0 {
            return Ok(Next::End);
        }
        let index = self.frame;
        self.frame += 1;
        if got < len {
            let text = format!("frame {index} is cut short: {got} of {len} bytes");
            self.truncated = Some(format!("{text}; check --size and --format"));
            return Ok(Next::Lost { frames: 1, reason: DropReason::Corrupt });
        }
        let position = self.info.rate.map(|rate| at_rate(index, rate));
        Ok(Next::Picture(Picture { layout: self.layout, colour: self.colour, position }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(
        name: &str,
        bytes: &'static [u8],
        size: &str,
        format: Option<PixelFormat>,
    ) -> Result<Raw<&'static [u8]>, SourceError> {
        let options = SourceOptions { size: size.parse().ok(), format, ..SourceOptions::default() };
        Raw::new(bytes, Path::new(name), Some(bytes.len() as u64), &options)
    }

    #[test]
    fn names_tell_size_rate_and_format() {
        let hints = NameHints::read("CiscoVT2people_320x192_12fps.yuv");
        assert_eq!(hints.size, Some(Size::new(320, 192)));
        assert_eq!((hints.rate, hints.format), (Some(Rational::whole(12)), None));
        let hints = NameHints::read("a-64x48_29.97fps.nv12");
        assert_eq!(hints.rate.map(Rational::den), Some(1001));
        assert_eq!(hints.format, Some(PixelFormat::Nv12));
        assert_eq!(NameHints::read("0x5_fps.mjpeg"), NameHints::default());
    }

    #[test]
    fn frames_and_the_given_goes_before_the_name() {
        let mut raw = open("a_2x2.yuv", &[7; 12], "2x1", Some(PixelFormat::Grey)).unwrap();
        assert_eq!((raw.info().frames, raw.info().rate), (Some(6), None));
        let mut buf = PooledBuf::unpooled(Vec::new());
        let mut count = 0;
        while let Next::Picture(_) = raw.next(&mut buf).unwrap() {
            count += 1;
        }
        assert_eq!(count, 6);
    }

    #[test]
    fn a_wrong_size_names_the_bytes_it_expects() {
        let text = |name: &str, bytes, size: &str, format| {
            open(name, bytes, size, format).err().unwrap().to_string()
        };
        let error = text("a.yuv", &[0; 13], "2x2", None);
        assert!(error.contains("its 13 bytes are no whole number of 2x2 I420 frames of 6 bytes (2 frames and 1 bytes over)"), "{error}");
        assert!(text("a.yuv", &[0; 13], "", None).contains("--size 640x360"));
        assert!(text("a.yuv", &[], "2x2", None).contains("it is empty"));
        let huge = text("a.yuv", &[0; 13], "16384x16384", None);
        assert!(huge.contains("above the limit"), "{huge}");
        assert!(
            text("a.yuv", &[0; 4], "2x2", Some(PixelFormat::Mjpeg)).contains("cannot be MJPEG")
        );
    }

    #[test]
    fn a_pipe_that_ends_midway_counts_a_loss() {
        let options = SourceOptions { size: Some(Size::new(2, 2)), ..SourceOptions::default() };
        let mut raw = Raw::new(&[1; 8][..], Path::new("pipe"), None, &options).unwrap();
        let mut buf = PooledBuf::unpooled(Vec::new());
        assert!(matches!(raw.next(&mut buf).unwrap(), Next::Picture(_)));
        assert!(matches!(raw.next(&mut buf).unwrap(), Next::Lost { frames: 1, .. }));
        assert!(raw.next(&mut buf).unwrap_err().to_string().contains("2 of 6 bytes"));
    }
}
