//! Packets to frames, and which samples of them are sure.
//!
//! A band is decoded only when everything its slice refers to is as the encoder had it: its coder's
//! statistics, the rows of the reference pictures, the predictor's frames. Otherwise, and when its
//! reconstructed samples do not have the checksum of the frame header, it is concealed by what the
//! last pictures let expect and marked, and so is all that depends on it, until a key frame or, in a resilient
//! stream, the band's own refresh.

use crate::codec::stream::EndRecord;

use super::arithmetic::DefaultMode;
use super::band::{BandCoder, Drawn};
use super::band_set::BandSet;
use super::bands;
use super::conceal::Concealer;
use super::config::MAX_THREADS;
use super::encoder::Packet;
use super::error::CodecError;
use super::history::{History, Reach};
use super::picture::Picture;
use super::predictor::{Predictor, PredictorKind, Slot};
use super::slices::band_crc;
use super::stream::{FrameInfo, FrameKind, SliceEntry, StreamHeader};

/// How to decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecoderOptions {
    /// Threads that decode bands at the same time.
    pub threads: usize,
}

impl Default for DecoderOptions {
    fn default() -> Self {
        Self { threads: 1 }
    }
}

/// How sure a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameStatus {
    /// Every sample is as the encoder reconstructed it.
    Exact,
    /// These bands were concealed; all others are exact.
    Repaired(BandSet),
}

impl FrameStatus {
    /// True when every sample is as it was coded.
    #[must_use]
    pub const fn is_exact(self) -> bool {
        matches!(self, Self::Exact)
    }
}

/// A decoded frame.
#[derive(Clone, Copy, Debug)]
pub struct DecodedFrame<'a> {
    /// Its samples.
    pub picture: &'a Picture,
    /// Its number in the stream.
    pub index: u64,
    /// Number and times given by the source.
    pub info: FrameInfo,
    /// How it was coded.
    pub kind: FrameKind,
    /// How sure it is.
    pub status: FrameStatus,
}

/// What [`Decoder::receive_frame`] gives.
#[derive(Clone, Copy, Debug)]
pub enum Received<'a> {
    /// So many frames are missing before the next one; nothing is known of them.
    Lost {
        /// How many.
        frames: u64,
    },
    /// A frame.
    Frame(DecodedFrame<'a>),
}

/// A band's coder, and whether it is in step with the encoder's.
#[derive(Debug)]
struct Band {
    coder: BandCoder,
    in_step: bool,
    /// The band of the current frame is as the encoder had it.
    exact: bool,
}

/// Decodes packets, in the order of the stream.
#[derive(Debug)]
pub struct Decoder {
    header: StreamHeader,
    threads: usize,
    bands: Vec<Band>,
    history: History,
    predictor: Option<Slot>,
    /// The predictor has seen what the encoder's saw.
    predictor_in_step: bool,
    /// Each band of the predictor's picture is that of the last frame: it remembers nothing and is
    /// as sure as that.
    copies: bool,
    /// Bands of the last picture and the one before it that are as the encoder had them.
    last: BandSet,
    before: BandSet,
    concealer: Concealer,
    next_index: u64,
    lost: u64,
    stale: u64,
    frame: Option<(u64, FrameInfo, FrameKind)>,
}

impl Decoder {
    /// A decoder of the stream with this header. `predictor` must be the one the header names, or
    /// none when it names none.
    ///
    /// # Errors
    /// [`CodecError::Predictor`] when it is missing or another one; [`CodecError::Config`],
    /// [`CodecError::Limit`].
    pub fn new(
        header: &StreamHeader,
        predictor: Option<Box<dyn Predictor>>,
        options: DecoderOptions,
    ) -> Result<Self, CodecError> {
        let threads = options.threads;
        if !(1..=MAX_THREADS).contains(&threads) {
            return Err(CodecError::Config {
                name: "threads",
                value: threads.to_string(),
                allowed: format!("allowed are 1 to {MAX_THREADS}"),
            });
        }
        let layout = StreamHeader::check_geometry(&header.spec)?;
        let predictor = match (&header.predictor, predictor) {
            (None, _) => None,
            (Some(id), Some(given)) => {
                id.expect(given.id())?;
                Some(given)
            }
            (Some(id), None) => {
                return Err(CodecError::Predictor {
                    reason: format!(
                        "the stream needs the predictor {:?} (SHA-256 {}); give it to decode",
                        id.name,
                        id.sha256_text()
                    ),
                });
            }
        };
        // Tables are computed once, when the first band is made.
        let _mode = DefaultMode::set();
        let coder = |spec| Band { coder: BandCoder::new(spec), in_step: false, exact: false };
        let size = header.spec.size;
        let history = History::new(header.profile, layout, size.w(), size.h());
        Ok(Self {
            threads,
            bands: header.band_specs().map(coder).collect(),
            predictor: predictor.map(|p| Slot::new(p, history.last())),
            history,
            predictor_in_step: false,
            copies: header.predictor.as_ref().is_some_and(|id| id.kind == PredictorKind::CopyLast),
            last: BandSet::NONE,
            before: BandSet::NONE,
            concealer: Concealer::default(),
            next_index: 0,
            lost: 0,
            stale: 0,
            frame: None,
            header: header.clone(),
        })
    }

