//! Curves of rate against quality, and how they differ.

use serde::Serialize;

use crate::bench::codec::quality::{BdRate, Fit, Quality, bd_rate};

use super::ClipInfo;
use super::Measured;

/// A codec in one mode.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    /// The mode.
    pub mode: String,
    /// Why there is nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Bytes, codec headers included.
    pub bytes: Option<u64>,
    /// Bits a luma pixel.
    pub bpp: Option<f64>,
    /// Frames of 640x360 encoded in a second of processor time.
    pub encode_fps: Option<f64>,
    /// Frames of 640x360 decoded in a second of processor time.
    pub decode_fps: Option<f64>,
    /// What came back.
    #[serde(flatten)]
    pub quality: Option<Quality>,
    /// How to encode by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// The difference of rate to the reference codec at equal quality, for each measure of quality and
/// for both functions through the points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct BdRates {
    /// At equal PSNR over all planes, piecewise cubic.
    pub psnr_yuv: Option<BdRate>,
    /// At equal PSNR over all planes, cubic polynomial.
    pub psnr_yuv_cubic: Option<BdRate>,
    /// At equal SSIM in dB, piecewise cubic.
    pub ssim: Option<BdRate>,
    /// At equal MS-SSIM in dB, piecewise cubic.
    pub ms_ssim: Option<BdRate>,
    /// At equal perceptual distance in dB, piecewise cubic.
    pub pd: Option<BdRate>,
}

/// A codec over its modes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// The codec.
    pub codec: String,
    /// In the order of its modes.
    pub points: Vec<CurvePoint>,
    /// Against the reference.
    pub bd_rate: BdRates,
}

/// All codecs on a clip.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClipCurves {
    /// The clip.
    pub clip: String,
    /// The codec the others are compared with.
    pub reference: String,
    /// One codec each.
    pub curves: Vec<Curve>,
}

/// A codec with its modes and what came of each.
pub(in crate::bench::codec) type Modes = (String, Vec<(String, Result<Measured, String>)>);

/// The curves of `codecs` on `clip`, compared with `reference`.
#[must_use]
pub(in crate::bench::codec) fn curves(
    clip: &ClipInfo,
    reference: &str,
    codecs: &[Modes],
) -> ClipCurves {
    let mut curves: Vec<Curve> = codecs
        .iter()
        .map(|(codec, modes)| Curve {
            codec: codec.clone(),
            points: modes.iter().map(|(mode, outcome)| point(clip, mode, outcome)).collect(),
            bd_rate: BdRates::default(),
        })
        .collect();
    let anchor = curves.iter().find(|c| c.codec == reference).map(|c| c.points.clone());
    if let Some(anchor) = anchor {
        for curve in curves.iter_mut().filter(|c| c.codec != reference) {
            curve.bd_rate = differences(&anchor, &curve.points);
        }
    }
    ClipCurves { clip: clip.name.clone(), reference: reference.to_owned(), curves }
}

fn point(clip: &ClipInfo, mode: &str, outcome: &Result<Measured, String>) -> CurvePoint {
    match outcome {
        Ok(m) => CurvePoint {
            mode: mode.to_owned(),
            error: None,
            bytes: Some(m.bytes + m.header_bytes),
            bpp: Some(clip.bpp(m.bytes + m.header_bytes)),
            encode_fps: clip.fps_of(m.encode_cpu_s),
            decode_fps: clip.fps_of(m.decode_cpu_s),
            quality: Some(m.quality),
            command: Some(m.command.clone()),
        },
        Err(why) => CurvePoint {
            mode: mode.to_owned(),
            error: Some(why.clone()),
            bytes: None,
            bpp: None,
            encode_fps: None,
            decode_fps: None,
            quality: None,
            command: None,
        },
    }
}

/// A measure of quality that grows with it.
type Measure = fn(&Quality) -> Option<f64>;

fn differences(anchor: &[CurvePoint], test: &[CurvePoint]) -> BdRates {
    let points = |points: &[CurvePoint], measure: Measure| -> Vec<(f64, f64)> {
        points.iter().filter_map(|p| Some((p.bpp?, measure(p.quality.as_ref()?)?))).collect()
    };
    let compare =
        |measure: Measure, fit| bd_rate(&points(anchor, measure), &points(test, measure), fit);
    BdRates {
        psnr_yuv: compare(|q| q.psnr_yuv, Fit::Piecewise),
        psnr_yuv_cubic: compare(|q| q.psnr_yuv, Fit::Cubic),
        ssim: compare(|q| decibels(1.0 - q.ssim?, 10.0), Fit::Piecewise),
        ms_ssim: compare(|q| decibels(1.0 - q.ms_ssim?, 10.0), Fit::Piecewise),
        pd: compare(|q| decibels(q.pd?, 20.0), Fit::Piecewise),
    }
}

/// A distance that shrinks to zero as a quality in dB, because the best crowd there; `None` for
/// none.
pub(super) fn decibels(distance: f64, factor: f64) -> Option<f64> {
    (distance > 1e-9).then(|| -factor * distance.log10())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{clip, coded};
    use super::*;

    fn modes(name: &str, factor: u64) -> Modes {
        let mode = |(at, db): (u64, f64)| {
            let mut measured = coded(factor * 1000 * at, 1.0);
            measured.header_bytes = 0;
            measured.quality = Quality {
                exact: false,
                max_error: 9,
                psnr_yuv: Some(db),
                psnr_y: Some(db),
                ssim: Some(1.0 - 0.1 / at as f64),
                ms_ssim: Some(1.0 - 0.05 / at as f64),
                pd: Some(10.0 / at as f64),
            };
            (format!("crf {at}"), Ok(measured))
        };
        let mut all: Vec<_> = [(1, 30.0), (2, 33.0), (4, 36.0), (8, 40.0)].map(mode).to_vec();
        all.push(("crf 99".to_owned(), Err("refused".to_owned())));
        (name.to_owned(), all)
    }

    #[test]
    fn twice_the_bits_at_the_same_quality_is_a_hundred_percent() {
        let clip = clip("a", false);
        let made = curves(&clip, "one", &[modes("two", 2), modes("one", 1)]);
        let bd = made.curves[0].bd_rate;
        for difference in [bd.psnr_yuv, bd.psnr_yuv_cubic, bd.ssim, bd.ms_ssim, bd.pd] {
            assert!((difference.unwrap().percent - 100.0).abs() < 1e-6, "{bd:?}");
        }
        assert_eq!(made.curves[1].bd_rate, BdRates::default(), "the reference itself");
        let refused = &made.curves[0].points[4];
        assert_eq!((refused.error.as_deref(), refused.bytes), (Some("refused"), None));
        let alone = curves(&clip, "missing", &[modes("two", 2)]);
        assert_eq!(alone.curves[0].bd_rate, BdRates::default());
    }
}
