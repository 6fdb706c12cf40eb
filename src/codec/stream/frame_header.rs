//! The header of a frame's record: what the frame is, when it was taken, and where its slices end.

use crate::codec::band_set::BandSet;
use crate::codec::slices::MAX_SLICES;
use crate::frame::{FrameSeq, MonoTime, Rational};

use super::bytes::{Cursor, MAX_VARINT, Trouble, put_crc, put_varint};
use super::header::StreamHeader;

/// The first bytes of a frame's record, looked for behind damage.
pub(super) const MARKER: [u8; 2] = [0xfc, 0xf1];

/// The longest header: marker, flags, two numbers, two times, bands, slices, CRC.
pub(super) const MAX_FRAME_HEADER: usize =
    2 + 1 + 2 * MAX_VARINT + 2 * 8 + 8 + MAX_SLICES * (MAX_VARINT + 4) + 4;

/// The highest number of a frame in a stream.
pub const MAX_INDEX: u64 = 1 << 48;

/// How a frame is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// By itself; everything starts anew.
    Key,
    /// With what was learnt from the frames before.
    Inter,
    /// It is the frame before it, within the error bound; it has no slices.
    Repeat,
}

impl FrameKind {
    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Inter => "inter",
            Self::Repeat => "repeat",
        }
    }
}

/// Number and times of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameInfo {
    /// The source's number; jumps show frames the source lost.
    pub seq: FrameSeq,
    /// When it was captured, on the monotonic clock of the machine that recorded it.
    pub captured: Option<MonoTime>,
    /// Time since the first frame, on the source's own time line.
    pub position: Option<MonoTime>,
}

impl FrameInfo {
    /// A frame of which only the number is known.
    #[must_use]
    pub const fn numbered(seq: u64) -> Self {
        Self { seq: FrameSeq(seq), captured: None, position: None }
    }
}

/// What a frame header says of a slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SliceEntry {
    /// Bytes.
    pub len: u32,
    /// CRC-32C of the band's reconstructed samples, plane after plane.
    pub crc: u32,
}

/// A frame's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// How it is coded.
    pub kind: FrameKind,
    /// The predictor's frame is used.
    pub predicted: bool,
    /// Its number in the stream, rising by one a frame.
    pub index: u64,
    /// Number and times given by the source.
    pub info: FrameInfo,
    /// Bands that start anew in a frame that is no key frame.
    pub refreshed: BandSet,
    /// One a band; none in a repeat.
    pub slices: Vec<SliceEntry>,
}

/// Where a frame of number `seq` stands at `rate`.
fn on_grid(seq: FrameSeq, rate: Option<Rational>) -> Option<MonoTime> {
    let rate = rate?;
    let nanos = u128::from(seq.0) * u128::from(rate.den()) * 1_000_000_000 / u128::from(rate.num());
    u64::try_from(nanos).ok().map(MonoTime::from_nanos)
}

const PREDICTED: u8 = 1 << 2;
const NUMBERED: u8 = 1 << 3;
const CAPTURED: u8 = 1 << 4;
const POSITION_SHIFT: u32 = 5;

