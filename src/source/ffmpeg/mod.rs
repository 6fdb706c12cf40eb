//! Any other video file, and RTSP, through an `ffmpeg` child process.
//!
//! ffmpeg demuxes and decodes; the pixels come as decoded, with their own times, and are converted
//! by us alone, so that every source has the same numbers. The pipe is read by a thread of its own
//! ([`Background`]); when the reader is slow the pipe fills and ffmpeg waits. The child is killed
//! and reaped when the source is dropped, whatever happened. A damaged stream is patched up by the
//! decoder, which drops or guesses frames and succeeds: what it says at the level of errors is kept
//! as the [`Damage`](super::Damage) of the source.
#![warn(clippy::indexing_slicing)]

mod child;
mod line;
mod log;

pub use log::{Described, describe};

use std::io::BufReader;
use std::path::Path;
use std::process::ChildStdout;
use std::time::Duration;

use child::{Input, Process};

use super::background::{Background, Closer};
use super::nut::{Nut, NutError};
use super::recording::{Next, Picture, Recording};
use super::y4m::check_pixels;
use super::{DamageLog, SourceError, SourceInfo, SourceOptions};
use crate::frame::{Colour, FramePool, Layout, MonoTime, PixelFormat, PooledBuf, Size};

/// Opens a file through ffmpeg.
///
/// # Errors
/// [`SourceError::Program`] when ffmpeg is missing or cannot read the file, with its own words.
pub fn open_file(
    path: &Path,
    options: &SourceOptions,
    pool: &FramePool,
) -> Result<Background, SourceError> {
    start(Input::File(path.to_owned()), options, pool)
}

/// Opens a network stream through ffmpeg: TCP, with timeouts and as little buffering as it allows.
///
/// # Errors
/// [`SourceError::Program`] when ffmpeg is missing or cannot connect, without the credentials.
pub fn open_network(
    address: &str,
    options: &SourceOptions,
    pool: &FramePool,
) -> Result<Background, SourceError> {
    let shown = super::uri::redact(address);
    start(Input::Network { address: address.to_owned(), shown }, options, pool)
}

fn start(
    input: Input,
    options: &SourceOptions,
    pool: &FramePool,
) -> Result<Background, SourceError> {
    let name = input.shown();
    let (process, stdout) = Process::start(&input, options)?;
    let closer: Closer = {
        let process = process.clone();
        Box::new(move || process.kill())
    };
    let opened = options.clone();
    let opener = Box::new(move || {
        let recording = Decoded::open(&input, process, stdout, &opened)?;
        Ok(Box::new(recording) as Box<dyn Recording>)
    });
    Background::open(&name, options, pool, Some(closer), opener)
}

/// The raw frames that ffmpeg hands over.
struct Decoded {
    nut: Nut<BufReader<ChildStdout>>,
    process: Process,
    info: SourceInfo,
    layout: Layout,
    colour: Colour,
    program: String,
    /// Time of the first frame, in nanoseconds.
    start: Option<i128>,
    frames: u64,
}

impl Decoded {
    fn open(
        input: &Input,
        process: Process,
        stdout: ChildStdout,
        options: &SourceOptions,
    ) -> Result<Self, SourceError> {
        let name = input.shown();
        let program = options.ffmpeg.display().to_string();
        let reader = BufReader::with_capacity(1 << 16, stdout);
        let nut = Nut::open(reader, options.limits.packet_bytes)
            .map_err(|error| failure(&process, &program, &name, error))?;
        let described = process.log.described(Duration::from_secs(2));
        let bad = |reason: String| SourceError::Format { name: name.clone(), reason };
        let Some(described) = described else {
            return Err(
                bad("ffmpeg did not describe its output; is it version 5 or later?".into()),
            );
        };
        let format = pixel_format(&described.pixel_format).ok_or_else(|| {
            bad(format!(
                "ffmpeg gave the pixel format {:?}, which was not asked for",
                described.pixel_format
            ))
        })?;
        let side = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let size = Size::new(side(nut.video().width), side(nut.video().height));
        let layout = Layout::packed(format, size).map_err(|e| bad(e.to_string()))?;
        check_pixels(&name, size, &options.limits)?;
        let rate = nut.rate().and_then(|r| r.parse().ok());
        let info = SourceInfo {
            uri: name,
            description: format!("{} through ffmpeg, {}", described.codec, described.colour),
            format,
            size,
            rate: options.rate.or(rate),
            live: input.is_live(),
            frames: None,
        };
        let colour = options.colour.unwrap_or(described.colour);
        Ok(Self { nut, process, info, layout, colour, program, start: None, frames: 0 })
    }
}

