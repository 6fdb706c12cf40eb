//! The table as Markdown.

use framecast::frame::Size;

use super::parts::{Part, Times};
use super::quality::Quality;

/// A model: its times at each size, and what it is worth.
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) times: Vec<(Size, Times)>,
    pub(crate) quality: Option<Quality>,
}

fn row(head: &str, cells: impl Iterator<Item = String>) -> String {
    format!("| {head} | {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:.2}"))
}

/// All of it.
pub(crate) fn markdown(columns: &[Column], frames: u64, most: Option<u64>) -> String {
    let clips = most
        .map_or_else(|| "whole clips".to_owned(), |n| format!("at most {n} frames of each clip"));
    let mut text = format!(
        "# What a prediction costs\n\n\
         Made by `cargo bench --bench predict_step -- --out docs/predict-step.md`. Medians over \
         {frames} frames of a demo flight, in ms of processor time of the one thread that does \
         everything; all parts in one run, one after the other on each frame. `plain` is ONNX \
         Runtime's own `Run` of the network alone, with nothing of ours around it. Quality is \
         PSNR of frames over copy-last of the same files and settings, in dB, at a width of 640 \
         (smaller clips at their own size), {clips}.\n\n"
    );
    let all = || columns.iter().flat_map(|c| c.times.iter().map(move |(size, t)| (c, size, t)));
    text += &row("", all().map(|(c, size, _)| format!("{} {size}", c.name)));
    text += &row("---", all().map(|_| "---:".to_owned()));
    let parts = [
        ("motion: luma, pyramid, search", Part::Motion),
        ("features: the rest of the observer", Part::Features),
        ("network, ONNX Runtime", Part::Net),
        ("blend: weights, candidates, mixture", Part::Blend),
        ("**whole step, ONNX Runtime**", Part::Whole),
        ("network, tract", Part::NetTract),
        ("whole step, tract", Part::WholeTract),
        ("network, plain", Part::NetPlain),
    ];
    for (head, part) in parts {
        text += &row(head, all().map(|(_, _, t)| number(t.of(part))));
    }
    let ratios = [
        ("network over plain, ONNX Runtime", Part::Net, Part::NetPlain),
        ("network over plain, tract", Part::NetTract, Part::NetPlain),
        ("tract over ONNX Runtime, network", Part::NetTract, Part::Net),
        ("tract over ONNX Runtime, whole step", Part::WholeTract, Part::Whole),
        ("whole step over plain, ONNX Runtime", Part::Whole, Part::NetPlain),
    ];
    for (head, above, below) in ratios {
        let ratio = |t: &Times| Some(t.of(above)? / t.of(below)?);
        text += &row(head, all().map(|(_, _, t)| number(ratio(t))));
    }
    text += &quality(columns);
    text
}

/// Gains at a width of 640, in the columns of 640x360.
fn quality(columns: &[Column]) -> String {
    let mut text = String::new();
    let Some(first) = columns.iter().find_map(|c| c.quality.as_ref()) else { return text };
    let cells = |at: Option<usize>| -> Vec<String> {
        let value = |c: &Column| {
            let quality = c.quality.as_ref()?;
            match at {
                Some(at) => quality.get(at)?.1,
                None => {
                    let all: Option<Vec<f64>> = quality.iter().map(|(_, gain)| *gain).collect();
                    all.map(|gains| gains.iter().sum::<f64>() / gains.len() as f64)
                }
            }
        };
        let text = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), |v| format!("{v:+.2}"));
        columns
            .iter()
            .flat_map(|c| c.times.iter().map(move |(size, _)| (c, size)))
            .map(|(c, size)| if size.width == 640 { text(value(c)) } else { String::new() })
            .collect()
    };
    for (at, (clip, _)) in first.iter().enumerate() {
        text += &row(&format!("gain on {clip}, dB"), cells(Some(at)).into_iter());
    }
    text + &row("**mean gain of the six clips, dB**", cells(None).into_iter())
}
