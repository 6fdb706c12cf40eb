//! Curves and points as inline SVG: one colour a name, axes with round numbers.

use std::fmt::Write as _;

use super::escaped;

/// Colours that most eyes tell apart (Okabe and Ito 2008).
pub(super) const COLOURS: [&str; 8] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999"];

/// Dashes, the first being none.
const DASHES: [&str; 5] = ["", "7 3", "2 3", "9 3 2 3", "1 5"];

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 44.0;

/// A named line or a set of points.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    /// What it is.
    pub(super) name: String,
    /// Number of its colour.
    pub(super) colour: usize,
    /// Number of its dash.
    pub(super) dash: usize,
    /// In the order in which they are joined.
    pub(super) points: Vec<(f64, f64)>,
    /// Its name stands beside its last point instead of in a legend.
    pub(super) labelled: bool,
}

/// A line of a legend.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) colour: usize,
    pub(super) dash: usize,
}

/// What is drawn.
#[derive(Clone, Debug, Default)]
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) x: String,
    pub(super) y: String,
    /// The horizontal axis is logarithmic.
    pub(super) log_x: bool,
    pub(super) series: Vec<Series>,
    /// The legend, where it is not one line a series.
    pub(super) keys: Vec<Key>,
}

/// One axis, from value to place.
struct Axis {
    log: bool,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn new(values: impl Iterator<Item = f64>, log: bool, from: f64, to: f64) -> Self {
        let scaled = values.filter(|v| !log || *v > 0.0).map(|v| if log { v.log10() } else { v });
        let (low, high) = scaled
            .filter(|v| v.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let (low, high) = match high - low {
            _ if low > high => (0.0, 1.0),
            span if span > 1e-9 => (low - span * 0.05, high + span * 0.05),
            _ => (low - 0.5, high + 0.5),
        };
        Self { log, low, high, from, to }
    }

    fn at(&self, value: f64) -> f64 {
        let value = if self.log { value.max(1e-300).log10() } else { value };
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// Round numbers, about five.
    fn ticks(&self) -> Vec<f64> {
        if self.log {
            let decades = self.low.floor() as i32..=self.high.ceil() as i32;
            let steps: &[f64] = if self.high - self.low > 3.0 {
                &[1.0]
            } else if self.high - self.low > 1.6 {
                &[1.0, 3.0]
            } else if self.high - self.low > 0.6 {
                &[1.0, 2.0, 5.0]
            } else {
                &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0]
            };
            let all = decades.flat_map(|d| steps.iter().map(move |s| tick(*s, d)));
            return all.filter(|v| (self.low..=self.high).contains(&v.log10())).collect();
        }
        let raw = (self.high - self.low) / 5.0;
        let power = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= raw);
        let step = step.unwrap_or(raw);
        let (first, last) = ((self.low / step).ceil() as i64, (self.high / step).floor() as i64);
        (first..=last).map(|i| i as f64 * step).collect()
    }
}

/// `step` times ten to the power of `decade`, as near as can be.
fn tick(step: f64, decade: i32) -> f64 {
    if decade < 0 { step / 10f64.powi(-decade) } else { step * 10f64.powi(decade) }
}

