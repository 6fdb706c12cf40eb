//! The V4L2 source: a stream of frames from one camera.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::device::Device;
use super::format::Negotiated;
use super::sequence::Sequence;
use super::stream::{Filled, Stream};
use super::{abi, choice, controls, errors, format, modes, timestamp};
use crate::frame::{
    Colour, DropReason, Frame, FrameMeta, FramePool, MonoTime, PixelFormat, Rational, Size,
};
use crate::source::{Read, Source, SourceError, SourceInfo};

/// What to ask of a camera. Wishes are not conditions: the driver's answer is taken and reported.
#[derive(Clone, Debug)]
pub struct CaptureOptions {
    /// Device node, best one of `/dev/v4l/by-id`.
    pub path: PathBuf,
    /// Size; none keeps the one the camera is set to.
    pub size: Option<Size>,
    /// Format; none takes the cheapest that keeps up with the rate.
    pub format: Option<PixelFormat>,
    /// Four-character code, against the choice by `format`, for example `NM12` where a driver
    /// offers NV12 in one buffer and in two.
    pub code: Option<String>,
    /// Rate; none keeps the camera's.
    pub rate: Option<Rational>,
    /// Meaning of YUV samples, against what the driver says.
    pub colour: Option<Colour>,
    /// Controls to set before streaming, by name or number.
    pub controls: Vec<(String, i64)>,
    /// Driver buffers, 3..=8.
    pub buffers: u32,
    /// Of several frames that wait, deliver the newest and count the others as
    /// [`DropReason::Policy`]. Those are not numbered: a hole in the numbers is a real loss.
    pub newest_only: bool,
}

impl CaptureOptions {
    /// The defaults for the camera at `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            size: None,
            format: None,
            code: None,
            rate: None,
            colour: None,
            controls: Vec::new(),
            buffers: 4,
            newest_only: false,
        }
    }
}

/// A streaming camera.
#[derive(Debug)]
pub struct Camera {
    info: SourceInfo,
    colour: Colour,
    // None after a failure: the descriptor is closed so that the driver can let go of the device.
    stream: Option<Stream>,
    failure: Option<SourceError>,
    format: Negotiated,
    pool: FramePool,
    sequence: Sequence,
    pending: VecDeque<Read>,
    newest_only: bool,
    warned_clock: bool,
}

impl Camera {
    /// Opens the camera, sets format, rate and controls, and starts the stream.
    ///
    /// # Errors
    /// [`SourceError`]: what is missing, who may change it, and how.
    pub fn open(options: &CaptureOptions, pool: &FramePool) -> Result<Self, SourceError> {
        let path = options.path.as_path();
        if !(3..=8).contains(&options.buffers) {
            let reason = format!("{} driver buffers are out of range 3..=8", options.buffers);
            return Err(errors::unsupported(path, reason));
        }
        let device = Device::open(path)?;
        let kind = device.capture_type()?;
        let format = negotiate(&device, kind, options)?;
        let rate = format::set_rate(&device, kind, options.rate)?;
        controls::set_all(&device, &options.controls)?;
        let description = device.describe();
        let stream = Stream::start(device, &format, options.buffers)?;
        let colour = options.colour.unwrap_or(format.colour);
        let info = SourceInfo {
            uri: format!("v4l2:{}", path.display()),
            description: format!(
                "{description}, {} in {} buffers{}",
                abi::code_text(format.code),
                stream.buffers(),
                if format.interlaced { ", interlaced" } else { "" }
            ),
            format: format.layout.format(),
            size: format.layout.size(),
            rate,
            live: true,
            frames: None,
        };
        report_changes(options, &info);
        Ok(Self {
            info,
            colour,
            pending: VecDeque::with_capacity(4),
            stream: Some(stream),
            failure: None,
            format,
            pool: pool.clone(),
            sequence: Sequence::default(),
            newest_only: options.newest_only,
            warned_clock: false,
        })
    }

