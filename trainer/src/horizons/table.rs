//! The page with the numbers.

use super::{Line, MOST, TIMES};

fn gain(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |g| format!("{g:+.2}"))
}

/// Name of a clip without its details.
pub(super) fn short(clip: &str) -> &str {
    clip.split(['_', '.']).next().unwrap_or(clip)
}

fn row(cells: impl IntoIterator<Item = String>) -> String {
    format!("| {} |\n", cells.into_iter().collect::<Vec<_>>().join(" | "))
}

/// The lines as Markdown.
pub(super) fn markdown(command: &str, svg: &str, frames: Option<u64>, lines: &[Line]) -> String {
    let limit =
        frames.map_or_else(String::new, |n| format!(" At most {n} frames of each clip were read."));
    let mut text = format!(
        "# Looking further ahead\n\nMade by `{command}`. What a prediction gains over copy-last of \
         the same age, in dB of PSNR of frames: six camera clips at a \
         width of 320 (foreman at its own), one prediction for each horizon from every frame. A \
         time becomes frames as in a run, `max(1, round(time x rate))`. Cross-fitted predictors \
         score each clip by weights that never saw it.{limit}\n\n![gain by horizon]({svg})\n"
    );
    let mut predictors: Vec<&str> = Vec::new();
    for line in lines {
        if !predictors.contains(&line.predictor.as_str()) {
            predictors.push(&line.predictor);
        }
    }
    for predictor in predictors {
        let own: Vec<&Line> = lines.iter().filter(|l| l.predictor == predictor).collect();
        text += &format!("\n## {predictor}\n\n{}\n\n", least(&own));
        text += &row(["predictor".to_owned(), "clip".to_owned()]
            .into_iter()
            .chain(TIMES.iter().map(|ms| format!("{ms:.0} ms")))
            .chain((1..=MOST).map(|k| format!("{k} fr"))));
        text += &row((0..2 + TIMES.len() + MOST as usize)
            .map(|i| if i < 2 { "---" } else { "---:" }.to_owned()));
        for line in &own {
            text += &row([predictor.to_owned(), short(&line.clip).to_owned()]
                .into_iter()
                .chain(TIMES.iter().map(|&ms| gain(line.gain_at(ms))))
                .chain(line.reaches.iter().map(|r| gain(r.gain()))));
        }
        let mean = |values: Vec<Option<f64>>| {
            let values: Option<Vec<f64>> = values.into_iter().collect();
            values.map(|v| v.iter().sum::<f64>() / v.len().max(1) as f64)
        };
        let at = |k: usize| own.iter().map(|l| l.reaches.get(k)?.gain()).collect();
        text += &row([predictor.to_owned(), "mean".to_owned()]
            .into_iter()
            .chain(TIMES.iter().map(|&ms| gain(mean(own.iter().map(|l| l.gain_at(ms)).collect()))))
            .chain((0..MOST as usize).map(|k| gain(mean(at(k))))));
    }
    text
}

/// The least gain within the times of the table, in words.
fn least(lines: &[&Line]) -> String {
    let all = lines.iter().flat_map(|l| TIMES.iter().map(move |&ms| (l, ms, l.gain_at(ms))));
    let known = all.filter_map(|(line, ms, gain)| Some((line, ms, gain?)));
    match known.min_by(|a, b| a.2.total_cmp(&b.2)) {
        None => "Nothing could be scored.".to_owned(),
        Some((line, ms, gain)) => {
            let verdict = if gain > 0.0 {
                "It is better than copy-last at every horizon from 33 to 200 ms on every clip"
            } else {
                "It is not better than copy-last everywhere"
            };
            format!(
                "{verdict}; the least gain is {gain:+.2} dB, on {} at {ms:.0} ms.",
                short(&line.clip)
            )
        }
    }
}
