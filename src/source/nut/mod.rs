//! A reader for the NUT container, in which ffmpeg hands us raw frames with their times.
//!
//! Follows the NUT specification (`nut.txt` of the MPlayer and FFmpeg projects), versions 3 and 4,
//! reading forward only. Checksums are passed over: the bytes come through a pipe from a child of
//! this process. Read by one thread; every length is checked before memory is taken.
#![warn(clippy::indexing_slicing)]

mod bytes;
mod header;

pub use bytes::NutError;
pub use header::StreamHeader;

use std::io::{BufRead, Read};

use bytes::{byte, exactly, unsigned};
use header::{FrameCode, Main, flag};

const ID: &[u8] = b"nut/multimedia container\0";
const MAIN: u64 = 0x4e4d_7a56_1f5f_04ad;
const STREAM: u64 = 0x4e53_1140_5bf2_f9db;
const SYNCPOINT: u64 = 0x4e4b_e4ad_eeca_4569;
const INFO: u64 = 0x4e49_ab68_b596_ba78;
/// The longest header packet read.
const MAX_HEADER: u64 = 1 << 20;

/// A frame whose bytes have been put into the caller's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Its time in nanoseconds on the file's time line, which may start below zero.
    pub nanos: i128,
}

/// A NUT stream with one video stream.
pub struct Nut<R> {
    input: R,
    main: Main,
    video: StreamHeader,
    rate: Option<String>,
    last_pts: i64,
    packet_limit: u64,
    /// The first byte of the next packet, read while looking for the headers' end.
    ahead: Option<u8>,
    scratch: Vec<u8>,
}

impl<R: BufRead> Nut<R> {
    /// Reads the headers up to the first syncpoint or frame. No frame may be longer than
    /// `packet_limit` bytes.
    ///
    /// # Errors
    /// [`NutError`].
    pub fn open(mut input: R, packet_limit: u64) -> Result<Self, NutError> {
        let mut id = Vec::new();
        exactly(&mut input, "the file's name of its format", ID.len() as u64, 64, &mut id)?;
        if id != ID {
            return Err(NutError::Format("it does not start as a NUT file".into()));
        }
        let (mut main, mut video, mut rate) = (None::<Main>, None::<StreamHeader>, None);
        let mut scratch = Vec::new();
        loop {
            let first = byte(&mut input)?.ok_or(NutError::Cut("its headers"))?;
            if first != b'N' {
                return Self::headed(input, main, video, rate, packet_limit, Some(first), scratch);
            }
            let code = start_code(&mut input)?;
            packet(&mut input, &mut scratch)?;
            let mut payload = scratch.as_slice();
            match (code, &main) {
                (MAIN, _) => main = Some(Main::read(&mut payload)?),
                (STREAM, Some(main)) => {
                    let stream = StreamHeader::read(&mut payload, main)?;
                    if stream.video && video.is_none() {
                        video = Some(stream);
                    }
                }
                (INFO, _) => {
                    if let Some(video) = &video {
                        rate = header::info_rate(&mut payload, video.id)?.or(rate);
                    }
                }
                (SYNCPOINT, _) => {
                    let mut nut =
                        Self::headed(input, main, video, rate, packet_limit, None, Vec::new())?;
                    nut.syncpoint(&scratch)?;
                    nut.scratch = scratch;
                    return Ok(nut);
                }
                // Unknown packets are to be passed over.
                _ => {}
            }
        }
    }

    fn headed(
        input: R,
        main: Option<Main>,
        video: Option<StreamHeader>,
        rate: Option<String>,
        packet_limit: u64,
        ahead: Option<u8>,
        scratch: Vec<u8>,
    ) -> Result<Self, NutError> {
        let missing = |what: &str| NutError::Format(format!("it has no {what} header"));
        let main = main.ok_or_else(|| missing("main"))?;
        let video = video.ok_or_else(|| missing("video stream"))?;
        Ok(Self { input, main, video, rate, last_pts: 0, packet_limit, ahead, scratch })
    }

    /// The video stream.
    pub const fn video(&self) -> &StreamHeader {
        &self.video
    }

    /// The frame rate as ffmpeg wrote it, for example `179/6`.
    pub fn rate(&self) -> Option<&str> {
        self.rate.as_deref()
    }

    /// Reads the next frame of the video stream into `out`; `None` at the end.
    ///
    /// # Errors
    /// [`NutError`]; [`NutError::Cut`] when the input ends inside a frame.
    pub fn next(&mut self, out: &mut Vec<u8>) -> Result<Option<Packet>, NutError> {
        loop {
            let first = match self.ahead.take() {
                Some(first) => first,
                None => match byte(&mut self.input)? {
                    Some(first) => first,
                    None => return Ok(None),
                },
            };
            if first == b'N' {
                let code = start_code(&mut self.input)?;
                let mut scratch = std::mem::take(&mut self.scratch);
                packet(&mut self.input, &mut scratch)?;
                if code == SYNCPOINT {
                    self.syncpoint(&scratch)?;
                }
                self.scratch = scratch;
                continue;
            }
            if let Some(packet) = self.frame(first, out)? {
                return Ok(Some(packet));
            }
        }
    }

