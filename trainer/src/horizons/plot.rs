//! Gain by horizon as a picture that needs nothing else.

use super::Line;
use super::table::short;

/// Colours of the clips, told apart on light and dark ground.
const COLOURS: [&str; 6] = ["#3a7bd5", "#d5573a", "#2e9e5b", "#b0862c", "#8f57c9", "#3aa6b9"];

/// Dashes of the predictors; the first is drawn through.
const DASHES: [&str; 4] = ["", "7 4", "2 4", "9 3 2 3"];

/// The longest horizon drawn, in ms.
const LONGEST: f64 = 340.0;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 210.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 44.0;

/// One curve for each predictor and clip, with a line at that of copy-last.
pub(super) fn svg(lines: &[Line]) -> String {
    let points = |line: &Line| -> Vec<(f64, f64)> {
        let known = line.reaches.iter().filter_map(|r| Some((r.ms?, r.gain()?)));
        known.filter(|(ms, _)| *ms <= LONGEST).collect()
    };
    let gains = lines.iter().flat_map(points).map(|(_, gain)| gain);
    let (low, high) = gains.fold((0.0_f64, 1.0_f64), |(l, h), g| (l.min(g), h.max(g)));
    let (low, high) = (low.floor(), high.ceil());
    let x = |ms: f64| LEFT + ms / LONGEST * (WIDTH - LEFT - RIGHT);
    let y = |gain: f64| TOP + (high - gain) / (high - low) * (HEIGHT - TOP - BOTTOM);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         width=\"{WIDTH}\" font-family=\"system-ui,sans-serif\" font-size=\"12\" role=\"img\" \
         aria-label=\"Gain over copy-last by horizon\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n"
    );
    let end = WIDTH - RIGHT;
    for gain in low as i32..=high as i32 {
        let (at, zero) = (y(f64::from(gain)), gain == 0);
        let (colour, width) = if zero { ("#333", 1.5) } else { ("#ddd", 1.0) };
        text += &format!(
            "<line x1=\"{LEFT}\" x2=\"{end}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"{colour}\" \
             stroke-width=\"{width}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{gain:+}\
             </text>\n",
            LEFT - 6.0,
            at + 4.0
        );
    }
    for ms in (0..=LONGEST as i32).step_by(33) {
        text += &format!(
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{ms}</text>\n",
            x(f64::from(ms)),
            HEIGHT - BOTTOM + 18.0
        );
    }
    text += &format!(
        "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">horizon in ms</text>\n\
         <text transform=\"translate(14 {:.1}) rotate(-90)\" text-anchor=\"middle\">\
         PSNR of frames over copy-last, dB</text>\n",
        f64::midpoint(LEFT, end),
        HEIGHT - 8.0,
        f64::midpoint(TOP, HEIGHT - BOTTOM)
    );
    let (mut clips, mut predictors): (Vec<&str>, Vec<&str>) = Default::default();
    for line in lines {
        let (clip, predictor) = (short(&line.clip), line.predictor.as_str());
        if !clips.contains(&clip) {
            clips.push(clip);
        }
        if !predictors.contains(&predictor) {
            predictors.push(predictor);
        }
        let colour = pick(&COLOURS, clips.iter().position(|c| *c == clip));
        let dash = pick(&DASHES, predictors.iter().position(|p| *p == predictor));
        let path: Vec<String> =
            points(line).iter().map(|&(ms, g)| format!("{:.1},{:.1}", x(ms), y(g))).collect();
        text += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" \
             stroke-dasharray=\"{dash}\"/>\n",
            path.join(" ")
        );
    }
    let mut at = TOP + 8.0;
    let keys = clips.iter().enumerate().map(|(i, c)| (*c, pick(&COLOURS, Some(i)), ""));
    let predictors =
        predictors.iter().enumerate().map(|(i, p)| (*p, "#333", pick(&DASHES, Some(i))));
    for (name, colour, dash) in keys.chain(predictors) {
        text += &format!(
            "<line x1=\"{}\" x2=\"{}\" y1=\"{at}\" y2=\"{at}\" stroke=\"{colour}\" \
             stroke-width=\"2\" stroke-dasharray=\"{dash}\"/><text x=\"{}\" y=\"{}\">{}</text>\n",
            end + 14.0,
            end + 44.0,
            end + 50.0,
            at + 4.0,
            name.replace('&', "&amp;").replace('<', "&lt;")
        );
        at += 19.0;
    }
    text + "</svg>\n"
}

/// The style at a place; further ones begin anew.
fn pick<'a>(styles: &[&'a str], at: Option<usize>) -> &'a str {
    styles.get(at.unwrap_or(0) % styles.len()).copied().unwrap_or_default()
}
