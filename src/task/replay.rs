//! Coded recordings as a source of frames.
//!
//! Frames come with their numbers in the stream's own terms: what the camera lost shows as a driver
//! gap, what cannot be decoded exactly is lost as corrupt and never handed on as if it were right.

use std::fs::File;
use std::path::Path;

use crate::codec::stream::{Ending, Record, StreamReader, read_end};
use crate::codec::{
    self, CodecError, CopyLast, Decoder, DecoderOptions, FrameInfo, Motion, PredictorKind,
    Received, StreamHeader, picture_to_bytes,
};
use crate::frame::{DropReason, Layout, MonoTime, PooledBuf};
use crate::model::registry;
use crate::source::{
    DamageLog, Next, Picture, Recording, SourceError, SourceInfo, SourceOptions, install_replay,
};

use super::predict::CodedBlend;

/// Lets sources read coded recordings whose predictors are exact everywhere.
pub fn install() {
    install_replay(|path, options| Ok(Box::new(Replay::open(path, options)?)));
}

/// Makes the predictor a stream names; what it says when it cannot is told.
pub type MakePredictor<'a> =
    &'a dyn Fn(&StreamHeader) -> Result<Option<Box<dyn codec::Predictor>>, String>;

/// The most frames a recording may say it lost: sums of what files claim must not overflow.
const MOST_LOST: u64 = 1 << 48;

/// A coded recording being read.
pub struct Replay {
    info: SourceInfo,
    options: SourceOptions,
    reader: StreamReader<File>,
    decoder: Decoder,
    layout: Layout,
    /// What the last packet gave: losses, then the picture with its place in time.
    pending: Vec<Next>,
    bytes: Vec<u8>,
    ready: Option<Option<MonoTime>>,
    /// The number the next frame has if none is missing.
    expected: Option<u64>,
    /// Capture time of the first frame.
    first: Option<MonoTime>,
    damage: DamageLog,
    /// How many more frames may be called lost.
    losable: u64,
    over: bool,
}

impl Replay {
    /// Opens the stream of `path`. A model that predicted it is looked for under its name.
    ///
    /// # Errors
    /// [`SourceError::Open`], [`SourceError::Format`] with what the codec says, and
    /// [`SourceError::Limit`].
    pub fn open(path: &Path, options: &SourceOptions) -> Result<Self, SourceError> {
        Self::open_with(path, options, &exact)
    }

