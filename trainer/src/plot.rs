//! Line plots of logs (`log.jsonl`) as SVG, made without anything else.

use std::fmt::Write as _;

use serde_json::Value;

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 48.0;
const COLOURS: [&str; 6] = ["#3a7bd5", "#d9822b", "#2e9e5b", "#a347ba", "#c23b3b", "#5c6670"];

/// A named line.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What it is.
    pub name: String,
    /// Its points, in order of x.
    pub points: Vec<[f64; 2]>,
}

impl Series {
    /// The points of a log: `x` and `y` are paths into its lines, such as `forecast.model.mse`;
    /// lines without both are left out.
    #[must_use]
    pub fn of(name: &str, log: &str, x: &str, y: &str) -> Self {
        let value = |line: &Value, path: &str| {
            path.split('.').try_fold(line, |value, key| value.get(key))?.as_f64()
        };
        let points = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter_map(|line| Some([value(&line, x)?, value(&line, y)?]))
            .collect();
        Self { name: name.to_owned(), points }
    }
}

/// What is drawn.
#[derive(Clone, Debug, Default)]
pub struct Plot {
    /// Names of the axes.
    pub axes: [String; 2],
    /// The lines.
    pub series: Vec<Series>,
    /// Levels to compare with.
    pub levels: Vec<(String, f64)>,
}

/// One axis, from value to pixel.
struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    fn new(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (low, high) = values
            .filter(|v| v.is_finite())
            .fold((0.0f64, f64::MIN_POSITIVE), |(l, h), v| (l.min(v), h.max(v)));
        Self { low, high, from, to }
    }

    fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// Round numbers, four to ten of them.
    fn ticks(&self) -> Vec<f64> {
        let span = self.high - self.low;
        let power = 10f64.powf((span / 5.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power);
        let step = step.into_iter().find(|s| span / s <= 8.0).unwrap_or(power * 10.0);
        let first = (self.low / step).ceil() as i64;
        (first..).map(|i| i as f64 * step).take_while(|v| *v <= self.high * 1.000_001).collect()
    }
}

impl Plot {
    /// The plot as an SVG document.
    #[must_use]
    pub fn svg(&self) -> String {
        let points = || self.series.iter().flat_map(|s| &s.points);
        let x = Scale::new(points().map(|p| p[0]), LEFT, WIDTH - RIGHT);
        let levels = self.levels.iter().map(|(_, level)| *level);
        let y = Scale::new(points().map(|p| p[1]).chain(levels), HEIGHT - BOTTOM, TOP);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n"
        );
        // Writing to a string cannot fail.
        for tick in x.ticks() {
            let at = x.at(tick);
            let _ = writeln!(
                svg,
                "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{}\" stroke=\"#eee\"/>\
                 <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{tick}</text>",
                HEIGHT - BOTTOM,
                HEIGHT - BOTTOM + 16.0
            );
        }
        for tick in y.ticks() {
            let at = y.at(tick);
            let _ = writeln!(
                svg,
                "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#eee\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                at + 4.0,
                (tick * 1e6).round() / 1e6
            );
        }
        let [below, beside] = self.axes.each_ref().map(|name| escape(name));
        let middle = (LEFT + WIDTH - RIGHT) / 2.0;
        let _ = writeln!(
            svg,
            "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{below}</text>\
             <text transform=\"translate(14 {}) rotate(-90)\" text-anchor=\"middle\">{beside}</text>",
            HEIGHT - 10.0,
            HEIGHT / 2.0
        );
        for (name, level) in &self.levels {
            let at = y.at(*level);
            let _ = writeln!(
                svg,
                "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#999\" \
                 stroke-dasharray=\"5 4\"/><text x=\"{}\" y=\"{:.1}\" fill=\"#666\" \
                 font-size=\"10\">{} {level}</text>",
                WIDTH - RIGHT,
                WIDTH - RIGHT + 6.0,
                at + 3.0,
                escape(name)
            );
        }
        for (number, series) in self.series.iter().enumerate() {
            let colour = COLOURS[number % COLOURS.len()];
            let path: Vec<String> = series
                .points
                .iter()
                .filter(|p| p.iter().all(|v| v.is_finite()))
                .map(|p| format!("{:.1},{:.1}", x.at(p[0]), y.at(p[1])))
                .collect();
            let _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
                 <text x=\"{}\" y=\"{}\" fill=\"{colour}\">{}</text>",
                path.join(" "),
                LEFT + 12.0,
                TOP + 14.0 + 16.0 * number as f64,
                escape(&series.name)
            );
        }
        svg + "</svg>\n"
    }
}

/// Names come from files and flags.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "{\"step\":0,\"a\":{\"b\":10.0}}\n{\"step\":1,\"loss\":3}\nnot json\n\
                       {\"step\":4,\"a\":{\"b\":2.5}}\n";

    #[test]
    fn lines_without_the_value_are_left_out() {
        let series = Series::of("run", LOG, "step", "a.b");
        assert_eq!(series.points, [[0.0, 10.0], [4.0, 2.5]]);
        assert!(Series::of("run", LOG, "step", "c").points.is_empty());
    }

    #[test]
    fn lines_levels_and_names_are_drawn_within_the_frame() {
        let plot = Plot {
            axes: ["step".to_owned(), "error".to_owned()],
            series: vec![Series::of("<run>", LOG, "step", "a.b")],
            levels: vec![("best".to_owned(), 1.5)],
        };
        let svg = plot.svg();
        assert!(svg.contains("&lt;run&gt;") && svg.contains("best 1.5"), "{svg}");
        let start = svg.find("points=\"").unwrap() + 8;
        let path = &svg[start..start + svg[start..].find('"').unwrap()];
        assert_eq!(path, format!("{LEFT:.1},{TOP:.1} {:.1},299.0", WIDTH - RIGHT));
        // Nothing to draw is drawn too.
        assert!(Plot::default().svg().ends_with("</svg>\n"));
    }
}
