//! A plot of curves as inline SVG: one colour a run, axes with round numbers.

use std::fmt::Write as _;

use super::escaped;
use super::run::Curve;

/// Colours that most eyes tell apart (Okabe and Ito 2008), in the order of the runs.
pub(super) const COLOURS: [&str; 8] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999"];

const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 62.0;
const BOTTOM: f64 = 30.0;
const TOP: f64 = 10.0;
const RIGHT: f64 = 12.0;
/// Points of a curve; longer ones are drawn by the means of equal pieces.
const POINTS: usize = 400;

/// Draws `curves`, each with the number of its run.
pub(super) fn chart(title: &str, curves: &[(usize, &Curve)]) -> String {
    let thin: Vec<(usize, Curve)> = curves.iter().map(|(run, c)| (*run, thinned(c))).collect();
    let points = || thin.iter().flat_map(|(_, c)| c.iter().copied());
    let (x0, x1) = range(points().map(|p| p.0));
    let (y0, y1) = range(points().map(|p| p.1));
    let x = |v: f64| LEFT + (v - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT);
    let y = |v: f64| HEIGHT - BOTTOM - (v - y0) / (y1 - y0) * (HEIGHT - BOTTOM - TOP);
    let mut out = format!(
        "<figure><figcaption>{}</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"{}\">",
        escaped(title),
        escaped(title)
    );
    for tick in ticks(y0, y1) {
        let at = y(tick);
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" \
             text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0,
            number(tick)
        );
    }
    for tick in ticks(x0, x1) {
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            x(tick),
            HEIGHT - BOTTOM + 18.0,
            number(tick)
        );
    }
    for (run, curve) in &thin {
        let colour = COLOURS[run % COLOURS.len()];
        if let [(px, py)] = curve.as_slice() {
            let _ = write!(
                out,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>",
                x(*px),
                y(*py)
            );
            continue;
        }
        out.push_str("<polyline fill=\"none\" stroke-width=\"1.6\" points=\"");
        for (px, py) in curve {
            let _ = write!(out, "{:.1},{:.1} ", x(*px), y(*py));
        }
        let _ = write!(out, "\" stroke=\"{colour}\"/>");
    }
    out.push_str("</svg></figure>\n");
    out
}

/// A curve of at most [`POINTS`] points, each the mean of as many neighbours.
fn thinned(curve: &Curve) -> Curve {
    let piece = curve.len().div_ceil(POINTS).max(1);
    let mean = |part: &[(f64, f64)]| {
        let n = part.len() as f64;
        let sum = part.iter().fold((0.0, 0.0), |s, p| (s.0 + p.0, s.1 + p.1));
        (sum.0 / n, sum.1 / n)
    };
    curve.chunks(piece).map(mean).collect()
}

/// The range of `values`, a little wider where they are all the same.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    match high - low {
        _ if low > high => (0.0, 1.0),
        span if span > 0.0 => (low, high),
        _ => (low - 0.5, high + 0.5),
    }
}

/// Round numbers from `low` to `high`, about five.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let raw = (high - low) / 5.0;
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= raw);
    let step = step.unwrap_or(raw);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).map(|i| i as f64 * step).collect()
}

/// A number as an axis shows it.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        0.0 => "0".to_owned(),
        s if s < 0.001 => format!("{value:.0e}"),
        s if s < 0.1 => format!("{value:.4}"),
        s if s < 10.0 => format!("{value:.2}"),
        s if s < 1000.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks(0.0, 1.0), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(ticks(17.1, 19.4), [17.5, 18.0, 18.5, 19.0]);
        assert_eq!(range([3.0, 3.0].into_iter()), (2.5, 3.5));
        assert_eq!(range(std::iter::empty()), (0.0, 1.0));
    }

    #[test]
    fn long_curves_are_thinned_and_every_curve_is_drawn() {
        let curve: Curve = (0..10_000).map(|i| (f64::from(i), 2.0)).collect();
        assert!(thinned(&curve).len() <= POINTS);
        let one = vec![(5.0, 1.0)];
        let svg = chart("a < b", &[(0, &curve), (1, &one)]);
        assert!(svg.contains("a &lt; b") && svg.contains("<polyline") && svg.contains("<circle"));
        assert!(svg.contains(COLOURS[0]) && svg.contains(COLOURS[1]));
    }
}
