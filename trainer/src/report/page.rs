//! The page: legend, last scores, curves, what differs, contact sheets.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::chart::{COLOURS, chart, number};
use super::difference::difference;
use super::escaped;
use super::run::{Curve, Run};

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:78rem;\
padding:0 1rem;color:#222;background:#fff}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}\
table{border-collapse:collapse}td,th{padding:.25rem .7rem;border-bottom:1px solid #ddd;\
text-align:left;vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\
.dot{display:inline-block;width:.8em;height:.8em;border-radius:50%;margin-right:.4em}\
.grid{stroke:#e4e4e4;fill:none}svg text{font-size:11px;fill:#555}figure{margin:0}\
figcaption{font-weight:600;font-size:.9rem}.plots{display:grid;gap:1.2rem;\
grid-template-columns:repeat(auto-fill,minmax(24rem,1fr))}img{max-width:100%;\
image-rendering:pixelated}.wide{overflow-x:auto}";

/// Curves that come first, the others follow by name.
const FIRST: [&str; 5] = ["model.pd", "model.psnr", "gain_db", "loss", "gap_db"];

/// The page of `runs`.
pub(super) fn page(runs: &[Run]) -> String {
    let names: Vec<String> = runs.iter().map(|run| escaped(&run.name)).collect();
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Training runs: {}\
         </title><meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style>\
         </head><body>\n<h1>Training runs</h1>\n",
        names.join(", ")
    );
    out.push_str(&scores(runs, &names));
    out.push_str("<h2>Curves</h2>\n<p>");
    for (at, name) in names.iter().enumerate() {
        let _ = write!(out, "{} &ensp; ", legend(at, name));
    }
    out.push_str("</p>\n<div class=\"plots\">\n");
    for key in keys(runs) {
        let curves: Vec<(usize, &Curve)> = runs
            .iter()
            .enumerate()
            .filter_map(|(at, run)| Some((at, run.curves.get(key)?)))
            .collect();
        out.push_str(&chart(&format!("{key} by step"), &curves));
    }
    out.push_str("</div>\n");
    out.push_str(&recipes(runs, &names));
    out.push_str(
        "<h2>Contact sheets</h2>\n<p>Last input, target, prediction, error &times; 4.</p>\n",
    );
    for (at, (run, name)) in runs.iter().zip(&names).enumerate() {
        let _ = writeln!(out, "<h3>{}</h3>", legend(at, name));
        match &run.sheet {
            Some(png) => {
                let data = base64(png);
                let _ = writeln!(
                    out,
                    "<img alt=\"contact sheet of {name}\" src=\"data:image/png;base64,{data}\">"
                );
            }
            None => out.push_str("<p>It has none yet.</p>\n"),
        }
    }
    out.push_str("</body></html>\n");
    out
}

fn legend(at: usize, name: &str) -> String {
    let colour = COLOURS[at % COLOURS.len()];
    format!("<span class=\"dot\" style=\"background:{colour}\"></span>{name}")
}

/// All keys of all logs.
fn keys(runs: &[Run]) -> Vec<&str> {
    let all: BTreeSet<&str> =
        runs.iter().flat_map(|run| run.curves.keys()).map(String::as_str).collect();
    let mut keys: Vec<&str> = FIRST.into_iter().filter(|key| all.contains(key)).collect();
    keys.extend(all.iter().filter(|key| !FIRST.contains(*key)));
    keys
}

/// The last validation of each run, beside copy-last on the same frames.
fn scores(runs: &[Run], names: &[String]) -> String {
    let mut out = "<h2>Last scores</h2>\n<div class=\"wide\"><table><tr><th>run</th>\
                   <th class=\"n\">step</th><th class=\"n\">frames</th><th class=\"n\">PD</th>\
                   <th class=\"n\">copy-last</th><th class=\"n\">PSNR, dB</th>\
                   <th class=\"n\">copy-last</th><th class=\"n\">gain, dB</th><th></th></tr>\n"
        .to_owned();
    for (at, (run, name)) in runs.iter().zip(names).enumerate() {
        let get = |path: &str| run.last.as_ref().and_then(|last| last.pointer(path));
        let float = |path: &str| {
            get(path).and_then(Value::as_f64).map_or("-".to_owned(), |v| format!("{v:.2}"))
        };
        let whole = |path: &str| {
            get(path).and_then(Value::as_u64).map_or("-".to_owned(), |v| v.to_string())
        };
        let kind = match get("/final") {
            Some(_) => "best checkpoint, all validation data",
            None => "last validation of a run that is not complete",
        };
        let _ = write!(out, "<tr><td>{}</td>", legend(at, name));
        for cell in [
            whole("/step"),
            whole("/frames"),
            float("/model/pd"),
            float("/copy_last/pd"),
            float("/model/psnr"),
            float("/copy_last/psnr"),
            float("/gain_db"),
        ] {
            let _ = write!(out, "<td class=\"n\">{cell}</td>");
        }
        let _ = writeln!(out, "<td>{kind}</td></tr>");
    }
    out.push_str("</table></div>\n");
    let best = |run: &Run| {
        let pd = run.curves.get("model.pd")?;
        pd.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1))
    };
    for (run, name) in runs.iter().zip(names) {
        if let Some((step, pd)) = best(run) {
            let _ = writeln!(out, "<p>{name}: smallest PD {} at step {step}.</p>", number(pd));
        }
    }
    out
}

