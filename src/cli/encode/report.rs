//! What an encoding came to.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use framecast::codec::{FrameKind, Packet, StreamHeader};
use serde::Serialize;

use super::shadow::Cost;

/// Counted while frames pass, printed at the end.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    schema_version: u32,
    source: String,
    out: String,
    profile: &'static str,
    max_error: u8,
    predictor: String,
    width: u32,
    height: u32,
    format: String,
    slices: usize,
    /// Frames coded.
    pub(super) frames: u64,
    key_frames: u64,
    repeats: u64,
    /// Frames with the predictor's picture as a reference.
    predicted: u64,
    /// Frames the source lost.
    pub(super) lost: u64,
    /// Bytes of the stream with all its headers.
    pub(super) bytes: u64,
    raw_bytes: u64,
    /// Bits of the stream per pixel of its frames.
    bits_per_pixel: f64,
    /// Bytes of the stream to bytes of the frames as they came.
    ratio: f64,
    /// Seconds spent coding, without reading and writing.
    seconds: f64,
    fps: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resilience: Option<Cost>,
    #[serde(skip)]
    pub(super) coding: Duration,
}

impl Report {
    pub(super) fn new(source: &str, out: &Path) -> Self {
        Self {
            schema_version: 1,
            source: source.to_owned(),
            out: out.display().to_string(),
            profile: "",
            max_error: 0,
            predictor: "none".to_owned(),
            width: 0,
            height: 0,
            format: String::new(),
            slices: 0,
            frames: 0,
            key_frames: 0,
            repeats: 0,
            predicted: 0,
            lost: 0,
            bytes: 0,
            raw_bytes: 0,
            bits_per_pixel: 0.0,
            ratio: 0.0,
            seconds: 0.0,
            fps: 0.0,
            resilience: None,
            coding: Duration::ZERO,
        }
    }

    /// Takes in what the stream says of itself.
    pub(super) fn describe(&mut self, header: &StreamHeader) {
        self.profile = header.profile.name();
        self.max_error = header.max_error;
        if let Some(id) = &header.predictor {
            self.predictor.clone_from(&id.name);
        }
        self.width = header.spec.size.width;
        self.height = header.spec.size.height;
        self.format = header.spec.format.to_string();
        self.slices = header.slices.count();
    }

    /// Counts a frame that had `raw` bytes.
    pub(super) fn add(&mut self, packet: &Packet<'_>, raw: usize) {
        self.frames += 1;
        self.raw_bytes += raw as u64;
        self.key_frames += u64::from(packet.header.kind == FrameKind::Key);
        self.repeats += u64::from(packet.header.kind == FrameKind::Repeat);
        self.predicted += u64::from(packet.header.predicted);
    }

    /// Prints it to stdout, or to stderr when the stream goes to stdout.
    pub(super) fn print(&mut self, json: bool, stdout_taken: bool) -> std::io::Result<()> {
        let pixels = self.frames * u64::from(self.width) * u64::from(self.height);
        self.bits_per_pixel = 8.0 * self.bytes as f64 / pixels.max(1) as f64;
        self.ratio = self.bytes as f64 / self.raw_bytes.max(1) as f64;
        self.seconds = self.coding.as_secs_f64();
        self.fps = self.frames as f64 / self.seconds.max(1e-9);
        let text =
            if json { format!("{}\n", serde_json::to_string_pretty(self)?) } else { self.text() };
        if stdout_taken {
            std::io::stderr().write_all(text.as_bytes())
        } else {
            std::io::stdout().write_all(text.as_bytes())
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: String| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name:<10} {value}");
        };
        let Self { width, height, format, profile, slices, .. } = self;
        let bound = match self.max_error {
            0 => "lossless".to_owned(),
            n => format!("max error {n}"),
        };
        line("source", format!("{}, {format} {width}x{height}", self.source));
        let bands = if *slices == 1 { "1 slice".to_owned() } else { format!("{slices} slices") };
        line("coding", format!("{profile}, {bound}, {bands}, predictor {}", self.predictor));
        let mut frames =
            format!("{}, {} key, {} repeats", self.frames, self.key_frames, self.repeats);
        if self.predictor != "none" {
            let _ = write!(frames, ", {} with the predictor", self.predicted);
        }
        if self.lost > 0 {
            let _ = write!(frames, "; the source lost {}", self.lost);
        }
        line("frames", frames);
        let percent = 100.0 * self.ratio;
        line("size", format!("{} bytes, {percent:.1} % of {}", self.bytes, self.raw_bytes));
        line("bits", format!("{:.3} per pixel", self.bits_per_pixel));
        line("speed", format!("{:.1} fps", self.fps));
        if let Some(cost) = &self.resilience {
            line("resilience", cost.text());
        }
        text
    }
}
