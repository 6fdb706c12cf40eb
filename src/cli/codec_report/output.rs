//! The report in files and on the terminal.

use std::path::Path;

use framecast::bench::codec::{Report, csv, page};

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
    for (name, text) in csv(report) {
        put(name, &text)?;
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
    let mut text = String::new();
    if let Some(table) = &report.lossless {
        text += &format!("{:<18}", "bits a pixel");
        for clip in &report.clips {
            text += &format!(" {:>9.9}", clip.name);
        }
        text += "  vs ffv1 vs best  encode  decode fps (ffv1 = 41)\n";
        for row in &table.rows {
            text += &format!("{:<18}", row.codec);
            for entry in &row.clips {
                text += &format!(" {}", number(entry.bpp, 9, 3));
            }
            text += &format!(
                "  {} {} {} {}{}\n",
                number(row.vs_ffv1, 7, 3),
                number(row.vs_best, 7, 3),
                number(row.encode_speed, 7, 1),
                number(row.decode_speed, 7, 1),
                if row.exact { "" } else { "  not exact on every clip" }
            );
        }
        for (row, entry) in table.rows.iter().flat_map(|r| r.clips.iter().map(move |e| (r, e))) {
            if let Some(error) = &entry.error {
                text += &format!("{} on {}: {error}\n", row.codec, entry.clip);
            }
        }
    }
    for clip in &report.curves {
        let differences = clip.curves.iter().filter_map(|curve| {
            let bd = curve.bd_rate.psnr_yuv?;
            Some(format!("{} {:+.1} %", curve.codec, bd.percent))
        });
        let differences: Vec<String> = differences.collect();
        if !differences.is_empty() {
            text += &format!(
                "BD-rate on {} against {}: {}\n",
                clip.clip,
                clip.reference,
                differences.join(", ")
            );
        }
    }
    text += &predictors(report);
    for note in &report.notes {
        text += &format!("{note}\n");
    }
    text + &format!("{}\n", out.join("report.html").display())
}

/// A number, or a dash where there is none.
fn number(value: Option<f64>, width: usize, decimals: usize) -> String {
    value.map_or(format!("{:>width$}", "-"), |v| format!("{v:>width$.decimals$}"))
}

/// What each predictor saves on each clip, and how fast coding is with it.
fn predictors(report: &Report) -> String {
    let mut text = String::new();
    if report.predictors.is_empty() {
        return text;
    }
    text += &format!("{:<32}", "bits saved in percent, fps");
    for clip in &report.clips {
        text += &format!(" {:>9.9}", clip.name);
    }
    text += "   mean  noisy  least\n";
    for row in &report.predictors {
        let codec = row.codec.trim_start_matches("framecast:");
        let name = Path::new(&row.predictor).file_stem().unwrap_or_default().to_string_lossy();
        text += &format!("{:<32}", format!("{codec} {name}"));
        for entry in &row.clips {
            text += &format!(" {}", number(entry.saved_percent, 9, 2));
        }
        for value in [row.saved_percent, row.saved_percent_noisy, row.least_percent] {
            text += &format!(" {}", number(value, 6, 2));
        }
        text += "\n";
        for (what, encoded) in [("encoded", true), ("decoded", false)] {
            text += &format!("  {what:<30}");
            for entry in &row.clips {
                let fps = if encoded { entry.encode_fps } else { entry.decode_fps };
                text += &format!(" {}", number(fps, 9, 1));
            }
            text += "\n";
        }
    }
    text
}
