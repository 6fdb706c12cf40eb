//! Small clips to code, and what a stream decodes to.

use std::time::Duration;

use crate::codec::stream::{Ending, Record, StreamReader, StreamWriter};
use crate::codec::{
    BandSet, CopyLast, Decoder, DecoderOptions, Encoder, EncoderConfig, FrameInfo, FrameStatus,
    Motion, Picture, Predictor, PredictorKind, Received, StreamHeader, StreamSpec,
};
use crate::frame::{FrameSeq, MonoTime, Rational};

/// Frame `t` of a clip: a textured ground that moves, a block that moves the other way, noise in
/// the lowest bit; every fifth frame repeats the one before.
pub(super) fn picture(spec: &StreamSpec, t: usize) -> Picture {
    let (t, seed) = if t % 5 == 4 { (t - 1, t - 1) } else { (t, t) };
    let mut picture = Picture::new(spec.layout(), spec.size.w(), spec.size.h());
    let layout = picture.layout();
    let mut state = (seed as u32).wrapping_mul(2_654_435_761).wrapping_add(1);
    for index in 0..layout.planes() {
        let (across, down) = layout.shift(index);
        let plane = &mut picture.planes_mut()[index];
        for at in 0..plane.data.len() {
            let (x, y) = ((at % plane.width) << across, (at / plane.width) << down);
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let ground = ((x + 2 * t) * (y + t + 3) / 7 + 5 * index * (x + t)) % 200;
            let block = x.wrapping_sub(40).wrapping_add(t) < 12 && y.wrapping_sub(10) < 14;
            let level = if block { 230 - y } else { ground + 20 };
            plane.data[at] = (level as u8).wrapping_add((state >> 31) as u8);
        }
    }
    picture
}

/// Number and times of frame `t`: a live camera that lost a frame after the third.
pub(super) fn info(t: usize) -> FrameInfo {
    let seq = if t < 3 { t } else { t + 1 } as u64;
    FrameInfo {
        seq: FrameSeq(seq),
        captured: Some(MonoTime::from_nanos(77_000_000_000 + t as u64 * 33_000_001)),
        position: t.is_multiple_of(2).then(|| MonoTime::from_nanos(seq * 40_000_000)),
    }
}

pub(super) fn predictor(kind: Option<PredictorKind>) -> Option<Box<dyn Predictor>> {
    Some(match kind? {
        PredictorKind::CopyLast => Box::new(CopyLast::new()),
        _ => Box::new(Motion::new()),
    })
}

/// A coded clip.
pub(super) struct Coded {
    pub(super) bytes: Vec<u8>,
    /// The frames as the encoder reconstructed them.
    pub(super) frames: Vec<Picture>,
    pub(super) header: StreamHeader,
}

pub(in crate::codec) fn spec(
    format: crate::frame::PixelFormat,
    width: u32,
    height: u32,
) -> StreamSpec {
    let size = crate::frame::Size::new(width, height);
    StreamSpec { rate: Some(Rational::whole(25)), ..StreamSpec::new(format, size) }
}

/// Codes `frames` frames of the clip.
pub(super) fn encode(
    config: &EncoderConfig,
    spec: &StreamSpec,
    kind: Option<PredictorKind>,
    frames: usize,
) -> Coded {
    encode_from(0, config, spec, kind, frames)
}

/// Codes `frames` frames of the clip from its picture `first` on.
pub(super) fn encode_from(
    first: usize,
    config: &EncoderConfig,
    spec: &StreamSpec,
    kind: Option<PredictorKind>,
    frames: usize,
) -> Coded {
    let mut encoder = Encoder::new(config, spec, predictor(kind)).unwrap();
    let header = encoder.header().clone();
    let mut writer = StreamWriter::new(Vec::new(), &header, Duration::MAX).unwrap();
    let mut made = Vec::new();
    for t in 0..frames {
        let source = picture(spec, first + t);
        encoder.send_frame(&source, &info(t)).unwrap();
        made.push(encoder.reconstructed().clone());
        let error = crate::codec::convert::largest_difference(
            source.planes(),
            encoder.reconstructed().planes(),
        );
        assert!(error <= config.max_error);
        writer.write(encoder.receive_packet().unwrap()).unwrap();
        assert!(encoder.receive_packet().is_none());
    }
    Coded { bytes: writer.finish().unwrap().0, frames: made, header }
}

/// A frame that came out of a decoder.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shown {
    pub(super) index: u64,
    pub(super) info: FrameInfo,
    pub(super) picture: Picture,
    pub(super) repaired: BandSet,
}

/// What became of a stream.
#[derive(Debug, PartialEq)]
pub(super) struct Played {
    pub(super) shown: Vec<Shown>,
    pub(super) lost: u64,
    pub(super) skipped: u64,
    pub(super) ending: Ending,
}

impl Played {
    /// True when nothing shows damage.
    pub(super) fn is_whole(&self) -> bool {
        self.lost == 0
            && self.skipped == 0
            && self.ending == Ending::Closed
            && self.shown.iter().all(|s| s.repaired.is_empty())
    }
}

/// Decodes `bytes`; `None` when they do not open.
pub(super) fn decode(bytes: &[u8], threads: usize) -> Option<Played> {
    let mut reader = StreamReader::new(bytes).ok()?;
    let kind = reader.header().predictor.as_ref().map(|id| id.kind);
    let options = DecoderOptions { threads };
    let mut decoder = Decoder::new(reader.header(), predictor(kind), options).unwrap();
    let mut played = Played { shown: Vec::new(), lost: 0, skipped: 0, ending: Ending::NotYet };
    while let Some(record) = reader.next_record().unwrap() {
        match record {
            Record::Frame(packet) => decoder.send_packet(packet).unwrap(),
            Record::End(end) => decoder.send_end(&end),
        }
        while let Some(received) = decoder.receive_frame() {
            match received {
                Received::Lost { frames } => played.lost += frames,
                Received::Frame(frame) => played.shown.push(Shown {
                    index: frame.index,
                    info: frame.info,
                    picture: frame.picture.clone(),
                    repaired: match frame.status {
                        FrameStatus::Exact => BandSet::NONE,
                        FrameStatus::Repaired(bands) => bands,
                    },
                }),
            }
        }
    }
    played.skipped = reader.skipped();
    played.ending = reader.ending();
    Some(played)
}