    /// What the samples of its frames mean.
    #[must_use]
    pub const fn colour(&self) -> Colour {
        self.colour
    }

    /// The four-character code the driver delivers.
    #[must_use]
    pub fn code(&self) -> String {
        abi::code_text(self.format.code)
    }

    /// Sets a control while streaming.
    ///
    /// # Errors
    /// [`SourceError`] when there is no such control or the value is out of its range.
    pub fn set_control(&self, name: &str, value: i64) -> Result<(), SourceError> {
        let stream = self.stream.as_ref().ok_or_else(|| closed(&self.info.uri))?;
        controls::set(stream.device(), name, value)
    }

    /// Takes what the driver has and turns it into pending reads.
    fn take(&mut self) -> Result<bool, SourceError> {
        let Some(stream) = self.stream.as_ref() else {
            return Err(self.failure.take().unwrap_or_else(|| closed(&self.info.uri)));
        };
        let Some(mut filled) = stream.dequeue()? else { return Ok(false) };
        let pending = &mut self.pending;
        let mut lost = |frames, reason| {
            if frames > 0 {
                pending.push_back(Read::Lost { frames, reason });
            }
        };
        let (mut seq, gap) = self.sequence.observe(filled.sequence);
        lost(gap, DropReason::DriverGap);
        // A failure is held back until what is in hand has been accounted for.
        let mut requeued = Ok(());
        // At most all buffers but the one in hand wait.
        for _ in 1..if self.newest_only { stream.buffers() } else { 1 } {
            let Ok(Some(newer)) = stream.dequeue() else { break };
            let damaged = filled.flags & abi::FLAG_ERROR != 0;
            if damaged {
                lost(1, DropReason::Corrupt);
            } else {
                lost(1, DropReason::Policy);
                self.sequence.leave_out();
            }
            requeued = requeued.and(stream.requeue(filled.index));
            let (newer_seq, gap) = self.sequence.observe(newer.sequence);
            lost(gap, DropReason::DriverGap);
            (filled, seq) = (newer, newer_seq);
        }
        let now = MonoTime::now();
        let (captured, believed) =
            timestamp::capture_time(filled.flags, filled.seconds, filled.micros, now);
        if !believed && !self.warned_clock {
            self.warned_clock = true;
            tracing::warn!(
                camera = %stream.path().display(),
                "the driver's time stamps are not usable; frames are dated when they arrive"
            );
        }
        let meta = FrameMeta { colour: self.colour, seq, captured, position: None };
        let read = copy(stream, &filled, &self.format, &self.pool, meta);
        self.pending.push_back(read);
        requeued.and(stream.requeue(filled.index)).map(|()| true)
    }

    fn read_open(&mut self, deadline: MonoTime) -> Result<Read, SourceError> {
        loop {
            if let Some(read) = self.pending.pop_front() {
                return Ok(read);
            }
            if self.take()? {
                continue;
            }
            let left = deadline.since(MonoTime::now());
            let Some(stream) = self.stream.as_ref() else { return Err(closed(&self.info.uri)) };
            if left.is_zero() || !stream.wait(left)? && MonoTime::now() >= deadline {
                return Ok(Read::Timeout);
            }
        }
    }
}

impl Source for Camera {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn read(&mut self, deadline: MonoTime) -> Result<Read, SourceError> {
        self.read_open(deadline).or_else(|error| {
            self.stream = None;
            // What was taken before the failure still comes, then the failure itself.
            match self.pending.pop_front() {
                Some(read) => {
                    self.failure = Some(error);
                    Ok(read)
                }
                None => Err(error),
            }
        })
    }
}