    /// What the stream says of itself.
    #[must_use]
    pub const fn header(&self) -> &StreamHeader {
        &self.header
    }

    /// Frames ignored because they are older than what was decoded before: bytes of the stream
    /// stand twice or at the wrong place.
    #[must_use]
    pub const fn stale(&self) -> u64 {
        self.stale
    }

    /// Frames before `index` are not waited for: the first packet comes from the middle of the stream.
    pub const fn begin_at(&mut self, index: u64) {
        self.next_index = index;
    }

    /// Decodes a packet.
    ///
    /// # Errors
    /// [`CodecError::Full`] when the last frame was not received yet, [`CodecError::Prediction`],
    /// [`CodecError::Arithmetic`]. Damage is no error.
    pub fn send_packet(&mut self, packet: Packet<'_>) -> Result<(), CodecError> {
        if self.frame.is_some() || self.lost > 0 {
            return Err(CodecError::Full);
        }
        let header = packet.header;
        if header.index < self.next_index {
            self.stale += 1;
            return Ok(());
        }
        if header.index > self.next_index {
            self.lost += header.index - self.next_index;
            self.lose_step();
        }
        self.next_index = header.index + 1;
        let taken = match header.kind {
            FrameKind::Repeat => self.observe(),
            FrameKind::Key => {
                self.restart(BandSet::first(self.bands.len()));
                if let Some(slot) = &mut self.predictor {
                    slot.reset();
                    self.predictor_in_step = true;
                }
                self.decode(packet)
            }
            FrameKind::Inter => {
                self.restart(header.refreshed);
                self.decode(packet)
            }
        };
        if let Err(error) = taken {
            self.lose_step();
            return Err(error);
        }
        // Any other predictor may carry what it saw in one band into all of them.
        self.predictor_in_step &= self.status().is_exact();
        self.frame = Some((header.index, header.info, header.kind));
        Ok(())
    }

    /// Takes note of the end of the stream: frames may be missing before it.
    pub const fn send_end(&mut self, end: &EndRecord) {
        if end.frames > self.next_index {
            self.lost += end.frames - self.next_index;
            self.next_index = end.frames;
        }
    }

    /// What came of the last packet: first the frames that are missing before it, if any, then
    /// the frame; `None` when all was taken.
    pub fn receive_frame(&mut self) -> Option<Received<'_>> {
        let frames = std::mem::take(&mut self.lost);
        if frames > 0 {
            return Some(Received::Lost { frames });
        }
        let (index, info, kind) = self.frame.take()?;
        let (picture, status) = (self.history.last(), self.status());
        Some(Received::Frame(DecodedFrame { picture, index, info, kind, status }))
    }

    fn status(&self) -> FrameStatus {
        let all = BandSet::first(self.bands.len());
        let missing = all.bits() & !self.last.bits();
        if missing == 0 {
            FrameStatus::Exact
        } else {
            FrameStatus::Repaired(BandSet::from_bits(missing))
        }
    }

    /// A frame was missed: nothing is as it was.
    fn lose_step(&mut self) {
        self.last = BandSet::NONE;
        self.before = BandSet::NONE;
        self.predictor_in_step = false;
        for band in &mut self.bands {
            band.in_step = false;
        }
    }

    fn restart(&mut self, refreshed: BandSet) {
        self.history.restart(refreshed);
        for (index, band) in self.bands.iter_mut().enumerate() {
            if refreshed.contains(index) {
                band.coder.reset();
                band.in_step = true;
            }
        }
    }

    /// Shows the predictor the last picture, as the encoder did before this frame.
    fn observe(&mut self) -> Result<(), CodecError> {
        match &mut self.predictor {
            Some(slot) if self.predictor_in_step => slot.predict(self.history.last()).map(|_| ()),
            _ => Ok(()),
        }
    }

    fn decode(&mut self, packet: Packet<'_>) -> Result<(), CodecError> {
        let header = packet.header;
        let key = header.kind == FrameKind::Key;
        let predicted = match &mut self.predictor {
            Some(slot) if (self.predictor_in_step || self.copies) && !key => {
                slot.predict(self.history.last())?
            }
            _ => None,
        };
        let all = BandSet::first(self.bands.len());
        let confined = self.header.refresh.is_some();
        let (last, before) = (self.last, self.before);
        let sure =
            |set: BandSet, band: usize| if confined { set.contains(band) } else { set == all };
        let predicted_in_step = !header.predicted || predicted.is_some();
        let mut rest = packet.payload();
        let mut jobs = Vec::with_capacity(self.bands.len());
        let depths: Vec<u32> = (0..self.bands.len()).map(|b| self.history.depth(b)).collect();
        let (next, reach) = self.history.parts();
        let targets = self.header.slices.split(next);
        let entries = header.slices.iter().copied().chain(std::iter::repeat(SliceEntry::default()));
        for (index, ((band, target), entry)) in
            self.bands.iter_mut().zip(targets).zip(entries).enumerate()
        {
            let slice = rest.split_at_checked(entry.len as usize);
            let depth = depths.get(index).copied().unwrap_or(0);
            let ready = band.in_step
                && (depth < 1 || (sure(last, index) && predicted_in_step))
                && (depth < 2 || sure(before, index));
            // What is cut off is damaged, and so is everything behind it.
            let slice = slice.map(|(slice, after)| {
                rest = after;
                slice
            });
            if slice.is_none() {
                rest = &[];
            }
            jobs.push(Job { index, band, target, crc: entry.crc, slice: slice.filter(|_| ready) });
        }
        let predicted = predicted.filter(|_| header.predicted);
        bands::run(self.threads, in_twos(jobs, self.threads), |mut jobs: Vec<Job<'_>>| {
            decode_bands(&mut jobs, reach, predicted);
            jobs.iter_mut().for_each(|job| job.band.in_step &= job.band.exact);
        })?;
        let mut missing = BandSet::NONE;
        for (index, band) in self.bands.iter().enumerate() {
            missing.set(index, !band.exact);
        }
        self.concealer.conceal(missing, &self.header.slices, &mut self.history);
        self.history.advance();
        self.before = self.last;
        for (index, band) in self.bands.iter().enumerate() {
            self.last.set(index, band.exact);
        }
        Ok(())
    }
}

