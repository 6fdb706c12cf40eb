//! Which numbers of the report are drawn, and how.

use crate::bench::codec::prediction::{GatePoint, RatePoint};
use crate::bench::codec::quality::Quality;
use crate::bench::codec::report::{ClipCurves, ClipPoints, LosslessTable, short_name};

use super::chart::{Chart, Key, Series};

const RATE: &str = "bits a luma pixel";

/// Numbers of colours without a hue.
const BLACK: usize = 6;
const GREY: usize = 7;

/// Size against speed, one point a codec.
pub(super) fn size_and_speed(table: &LosslessTable) -> Chart {
    let series = table.rows.iter().filter_map(|row| {
        let point = (row.speeds.encode_speed.or(row.speeds.encode_fps)?, row.vs_best?);
        let name = row.codec.clone();
        let colour = if name.starts_with("framecast") { 1 } else { GREY };
        Some(Series { name, colour, dash: 0, points: vec![point], labelled: true })
    });
    Chart {
        title: "Size against encoding speed".to_owned(),
        x: "encoding speed, ffv1 = 41".to_owned(),
        y: "size against the best anchor".to_owned(),
        log_x: true,
        series: series.collect(),
        ..Chart::default()
    }
}

/// PSNR over the rate.
pub(super) fn psnr(curves: &ClipCurves) -> Chart {
    chart(curves, "PSNR over all planes, dB", |q| q.psnr_yuv)
}

/// MS-SSIM over the rate.
pub(super) fn ms_ssim(curves: &ClipCurves) -> Chart {
    chart(curves, "MS-SSIM, dB", |q| q.ms_ssim.map(|s| -10.0 * (1.0 - s).max(1e-9).log10()))
}

fn chart(curves: &ClipCurves, y: &str, of: fn(&Quality) -> Option<f64>) -> Chart {
    let series = curves.curves.iter().enumerate().map(|(colour, curve)| Series {
        name: curve.codec.clone(),
        colour,
        points: curve
            .points
            .iter()
            .filter_map(|p| Some((p.bpp?, of(p.quality.as_ref()?)?)))
            .collect(),
        ..Series::default()
    });
    Chart {
        title: curves.clip.clone(),
        x: RATE.to_owned(),
        y: y.to_owned(),
        log_x: true,
        series: series.collect(),
        ..Chart::default()
    }
}

/// Every n-th frame sent: a colour a predictor, a dash a number.
pub(super) fn frame_rate(clip: &ClipPoints<RatePoint>) -> Chart {
    let mut series = vec![full_rate(clip)];
    let mut predictors: Vec<&str> = Vec::new();
    for point in clip.points.iter().filter(|p| p.every > 1) {
        if !predictors.contains(&point.predictor.as_str()) {
            predictors.push(&point.predictor);
        }
    }
    let mut numbers: Vec<usize> = clip.points.iter().map(|p| p.every).filter(|n| *n > 1).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let mut keys = vec![Key { name: "every frame".to_owned(), colour: GREY, dash: 0 }];
    for (colour, predictor) in predictors.iter().enumerate() {
        keys.push(Key { name: short_name(predictor).to_owned(), colour, dash: 0 });
        for (dash, every) in numbers.iter().enumerate() {
            let own = clip.points.iter().filter(|p| p.predictor == *predictor && p.every == *every);
            series.push(Series {
                name: format!("{}, every {every}.", short_name(predictor)),
                colour,
                dash,
                points: own.filter_map(|p| Some((p.bpp, p.psnr_rgb?))).collect(),
                labelled: false,
            });
        }
    }
    for (dash, every) in numbers.iter().enumerate() {
        keys.push(Key { name: format!("every {every}."), colour: BLACK, dash });
    }
    Chart { keys, ..with_axes(format!("{} by {}", clip.clip, clip.carrier), series) }
}

/// Surprising frames sent: a colour a predictor.
pub(super) fn gating(clip: &ClipPoints<GatePoint>, rates: Option<&ClipPoints<RatePoint>>) -> Chart {
    let mut series: Vec<Series> = rates.map(full_rate).into_iter().collect();
    let mut predictors: Vec<&str> =
        clip.points.iter().map(|p| p.point.predictor.as_str()).collect();
    predictors.dedup();
    for (colour, predictor) in predictors.iter().enumerate() {
        let own = clip.points.iter().filter(|p| p.point.predictor == *predictor);
        series.push(Series {
            name: short_name(predictor).to_owned(),
            colour,
            points: own.filter_map(|p| Some((p.point.bpp, p.point.psnr_rgb?))).collect(),
            ..Series::default()
        });
    }
    with_axes(format!("{} by {}", clip.clip, clip.carrier), series)
}

/// The carrier with every frame sent; no predictor has a part in it.
fn full_rate(clip: &ClipPoints<RatePoint>) -> Series {
    let own = clip.points.iter().filter(|p| p.every == 1);
    Series {
        name: "every frame".to_owned(),
        colour: GREY,
        points: own.filter_map(|p| Some((p.bpp, p.psnr_rgb?))).collect(),
        ..Series::default()
    }
}

fn with_axes(title: String, series: Vec<Series>) -> Chart {
    let (x, y) = (RATE.to_owned(), "PSNR in RGB, dB".to_owned());
    Chart { title, x, y, log_x: true, series, ..Chart::default() }
}
