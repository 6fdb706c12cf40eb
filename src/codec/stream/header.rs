//! The stream header: everything a decoder must know before the first frame.

use crate::codec::arithmetic;
use crate::codec::band::{BandSpec, Profile};
use crate::codec::convert::layout_of;
use crate::codec::error::CodecError;
use crate::codec::picture::SampleLayout;
use crate::codec::predictor::{Exactness, PredictorId, PredictorKind};
use crate::codec::slices::{MAX_SLICES, SliceLayout};
use crate::codec::{MAX_ERROR_LIMIT, StreamSpec};
use crate::frame::{ChromaSiting, Colour, ColourMatrix, ColourRange, PixelFormat, Rational, Size};

use super::VERSION;
use super::bytes::{Cursor, Trouble, put_crc, put_varint};

/// The first bytes of every stream. The high bit and the line ends show a transfer as text.
pub const MAGIC: [u8; 8] = *b"\x89FCV\r\n\x1a\n";

/// The largest width or height.
pub const MAX_SIDE: u32 = 8192;

/// The most pixels of a frame.
pub const MAX_PIXELS: u64 = 1 << 25;

/// The longest header.
pub(super) const MAX_HEADER: usize = 2048;

const MAX_NAME: usize = 100;

/// The longest description of a build.
pub(in crate::codec) const MAX_PINS: usize = 1000;

/// What a stream says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamHeader {
    /// Tells this stream from others: its records have their checksums behind it.
    pub id: u64,
    /// Work a sample.
    pub profile: Profile,
    /// Format, size, colour and rate of the frames.
    pub spec: StreamSpec,
    /// Largest difference of a decoded sample, 0 for lossless.
    pub max_error: u8,
    /// Frames from one key frame to the next at most.
    pub key_interval: u32,
    /// Bands are confined to themselves, and all of them are refreshed within so many frames.
    pub refresh: Option<u32>,
    /// The bands.
    pub slices: SliceLayout,
    /// Who predicts frames.
    pub predictor: Option<PredictorId>,
}

/// Formats by their number in the stream.
const FORMATS: [PixelFormat; 11] = [
    PixelFormat::Yuyv,
    PixelFormat::Uyvy,
    PixelFormat::Nv12,
    PixelFormat::Nv21,
    PixelFormat::I420,
    PixelFormat::Yv12,
    PixelFormat::I422,
    PixelFormat::I444,
    PixelFormat::Grey,
    PixelFormat::Rgb24,
    PixelFormat::Bgr24,
];
const MATRICES: [ColourMatrix; 3] =
    [ColourMatrix::Bt601, ColourMatrix::Bt709, ColourMatrix::Bt2020];
const RANGES: [ColourRange; 2] = [ColourRange::Limited, ColourRange::Full];
const SITINGS: [ChromaSiting; 2] = [ChromaSiting::Left, ChromaSiting::Centre];

/// The number of `value`, which stands in `list`.
fn number<T: PartialEq>(list: &[T], value: &T) -> u8 {
    list.iter().position(|v| v == value).map_or(u8::MAX, |at| at as u8)
}

fn entry<T: Copy>(list: &[T], number: u8) -> Result<T, Trouble> {
    list.get(usize::from(number)).copied().ok_or(Trouble::Wrong)
}

impl StreamHeader {
    /// Checks that a stream of this size can be.
    ///
    /// # Errors
    /// [`CodecError::Limit`] or [`CodecError::PixelFormat`].
    pub(crate) fn check_geometry(spec: &StreamSpec) -> Result<SampleLayout, CodecError> {
        let size = spec.size.checked()?;
        for (what, side) in [("width", size.width), ("height", size.height)] {
            if side > MAX_SIDE {
                return Err(CodecError::Limit { what, value: side.into(), limit: MAX_SIDE.into() });
            }
        }
        let pixels = size.pixels() as u64;
        if pixels > MAX_PIXELS {
            return Err(CodecError::Limit {
                what: "the number of pixels of a frame",
                value: pixels,
                limit: MAX_PIXELS,
            });
        }
        layout_of(spec.format).ok_or(CodecError::PixelFormat { format: spec.format })
    }