/// One band of a frame to be decoded.
struct Job<'a> {
    index: usize,
    band: &'a mut Band,
    target: Vec<&'a mut [u8]>,
    crc: u32,
    /// Its bytes; `None` when they or what they refer to are not there.
    slice: Option<&'a [u8]>,
}

/// Jobs in groups of two where there are more than threads: two bands are decoded in less time
/// together than one after the other.
fn in_twos<T>(jobs: Vec<T>, threads: usize) -> Vec<Vec<T>> {
    let groups = jobs.len().div_ceil(2).max(threads.min(jobs.len()));
    let mut pairs = jobs.len() - groups;
    let mut jobs = jobs.into_iter();
    let mut all = Vec::with_capacity(groups);
    while let Some(job) = jobs.next() {
        let mut group = vec![job];
        if pairs > 0 {
            pairs -= 1;
            group.extend(jobs.next());
        }
        all.push(group);
    }
    all
}

/// Decodes bands, and finds out whether each is as the encoder had it.
fn decode_bands(jobs: &mut [Job<'_>], reach: Reach<'_>, predicted: Option<Drawn<'_>>) {
    if let [a, b] = &mut *jobs
        && let (Some(slice_a), Some(slice_b)) = (a.slice, b.slice)
    {
        let [ok_a, ok_b] = BandCoder::decode_two(
            [&mut a.band.coder, &mut b.band.coder],
            [slice_a, slice_b],
            [reach.of(a.index, predicted), reach.of(b.index, predicted)],
            [&mut a.target, &mut b.target],
        );
        a.settle(ok_a.is_ok());
        b.settle(ok_b.is_ok());
        return;
    }
    for job in jobs {
        let references = reach.of(job.index, predicted);
        let decoded = job
            .slice
            .is_some_and(|slice| job.band.coder.decode(slice, references, &mut job.target).is_ok());
        job.settle(decoded);
    }
}

impl Job<'_> {
    /// Notes whether the band is as the encoder had it: `decoded` without complaint, and with its
    /// checksum.
    fn settle(&mut self, decoded: bool) {
        self.band.exact = decoded
            // A fuzzer, which would never find the checksum, is to get beyond the first frame.
            && (band_crc(&self.target) == self.crc || cfg!(fuzzing));
    }
}

#[cfg(test)]
mod tests {
    use super::in_twos;

    #[test]
    fn bands_are_decoded_in_twos_where_threads_are_few() {
        let sizes = |jobs: usize, threads| -> Vec<usize> {
            in_twos((0..jobs).collect(), threads).iter().map(Vec::len).collect()
        };
        assert_eq!(sizes(1, 1), [1]);
        assert_eq!(sizes(2, 1), [2]);
        assert_eq!(sizes(2, 2), [1, 1]);
        assert_eq!(sizes(5, 1), [2, 2, 1]);
        assert_eq!(sizes(5, 4), [2, 1, 1, 1]);
        assert_eq!(sizes(4, 9), [1, 1, 1, 1]);
        assert_eq!(in_twos((0..5).collect(), 1).concat(), [0, 1, 2, 3, 4]);
    }
}