impl FrameHeader {
    /// Bytes of the slices.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.slices.iter().map(|s| s.len as usize).sum()
    }

    /// Appends the header to `out`.
    pub(in crate::codec) fn write(&self, stream: &StreamHeader, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&MARKER);
        let info = &self.info;
        let numbered = info.seq.0 != self.index;
        let position: u8 = match info.position {
            None => 0,
            position if position == on_grid(info.seq, stream.spec.rate) => 1,
            Some(_) => 2,
        };
        out.push(
            self.kind as u8
                | if self.predicted { PREDICTED } else { 0 }
                | if numbered { NUMBERED } else { 0 }
                | if info.captured.is_some() { CAPTURED } else { 0 }
                | position << POSITION_SHIFT,
        );
        put_varint(out, self.index);
        if numbered {
            put_varint(out, info.seq.0);
        }
        if let Some(captured) = info.captured {
            out.extend_from_slice(&captured.as_nanos().to_le_bytes());
        }
        if let (2, Some(position)) = (position, info.position) {
            out.extend_from_slice(&position.as_nanos().to_le_bytes());
        }
        if self.kind == FrameKind::Inter && stream.refresh.is_some() {
            let bytes = stream.slices.count().div_ceil(8);
            out.extend(self.refreshed.bits().to_le_bytes().into_iter().take(bytes));
        }
        for slice in &self.slices {
            put_varint(out, slice.len.into());
            out.extend_from_slice(&slice.crc.to_le_bytes());
        }
        put_crc(out, start, stream.seal());
    }

    /// Reads a header from the front of `bytes`; also gives its length.
    pub(super) fn parse(
        bytes: &[u8],
        stream: &StreamHeader,
        limits: &[usize],
    ) -> Result<(Self, usize), Trouble> {
        let mut cursor = Cursor::new(bytes);
        if cursor.take(2)? != MARKER {
            return Err(Trouble::Wrong);
        }
        let flags = cursor.u8()?;
        let kind = match flags & 3 {
            0 => FrameKind::Key,
            1 => FrameKind::Inter,
            2 => FrameKind::Repeat,
            _ => return Err(Trouble::Wrong),
        };
        let index = cursor.varint()?;
        let seq = if flags & NUMBERED == 0 { index } else { cursor.varint()? };
        let seq = FrameSeq(seq);
        let captured = match flags & CAPTURED {
            0 => None,
            _ => Some(MonoTime::from_nanos(cursor.u64()?)),
        };
        let position = match flags >> POSITION_SHIFT {
            0 => None,
            1 => Some(on_grid(seq, stream.spec.rate).ok_or(Trouble::Wrong)?),
            2 => Some(MonoTime::from_nanos(cursor.u64()?)),
            _ => return Err(Trouble::Wrong),
        };
        let count = stream.slices.count();
        let mut refreshed = BandSet::NONE;
        if kind == FrameKind::Inter && stream.refresh.is_some() {
            let mut bits = [0; 8];
            let mask = cursor.take(count.div_ceil(8))?;
            bits.iter_mut().zip(mask).for_each(|(to, from)| *to = *from);
            refreshed = BandSet::from_bits(u64::from_le_bytes(bits));
        }
        let mut slices = Vec::new();
        if kind != FrameKind::Repeat {
            slices.reserve_exact(count);
            for limit in limits {
                let len = cursor.varint()?;
                if len > *limit as u64 {
                    return Err(Trouble::Wrong);
                }
                slices.push(SliceEntry { len: len as u32, crc: cursor.u32()? });
            }
        }
        cursor.crc(stream.seal())?;
        let predicted = flags & PREDICTED != 0;
        let fits = index <= MAX_INDEX
            && (!predicted || (kind == FrameKind::Inter && stream.predictor.is_some()))
            && refreshed.bits() & !BandSet::first(count).bits() == 0;
        if !fits {
            return Err(Trouble::Wrong);
        }
        let info = FrameInfo { seq, captured, position };
        Ok((Self { kind, predicted, index, info, refreshed, slices }, cursor.position()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::stream::header::tests::header as stream;

    fn frames() -> Vec<FrameHeader> {
        let slices = vec![
            SliceEntry { len: 70_000, crc: 1 },
            SliceEntry { len: 0, crc: u32::MAX },
            SliceEntry { len: 127, crc: 9 },
        ];
        let at = |ns| Some(MonoTime::from_nanos(ns));
        let key = FrameHeader {
            kind: FrameKind::Key,
            predicted: false,
            index: 0,
            info: FrameInfo { seq: FrameSeq(0), captured: None, position: at(0) },
            refreshed: BandSet::NONE,
            slices,
        };
        let live = FrameInfo { seq: FrameSeq(900), captured: at(u64::MAX), position: at(5) };
        let inter = FrameHeader {
            kind: FrameKind::Inter,
            predicted: true,
            index: MAX_INDEX,
            info: live,
            refreshed: BandSet::from_bits(5),
            ..key.clone()
        };
        let repeat = FrameHeader {
            kind: FrameKind::Repeat,
            index: 3,
            info: FrameInfo::numbered(3),
            slices: Vec::new(),
            ..inter
        };
        let repeat = FrameHeader { predicted: false, refreshed: BandSet::NONE, ..repeat };
        vec![key, inter, repeat]
    }

    fn resilient() -> StreamHeader {
        StreamHeader { refresh: Some(30), ..stream() }
    }

    #[test]
    fn every_field_comes_back() {
        let stream = resilient();
        let limits = stream.slice_limits();
        for frame in frames() {
            let mut bytes = Vec::new();
            frame.write(&stream, &mut bytes);
            assert!(bytes.len() <= MAX_FRAME_HEADER);
            let len = bytes.len();
            for cut in 0..len {
                assert_eq!(
                    FrameHeader::parse(&bytes[..cut], &stream, &limits),
                    Err(Trouble::Short)
                );
            }
            bytes.extend_from_slice(&[0; 9]);
            assert_eq!(FrameHeader::parse(&bytes, &stream, &limits), Ok((frame, len)));
        }
    }

    #[test]
    fn usual_headers_are_short() {
        let stream = stream();
        let mut bytes = Vec::new();
        let [key, .., repeat] = &frames()[..] else { panic!("three frames") };
        repeat.write(&stream, &mut bytes);
        assert_eq!(bytes.len(), 8);
        bytes.clear();
        key.write(&stream, &mut bytes);
        assert_eq!(bytes.len(), 2 + 1 + 1 + (3 + 4) + (1 + 4) + (1 + 4) + 4);
    }

    #[test]
    fn no_changed_byte_is_taken() {
        let stream = resilient();
        let limits = stream.slice_limits();
        for frame in frames() {
            let mut bytes = Vec::new();
            frame.write(&stream, &mut bytes);
            for at in 0..bytes.len() {
                for flip in 1..=255 {
                    let mut damaged = bytes.clone();
                    damaged[at] ^= flip;
                    damaged.extend_from_slice(&[0x55; 40]);
                    assert!(FrameHeader::parse(&damaged, &stream, &limits).is_err());
                }
            }
        }
    }

    #[test]
    fn headers_that_no_encoder_writes_are_refused() {
        let stream = resilient();
        let limits = stream.slice_limits();
        let [key, inter, _] = &frames()[..] else { panic!("three frames") };
        let none = StreamHeader { predictor: None, ..stream.clone() };
        let mut foreign = Vec::new();
        inter.write(&StreamHeader { id: stream.id + 1, ..stream.clone() }, &mut foreign);
        assert_eq!(FrameHeader::parse(&foreign, &stream, &limits), Err(Trouble::Wrong));
        let mut long = key.clone();
        long.slices[1].len = limits[1] as u32 + 1;
        for (frame, stream) in [
            (&FrameHeader { predicted: true, ..key.clone() }, &stream),
            (&FrameHeader { index: MAX_INDEX + 1, ..inter.clone() }, &stream),
            (&FrameHeader { refreshed: BandSet::from_bits(8), ..inter.clone() }, &stream),
            (inter, &none),
            (&long, &stream),
        ] {
            let mut bytes = Vec::new();
            frame.write(stream, &mut bytes);
            assert_eq!(FrameHeader::parse(&bytes, stream, &limits), Err(Trouble::Wrong));
        }
    }
}
