//! Follows pictures one after the other: sizes, motion, repeats, copy-last, hash.

use std::collections::BTreeMap;

use framecast::vision::blend::Cadence;
use framecast::vision::metrics::{mse_rgb, pd_rgb, psnr_of};
use framecast::vision::motion::{LumaPyramid, MotionField, MotionSearch, luma};
use framecast::vision::{RgbImage, VisionError};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::Histogram;
use super::duplicates::{Position, Signatures};
use super::thumbnails::Thumbnails;

/// Classes of the mean displacement between two frames, in pixels.
const MOTION: [f64; 8] = [0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0];
/// Classes of how often in a row a frame is shown.
const SHOWN: [f64; 5] = [1.0, 2.0, 3.0, 4.0, 5.0];

/// How well the last frame predicts the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct CopyLast {
    /// Frames scored.
    pub frames: u64,
    /// Mean perceptual distance; none without frames.
    pub pd: Option<f64>,
    /// PSNR of the mean squared error over all frames; none where all is still.
    pub psnr: Option<f64>,
}

/// What pictures of one place are like.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Findings {
    /// Sequences of frames: one for a clip.
    pub sequences: u64,
    /// Frames of all of them.
    pub frames: u64,
    /// Frames of each size.
    pub sizes: BTreeMap<String, u64>,
    /// Scored as in `framecast eval`: in a clip all frames but the first, in a set the last frame
    /// of each sequence.
    pub copy_last: CopyLast,
    /// Mean displacement between successive frames, in pixels.
    pub motion: Histogram,
    /// Frames that repeat the one before, or nearly.
    pub repeats: u64,
    /// How often in a row each distinct frame is shown.
    pub shown: Histogram,
    /// SHA-256 over number of frames (not of a clip), sizes and samples of all sequences.
    pub sha256: String,
}

/// Sums over the pictures so far.
#[derive(Default)]
pub(super) struct Survey {
    sequences: u64,
    frames: u64,
    sizes: BTreeMap<String, u64>,
    scored: u64,
    pd: f64,
    mse: f64,
    follower: Follower,
    hash: Sha256,
    thumbnails: Thumbnails,
    signatures: Signatures,
    /// Frames of the sequence so far.
    within: u64,
}

impl Survey {
    /// Begins a sequence of `frames` frames; of a clip their number is not known before.
    pub(super) fn begin(&mut self, frames: Option<usize>) {
        self.sequences += 1;
        self.within = 0;
        if let Some(frames) = frames {
            self.hash.update((frames as u64).to_le_bytes());
        }
        self.follower.begin();
    }

    /// The next frame of the sequence, after `before`; `score` it or not.
    pub(super) fn frame(
        &mut self,
        frame: &RgbImage,
        before: Option<&RgbImage>,
        score: bool,
    ) -> Result<(), VisionError> {
        let size = frame.size();
        self.frames += 1;
        *self.sizes.entry(size.to_string()).or_default() += 1;
        self.hash.update(size.width.to_le_bytes());
        self.hash.update(size.height.to_le_bytes());
        self.hash.update(frame.data());
        self.thumbnails.offer(frame);
        let position = Position { sequence: self.sequences.saturating_sub(1), frame: self.within };
        self.signatures.offer(frame, position);
        self.within += 1;
        let before = before.filter(|b| b.size() == size);
        if let (Some(before), true) = (before, score) {
            self.scored += 1;
            self.pd += pd_rgb(frame, before)?;
            self.mse += mse_rgb(frame, before)?;
        }
        self.follower.follow(frame, before.is_some());
        Ok(())
    }

    /// What was found, pictures of it, and what near-duplicates are found by.
    pub(super) fn finish(mut self) -> (Findings, Thumbnails, Signatures) {
        self.follower.begin();
        let mean = |sum: f64| (self.scored > 0).then(|| sum / self.scored as f64);
        let psnr = mean(self.mse).map(psnr_of).filter(|p| p.is_finite());
        let findings = Findings {
            sequences: self.sequences,
            frames: self.frames,
            sizes: self.sizes,
            copy_last: CopyLast { frames: self.scored, pd: mean(self.pd), psnr },
            motion: self.follower.motion,
            repeats: self.follower.repeats,
            shown: self.follower.shown,
            sha256: self.hash.finalize().iter().map(|b| format!("{b:02x}")).collect(),
        };
        (findings, self.thumbnails, self.signatures)
    }
}

/// Motion and repeats, by the runtime's own code.
struct Follower {
    search: MotionSearch,
    cadence: Cadence,
    newest: LumaPyramid,
    older: LumaPyramid,
    field: MotionField,
    plane: Vec<u8>,
    before: Vec<u8>,
    motion: Histogram,
    repeats: u64,
    /// How often in a row the newest frame was shown so far; 0 before the first.
    run: u64,
    shown: Histogram,
}

impl Default for Follower {
    fn default() -> Self {
        Self {
            search: MotionSearch::default(),
            cadence: Cadence::default(),
            newest: LumaPyramid::default(),
            older: LumaPyramid::default(),
            field: MotionField::default(),
            plane: Vec::new(),
            before: Vec::new(),
            motion: Histogram::new(&MOTION),
            repeats: 0,
            run: 0,
            shown: Histogram::new(&SHOWN),
        }
    }
}

impl Follower {
    fn begin(&mut self) {
        if self.run > 0 {
            self.shown.add(self.run as f64);
        }
        self.run = 0;
        self.cadence.reset();
    }

    fn follow(&mut self, frame: &RgbImage, continues: bool) {
        std::mem::swap(&mut self.newest, &mut self.older);
        std::mem::swap(&mut self.plane, &mut self.before);
        luma(frame, &mut self.plane);
        self.newest.build(&self.plane, frame.size());
        if !continues {
            self.begin();
            self.run = 1;
            return;
        }
        let pairs = self.plane.iter().zip(&self.before);
        let sum: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        let pixels = frame.size().pixels().max(1) as u64;
        let difference = u32::try_from((sum * 256 + pixels / 2) / pixels).unwrap_or(u32::MAX);
        // Where all is still for longer, nothing is below a quarter of the largest difference.
        if self.cadence.push(difference) || difference == 0 {
            self.repeats += 1;
            self.run += 1;
        } else {
            self.shown.add(self.run as f64);
            self.run = 1;
        }
        self.search.search(&self.newest, &self.older, &mut self.field);
        let length = |x: i16, y: i16| f64::from(x).hypot(f64::from(y)) / 64.0;
        let total: f64 = self.field.vectors.iter().map(|v| length(v.x, v.y)).sum();
        self.motion.add(total / self.field.vectors.len().max(1) as f64);
    }
}