impl Chart {
    /// The chart as a figure; nothing when no series has a point.
    pub(super) fn html(&self) -> String {
        let points = || self.series.iter().flat_map(|s| &s.points);
        if points().next().is_none() {
            return String::new();
        }
        let x = Axis::new(points().map(|p| p.0), self.log_x, LEFT, WIDTH - RIGHT);
        let y = Axis::new(points().map(|p| p.1), false, HEIGHT - BOTTOM, TOP);
        let title = escaped(&self.title);
        let mut out = format!(
            "<figure><figcaption>{title}</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             role=\"img\" aria-label=\"{title}\">"
        );
        // Writing to a string cannot fail.
        for tick in y.ticks() {
            let at = y.at(tick);
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
        for tick in x.ticks() {
            let at = x.at(tick);
            let _ = write!(
                out,
                "<path class=\"grid\" d=\"M{at:.1} {TOP}V{:.1}\"/><text x=\"{at:.1}\" y=\"{:.1}\" \
                 text-anchor=\"middle\">{}</text>",
                HEIGHT - BOTTOM,
                HEIGHT - BOTTOM + 16.0,
                number(tick)
            );
        }
        let (middle, half) = ((LEFT + WIDTH - RIGHT) / 2.0, (TOP + HEIGHT - BOTTOM) / 2.0);
        let _ = write!(
            out,
            "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text><text \
             transform=\"translate(13 {half:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            HEIGHT - 10.0,
            escaped(&self.x),
            escaped(&self.y)
        );
        let mut places = Labels::new(self.series.iter().flat_map(|s| s.places(&x, &y)));
        for series in &self.series {
            draw(&mut out, series, &x, &y, &mut places);
        }
        out.push_str("</svg>");
        out.push_str(&self.legend());
        out.push_str("</figure>\n");
        out
    }

    fn legend(&self) -> String {
        let own = self.series.iter().filter(|s| !s.labelled && !s.points.is_empty());
        let own = own.map(|s| Key { name: s.name.clone(), colour: s.colour, dash: s.dash });
        let keys = if self.keys.is_empty() { own.collect() } else { self.keys.clone() };
        let mut out = String::new();
        for key in keys {
            let _ = write!(
                out,
                "<span class=\"key\"><svg width=\"26\" height=\"10\"><path d=\"M0 5H26\" \
                 stroke=\"{}\" stroke-width=\"2\" stroke-dasharray=\"{}\"/></svg> {}</span> ",
                colour(key.colour),
                DASHES[key.dash % DASHES.len()],
                escaped(&key.name)
            );
        }
        if out.is_empty() { out } else { format!("<p class=\"legend\">{out}</p>") }
    }
}

impl Series {
    /// The points that have a place on these axes, with it.
    fn shown(&self, x: &Axis, y: &Axis) -> Vec<((f64, f64), (f64, f64))> {
        let drawn = |(a, b): &&(f64, f64)| a.is_finite() && b.is_finite() && (*a > 0.0 || !x.log);
        let points = self.points.iter().filter(drawn);
        points.map(|(a, b)| ((*a, *b), (x.at(*a), y.at(*b)))).collect()
    }

    fn places(&self, x: &Axis, y: &Axis) -> Vec<(f64, f64)> {
        self.shown(x, y).into_iter().map(|(_, place)| place).collect()
    }
}

/// Where names beside points are already, so that they do not cover one another.
struct Labels(Vec<[f64; 4]>);

impl Labels {
    /// With points in the way.
    fn new(points: impl Iterator<Item = (f64, f64)>) -> Self {
        Self(points.map(|(x, y)| [x - 3.0, y - 3.0, x + 3.0, y + 3.0]).collect())
    }

    /// A free place for `name` near a point: its anchor and its base line.
    fn find(&mut self, name: &str, (px, py): (f64, f64)) -> (&'static str, f64, f64) {
        let width = 6.2 * name.chars().count() as f64;
        let rows = [-5.0, 13.0, 4.0, -17.0, 25.0, -29.0, 37.0];
        let all = rows.iter().flat_map(|dy| [("start", 6.0, *dy), ("end", -6.0, *dy)]);
        let placed = all.map(|(anchor, dx, dy)| {
            let left = if anchor == "start" { px + dx } else { px + dx - width };
            ((anchor, px + dx, py + dy), [left, py + dy - 9.0, left + width, py + dy + 2.0])
        });
        let inside =
            |b: &[f64; 4]| b[0] >= LEFT && b[2] <= WIDTH && b[1] >= 0.0 && b[3] <= HEIGHT - BOTTOM;
        let free = |b: &[f64; 4]| {
            let apart = |o: &[f64; 4]| b[0] > o[2] || o[0] > b[2] || b[1] > o[3] || o[1] > b[3];
            self.0.iter().all(apart)
        };
        let found = placed.clone().find(|(_, b)| inside(b) && free(b));
        let Some((place, label)) = found.or_else(|| placed.clone().find(|(_, b)| inside(b))) else {
            return ("start", px + 6.0, py - 5.0);
        };
        self.0.push(label);
        place
    }
}

fn colour(number: usize) -> &'static str {
    COLOURS[number % COLOURS.len()]
}