impl Recording for Decoded {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn frame_len(&self) -> usize {
        self.layout.len()
    }

    fn next(&mut self, buf: &mut PooledBuf) -> Result<Next, SourceError> {
        let packet = match self.nut.next(buf.as_vec()) {
            Ok(Some(packet)) => packet,
            Ok(None) => {
                return match self.process.status() {
                    Some(status) if status.success() => {
                        // What it complained about is part of how it ended.
                        self.process.log.wait_for_end();
                        Ok(Next::End)
                    }
                    _ => Err(died(&self.process, &self.program, &self.info.uri, self.frames)),
                };
            }
            Err(NutError::Cut(_)) => {
                return Err(died(&self.process, &self.program, &self.info.uri, self.frames));
            }
            Err(error) => {
                return Err(failure(&self.process, &self.program, &self.info.uri, error));
            }
        };
        let (got, want) = (buf.len(), self.layout.len());
        if got != want {
            let reason = format!(
                "frame {} has {got} bytes instead of the {want} of {} {}",
                self.frames,
                self.layout.size(),
                self.layout.format()
            );
            return Err(SourceError::Format { name: self.info.uri.clone(), reason });
        }
        self.frames += 1;
        let since = packet.nanos - *self.start.get_or_insert(packet.nanos);
        let position = u64::try_from(since).ok().map(MonoTime::from_nanos);
        Ok(Next::Picture(Picture { layout: self.layout, colour: self.colour, position }))
    }

    fn damage(&self) -> DamageLog {
        self.process.log.damage()
    }
}

/// Our format for ffmpeg's name of one.
fn pixel_format(name: &str) -> Option<PixelFormat> {
    Some(match name {
        "yuv420p" | "yuvj420p" => PixelFormat::I420,
        "yuv422p" | "yuvj422p" => PixelFormat::I422,
        "yuv444p" | "yuvj444p" => PixelFormat::I444,
        "gray" => PixelFormat::Grey,
        "nv12" => PixelFormat::Nv12,
        "nv21" => PixelFormat::Nv21,
        "yuyv422" => PixelFormat::Yuyv,
        "uyvy422" => PixelFormat::Uyvy,
        "rgb24" => PixelFormat::Rgb24,
        "bgr24" => PixelFormat::Bgr24,
        _ => return None,
    })
}

/// Why ffmpeg's stream could not be read.
fn failure(process: &Process, program: &str, name: &str, error: NutError) -> SourceError {
    match error {
        NutError::Cut(_) => died(process, program, name, 0),
        NutError::Limit { what, value, limit } => {
            SourceError::Limit { name: name.to_owned(), what, value, limit }
        }
        NutError::Io(cause) => SourceError::Io { name: name.to_owned(), cause },
        NutError::Format(reason) => {
            let reason = format!("what ffmpeg wrote cannot be read: {reason}");
            SourceError::Format { name: name.to_owned(), reason }
        }
    }
}

/// ffmpeg ended before its stream did.
fn died(process: &Process, program: &str, name: &str, frames: u64) -> SourceError {
    let status = process.status().map_or_else(|| "no status".to_owned(), |s| s.to_string());
    let words = process.log.last_words();
    let said =
        if words.is_empty() { "it said nothing".to_owned() } else { format!("it said: {words}") };
    let reason = format!("it ended ({status}) after {frames} frames of {name}; {said}");
    SourceError::Program { program: program.to_owned(), reason }
}

#[cfg(test)]
mod tests;
