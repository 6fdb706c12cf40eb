//! What data are like before anything is trained on them: `framecast-train data inspect`.
//!
//! Clips are read by the runtime's sources and sets of sequences by its evaluation, one picture
//! after the other: memory does not grow with the data.

mod duplicates;
mod histogram;
mod survey;
mod thumbnails;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use framecast::frame::{Clock as _, FramePool, SystemClock};
use framecast::source::{self, Limits, Read, SourceOptions};
use framecast::task::evaluate::SequenceSet;
use framecast::vision::{FrameConverter, RgbImage};
use serde::Serialize;

pub use duplicates::{BITS, Duplicates, NEAR, Pair, Position};
pub use histogram::Histogram;
pub use survey::{CopyLast, Findings};

use super::place;
use crate::TrainError;
use survey::Survey;
use thumbnails::Thumbnails;

/// How the frames of a place belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One after the other: a file, a folder of pictures, a camera, the demo.
    Clip,
    /// Many short sequences, each in a folder of its own.
    Sequences,
}

/// One place that was inspected.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// The place as it was named.
    pub source: String,
    /// How its frames belong together.
    pub kind: Kind,
    /// Whether all of it was read; a clip is read up to a number of frames.
    pub complete: bool,
    /// What it is like.
    #[serde(flatten)]
    pub findings: Findings,
    #[serde(skip)]
    thumbnails: Thumbnails,
    #[serde(skip)]
    signatures: duplicates::Signatures,
}

impl Inspection {
    /// Reads the place `uri`, of a clip at most `frames` frames. `data:NAME` is NAME in the folder
    /// of test data.
    ///
    /// # Errors
    /// [`TrainError::Data`] when it cannot be read, or holds no frame.
    pub fn read(uri: &str, frames: u64) -> Result<Self, TrainError> {
        let fail = |reason: String| TrainError::Data { uri: uri.to_owned(), reason };
        let place = place(uri);
        let kind = kind_of(Path::new(&place));
        let mut survey = Survey::default();
        let complete = match kind {
            Kind::Clip => clip(&place, frames, &mut survey).map_err(fail)?,
            Kind::Sequences => sequences(Path::new(&place), &mut survey).map_err(fail)?,
        };
        let (findings, thumbnails, signatures) = survey.finish();
        if findings.frames == 0 {
            return Err(fail("it holds no frame".to_owned()));
        }
        Ok(Self { source: uri.to_owned(), kind, complete, findings, thumbnails, signatures })
    }

    /// What was found, in lines.
    #[must_use]
    pub fn text(&self) -> String {
        let f = &self.findings;
        let mut text = String::new();
        let number =
            |value: Option<f64>, unit| value.map_or("-".into(), |v| format!("{v:.2}{unit}"));
        let sizes = f.sizes.iter().map(|(size, n)| format!("{size} ({n})")).collect::<Vec<_>>();
        let part = if self.complete { "" } else { ", its beginning" };
        let lines = [
            ("frames", format!("{} in {} sequences{part}", f.frames, f.sequences)),
            ("sizes", sizes.join("  ")),
            (
                "copy-last",
                format!(
                    "PD {}, PSNR {} over {} frames",
                    number(f.copy_last.pd, ""),
                    number(f.copy_last.psnr, " dB"),
                    f.copy_last.frames
                ),
            ),
            ("motion", format!("{} (pixels a frame: pairs)", f.motion.line())),
            ("repeats", format!("{} frames; shown {} (times: frames)", f.repeats, f.shown.line())),
            ("sha256", f.sha256.clone()),
        ];
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", self.source);
        for (name, line) in lines {
            let _ = writeln!(text, "  {name:<9} {line}");
        }
        text
    }
}

/// What each two of `inspections` have in common, of the first the frames that stand in the second.
#[must_use]
pub fn duplicates(inspections: &[Inspection]) -> Vec<Duplicates> {
    let mut found = Vec::new();
    for (at, a) in inspections.iter().enumerate() {
        for b in inspections.iter().skip(at + 1) {
            found.push(duplicates::compare((&a.source, &a.signatures), (&b.source, &b.signatures)));
        }
    }
    found
}

/// Contact sheets of inspections, a line of pictures each; `None` without any.
#[must_use]
pub fn sheet(inspections: &[Inspection]) -> Option<RgbImage> {
    thumbnails::sheet(inspections.iter().map(|i| &i.thumbnails))
}

/// A folder of folders and an archive are sets of sequences; everything else is a clip.
pub(crate) fn kind_of(place: &Path) -> Kind {
    let name = place.to_string_lossy().to_ascii_lowercase();
    let archive = [".tar", ".tar.gz", ".tgz"].iter().any(|end| name.ends_with(end));
    let folders = || {
        let mut entries = place.read_dir().into_iter().flatten().flatten();
        entries.any(|entry| entry.path().is_dir())
    };
    if archive || folders() { Kind::Sequences } else { Kind::Clip }
}

/// Whether the clip ended within `most` frames.
fn clip(place: &str, most: u64, survey: &mut Survey) -> Result<bool, String> {
    let clock = SystemClock;
    let pool = FramePool::new(4);
    let options = SourceOptions::default();
    let mut source = source::open(place, &options, &pool).map_err(|e| e.to_string())?;
    let mut converter = FrameConverter::new();
    let (mut newest, mut before) = (RgbImage::default(), RgbImage::default());
    let mut seen = 0;
    survey.begin(None);
    loop {
        match source.read(clock.now().after(Duration::from_secs(10))).map_err(|e| e.to_string())? {
            Read::Frame(_) if seen == most => return Ok(false),
            Read::Frame(frame) => {
                std::mem::swap(&mut newest, &mut before);
                converter.to_rgb(&frame, &mut newest).map_err(|e| e.to_string())?;
                let older = (seen > 0).then_some(&before);
                survey.frame(&newest, older, true).map_err(|e| e.to_string())?;
                seen += 1;
            }
            Read::End => return Ok(true),
            Read::Timeout => return Err("no frame came within 10 s".to_owned()),
            _ => {}
        }
    }
}

fn sequences(place: &Path, survey: &mut Survey) -> Result<bool, String> {
    let mut set = SequenceSet::open(place, &Limits::default()).map_err(|e| e.to_string())?;
    for at in 0..set.len() {
        let pictures = set.read(at).map_err(|e| e.to_string())?;
        survey.begin(Some(pictures.len()));
        let mut before = None;
        for (t, picture) in pictures.iter().enumerate() {
            let last = t + 1 == pictures.len();
            survey.frame(picture, before, last).map_err(|e| e.to_string())?;
            before = Some(picture);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