    /// The planes coded.
    #[must_use]
    pub fn layout(&self) -> SampleLayout {
        self.spec.layout()
    }

    /// What the checksums of the stream's records go on from, so that those of another stream, which
    /// an older file may have left on the disk, are never taken for its own.
    pub(super) fn seal(&self) -> u32 {
        crc32c::crc32c(&self.id.to_le_bytes())
    }

    /// What the coder of each band is made for.
    pub(crate) fn band_specs(&self) -> impl Iterator<Item = BandSpec> + '_ {
        self.slices.iter().map(|rows| BandSpec {
            profile: self.profile,
            layout: self.layout(),
            width: self.spec.size.w(),
            height: self.spec.size.h(),
            rows,
            max_error: self.max_error,
            confined: self.refresh.is_some(),
        })
    }

    /// The most bytes of a slice: an encoder writes no more, a decoder takes no more.
    #[must_use]
    pub fn slice_limits(&self) -> Vec<usize> {
        let layout = self.layout();
        let rows = self.slices.iter();
        rows.map(|rows| {
            let size = |index| layout.plane_size(index, self.spec.size.w(), rows.len());
            let samples: usize =
                (0..layout.planes()).map(size).map(|(width, height)| width * height).sum();
            2 * samples + 1024
        })
        .collect()
    }

    /// Appends the header to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let spec = &self.spec;
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        let length_at = out.len();
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.id.to_le_bytes());
        out.push(number(&Profile::ALL, &self.profile));
        out.push(arithmetic::VERSION);
        out.push(number(&FORMATS, &spec.format));
        out.push(number(&MATRICES, &spec.colour.matrix));
        out.push(number(&RANGES, &spec.colour.range));
        out.push(number(&SITINGS, &spec.colour.siting));
        out.push(self.max_error);
        put_varint(out, spec.size.width.into());
        put_varint(out, spec.size.height.into());
        put_varint(out, spec.rate.map_or(0, |r| r.num().into()));
        put_varint(out, spec.rate.map_or(0, |r| r.den().into()));
        put_varint(out, self.key_interval.into());
        put_varint(out, self.refresh.unwrap_or(0).into());
        put_varint(out, self.slices.count() as u64);
        for steps in self.slices.steps() {
            put_varint(out, steps);
        }
        match &self.predictor {
            None => out.push(0),
            Some(id) => {
                out.push(match id.kind {
                    PredictorKind::CopyLast => 1,
                    PredictorKind::Motion => 2,
                    PredictorKind::Model => 3,
                });
                put_text(out, &id.name, MAX_NAME);
                if id.kind == PredictorKind::Model {
                    out.extend_from_slice(&id.sha256);
                    match &id.exactness {
                        Exactness::Exact => out.push(0),
                        Exactness::SameBuild { pins } => {
                            out.push(1);
                            put_text(out, pins, MAX_PINS);
                        }
                    }
                }
            }
        }
        let length = (out.len() - start + 4) as u16;
        if let Some(place) = out.get_mut(length_at..length_at + 2) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        put_crc(out, start, 0);
    }

    /// Reads a header from the front of `bytes`; `None` when they end inside of it. The second
    /// value is its length.
    ///
    /// # Errors
    /// [`CodecError::Format`], [`CodecError::Version`] or [`CodecError::Limit`].
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, CodecError> {
        let format = |reason: &str| CodecError::Format { reason: reason.to_owned() };
        let known = bytes.len().min(MAGIC.len());
        if bytes.get(..known) != MAGIC.get(..known) {
            return Err(format("it does not start with the bytes of a .fcv stream"));
        }
        let mut cursor = Cursor::new(bytes);
        let (Ok(_), Ok(version), Ok(length)) =
            (cursor.take(MAGIC.len()), cursor.u16(), cursor.u16())
        else {
            return Ok(None);
        };
        if version != VERSION {
            // The CRC of another version may stand elsewhere.
            return Err(CodecError::Version {
                what: "version",
                version: version.into(),
                known: VERSION.into(),
            });
        }
        let length = usize::from(length);
        if !(cursor.position() + 4..=MAX_HEADER).contains(&length) {
            return Err(format("its header is damaged: the length of the header cannot be"));
        }
        let Some(bytes) = bytes.get(..length) else { return Ok(None) };
        let (body, crc) = bytes.split_at(length - 4);
        if crc != crc32c::crc32c(body).to_le_bytes() && !cfg!(fuzzing) {
            return Err(format("its header is damaged: the checksum does not match"));
        }
        let mut cursor = Cursor::new(body);
        let read = cursor.take(MAGIC.len() + 4).and_then(|_| Self::fields(&mut cursor));
        match read {
            Ok(result) if result.is_err() || cursor.position() == body.len() => {
                result.map(|header| Some((header, length)))
            }
            _ => Err(format("a field of its header cannot be")),
        }
    }

    fn fields(cursor: &mut Cursor<'_>) -> Result<Result<Self, CodecError>, Trouble> {
        let id = cursor.u64()?;
        let profile = entry(&Profile::ALL, cursor.u8()?)?;
        let version = cursor.u8()?;
        if version != arithmetic::VERSION {
            return Ok(Err(CodecError::Version {
                what: "arithmetic",
                version: version.into(),
                known: arithmetic::VERSION.into(),
            }));
        }
        let format = entry(&FORMATS, cursor.u8()?)?;
        let matrix = entry(&MATRICES, cursor.u8()?)?;
        let range = entry(&RANGES, cursor.u8()?)?;
        let siting = entry(&SITINGS, cursor.u8()?)?;
        let max_error = cursor.u8()?;
        let mut number =
            || cursor.varint().and_then(|v| u32::try_from(v).map_err(|_| Trouble::Wrong));
        let size = Size::new(number()?, number()?);
        let rate = match (number()?, number()?) {
            (0, 0) => None,
            (num, den) => Some(Rational::new(num, den).map_err(|_| Trouble::Wrong)?),
        };
        let (key_interval, refresh) = (number()?, number()?);
        let count = number()? as usize;
        let colour = Colour { matrix, range, siting };
        let spec = StreamSpec { format, size, colour, rate };
        if let Err(limit) = Self::check_geometry(&spec) {
            return Ok(Err(limit));
        }
        if max_error > MAX_ERROR_LIMIT || key_interval == 0 || count > MAX_SLICES {
            return Err(Trouble::Wrong);
        }
        let steps = (0..count).map(|_| cursor.varint()).collect::<Result<Vec<_>, _>>()?;
        let slices = SliceLayout::from_steps(&steps, size.h()).ok_or(Trouble::Wrong)?;
        let predictor = predictor(cursor)?;
        Ok(Ok(Self {
            id,
            profile,
            spec,
            max_error,
            key_interval,
            refresh: (refresh != 0).then_some(refresh),
            slices,
            predictor,
        }))
    }
}

