//! The report: everything measured, as data for JSON, CSV and the page.

mod csv;
mod curves;
mod fewer;
mod lossless;
mod predictors;
mod speeds;

pub use csv::{CSV_FILES, csv};
pub(super) use curves::curves;
pub use curves::{BdRates, ClipCurves, Curve, CurvePoint};
pub use fewer::FewerRow;
pub(super) use fewer::{compare_gating, fewer};
pub(super) use lossless::lossless;
pub use lossless::{ANCHORS, Entry, LosslessRow, LosslessTable};
pub(super) use predictors::predictors;
pub use predictors::{BASES, NONE, PredictorEntry, PredictorRow, Saved};
pub use speeds::Speeds;

use serde::Serialize;

use super::measure::{Measured, Prepared};
use super::prediction::{GatePoint, RatePoint};

/// The version of the report's JSON.
pub const SCHEMA_VERSION: u32 = 1;

/// A clip as it was coded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClipInfo {
    /// Its name in the tables.
    pub name: String,
    /// The source, start, scale and noise it was made from.
    pub made_from: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Pixel format, as ffmpeg names it.
    pub format: String,
    /// Frames.
    pub frames: usize,
    /// Frames a second.
    pub fps: f64,
    /// Counts among the clips with the noise of a sensor.
    pub noisy: bool,
    /// Hash of geometry, rate and samples.
    pub sha256: String,
}

impl ClipInfo {
    /// What is said of `clip`.
    #[must_use]
    pub fn new(clip: &Prepared, made_from: String, noisy: bool) -> Self {
        let size = clip.clip.size();
        Self {
            name: clip.clip.name.clone(),
            made_from,
            width: size.width,
            height: size.height,
            format: clip.clip.pix_fmt().to_owned(),
            frames: clip.clip.frames.len(),
            fps: clip.clip.rate.as_f64(),
            noisy,
            sha256: clip.sha256.clone(),
        }
    }

    /// Luma pixels of all frames.
    #[must_use]
    pub fn pixels(&self) -> f64 {
        f64::from(self.width) * f64::from(self.height) * self.frames as f64
    }

    /// `bytes` as bits a luma pixel.
    #[must_use]
    pub fn bpp(&self, bytes: u64) -> f64 {
        bytes as f64 * 8.0 / self.pixels().max(1.0)
    }

    /// Frames of 640x360 a second of processor time.
    #[must_use]
    pub fn fps_of(&self, cpu_s: f64) -> Option<f64> {
        (cpu_s > 0.0).then(|| self.pixels() / (640.0 * 360.0) / cpu_s)
    }
}

/// One measurement, or why there is none.
pub(super) type Outcome = Result<Measured, String>;

/// A codec or predictor with its outcomes, one for each clip.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcomes {
    /// The codec, or the predictor.
    pub name: String,
    /// In the order of the clips.
    pub clips: Vec<Outcome>,
}

/// The whole report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of framecast.
    pub framecast: String,
    /// Version of ffmpeg; `None` when it is missing.
    pub ffmpeg: Option<String>,
    /// The command that made the report.
    pub command: String,
    /// The processor's architecture.
    pub architecture: String,
    /// The processor, as it names itself.
    pub processor: String,
    /// What has to be known to read it.
    pub notes: Vec<String>,
    /// What was coded.
    pub clips: Vec<ClipInfo>,
    /// Sizes and speeds without loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lossless: Option<LosslessTable>,
    /// Rate against quality.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub curves: Vec<ClipCurves>,
    /// Bits saved by each predictor.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub predictors: Vec<PredictorRow>,
    /// Every n-th frame sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frame_rate: Vec<ClipPoints<RatePoint>>,
    /// Every n-th frame sent, against every frame.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frame_rate_bd: Vec<FewerRow>,
    /// Surprising frames sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gating: Vec<ClipPoints<GatePoint>>,
}

/// Points of one clip.
#[derive(Clone, Debug, Serialize)]
pub struct ClipPoints<T> {
    /// The clip.
    pub clip: String,
    /// What carries the frames that are sent.
    pub carrier: String,
    /// The points.
    pub points: Vec<T>,
    /// Why there are fewer than asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

/// A predictor's name for tables: of a model the file's, without folders and ending.
#[must_use]
pub fn short_name(predictor: &str) -> &str {
    let stem = std::path::Path::new(predictor).file_stem();
    stem.and_then(|stem| stem.to_str()).unwrap_or(predictor)
}

/// The geometric mean; `None` of nothing or of what is not positive.
pub(super) fn geometric_mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0u32);
    for value in values {
        if value <= 0.0 || !value.is_finite() {
            return None;
        }
        sum += value.ln();
        count += 1;
    }
    (count > 0).then(|| (sum / f64::from(count)).exp())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::bench::codec::quality::Quality;

    pub(in crate::bench::codec) fn clip(name: &str, noisy: bool) -> ClipInfo {
        ClipInfo {
            name: name.to_owned(),
            made_from: String::new(),
            width: 640,
            height: 360,
            format: "yuv420p".to_owned(),
            frames: 10,
            fps: 25.0,
            noisy,
            sha256: String::new(),
        }
    }

    /// An exact coding of `bytes` that took `cpu` seconds, ffv1 having taken one.
    pub(in crate::bench::codec) fn coded(bytes: u64, cpu: f64) -> Measured {
        Measured {
            bytes,
            header_bytes: 0,
            encode_cpu_s: cpu,
            decode_cpu_s: cpu / 2.0,
            yardstick_cpu_s: Some(1.0),
            quality: Quality { exact: true, ..Quality::default() },
            rounds: 1,
            command: String::new(),
        }
    }

    #[test]
    fn means_and_units() {
        assert_eq!(geometric_mean([4.0, 9.0].into_iter()).map(|m| m.round()), Some(6.0));
        assert_eq!(geometric_mean(std::iter::empty()), None);
        assert_eq!(geometric_mean([1.0, 0.0].into_iter()), None);
        let clip = clip("a", false);
        assert_eq!(clip.bpp(230_400 * 10), 8.0);
        assert_eq!(clip.fps_of(0.5), Some(20.0));
        assert_eq!(clip.fps_of(0.0), None);
        assert_eq!(["motion", "a/b.c/d-1.onnx"].map(short_name), ["motion", "d-1"]);
    }
}