    /// As [`Replay::open`], with the predictor that `make` makes.
    ///
    /// # Errors
    /// As [`Replay::open`].
    pub fn open_with(
        path: &Path,
        options: &SourceOptions,
        make: MakePredictor<'_>,
    ) -> Result<Self, SourceError> {
        let name = path.display().to_string();
        let bad = |reason: String| SourceError::Format { name: name.clone(), reason };
        let file = File::open(path).map_err(|cause| SourceError::Open {
            path: path.to_owned(),
            cause,
            hint: "check the path and its permissions".into(),
        })?;
        let seeks = file.metadata().is_ok_and(|meta| meta.is_file());
        let reader = StreamReader::new(file).map_err(|e| bad(e.to_string()))?;
        let header = reader.header().clone();
        // It only says how many frames there are, which a pipe cannot tell before.
        let end = if seeks { File::open(path).ok() } else { None };
        let end = end.and_then(|mut file| read_end(&mut file, &header).ok().flatten());
        let spec = header.spec;
        let (value, limit) = (spec.size.pixels() as u64, options.limits.pixels);
        if value > limit {
            return Err(SourceError::Limit { name, what: "pixels of a frame", value, limit });
        }
        let predictor = make(&header).map_err(bad)?;
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get().min(8));
        let decoder = Decoder::new(&header, predictor, DecoderOptions { threads })
            .map_err(|e| bad(e.to_string()))?;
        let layout = Layout::packed(spec.format, spec.size)
            .map_err(|cause| SourceError::Frame { name: name.clone(), cause })?;
        let bound = match header.max_error {
            0 => "lossless".to_owned(),
            n => format!("max error {n}"),
        };
        let info = SourceInfo {
            description: format!("framecast stream, {}, {bound}", header.profile),
            uri: name,
            format: spec.format,
            size: spec.size,
            rate: options.rate.or(spec.rate),
            live: false,
            frames: end.map(|end| end.frames),
        };
        Ok(Self {
            info,
            options: options.clone(),
            reader,
            decoder,
            layout,
            pending: Vec::new(),
            bytes: Vec::new(),
            ready: None,
            expected: None,
            first: None,
            damage: DamageLog::default(),
            losable: MOST_LOST,
            over: false,
        })
    }

    fn bad(&self, error: &CodecError) -> SourceError {
        SourceError::Format { name: self.info.uri.clone(), reason: error.to_string() }
    }

    /// Reads the next record and keeps what it says.
    fn record(&mut self) -> Result<(), SourceError> {
        match self.reader.next_record() {
            Err(error) => return Err(self.bad(&error)),
            Ok(None) => {
                self.over = true;
                self.close();
                return Ok(());
            }
            Ok(Some(Record::End(end))) => self.decoder.send_end(&end),
            Ok(Some(Record::Frame(packet))) => {
                let sent = self.decoder.send_packet(packet);
                sent.map_err(|error| self.bad(&error))?;
            }
        }
        let mut lost = 0;
        while let Some(received) = self.decoder.receive_frame() {
            let frame = match received {
                Received::Lost { frames } => {
                    lost += frames;
                    continue;
                }
                Received::Frame(frame) => frame,
            };
            let (info, exact) = (frame.info, frame.status.is_exact());
            if exact {
                let format = self.info.format;
                let made = picture_to_bytes(frame.picture, format, &mut self.bytes);
                made.map_err(|error| SourceError::Format {
                    name: self.info.uri.clone(),
                    reason: error.to_string(),
                })?;
            }
            // Numbers missing beyond those of lost frames are the camera's own losses.
            let missing = self.expected.map_or(0, |e| info.seq.0.saturating_sub(e));
            self.push_lost(missing.saturating_sub(lost), DropReason::DriverGap);
            self.push_lost(std::mem::take(&mut lost), DropReason::Corrupt);
            self.expected = Some(info.seq.0.saturating_add(1));
            if exact {
                self.ready = Some(self.position(info));
            } else {
                self.damage.add(&format!("frame {} is not exact", info.seq));
                self.push_lost(1, DropReason::Corrupt);
            }
        }
        self.push_lost(lost, DropReason::Corrupt);
        Ok(())
    }

    fn push_lost(&mut self, frames: u64, reason: DropReason) {
        let frames = frames.min(self.losable);
        self.losable -= frames;
        if frames > 0 {
            self.pending.push(Next::Lost { frames, reason });
        }
    }

    /// Where a frame stands on the time line: as the source said, or since the first capture.
    fn position(&mut self, info: FrameInfo) -> Option<MonoTime> {
        let first = *self.first.get_or_insert(info.captured.unwrap_or_default());
        info.position.or_else(|| {
            let since = info.captured?.as_nanos().saturating_sub(first.as_nanos());
            Some(MonoTime::from_nanos(since))
        })
    }

    /// Says how the stream ended.
    fn close(&mut self) {
        match self.reader.ending() {
            Ending::Cut => self.damage.add("the stream is cut inside of a frame"),
            Ending::Open => self.damage.add("the stream was cut or never closed"),
            Ending::Followed => self.damage.add("what follows the end of the stream is left out"),
            Ending::Closed | Ending::NotYet => {}
        }
        if self.reader.skipped() > 0 {
            self.damage.add(&format!("{} bytes are damaged", self.reader.skipped()));
        }
    }
}

fn exact(header: &StreamHeader) -> Result<Option<Box<dyn codec::Predictor>>, String> {
    let Some(id) = &header.predictor else { return Ok(None) };
    Ok(Some(match id.kind {
        PredictorKind::CopyLast => Box::new(CopyLast::new()),
        PredictorKind::Motion => Box::new(Motion::new()),
        PredictorKind::Model => {
            let path = registry::resolve(&id.name, &[]).map_err(|e| e.to_string())?;
            Box::new(CodedBlend::open(&path, header.spec.size).map_err(|e| e.to_string())?)
        }
    }))
}

impl Recording for Replay {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn frame_len(&self) -> usize {
        self.layout.len()
    }

    fn next(&mut self, buf: &mut PooledBuf) -> Result<Next, SourceError> {
        loop {
            if !self.pending.is_empty() {
                return Ok(self.pending.remove(0));
            }
            if let Some(position) = self.ready.take() {
                std::mem::swap(buf.as_vec(), &mut self.bytes);
                let colour = self.options.colour.unwrap_or(self.decoder.header().spec.colour);
                return Ok(Next::Picture(Picture { layout: self.layout, colour, position }));
            }
            if self.over {
                return Ok(Next::End);
            }
            self.record()?;
        }
    }

