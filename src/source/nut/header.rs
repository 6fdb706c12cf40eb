//! The main, stream and info headers of a NUT file.
#![warn(clippy::indexing_slicing)]

use std::io::Read;

use super::bytes::{NutError, counted, signed, unsigned};

/// Bits of a frame's flags.
pub(super) mod flag {
    pub(in super::super) const CODED_PTS: u64 = 8;
    pub(in super::super) const STREAM_ID: u64 = 16;
    pub(in super::super) const SIZE_MSB: u64 = 32;
    pub(in super::super) const CHECKSUM: u64 = 64;
    pub(in super::super) const RESERVED: u64 = 128;
    pub(in super::super) const SIDE_DATA: u64 = 256;
    pub(in super::super) const HEADER_IDX: u64 = 1024;
    pub(in super::super) const MATCH_TIME: u64 = 2048;
    pub(in super::super) const CODED: u64 = 4096;
    pub(in super::super) const INVALID: u64 = 8192;
}

/// The most streams, time bases and text fields read; a video from ffmpeg has one of each or few.
const MAX_ITEMS: u64 = 64;
/// The longest text or codec data read.
const MAX_TEXT: u64 = 1 << 16;

/// What a frame code stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameCode {
    pub(super) flags: u64,
    pub(super) stream: u64,
    pub(super) size_mul: u64,
    pub(super) size_lsb: u64,
    pub(super) pts_delta: i64,
    pub(super) reserved: u64,
    pub(super) header: u64,
}

impl FrameCode {
    const INVALID: Self = Self {
        flags: flag::INVALID,
        stream: 0,
        size_mul: 0,
        size_lsb: 0,
        pts_delta: 0,
        reserved: 0,
        header: 0,
    };
}

/// The main header.
#[derive(Clone, Debug)]
pub(super) struct Main {
    pub(super) streams: u64,
    /// Numerator and denominator of seconds a tick.
    pub(super) time_bases: Vec<(u64, u64)>,
    pub(super) codes: Vec<FrameCode>,
    /// Beginnings left out of frames; the first is empty.
    pub(super) elided: Vec<Vec<u8>>,
}

impl Main {
    pub(super) fn read(input: &mut impl Read) -> Result<Self, NutError> {
        const WHAT: &str = "the main header";
        let version = unsigned(input, WHAT)?;
        if !(3..=4).contains(&version) {
            return Err(NutError::Format(format!("NUT version {version} is not 3 or 4")));
        }
        if version > 3 {
            unsigned(input, WHAT)?;
        }
        let streams = few("the number of streams", unsigned(input, WHAT)?)?;
        unsigned(input, WHAT)?; // the greatest distance of syncpoints: for seeking
        let count = few("the number of time bases", unsigned(input, WHAT)?)?;
        let mut time_bases = Vec::new();
        for _ in 0..count {
            let (num, den) = (unsigned(input, WHAT)?, unsigned(input, WHAT)?);
            if num == 0 || den == 0 || num >= 1 << 31 || den >= 1 << 31 {
                return Err(NutError::Format(format!("the time base {num}/{den} is impossible")));
            }
            time_bases.push((num, den));
        }
        let codes = codes(input)?;
        let mut elided = vec![Vec::new()];
        for _ in 0..few("the number of elided headers", unsigned(input, WHAT)?)? {
            elided.push(counted(input, WHAT, 256)?);
        }
        // Flags and reserved bytes may follow; the packet's length leads past them.
        Ok(Self { streams, time_bases, codes, elided })
    }
}

