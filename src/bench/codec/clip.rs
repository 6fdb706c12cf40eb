//! The frames of a clip, in memory, exactly as every codec gets them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::frame::{Colour, Frame, FrameMeta, Layout, PixelFormat, PooledBuf, Rational, Size};
use crate::vision::{FrameConverter, RgbImage};

use super::BenchError;

/// A clip of planar 8-bit frames without padding.
#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    /// Its name in tables and files.
    pub name: String,
    /// Where its samples lie: I420, I422, I444 or grey.
    pub layout: Layout,
    /// What its samples mean.
    pub colour: Colour,
    /// Frames a second.
    pub rate: Rational,
    /// The frames, each `layout.len()` bytes.
    pub frames: Vec<Vec<u8>>,
}

impl Clip {
    /// Size in pixels.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.layout.size()
    }

    /// Luma pixels of all frames: what bits are counted for.
    #[must_use]
    pub fn pixels(&self) -> u64 {
        self.size().pixels() as u64 * self.frames.len() as u64
    }

    /// `bytes` as bits a luma pixel.
    #[must_use]
    pub fn bits_per_pixel(&self, bytes: u64) -> f64 {
        bytes as f64 * 8.0 / self.pixels().max(1) as f64
    }

    /// ffmpeg's name of the pixel format.
    #[must_use]
    pub const fn pix_fmt(&self) -> &'static str {
        pix_fmt(self.layout.format())
    }

    /// The hash of geometry, rate and samples; the name is no part of it.
    #[must_use]
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.header());
        for frame in &self.frames {
            hash.update(frame);
        }
        hex(&hash.finalize())
    }

    /// The clip with some of its frames.
    #[must_use]
    pub fn of_frames(&self, indexes: impl Iterator<Item = usize>) -> Self {
        Self {
            name: self.name.clone(),
            layout: self.layout,
            colour: self.colour,
            rate: self.rate,
            frames: indexes.filter_map(|i| self.frames.get(i).cloned()).collect(),
        }
    }

    /// Converts samples of this clip's layout to RGB.
    ///
    /// # Errors
    /// [`BenchError::Clip`] when `samples` is too short.
    pub fn to_rgb(
        &self,
        samples: &[u8],
        converter: &mut FrameConverter,
        out: &mut RgbImage,
    ) -> Result<(), BenchError> {
        let fail = |reason: String| BenchError::Clip { clip: self.name.clone(), reason };
        let meta = FrameMeta { colour: self.colour, ..FrameMeta::default() };
        let frame = Frame::new(PooledBuf::unpooled(samples.to_vec()), self.layout, meta)
            .map_err(|e| fail(e.to_string()))?;
        converter.to_rgb(&frame, out).map_err(|e| fail(e.to_string()))
    }

    /// The Y4M header. It does not name the range of the samples, so that no program converts them.
    fn header(&self) -> String {
        let chroma = match self.layout.format() {
            PixelFormat::I422 => "422",
            PixelFormat::I444 => "444",
            PixelFormat::Grey => "mono",
            _ => "420mpeg2",
        };
        let size = self.size();
        format!(
            "YUV4MPEG2 W{} H{} F{}:{} Ip A1:1 C{chroma}\n",
            size.width,
            size.height,
            self.rate.num(),
            self.rate.den()
        )
    }

    /// Writes the clip as Y4M; a file that holds it already is left as it is.
    ///
    /// # Errors
    /// [`BenchError::Io`].
    pub fn write_y4m(&self, path: &Path) -> Result<(), BenchError> {
        let mut bytes = self.header().into_bytes();
        for frame in &self.frames {
            bytes.extend_from_slice(b"FRAME\n");
            bytes.extend_from_slice(frame);
        }
        if fs::read(path).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        let part = path.with_extension("y4m.part");
        fs::write(&part, bytes).map_err(BenchError::io("write", &part))?;
        fs::rename(&part, path).map_err(BenchError::io("write", path))
    }
}

/// ffmpeg's name of one of the planar formats.
pub(super) const fn pix_fmt(format: PixelFormat) -> &'static str {
    match format {
        PixelFormat::I422 => "yuv422p",
        PixelFormat::I444 => "yuv444p",
        PixelFormat::Grey => "gray",
        _ => "yuv420p",
    }
}

/// Bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A textured clip that moves two pixels a frame.
    pub(in crate::bench::codec) fn moving(size: Size, frames: usize) -> Clip {
        let layout = Layout::packed(PixelFormat::I420, size).unwrap();
        let frame = |t: usize| {
            let mut bytes = vec![128; layout.len()];
            for (i, out) in bytes[..size.pixels()].iter_mut().enumerate() {
                let (x, y) = ((i % size.w() + 2 * t) as f64, (i / size.w()) as f64);
                *out = (120.0
                    + 50.0 * (x * 0.31).sin() * (y * 0.23).cos()
                    + 30.0 * (x * 0.11 + y * 0.17).sin()) as u8;
            }
            bytes
        };
        Clip {
            name: "moving".to_owned(),
            layout,
            colour: Colour::default(),
            rate: Rational::whole(25),
            frames: (0..frames).map(frame).collect(),
        }
    }

    #[test]
    fn a_written_clip_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.y4m");
        let clip = moving(Size::new(7, 5), 3);
        clip.write_y4m(&path).unwrap();
        let bytes = fs::read(&path).unwrap();
        let end = bytes.iter().position(|b| *b == b'\n').unwrap();
        let header = crate::source::y4m::Header::parse(&bytes[..end]).unwrap();
        assert_eq!((header.layout, header.rate), (clip.layout, Some(clip.rate)));
        assert_eq!(bytes.len(), end + 1 + 3 * (6 + clip.layout.len()));
        assert!(bytes.ends_with(&clip.frames[2]));
        assert_eq!(clip.bits_per_pixel(105), 8.0);
    }

    #[test]
    fn the_hash_is_of_what_is_coded() {
        let clip = moving(Size::new(8, 8), 2);
        let renamed = Clip { name: "other".to_owned(), ..clip.clone() };
        assert_eq!(clip.sha256(), renamed.sha256());
        let mut changed = clip.clone();
        changed.frames[1][3] ^= 1;
        assert_ne!(clip.sha256(), changed.sha256());
        assert_ne!(clip.sha256(), clip.of_frames(0..1).sha256());
    }
}
