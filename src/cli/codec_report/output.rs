//! The report in files and on the terminal.

use std::path::Path;

use framecast::bench::codec::{BdRate, CSV_FILES, ClipPoints, Report, csv, page, short_name};

use super::super::Outcome;
use super::super::exit::{self, Failure};
use super::Args;

/// The command that is running, as it can be typed.
pub(super) fn command_line() -> String {
    let words = std::env::args().enumerate().map(|(at, word)| {
        let word = if at == 0 { "framecast".to_owned() } else { word };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            word
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Writes the files and prints the result.
pub(super) fn write(report: &Report, args: &Args) -> Outcome {
    let json = serde_json::to_string_pretty(report).map_err(anyhow::Error::from)? + "\n";
    let put = |name: &str, text: &str| {
        let path = args.out.join(name);
        replace(&path, text).map_err(|cause| {
            let error = anyhow::anyhow!("cannot write {}: {cause}", path.display());
            Failure::new(exit::FAILURE, error)
        })
    };
    put("report.json", &json)?;
    let tables = csv(report);
    for (name, text) in &tables {
        put(name, text)?;
    }
    // A table of an earlier report here would seem to belong to this one.
    for old in CSV_FILES.iter().filter(|name| !tables.iter().any(|(made, _)| made == *name)) {
        let path = args.out.join(old);
        match std::fs::remove_file(&path) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                let error = anyhow::anyhow!("cannot remove {}: {cause}", path.display());
                return Err(Failure::new(exit::FAILURE, error));
            }
            _ => {}
        }
    }
    put("report.html", &page(report))?;
    let text = if args.json { json } else { text(report, &args.out) };
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
    Ok(())
}

fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let part = path.with_extension("part");
    std::fs::write(&part, text)?;
    std::fs::rename(&part, path)
}

/// The tables in short, for a terminal.
fn text(report: &Report, out: &Path) -> String {
    let mut text = lossless(report);
    text += &curves(report);
    text += &predictors(report);
    text += &frame_rate(report);
    let errors = points_errors(&report.frame_rate).chain(points_errors(&report.gating));
    for error in errors {
        text += &error;
    }
    for note in &report.notes {
        text += &format!("{note}\n");
    }
    text + &format!("{}\n", out.join("report.html").display())
}

fn number(value: Option<f64>, width: usize, decimals: usize) -> String {
    let text = value.map_or("-".to_owned(), |v| format!("{v:.decimals$}"));
    // Nothing lost is not less than nothing.
    let zero = text.starts_with("-0") && !text.contains(|c| ('1'..='9').contains(&c));
    let text = if zero { text.trim_start_matches('-') } else { &text };
    format!("{text:>width$}")
}

/// A line of names: of the rows, of the clips, and of what follows them.
fn head(title: &str, report: &Report, after: &str) -> String {
    let clips: String = report.clips.iter().map(|clip| format!(" {:>9.9}", clip.name)).collect();
    format!("{title:<NAME$}{clips}{after}\n")
}

/// The width of names.
const NAME: usize = 30;

fn lossless(report: &Report) -> String {
    let Some(table) = &report.lossless else { return String::new() };
    let mut text =
        head("bits a pixel", report, "  vs ffv1 vs best  encode  decode fps (ffv1 = 41)");
    for row in &table.rows {
        text += &format!("{:<NAME$}", row.codec);
        for entry in &row.clips {
            text += &format!(" {}", number(entry.bpp, 9, 3));
        }
        let inexact = row.clips.iter().any(|e| e.exact == Some(false));
        text += &format!(
            "  {} {} {} {}{}\n",
            number(row.vs_ffv1, 7, 3),
            number(row.vs_best, 7, 3),
            number(row.speeds.encode_speed, 7, 1),
            number(row.speeds.decode_speed, 7, 1),
            if inexact { "  not exact on every clip" } else { "" }
        );
    }
    for (row, entry) in table.rows.iter().flat_map(|r| r.clips.iter().map(move |e| (r, e))) {
        if let Some(error) = &entry.error {
            text += &format!("{} on {}: {error}\n", row.codec, entry.clip);
        }
    }
    table.missing.iter().fold(text, |text, sentence| text + sentence + "\n")
}