/// The table of 256 frame codes, run-length coded.
fn codes(input: &mut impl Read) -> Result<Vec<FrameCode>, NutError> {
    const WHAT: &str = "the table of frame codes";
    let mut codes = Vec::with_capacity(256);
    let mut entry = FrameCode { size_mul: 1, ..FrameCode::INVALID };
    while codes.len() < 256 {
        entry.flags = unsigned(input, WHAT)?;
        let fields = few("the number of fields of a frame code", unsigned(input, WHAT)?)?;
        let mut field = |n: u64, default: u64| {
            if fields > n { unsigned(input, WHAT) } else { Ok(default) }
        };
        if fields > 0 {
            // Stored as `s`: undone here, since the fields are read in turn.
            let coded = field(0, 0)?;
            let half = i64::try_from(coded / 2).unwrap_or(i64::MAX);
            entry.pts_delta = if coded % 2 == 1 { half.saturating_add(1) } else { -half };
        }
        entry.size_mul = field(1, entry.size_mul)?;
        entry.stream = field(2, entry.stream)?;
        entry.size_lsb = field(3, 0)?;
        entry.reserved = field(4, 0)?;
        let count = field(5, entry.size_mul.saturating_sub(entry.size_lsb))?;
        field(6, 0)?; // the match time: for seeking
        entry.header = field(7, entry.header)?;
        for n in 8..fields {
            field(n, 0)?;
        }
        if count == 0 {
            return Err(NutError::Format("the table of frame codes does not advance".into()));
        }
        let first = entry.size_lsb;
        let mut used = 0;
        while used < count && codes.len() < 256 {
            // 'N' begins a start code and can be no frame.
            if codes.len() == usize::from(b'N') {
                codes.push(FrameCode::INVALID);
                continue;
            }
            codes.push(FrameCode { size_lsb: first.saturating_add(used), ..entry });
            used += 1;
        }
    }
    Ok(codes)
}

/// A stream's header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamHeader {
    /// Number of the stream.
    pub id: u64,
    /// True for video.
    pub video: bool,
    /// The codec's four letters.
    pub fourcc: Vec<u8>,
    /// Index of its time base.
    pub(super) time_base: u64,
    pub(super) msb_pts_shift: u64,
    /// Pixels a line.
    pub width: u64,
    /// Lines.
    pub height: u64,
}

impl StreamHeader {
    pub(super) fn read(input: &mut impl Read, main: &Main) -> Result<Self, NutError> {
        const WHAT: &str = "a stream header";
        let id = unsigned(input, WHAT)?;
        let class = unsigned(input, WHAT)?;
        let fourcc = counted(input, WHAT, 16)?;
        let time_base = unsigned(input, WHAT)?;
        let msb_pts_shift = unsigned(input, WHAT)?;
        if id >= main.streams || time_base >= main.time_bases.len() as u64 || msb_pts_shift >= 63 {
            return Err(NutError::Format(format!("the header of stream {id} is impossible")));
        }
        for _ in 0..3 {
            unsigned(input, WHAT)?; // distance and delay of times, flags
        }
        counted(input, WHAT, MAX_TEXT)?; // codec data: raw video has none
        let video = class == 0;
        let (width, height) =
            if video { (unsigned(input, WHAT)?, unsigned(input, WHAT)?) } else { (0, 0) };
        Ok(Self { id, video, fourcc, time_base, msb_pts_shift, width, height })
    }
}

/// The frame rate an info packet tells for `stream`, as written by ffmpeg (`r_frame_rate`).
pub(super) fn info_rate(input: &mut impl Read, stream: u64) -> Result<Option<String>, NutError> {
    const WHAT: &str = "an info packet";
    let about = unsigned(input, WHAT)?;
    signed(input, WHAT)?; // chapter
    unsigned(input, WHAT)?; // its start
    unsigned(input, WHAT)?; // its length
    let mut rate = None;
    for _ in 0..few("the number of fields of an info packet", unsigned(input, WHAT)?)? {
        let name = counted(input, WHAT, MAX_TEXT)?;
        let text = match signed(input, WHAT)? {
            -1 => Some(counted(input, WHAT, MAX_TEXT)?),
            -2 => {
                counted(input, WHAT, MAX_TEXT)?; // the type's name
                Some(counted(input, WHAT, MAX_TEXT)?)
            }
            kind => {
                if kind < -2 {
                    signed(input, WHAT)?; // -3 number, -4 time, below: numerator
                }
                None
            }
        };
        if about == stream + 1 && name == b"r_frame_rate" {
            rate = text.and_then(|t| String::from_utf8(t).ok());
        }
    }
    Ok(rate)
}

fn few(what: &'static str, value: u64) -> Result<u64, NutError> {
    if value > MAX_ITEMS {
        return Err(NutError::Limit { what, value, limit: MAX_ITEMS });
    }
    Ok(value)
}