fn predictor(cursor: &mut Cursor<'_>) -> Result<Option<PredictorId>, Trouble> {
    let kind = match cursor.u8()? {
        0 => return Ok(None),
        1 => PredictorKind::CopyLast,
        2 => PredictorKind::Motion,
        3 => PredictorKind::Model,
        _ => return Err(Trouble::Wrong),
    };
    let name = cursor.text(MAX_NAME)?;
    if kind != PredictorKind::Model {
        return Ok(Some(PredictorId::built_in(kind, &name)));
    }
    let sha256 = cursor.take(32)?.try_into().map_err(|_| Trouble::Short)?;
    let exactness = match cursor.u8()? {
        0 => Exactness::Exact,
        1 => Exactness::SameBuild { pins: cursor.text(MAX_PINS)? },
        _ => return Err(Trouble::Wrong),
    };
    Ok(Some(PredictorId { kind, name, sha256, exactness }))
}

/// Appends `text` behind its length, cut at `limit` bytes.
fn put_text(out: &mut Vec<u8>, text: &str, limit: usize) {
    let text = text.get(..text.floor_char_boundary(limit)).unwrap_or_default();
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::codec::stream) fn header() -> StreamHeader {
        let size = Size::new(640, 361);
        StreamHeader {
            id: 0x0123_4567_89ab_cdef,
            profile: Profile::Strong,
            spec: StreamSpec {
                format: PixelFormat::Nv12,
                size,
                colour: Colour::JPEG,
                rate: Some(Rational::new(30_000, 1001).unwrap()),
            },
            max_error: 2,
            key_interval: 150,
            refresh: None,
            slices: SliceLayout::even(361, Some(3)).unwrap(),
            predictor: Some(PredictorId {
                kind: PredictorKind::Model,
                name: "nano".into(),
                sha256: [7; 32],
                exactness: Exactness::SameBuild { pins: "ort 1.31 cpu".into() },
            }),
        }
    }

    fn bytes(header: &StreamHeader) -> Vec<u8> {
        let mut out = Vec::new();
        header.write(&mut out);
        out
    }

    #[test]
    fn every_field_comes_back() {
        let full = header();
        let plain = StreamHeader {
            predictor: None,
            refresh: Some(30),
            spec: StreamSpec { rate: None, ..full.spec },
            ..full.clone()
        };
        let built_in = PredictorId::built_in(PredictorKind::Motion, "motion");
        let motion = StreamHeader { predictor: Some(built_in), ..full.clone() };
        for header in [full, plain, motion] {
            let mut written = bytes(&header);
            let len = written.len();
            written.extend_from_slice(b"more");
            assert_eq!(StreamHeader::parse(&written).unwrap(), Some((header, len)));
        }
        for format in PixelFormat::ALL.into_iter().filter(|f| !f.is_compressed()) {
            assert!(FORMATS.contains(&format), "{format} has a number");
        }
    }

    #[test]
    fn every_prefix_asks_for_more_and_every_changed_byte_is_an_error() {
        let whole = bytes(&header());
        for cut in 0..whole.len() {
            assert_eq!(StreamHeader::parse(&whole[..cut]).unwrap(), None, "{cut} bytes");
        }
        for at in 0..whole.len() {
            for flip in 1..=255 {
                let mut damaged = whole.clone();
                damaged[at] ^= flip;
                // A longer length asks for bytes that never come.
                assert!(
                    !matches!(StreamHeader::parse(&damaged), Ok(Some(_))),
                    "byte {at} ^ {flip}"
                );
            }
        }
    }

    #[test]
    fn sizes_above_the_limits_are_refused_before_anything_is_made() {
        for (width, height) in [(8193, 1), (1, 8193), (8192, 4097), (0, 5)] {
            let mut wrong = header();
            wrong.spec.size = Size::new(width, height);
            wrong.slices = SliceLayout::even(height as usize, Some(1)).unwrap();
            let error = StreamHeader::parse(&bytes(&wrong)).unwrap_err();
            assert!(matches!(error, CodecError::Limit { .. } | CodecError::Frame(_)), "{error}");
        }
        let mut large = header();
        large.spec.size = Size::new(8192, 4096);
        large.slices = SliceLayout::even(4096, None).unwrap();
        assert!(StreamHeader::parse(&bytes(&large)).is_ok());
    }

    #[test]
    fn other_versions_and_other_files_are_named() {
        let mut later = bytes(&header());
        later[8] = 2;
        let error = StreamHeader::parse(&later).unwrap_err().to_string();
        assert!(error.contains("version 2") && error.contains("reads 1"), "{error}");
        let mut arithmetic = bytes(&header());
        arithmetic[21] = 9;
        arithmetic.truncate(arithmetic.len() - 4);
        put_crc(&mut arithmetic, 0, 0);
        let error = StreamHeader::parse(&arithmetic).unwrap_err().to_string();
        assert!(error.contains("arithmetic 9"), "{error}");
        assert!(StreamHeader::parse(b"RIFF1234").is_err());
    }
}