/// What the recipes differ in.
fn recipes(runs: &[Run], names: &[String]) -> String {
    let mut out = "<h2>What differs between the recipes</h2>\n".to_owned();
    let rows = difference(&runs.iter().map(|run| &run.recipe).collect::<Vec<_>>());
    if rows.is_empty() {
        out.push_str("<p>Nothing.</p>\n");
        return out;
    }
    out.push_str("<div class=\"wide\"><table><tr><th>key</th>");
    for (at, name) in names.iter().enumerate() {
        let _ = write!(out, "<th>{}</th>", legend(at, name));
    }
    out.push_str("</tr>\n");
    for (key, values) in rows {
        let _ = write!(out, "<tr><td>{}</td>", escaped(key));
        for value in values {
            let value = if value.is_empty() { "-" } else { value };
            let _ = write!(out, "<td>{}</td>", escaped(value));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table></div>\n");
    out
}

/// Base64 (RFC 4648) with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let at = |i: usize| u32::from(part.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for i in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= part.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, coded) in cases {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn a_page_holds_every_run_and_curve_and_nothing_from_elsewhere() {
        let run = |name: &str, rate: &str| Run {
            name: name.to_owned(),
            curves: BTreeMap::from([
                ("loss".to_owned(), vec![(1.0, 0.5), (2.0, 0.25)]),
                ("model.pd".to_owned(), vec![(2.0, 17.5)]),
            ]),
            last: serde_json::from_str(
                "{\"step\":2,\"frames\":9,\"gain_db\":1.5,\"final\":true,\
                 \"model\":{\"pd\":17.44,\"psnr\":30.0},\"copy_last\":{\"pd\":19.0,\"psnr\":28.5}}",
            )
            .ok(),
            recipe: BTreeMap::from([("train.learning_rate".to_owned(), rate.to_owned())]),
            sheet: Some(vec![1, 2, 3]),
        };
        let html = page(&[run("a<b", "0.001"), run("second", "0.002")]);
        for text in ["a&lt;b", "second", "17.44", "19.00", "loss by step", "model.pd by step"] {
            assert!(html.contains(text), "{text}");
        }
        assert!(html.contains("<td>0.001</td><td>0.002</td>"));
        assert_eq!(html.matches("data:image/png;base64,AQID").count(), 2);
        assert!(!html.contains("<script") && !html.contains("http"));
    }
}