    /// Sets the running time: `t` is a time and the index of its base in one number.
    fn syncpoint(&mut self, mut payload: &[u8]) -> Result<(), NutError> {
        let t = unsigned(&mut payload, "a syncpoint")?;
        let bases = self.main.time_bases.len().max(1) as u64;
        let base = |i: u64| {
            let base = usize::try_from(i).ok().and_then(|i| self.main.time_bases.get(i));
            base.copied().unwrap_or((1, 1))
        };
        let (from, to) = (base(t % bases), base(self.video.time_base));
        let (num, den) = (
            u128::from(t / bases) * u128::from(from.0) * u128::from(to.1),
            u128::from(from.1) * u128::from(to.0),
        );
        self.last_pts = i64::try_from(num / den.max(1)).unwrap_or(i64::MAX);
        Ok(())
    }

    /// A frame whose first byte is `code`; `None` when it belongs to another stream.
    fn frame(&mut self, code: u8, out: &mut Vec<u8>) -> Result<Option<Packet>, NutError> {
        const WHAT: &str = "a frame";
        let Some(&FrameCode { flags, stream, size_mul, size_lsb, pts_delta, reserved, header }) =
            self.main.codes.get(usize::from(code))
        else {
            return Err(NutError::Format("the table of frame codes is incomplete".into()));
        };
        if flags & flag::INVALID != 0 {
            return Err(NutError::Format(format!("frame code {code} is not in use")));
        }
        let input = &mut self.input;
        let mut field = |set: bool, default: u64| {
            if set { unsigned(input, WHAT) } else { Ok(default) }
        };
        let flags = flags ^ field(flags & flag::CODED != 0, 0)?;
        let has = |bit: u64| flags & bit != 0;
        let stream = field(has(flag::STREAM_ID), stream)?;
        let coded_pts = field(has(flag::CODED_PTS), 0)?;
        let msb = field(has(flag::SIZE_MSB), 0)?;
        field(has(flag::MATCH_TIME), 0)?;
        let header = field(has(flag::HEADER_IDX), header)?;
        let reserved = field(has(flag::RESERVED), reserved)?;
        if reserved > 256 {
            let what = "the number of reserved fields of a frame";
            return Err(NutError::Limit { what, value: reserved, limit: 256 });
        }
        for _ in 0..reserved {
            field(true, 0)?;
        }
        if has(flag::CHECKSUM) {
            self.scratch.clear();
            exactly(&mut self.input, WHAT, 4, 4, &mut self.scratch)?;
        }
        if has(flag::SIDE_DATA) {
            return Err(NutError::Format("a frame has side data, which raw video has not".into()));
        }
        let size = msb.checked_mul(size_mul).and_then(|s| s.checked_add(size_lsb));
        let size = size.unwrap_or(u64::MAX);
        let index = usize::try_from(header).unwrap_or(usize::MAX);
        let Some(elided) = self.main.elided.get(index) else {
            return Err(NutError::Format(format!("a frame names the missing header {header}")));
        };
        let rest = size.checked_sub(elided.len() as u64);
        let rest = rest.ok_or(NutError::Cut("an elided header"))?;
        out.clear();
        out.extend_from_slice(elided);
        exactly(&mut self.input, "the bytes of a frame", rest, self.packet_limit, out)?;
        if stream != self.video.id {
            return Ok(None);
        }
        let pts = if has(flag::CODED_PTS) {
            self.pts(coded_pts)
        } else {
            self.last_pts.saturating_add(pts_delta)
        };
        self.last_pts = pts;
        Ok(Some(Packet { nanos: self.nanos(pts) }))
    }

    /// The full time of a coded one: all of it, or its low bits.
    fn pts(&self, coded: u64) -> i64 {
        let span = 1u64 << self.video.msb_pts_shift;
        if coded >= span {
            return i64::try_from(coded - span).unwrap_or(i64::MAX);
        }
        let mask = (span - 1) as i64;
        let delta = self.last_pts.saturating_sub(mask / 2);
        ((coded as i64).wrapping_sub(delta) & mask).saturating_add(delta)
    }

    fn nanos(&self, pts: i64) -> i128 {
        let index = usize::try_from(self.video.time_base).unwrap_or(0);
        let (num, den) = self.main.time_bases.get(index).copied().unwrap_or((1, 1));
        i128::from(pts) * i128::from(num) * 1_000_000_000 / i128::from(den)
    }
}

/// The seven bytes after the `N` of a start code.
fn start_code(input: &mut impl Read) -> Result<u64, NutError> {
    let mut code = u64::from(b'N');
    for _ in 0..7 {
        code = code << 8 | u64::from(byte(input)?.ok_or(NutError::Cut("a start code"))?);
    }
    Ok(code)
}

/// The payload of a header packet, with its closing checksum.
fn packet(input: &mut impl Read, out: &mut Vec<u8>) -> Result<(), NutError> {
    const WHAT: &str = "a header packet";
    let len = unsigned(input, WHAT)?;
    if len > 4096 {
        pass_checksum(input)?;
    }
    out.clear();
    exactly(input, WHAT, len, MAX_HEADER, out)
}

/// The checksum that long packets carry before their payload.
fn pass_checksum(input: &mut impl Read) -> Result<(), NutError> {
    for _ in 0..4 {
        byte(input)?.ok_or(NutError::Cut("a checksum"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
