//! What sending fewer frames costs or saves, at equal quality of what is shown.

use serde::Serialize;

use crate::bench::codec::prediction::{GatePoint, RatePoint};
use crate::bench::codec::quality::{BdRate, Fit, bd_rate, rate_at};

use super::ClipPoints;
use super::curves::decibels;

/// A way of sending every n-th frame, against sending every one by the same codec: differences of
/// rate at equal quality over all frames, piecewise cubic.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FewerRow {
    /// The clip.
    pub clip: String,
    /// What carries the frames that are sent.
    pub carrier: String,
    /// What shows the others.
    pub predictor: String,
    /// Every how manieth frame is sent.
    pub every: usize,
    /// At equal PSNR in RGB.
    pub psnr_rgb: Option<BdRate>,
    /// At equal SSIM in dB.
    pub ssim: Option<BdRate>,
    /// At equal MS-SSIM in dB.
    pub ms_ssim: Option<BdRate>,
    /// At equal perceptual distance in dB.
    pub pd: Option<BdRate>,
}

/// A measure of quality that grows with it.
type Measure = fn(&RatePoint) -> Option<f64>;

fn curve<'a>(points: impl Iterator<Item = &'a RatePoint>, of: Measure) -> Vec<(f64, f64)> {
    points.filter_map(|p| Some((p.bpp, of(p)?))).collect()
}

/// The ways of a clip, in the order of their points.
#[must_use]
pub(in crate::bench::codec) fn fewer(clip: &ClipPoints<RatePoint>) -> Vec<FewerRow> {
    let mut ways: Vec<(&str, usize)> = Vec::new();
    for point in clip.points.iter().filter(|p| p.every > 1) {
        let way = (point.predictor.as_str(), point.every);
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    let row = |(predictor, every): (&str, usize)| {
        let difference = |of: Measure| {
            let all = clip.points.iter();
            let base = curve(all.clone().filter(|p| p.every == 1), of);
            let own = all.filter(|p| (p.predictor.as_str(), p.every) == (predictor, every));
            bd_rate(&base, &curve(own, of), Fit::Piecewise)
        };
        FewerRow {
            clip: clip.clip.clone(),
            carrier: clip.carrier.clone(),
            predictor: predictor.to_owned(),
            every,
            psnr_rgb: difference(|p| p.psnr_rgb),
            ssim: difference(|p| decibels(1.0 - p.ssim?, 10.0)),
            ms_ssim: difference(|p| decibels(1.0 - p.ms_ssim?, 10.0)),
            pd: difference(|p| decibels(p.pd?, 20.0)),
        }
    };
    ways.into_iter().map(row).collect()
}

/// Notes at each of `points` how its rate compares with that of sending every frame at the same
/// PSNR, as far as the curve of `all` reaches.
pub(in crate::bench::codec) fn compare_gating(
    points: &mut [GatePoint],
    all: Option<&ClipPoints<RatePoint>>,
) {
    let base = all.map(|all| curve(all.points.iter().filter(|p| p.every == 1), |p| p.psnr_rgb));
    let Some(base) = base else { return };
    for gate in points {
        let rate = gate.point.psnr_rgb.and_then(|psnr| rate_at(&base, psnr));
        gate.vs_every_frame_percent = rate.map(|rate| (gate.point.bpp / rate - 1.0) * 100.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(predictor: &str, every: usize, bpp: f64, psnr: f64) -> RatePoint {
        RatePoint {
            predictor: predictor.to_owned(),
            every,
            mode: String::new(),
            bytes: 0,
            bpp,
            psnr_rgb: Some(psnr),
            ssim: None,
            ms_ssim: Some(1.0 - 10f64.powf(-psnr / 20.0)),
            pd: Some(10f64.powf(-psnr / 20.0)),
        }
    }

    fn clip() -> ClipPoints<RatePoint> {
        let rates = [(0.1, 30.0), (0.2, 33.0), (0.4, 36.0), (0.8, 40.0)];
        let curve = |predictor, every, factor: f64| {
            rates.map(|(bpp, psnr)| point(predictor, every, bpp * factor, psnr))
        };
        let points = [curve("none", 1, 1.0), curve("motion", 2, 0.75), curve("copy-last", 2, 1.5)];
        ClipPoints {
            clip: "a".to_owned(),
            carrier: "x264".to_owned(),
            points: points.concat(),
            errors: Vec::new(),
        }
    }

    #[test]
    fn ways_are_compared_with_sending_every_frame() {
        let rows = fewer(&clip());
        let names: Vec<_> = rows.iter().map(|r| (r.predictor.as_str(), r.every)).collect();
        assert_eq!(names, [("motion", 2), ("copy-last", 2)]);
        for (row, percent) in rows.iter().zip([-25.0, 50.0]) {
            for bd in [row.psnr_rgb, row.ms_ssim, row.pd] {
                assert!((bd.unwrap().percent - percent).abs() < 1e-6, "{row:?}");
            }
            assert_eq!(row.ssim, None);
        }
    }

    #[test]
    fn gates_are_compared_where_the_curve_reaches() {
        let gate = |bpp, psnr| GatePoint {
            limit_db: 30.0,
            sent: 1,
            frames: 2,
            vs_every_frame_percent: None,
            point: point("motion", 0, bpp, psnr),
        };
        let mut gates = [gate(0.1, 33.0), gate(0.1, 29.0)];
        compare_gating(&mut gates, None);
        assert_eq!(gates[0].vs_every_frame_percent, None);
        compare_gating(&mut gates, Some(&clip()));
        assert!((gates[0].vs_every_frame_percent.unwrap() + 50.0).abs() < 1e-9);
        assert_eq!(gates[1].vs_every_frame_percent, None, "below the curve");
    }
}
