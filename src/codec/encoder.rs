//! Frames to packets, one for one and at once.

use crate::frame::{FrameSeq, Size};
use crate::vision::scene::SceneChange;

use super::arithmetic::DefaultMode;
use super::band::{BandCoder, Drawn, Profile};
use super::band_set::BandSet;
use super::bands;
use super::config::{EncoderConfig, PredictorUse, StreamSpec};
use super::convert::{largest_difference, same_kind, within};
use super::error::CodecError;
use super::history::{History, Reach};
use super::picture::Picture;
use super::predictor::{Exactness, Predictor, PredictorId, PredictorKind, Slot};
use super::slices::{SliceLayout, band_crc};
use super::stream::{FrameHeader, FrameInfo, FrameKind, MAX_PINS, SliceEntry, StreamHeader};
use super::trial::Trial;

/// Frames between key frames at scene cuts: a strobe light must not make every frame one.
const LEAST_CUT_DISTANCE: u32 = 8;

/// Luma rows of a band of a resilient stream: bands are refreshed one by one, so smaller ones make
/// frames of more even size.
const RESILIENT_ROWS: usize = 64;

/// A coded frame: its record in the stream.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// What the record's header says.
    pub header: &'a FrameHeader,
    /// The whole record.
    pub bytes: &'a [u8],
    /// Where the slices begin in `bytes`.
    pub(super) payload: usize,
}

impl<'a> Packet<'a> {
    /// The slices, one after the other.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.bytes.get(self.payload..).unwrap_or_default()
    }
}

/// A band's coder and what it made last.
#[derive(Clone, Debug)]
struct Band {
    coder: BandCoder,
    slice: Vec<u8>,
    crc: u32,
}

/// Codes frames.
///
/// Each [`Encoder::send_frame`] makes one packet, to be taken by [`Encoder::receive_packet`] before
/// the next.
///
/// Memory, whatever the stream's length: three pictures, and each band's coder with its working
/// planes and statistics. A predictor adds the picture it draws and what it keeps (`copy` nothing,
/// `motion` four pictures, a model five, the latter two also luma they search motion in). Where it is
/// used only when it pays, trials add a picture and a second set of coders.
#[derive(Debug)]
pub struct Encoder {
    header: StreamHeader,
    threads: usize,
    scene: Option<SceneChange>,
    bands: Vec<Band>,
    history: History,
    predictor: Option<Slot>,
    trial: Option<Trial<Vec<Band>>>,
    /// Frames sent so far.
    sent: u64,
    /// Frames since the last key frame; `None` before the first.
    since_key: Option<u32>,
    frame: FrameHeader,
    record: Vec<u8>,
    payload: usize,
    waiting: bool,
    /// The most bytes of each slice.
    limits: Vec<usize>,
    /// A frame could not be coded, and what it changed is not what a decoder has.
    failed: bool,
}

impl Encoder {
    /// An encoder of frames of `spec`. Without a predictor bands predict by themselves.
    ///
    /// # Errors
    /// [`CodecError::Config`], [`CodecError::Limit`], [`CodecError::PixelFormat`], and
    /// [`CodecError::Predictor`] for a predictor that would carry damage from band to band of a
    /// resilient stream.
    pub fn new(
        config: &EncoderConfig,
        spec: &StreamSpec,
        predictor: Option<Box<dyn Predictor>>,
    ) -> Result<Self, CodecError> {
        config.check()?;
        let layout = StreamHeader::check_geometry(spec)?;
        let (width, height) = (spec.size.w(), spec.size.h());
        let resilient = || ((height + RESILIENT_ROWS / 2) / RESILIENT_ROWS).clamp(1, 16);
        let count = config.slices.or_else(|| config.refresh.map(|_| resilient()));
        let quick = config.profile == Profile::Light;
        let count = count.or_else(|| quick.then(|| SliceLayout::usual_in_twos(height)));
        let slices = SliceLayout::even(height, count)?;
        let id = predictor.as_ref().map(|p| p.id().clone());
        if let (Some(id), Some(_)) = (&id, config.refresh)
            && id.kind != PredictorKind::CopyLast
        {
            return Err(CodecError::Predictor {
                reason: format!(
                    "the predictor {:?} looks across bands, so damage would spread between those of a resilient stream; use none or copy",
                    id.name
                ),
            });
        }
        if let Some(PredictorId { exactness: Exactness::SameBuild { pins }, .. }) = &id
            && (pins.len() > MAX_PINS || pins.chars().any(char::is_control))
        {
            return Err(CodecError::Predictor {
                reason: format!(
                    "the build of the predictor is described in {} bytes; one line of at most {MAX_PINS} fits",
                    pins.len()
                ),
            });
        }
        let header = StreamHeader {
            id: config.id,
            profile: config.profile,
            spec: *spec,
            max_error: config.max_error,
            key_interval: config.key_interval,
            refresh: config.refresh,
            slices,
            predictor: id,
        };
        // Tables are computed once, when the first band is made.
        let _mode = DefaultMode::set();
        let coder = |spec| Band { coder: BandCoder::new(spec), slice: Vec::new(), crc: 0 };
        let bands: Vec<Band> = header.band_specs().map(coder).collect();
        let history = History::new(config.profile, layout, width, height);
        let predictor = predictor.map(|p| Slot::new(p, history.last()));
        let tries = predictor.is_some() && config.predictor_use == PredictorUse::WhenItPays;
        let trial = tries.then(|| Trial::new(bands.clone(), history.last()));
        Ok(Self {
            threads: config.threads,
            scene: config.scene_cuts.then(SceneChange::new),
            bands,
            history,
            predictor,
            trial,
            sent: 0,
            since_key: None,
            frame: FrameHeader {
                kind: FrameKind::Key,
                predicted: false,
                index: 0,
                info: FrameInfo::default(),
                refreshed: BandSet::NONE,
                slices: Vec::new(),
            },
            record: Vec::new(),
            payload: 0,
            waiting: false,
            limits: header.slice_limits(),
            failed: false,
            header,
        })
    }