fn curves(report: &Report) -> String {
    let Some(first) = report.curves.first() else { return String::new() };
    let mut rows = Vec::new();
    let mut errors = String::new();
    for (at, curve) in first.curves.iter().enumerate() {
        let same = || report.curves.iter().filter_map(|clip| Some((clip, clip.curves.get(at)?)));
        if curve.codec != first.reference {
            rows.push((curve.codec.clone(), same().map(|(_, c)| c.bd_rate.psnr_yuv).collect()));
        }
        for (clip, curve) in same() {
            let failed: Vec<_> = curve.points.iter().filter(|p| p.error.is_some()).collect();
            // One reason is nearly always that of all.
            if let Some(error) = failed.first().and_then(|p| p.error.as_ref()) {
                let (failed, all) = (failed.len(), curve.points.len());
                let who = format!("{} on {}", curve.codec, clip.clip);
                errors += &format!("{who}: {failed} of {all} points failed: {error}\n");
            }
        }
    }
    let what = format!("BD-rate vs {}, %", first.reference);
    differences(&what, report, rows) + &errors
}

/// Differences of rate, a line for each name and a column for each clip; those of little overlap
/// are marked.
fn differences(what: &str, report: &Report, rows: Vec<(String, Vec<Option<BdRate>>)>) -> String {
    if rows.iter().all(|(_, values)| values.iter().all(Option::is_none)) {
        return String::new();
    }
    let mut text = head(what, report, "");
    for (name, values) in rows {
        text += &format!("{name:<NAME$}");
        for value in values {
            let mark = if value.is_some_and(|v| !v.says_much()) { "*" } else { "" };
            let shown = value.map_or("-".to_owned(), |v| format!("{:+.1}{mark}", v.percent));
            text += &format!(" {shown:>9}");
        }
        text += "\n";
    }
    if text.contains('*') {
        text += "* over less than half of the narrower curve\n";
    }
    text
}

fn predictors(report: &Report) -> String {
    if report.predictors.is_empty() {
        return String::new();
    }
    let after = "   mean  noisy  least vs copy vs motion";
    let mut text = head("bits saved in percent, fps", report, after);
    for row in &report.predictors {
        let codec = row.codec.trim_start_matches("framecast:");
        let name = short_name(&row.predictor);
        text += &format!("{:<NAME$}", format!("{codec} {name}"));
        for entry in &row.clips {
            text += &format!(" {}", number(entry.saved.saved_percent, 9, 2));
        }
        let saved = &row.saved;
        for (value, width) in [
            (saved.saved_percent, 6),
            (row.saved_percent_noisy, 6),
            (row.least_percent, 6),
            (saved.saved_percent_vs_copy_last, 7),
            (saved.saved_percent_vs_motion, 9),
        ] {
            text += &format!(" {}", number(value, width, 2));
        }
        text += "\n";
        for (what, encoded) in [("  encoded", true), ("  decoded", false)] {
            text += &format!("{what:<NAME$}");
            for entry in &row.clips {
                let speeds = &entry.speeds;
                let fps = if encoded { speeds.encode_fps } else { speeds.decode_fps };
                text += &format!(" {}", number(fps, 9, 1));
            }
            text += "\n";
        }
    }
    for (row, entry) in report.predictors.iter().flat_map(|r| r.clips.iter().map(move |e| (r, e))) {
        if let Some(error) = &entry.error {
            text += &format!("{} {} on {}: {error}\n", row.codec, row.predictor, entry.clip);
        }
    }
    text
}

fn frame_rate(report: &Report) -> String {
    let mut rows: Vec<(String, Vec<Option<BdRate>>)> = Vec::new();
    for row in &report.frame_rate_bd {
        let name = format!("{}, every {}.", short_name(&row.predictor), row.every);
        if rows.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let same = |clip: &str| {
            let mut all = report.frame_rate_bd.iter();
            let way = (&row.predictor, row.every);
            all.find(|r| r.clip == clip && (&r.predictor, r.every) == way)?.psnr_rgb
        };
        rows.push((name, report.clips.iter().map(|clip| same(&clip.name)).collect()));
    }
    differences("BD-rate vs every frame, %", report, rows)
}

fn points_errors<T>(clips: &[ClipPoints<T>]) -> impl Iterator<Item = String> {
    clips.iter().flat_map(|clip| {
        clip.errors.iter().map(|error| format!("{} by {}: {error}\n", clip.clip, clip.carrier))
    })
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_fill_their_column_and_zero_has_no_sign() {
        let shown = [Some(-0.004), Some(-0.01), Some(12.5), None].map(|v| number(v, 6, 2));
        assert_eq!(shown, ["  0.00", " -0.01", " 12.50", "     -"]);
    }
}
