//! What a caller may ask of a source, and the limits that protect memory.

use std::path::PathBuf;
use std::time::Duration;

use super::SourceInfo;
use crate::frame::{Colour, PixelFormat, Rational, Size};

/// Wishes for a source. Each kind of source uses what applies to it; what a URI says itself
/// (`demo:?size=320x180`) goes before what stands here.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SourceOptions {
    /// Size wanted of a camera or the demo, or the size of raw video.
    pub size: Option<Size>,
    /// Pixel format wanted of a camera or the demo, or that of raw video.
    pub format: Option<PixelFormat>,
    /// Frames a second wanted of a camera or the demo, or those of raw video and image folders.
    pub rate: Option<Rational>,
    /// What YUV samples mean, whatever the source says itself.
    pub colour: Option<Colour>,
    /// Deliver recordings and the demo in real time instead of as fast as they are read.
    pub paced: bool,
    /// Camera controls by name or number, for example `exposure_time_absolute` = 100.
    pub controls: Vec<(String, i64)>,
    /// Buffers of a camera, 3..=8; frames a paced demo keeps for a late reader.
    pub buffers: u32,
    /// Of several frames that wait in a V4L2 camera, deliver the newest only; the others are lost
    /// by policy and leave no hole in the frame numbers.
    pub newest_only: bool,
    /// The ffmpeg program.
    pub ffmpeg: PathBuf,
    /// Seed of the demo.
    pub seed: u64,
    /// How long opening may take.
    pub open_timeout: Duration,
    /// How long a recording may give nothing, be it a pipe or the output of ffmpeg, before it fails
    /// as [`SourceError::Silent`](super::SourceError::Silent). Live sources are supervised instead.
    pub timeout: Duration,
    /// Limits on what is read.
    pub limits: Limits,
}

impl SourceOptions {
    /// Wishes for what a source turned out to be, so that opening it again gives the same frames.
    pub fn pin(&mut self, info: &SourceInfo) {
        (self.size, self.format) = (Some(info.size), Some(info.format));
        self.rate = info.rate.or(self.rate);
    }
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            size: None,
            format: None,
            rate: None,
            colour: None,
            paced: false,
            controls: Vec::new(),
            buffers: 4,
            newest_only: false,
            ffmpeg: PathBuf::from("ffmpeg"),
            seed: 1,
            open_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            limits: Limits::default(),
        }
    }
}

/// Limits checked before memory is taken, so that a damaged or hostile file cannot exhaust it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Pixels of one frame.
    pub pixels: u64,
    /// Bytes of one compressed picture or packet.
    pub packet_bytes: u64,
    /// Pictures of one folder.
    pub entries: u64,
}

impl Limits {
    /// The defaults: 64 megapixels, 256 MiB a packet, a million pictures a folder.
    pub const DEFAULT: Self = Self { pixels: 1 << 26, packet_bytes: 1 << 28, entries: 1_000_000 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