fn draw(out: &mut String, series: &Series, x: &Axis, y: &Axis, labels: &mut Labels) {
    let colour = colour(series.colour);
    let shown = series.shown(x, y);
    let places: Vec<(f64, f64)> = shown.iter().map(|(_, place)| *place).collect();
    if places.len() > 1 {
        let path: String = places.iter().map(|(a, b)| format!("{a:.1},{b:.1} ")).collect();
        let _ = write!(
            out,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\" \
             stroke-dasharray=\"{}\" points=\"{}\"/>",
            DASHES[series.dash % DASHES.len()],
            path.trim_end()
        );
    }
    for ((vx, vy), (px, py)) in &shown {
        let _ = write!(
            out,
            "<circle cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"2.6\" fill=\"{colour}\"><title>{}: {}, \
             {}</title></circle>",
            escaped(&series.name),
            number(*vx),
            number(*vy)
        );
    }
    if let (true, Some(last)) = (series.labelled, places.last()) {
        let (anchor, x, y) = labels.find(&series.name, *last);
        let _ = write!(
            out,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
            escaped(&series.name)
        );
    }
}

/// A number as an axis shows it.
fn number(value: f64) -> String {
    let text = match value.abs() {
        v if v < 1e-12 => return "0".to_owned(),
        v if v < 0.0995 => format!("{value:.4}"),
        v if v < 9.95 => format!("{value:.3}"),
        v if v < 99.5 => format!("{value:.2}"),
        _ => return format!("{value:.0}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, points: &[(f64, f64)]) -> Series {
        Series { name: name.to_owned(), points: points.to_vec(), ..Series::default() }
    }

    #[test]
    fn ticks_are_round_on_both_kinds_of_axis() {
        let axis = Axis::new([0.02, 3.0].into_iter(), true, 0.0, 100.0);
        assert_eq!(axis.ticks(), [0.03, 0.1, 0.3, 1.0, 3.0], "not 0.30000000000000004");
        let axis = Axis::new([0.1, 0.9].into_iter(), true, 0.0, 100.0);
        assert_eq!(axis.ticks(), [0.1, 0.2, 0.5, 1.0]);
        let axis = Axis::new([30.0, 40.0].into_iter(), false, 0.0, 100.0);
        assert_eq!(axis.ticks(), [30.0, 35.0, 40.0]);
        assert!((axis.at(35.0) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn every_point_is_drawn_and_names_are_escaped() {
        let chart = Chart {
            title: "a < b".to_owned(),
            log_x: true,
            series: vec![
                series("<x>", &[(0.1, 30.0), (1.0, 40.0), (0.0, 5.0)]),
                Series { labelled: true, ..series("dot", &[(0.5, 35.0)]) },
            ],
            ..Chart::default()
        };
        let html = chart.html();
        assert!(html.contains("a &lt; b") && html.contains("&lt;x&gt;"), "{html}");
        assert_eq!(html.matches("<circle").count(), 3, "zero has no place on a log axis");
        assert_eq!(html.matches("<polyline").count(), 1);
        assert!(html.contains(">dot</text>") && !html.contains("NaN"));
        assert_eq!(Chart::default().html(), "");
    }

    #[test]
    fn names_do_not_cover_one_another() {
        let near = [(200.0, 100.0), (204.0, 102.0), (208.0, 101.0), (470.0, 100.0)];
        let mut labels = Labels::new(near.into_iter());
        for point in near {
            labels.find("framecast:light", point);
        }
        let labels = &labels.0[near.len()..];
        assert_eq!(labels.len(), 4);
        for (at, a) in labels.iter().enumerate() {
            assert!(a[2] <= WIDTH, "{a:?} is cut off");
            for b in &labels[at + 1..] {
                let apart = a[0] > b[2] || b[0] > a[2] || a[1] > b[3] || b[1] > a[3];
                assert!(apart, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn numbers_are_short() {
        let shown = [0.0, 0.05, 1.5, 12.0, 640.0, -3.25].map(number);
        assert_eq!(shown, ["0", "0.05", "1.5", "12", "640", "-3.25"]);
    }
}