    fn damage(&self) -> DamageLog {
        self.damage.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::stream::StreamWriter;
    use crate::codec::{Encoder, EncoderConfig, StreamSpec};
    use crate::frame::{FramePool, FrameSeq, PixelFormat, Rational, Size};
    use crate::source::{Read, open};
    use std::time::Duration;

    /// A recording of a live camera that lost frames 3 and 4.
    fn recorded() -> Vec<u8> {
        let size = Size::new(24, 20);
        let rate = Some(Rational::whole(10));
        let spec = StreamSpec { rate, ..StreamSpec::new(PixelFormat::Yuyv, size) };
        let config = EncoderConfig { key_interval: 4, ..EncoderConfig::default() };
        let mut encoder = Encoder::new(&config, &spec, None).unwrap();
        let mut writer = StreamWriter::new(Vec::new(), encoder.header(), Duration::MAX).unwrap();
        for t in 0..9u64 {
            let mut picture = codec::Picture::new(spec.layout(), 24, 20);
            for plane in picture.planes_mut() {
                plane
                    .data
                    .iter_mut()
                    .enumerate()
                    .for_each(|(i, v)| *v = (i as u64 * (t + 3)) as u8);
            }
            let seq = FrameSeq(100 + if t < 3 { t } else { t + 2 });
            let captured = Some(MonoTime::from_nanos(5_000_000_000 + 100_000_000 * t));
            encoder.send_frame(&picture, &FrameInfo { seq, captured, position: None }).unwrap();
            writer.write(encoder.receive_packet().unwrap()).unwrap();
        }
        writer.finish().unwrap().0
    }

    /// Positions of frames in ms, and losses, in the order they come.
    fn play(bytes: &[u8]) -> (Vec<i64>, Vec<(u64, DropReason)>, String) {
        install();
        let mut file = tempfile::Builder::new().suffix(".bin").tempfile().unwrap();
        std::io::Write::write_all(&mut file, bytes).unwrap();
        let uri = format!("replay:{}", file.path().display());
        let pool = FramePool::new(2);
        let mut source = open(&uri, &SourceOptions::default(), &pool).unwrap();
        assert_eq!(source.info().format, PixelFormat::Yuyv);
        let (mut frames, mut lost) = (Vec::new(), Vec::new());
        loop {
            match source.read(MonoTime::now().after(Duration::from_secs(20))).unwrap() {
                Read::Frame(frame) => {
                    frames.push(frame.meta().position.unwrap().as_nanos() as i64 / 1_000_000);
                    assert_eq!(frame.bytes().len(), 24 * 20 * 2);
                }
                Read::Lost { frames, reason } => lost.push((frames, reason)),
                Read::End => break,
                _ => {}
            }
        }
        (frames, lost, source.damage().to_string())
    }

    #[test]
    fn a_recording_plays_with_its_times_and_the_gaps_of_its_camera() {
        let (frames, lost, damage) = play(&recorded());
        assert_eq!(frames, [0, 100, 200, 300, 400, 500, 600, 700, 800]);
        assert_eq!(lost, [(2, DropReason::DriverGap)]);
        assert!(damage.starts_with('0'), "{damage}");
    }

    #[test]
    fn what_is_not_exact_is_lost_and_said() {
        let bytes = recorded();
        let (frames, lost, damage) = play(&bytes[..bytes.len() - 30]);
        assert_eq!((frames.len(), lost.len()), (9 - usize::from(damage.contains("inside")), 1));
        assert!(damage.contains("1 error"), "{damage}");
        // In a header the record is skipped, in a slice its frame is not exact.
        let mut said = [false; 2];
        for at in (bytes.len() / 4..bytes.len() * 3 / 4).step_by(bytes.len() / 23) {
            let mut damaged = bytes.clone();
            damaged[at..at + 9].fill(0x99);
            let (frames, lost, damage) = play(&damaged);
            let corrupt = lost.iter().filter(|l| l.1 == DropReason::Corrupt).map(|l| l.0);
            let corrupt: u64 = corrupt.sum();
            assert_eq!(frames.len() as u64 + corrupt, 9, "{at}: {lost:?}");
            assert!((1..=9).contains(&corrupt), "{at}: {damage}");
            let words = ["not exact", "bytes are damaged"].map(|w| damage.contains(w));
            assert!(words[0] || words[1], "{at}: {damage}");
            said = [said[0] || words[0], said[1] || words[1]];
        }
        assert!(said[0], "no damage met a slice: {said:?}");
    }
}