/// The frame in `filled`, or the reason it is none.
fn copy(
    stream: &Stream,
    filled: &Filled,
    format: &Negotiated,
    pool: &FramePool,
    meta: FrameMeta,
) -> Read {
    let corrupt = Read::Lost { frames: 1, reason: DropReason::Corrupt };
    if filled.flags & abi::FLAG_ERROR != 0 {
        return corrupt;
    }
    let layout = format.layout;
    let len = if layout.is_empty() { stream.payload_len(filled, 0) } else { layout.min_len() };
    let Ok(mut buf) = pool.take(len) else {
        return Read::Lost { frames: 1, reason: DropReason::Ring };
    };
    let complete = if format.memory_planes == 1 {
        stream.copy(filled, 0, &mut buf)
    } else {
        layout.planes().iter().enumerate().all(|(i, p)| {
            let end = p.offset + p.stride * (p.rows - 1) + p.row_bytes;
            buf.get_mut(p.offset..end).is_some_and(|to| stream.copy(filled, i, to))
        })
    };
    // A JPEG starts with its SOI marker; what follows is the decoder's business.
    if !complete || (layout.is_empty() && !buf.starts_with(&[0xff, 0xd8])) {
        return corrupt;
    }
    match Frame::new(buf, layout, meta) {
        Ok(frame) => Read::Frame(frame),
        Err(_) => corrupt,
    }
}

fn negotiate(
    device: &Device,
    kind: u32,
    options: &CaptureOptions,
) -> Result<Negotiated, SourceError> {
    let offered = modes::modes(device, kind);
    let size = match options.size {
        Some(size) => size,
        None => format::current_size(device, kind)?,
    };
    let mut ranked = choice::ranked(&offered, options.format, size, options.rate);
    if let Some(wish) = &options.code {
        ranked.sort_by_key(|(code, _)| abi::code_text(*code) != *wish);
    }
    let codes = ranked.into_iter().map(|(code, _)| code);
    let taken = choice::first_usable(codes, |code| {
        let set = format::set(device, kind, code, size);
        if let Err(error) = &set {
            tracing::warn!(format = abi::code_text(code), %error, "the camera refused a format");
        }
        set
    })?;
    if let Some(format) = taken {
        return Ok(format);
    }
    let offered: Vec<&str> = offered.iter().map(|m| m.code.as_str()).collect();
    Err(errors::unsupported(
        device.path(),
        format!(
            "offers only formats that are not read here ({}); read are {}",
            offered.join(", "),
            PixelFormat::names()
        ),
    ))
}

/// Says where the driver's answer differs from the wish.
fn report_changes(options: &CaptureOptions, info: &SourceInfo) {
    let camera = options.path.display();
    if let Some(size) = options.size.filter(|&s| s != info.size) {
        tracing::warn!(%camera, asked = %size, got = %info.size, "the camera chose another size");
    }
    if let Some(format) = options.format.filter(|&f| f != info.format) {
        tracing::warn!(%camera, asked = %format, got = %info.format, "the camera chose another format");
    }
    if let (Some(asked), Some(got)) = (options.rate, info.rate)
        && (asked.as_f64() - got.as_f64()).abs() > 0.01 * asked.as_f64()
    {
        tracing::warn!(%camera, %asked, %got, "the camera chose another rate");
    }
}

fn closed(uri: &str) -> SourceError {
    SourceError::Gone {
        name: uri.to_owned(),
        reason: "it failed before and was closed; open it again".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn wishes_out_of_range_and_missing_cameras_are_refused() {
        let pool = FramePool::new(1);
        let mut options = CaptureOptions::new("/dev/video-not-there");
        let missing = Camera::open(&options, &pool).unwrap_err().to_string();
        assert!(missing.contains("/dev/video-not-there"), "{missing}");
        options.buffers = 9;
        let many = Camera::open(&options, &pool).unwrap_err().to_string();
        assert!(many.contains("3..=8"), "{many}");
        let null = Camera::open(&CaptureOptions::new(Path::new("/dev/null")), &pool).unwrap_err();
        assert!(matches!(null, SourceError::Unsupported { .. }), "{null}");
    }
}