    /// What stands at the beginning of the stream.
    #[must_use]
    pub const fn header(&self) -> &StreamHeader {
        &self.header
    }

    /// True when the stream decodes everywhere.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        let id = self.header.predictor.as_ref();
        id.is_none_or(|id| id.exactness == Exactness::Exact)
    }

    /// The last frame as a decoder will have it.
    #[must_use]
    pub const fn reconstructed(&self) -> &Picture {
        self.history.last()
    }

    /// Codes `picture`.
    ///
    /// # Errors
    /// [`CodecError::Picture`] and [`CodecError::Full`], which change nothing. After any other, such
    /// as [`CodecError::Prediction`], the stream can be ended but not continued: each further frame
    /// is [`CodecError::Ended`].
    pub fn send_frame(&mut self, picture: &Picture, info: &FrameInfo) -> Result<(), CodecError> {
        if self.waiting {
            return Err(CodecError::Full);
        }
        if self.failed {
            return Err(CodecError::Ended);
        }
        let last = self.history.last();
        if !same_kind(picture, last) {
            return Err(CodecError::Picture {
                layout: last.layout(),
                size: last.size(),
                got: picture.layout(),
                got_size: picture.size(),
            });
        }
        self.failed = true;
        self.code(picture, info)?;
        self.failed = false;
        self.waiting = true;
        Ok(())
    }

    fn code(&mut self, picture: &Picture, info: &FrameInfo) -> Result<(), CodecError> {
        let kind = self.choose(picture);
        let all = BandSet::first(self.bands.len());
        let refreshed = match kind {
            FrameKind::Key => all,
            FrameKind::Inter => self.due(),
            FrameKind::Repeat => BandSet::NONE,
        };
        let predicted = self.predict_and_code(kind, refreshed, picture)?;
        self.frame.kind = kind;
        self.frame.predicted = predicted;
        self.frame.index = self.sent;
        self.frame.info = *info;
        self.frame.refreshed = if kind == FrameKind::Inter { refreshed } else { BandSet::NONE };
        self.frame.slices.clear();
        self.record.clear();
        if kind == FrameKind::Repeat {
            self.frame.write(&self.header, &mut self.record);
            self.payload = self.record.len();
        } else {
            let (made, allowed) = (self.history.next().planes(), self.header.max_error);
            if !within(picture.planes(), made, allowed) {
                let difference = largest_difference(picture.planes(), made);
                return Err(CodecError::Bound { difference, allowed });
            }
            for (band, limit) in self.bands.iter().zip(&self.limits) {
                let (what, value) = ("the length of a slice", band.slice.len() as u64);
                if value > *limit as u64 {
                    return Err(CodecError::Limit { what, value, limit: *limit as u64 });
                }
            }
            self.history.advance();
            let entry = |b: &Band| SliceEntry { len: b.slice.len() as u32, crc: b.crc };
            self.frame.slices.extend(self.bands.iter().map(entry));
            self.frame.write(&self.header, &mut self.record);
            self.payload = self.record.len();
            for band in &self.bands {
                self.record.extend_from_slice(&band.slice);
            }
        }
        self.sent += 1;
        self.since_key = Some(match kind {
            FrameKind::Key => 0,
            _ => self.since_key.unwrap_or(0) + 1,
        });
        Ok(())
    }

    /// The packet of the frame sent last; `None` when it was taken already.
    pub fn receive_packet(&mut self) -> Option<Packet<'_>> {
        let waiting = std::mem::take(&mut self.waiting);
        waiting.then_some(Packet {
            header: &self.frame,
            bytes: &self.record,
            payload: self.payload,
        })
    }

    /// How the next frame is coded.
    fn choose(&mut self, picture: &Picture) -> FrameKind {
        let plane = picture.planes().first().map(|p| p.data.as_slice()).unwrap_or_default();
        let size = Size::new(picture.width() as u32, picture.height() as u32);
        let cut = self.scene.as_mut().is_some_and(|scene| {
            scene.step_luma(plane, size).is_some_and(|change| change.is_cut())
        });
        let Some(since) = self.since_key else { return FrameKind::Key };
        if since + 1 >= self.header.key_interval || (cut && since + 1 >= LEAST_CUT_DISTANCE) {
            return FrameKind::Key;
        }
        let last = self.history.last().planes();
        if self.due().is_empty() && within(picture.planes(), last, self.header.max_error) {
            return FrameKind::Repeat;
        }
        FrameKind::Inter
    }

    /// The bands whose turn to be refreshed the next frame is.
    fn due(&self) -> BandSet {
        let mut due = BandSet::NONE;
        let (Some(period), Some(since)) = (self.header.refresh, self.since_key) else { return due };
        let bands = self.bands.len() as u64;
        let turn = |frame: u32| u64::from(frame) * bands / u64::from(period);
        for turn in turn(since)..turn(since + 1) {
            due.set((turn % bands) as usize, true);
        }
        due
    }

    /// Keeps the predictor in step and codes the bands; true when the predictor's frame was used.
    fn predict_and_code(
        &mut self,
        kind: FrameKind,
        refreshed: BandSet,
        picture: &Picture,
    ) -> Result<bool, CodecError> {
        if kind == FrameKind::Key {
            if let Some(slot) = &mut self.predictor {
                slot.reset();
            }
            if let Some(trial) = &mut self.trial {
                trial.restart();
            }
        }
        self.history.restart(refreshed);
        for (index, band) in self.bands.iter_mut().enumerate() {
            if refreshed.contains(index) {
                band.coder.reset();
            }
        }
        let predicted = match (&mut self.predictor, kind) {
            (Some(slot), FrameKind::Inter | FrameKind::Repeat) => {
                slot.predict(self.history.last())?
            }
            _ => None,
        };
        if kind == FrameKind::Repeat {
            return Ok(false);
        }
        let (next, reach) = self.history.parts();
        let (slices, threads) = (&self.header.slices, self.threads);
        let code = |bands: &mut Vec<Band>, predicted: Option<Drawn<'_>>, next: &mut Picture| {
            code(bands, slices, picture, reach, predicted, threads, next)
        };
        match (predicted, &mut self.trial) {
            (None, _) => code(&mut self.bands, None, next)?,
            (Some(_), None) => code(&mut self.bands, predicted, next)?,
            (Some(_), Some(trial)) => {
                if !trial.is_due() {
                    let used = trial.pays();
                    code(&mut self.bands, predicted.filter(|_| used), next)?;
                    return Ok(used);
                }
                let (other, canvas) = trial.begin(&self.bands);
                code(other, None, canvas)?;
                code(&mut self.bands, predicted, next)?;
                let bytes = |bands: &[Band]| bands.iter().map(|b| b.slice.len()).sum::<usize>();
                let (with, without) = (bytes(&self.bands), bytes(other));
                let pays = trial.settle(with, without);
                if !pays {
                    let (other, canvas) = trial.other();
                    std::mem::swap(&mut self.bands, other);
                    std::mem::swap(next, canvas);
                }
                return Ok(pays);
            }
        }
        Ok(predicted.is_some())
    }
}

/// Codes each band of `picture` into its slice, and what a decoder will have into `next`.
fn code(
    bands: &mut [Band],
    slices: &SliceLayout,
    picture: &Picture,
    reach: Reach<'_>,
    predicted: Option<Drawn<'_>>,
    threads: usize,
    next: &mut Picture,
) -> Result<(), CodecError> {
    let jobs = bands.iter_mut().zip(slices.split(next)).enumerate().collect();
    bands::run(threads, jobs, |(index, (band, mut target)): (usize, (&mut Band, Vec<_>))| {
        band.slice.clear();
        band.coder.encode(picture, reach.of(index, predicted), &mut target, &mut band.slice);
        band.crc = band_crc(&target);
    })
}

impl From<FrameSeq> for FrameInfo {
    fn from(seq: FrameSeq) -> Self {
        Self { seq, captured: None, position: None }
    }
}
