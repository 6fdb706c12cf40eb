//! The tables of the page.

use crate::bench::codec::report::{LosslessTable, Report};

use super::escaped;

/// One cell.
#[derive(Clone, Debug, Default)]
struct Cell {
    text: String,
    /// `best`, `bad`, `w` for words, or nothing.
    class: &'static str,
}

/// A table with a head; the first column holds names.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    heads: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

/// A number with so many decimals; a dash for none.
fn number(value: Option<f64>, decimals: usize) -> Cell {
    let text = value.map_or("-".to_owned(), |v| format!("{v:.decimals$}"));
    // Nothing lost is not less than nothing.
    let zero = text.starts_with("-0") && !text.contains(|c| ('1'..='9').contains(&c));
    Cell { text: if zero { text.trim_start_matches('-').to_owned() } else { text }, class: "" }
}

fn words(text: &str) -> Cell {
    Cell { text: text.to_owned(), class: "w" }
}

impl Table {
    fn new<'a>(heads: impl IntoIterator<Item = &'a str>) -> Self {
        Self { heads: heads.into_iter().map(str::to_owned).collect(), rows: Vec::new() }
    }

    /// Bits a pixel of each codec on each clip.
    pub(super) fn lossless_sizes(report: &Report, table: &LosslessTable) -> Self {
        let clips = report.clips.iter().map(|c| c.name.as_str());
        let ratios = ["vs ffv1", "vs best", "noisy clips", "worst clip"];
        let mut made = Self::new(std::iter::once("codec").chain(clips).chain(ratios));
        let smallest: Vec<Option<f64>> = (0..report.clips.len())
            .map(|at| {
                let all = table.rows.iter().filter_map(|row| row.clips.get(at));
                let exact = all.filter(|e| e.exact == Some(true)).filter_map(|e| e.bpp);
                exact.min_by(f64::total_cmp)
            })
            .collect();
        for row in &table.rows {
            let mut cells = vec![words(&row.codec)];
            for (entry, smallest) in row.clips.iter().zip(&smallest) {
                let mut cell = number(entry.bpp, 3);
                cell.class = match entry.exact {
                    Some(true) if entry.bpp == *smallest => "best",
                    Some(false) => {
                        cell.text += " not exact";
                        "bad"
                    }
                    _ => "",
                };
                cells.push(cell);
            }
            for ratio in [row.vs_ffv1, row.vs_best, row.vs_best_noisy, row.worst_vs_best] {
                cells.push(number(ratio, 3));
            }
            made.rows.push(cells);
        }
        let mut best = vec![words("best anchor")];
        for anchor in &table.best {
            let text =
                anchor.as_ref().map_or("-".to_owned(), |(name, bpp)| format!("{bpp:.3} {name}"));
            best.push(Cell { text, class: "" });
        }
        best.resize_with(made.heads.len(), Cell::default);
        made.rows.push(best);
        for (row, entry) in
            table.rows.iter().flat_map(|row| row.clips.iter().map(move |e| (row, e)))
        {
            if let Some(error) = &entry.error {
                let text = format!("{} on {}: {error}", row.codec, entry.clip);
                made.rows.push(vec![Cell { text, class: "bad" }]);
            }
        }
        made
    }

    /// Speeds of each codec.
    pub(super) fn lossless_speeds(table: &LosslessTable) -> Self {
        let mut made = Self::new([
            "codec",
            "encode fps",
            "decode fps",
            "encode, ffv1 = 41",
            "decode, ffv1 = 41",
            "exact",
        ]);
        for row in &table.rows {
            let mut cells = vec![words(&row.codec)];
            for speed in [row.encode_fps, row.decode_fps, row.encode_speed, row.decode_speed] {
                cells.push(number(speed, 1));
            }
            cells.push(match row.exact {
                true => Cell { text: "every sample".to_owned(), class: "" },
                false => Cell { text: "no".to_owned(), class: "bad" },
            });
            made.rows.push(cells);
        }
        made
    }

    /// Differences of rate, a table for each measure of quality.
    pub(super) fn bd_rates(report: &Report) -> Vec<(String, Self)> {
        type Of = fn(&crate::bench::codec::report::BdRates) -> Option<f64>;
        let kinds: [(&str, Of); 5] = [
            ("PSNR", |b| b.psnr_yuv.map(|v| v.percent)),
            ("PSNR, cubic polynomial", |b| b.psnr_yuv_cubic.map(|v| v.percent)),
            ("SSIM", |b| b.ssim.map(|v| v.percent)),
            ("MS-SSIM", |b| b.ms_ssim.map(|v| v.percent)),
            ("perceptual distance", |b| b.pd.map(|v| v.percent)),
        ];
        let Some(first) = report.curves.first() else { return Vec::new() };
        let clips: Vec<&str> = report.curves.iter().map(|c| c.clip.as_str()).collect();
        let table = |(name, of): (&str, Of)| {
            let heads = std::iter::once("codec").chain(clips.iter().copied()).chain(["mean"]);
            let mut made = Self::new(heads);
            for (at, curve) in first.curves.iter().enumerate() {
                if curve.codec == first.reference {
                    continue;
                }
                let curves = report.curves.iter().map(|c| c.curves.get(at));
                let values: Vec<Option<f64>> = curves.map(|c| of(&c?.bd_rate)).collect();
                let all: Option<Vec<f64>> = values.iter().copied().collect();
                let mean = all.filter(|v| !v.is_empty());
                let mean = mean.map(|v| v.iter().sum::<f64>() / v.len() as f64);
                let mut cells = vec![words(&curve.codec)];
                cells.extend(values.into_iter().chain([mean]).map(|v| number(v, 1)));
                made.rows.push(cells);
            }
            let title = format!("BD-rate against {} at equal {name}, percent", first.reference);
            (title, made)
        };
        kinds.into_iter().map(table).filter(|(_, t)| !t.rows.is_empty()).collect()
    }

    /// Bits saved by each predictor.
    pub(super) fn predictors(report: &Report) -> Self {
        let clips = report.clips.iter().map(|c| c.name.as_str());
        let heads = ["codec", "predictor"].into_iter().chain(clips);
        let mut made = Self::new(heads.chain(["mean", "noisy clips", "least"]));
        for row in &report.predictors {
            let mut cells = vec![words(&row.codec), words(&row.predictor)];
            for entry in &row.clips {
                let mut cell = number(entry.saved_percent, 2);
                if entry.exact == Some(false) || entry.error.is_some() {
                    cell.class = "bad";
                    cell.text = entry.error.clone().unwrap_or_else(|| "not exact".to_owned());
                }
                cells.push(cell);
            }
            for value in [row.saved_percent, row.saved_percent_noisy, row.least_percent] {
                cells.push(number(value, 2));
            }
            made.rows.push(cells);
        }
        made
    }

    /// How many frames were sent at each limit.
    pub(super) fn gating(report: &Report) -> Self {
        let mut made = Self::new([
            "clip",
            "predictor",
            "limit, dB",
            "frames sent",
            "bits a pixel",
            "PSNR, dB",
            "MS-SSIM",
            "PD",
        ]);
        for (clip, p) in report.gating.iter().flat_map(|c| c.points.iter().map(move |p| (c, p))) {
            made.rows.push(vec![
                words(&clip.clip),
                words(&p.point.predictor),
                number(Some(p.limit_db), 0),
                Cell { text: format!("{} of {}", p.sent, p.frames), class: "" },
                number(Some(p.point.bpp), 4),
                number(p.point.psnr_rgb, 2),
                number(p.point.ms_ssim, 4),
                number(p.point.pd, 2),
            ]);
        }
        made
    }

    /// What was coded.
    pub(super) fn clips(report: &Report) -> Self {
        let mut made =
            Self::new(["clip", "made from", "size", "format", "frames", "fps", "SHA-256"]);
        for clip in &report.clips {
            let plain = |text: String| Cell { text, class: "" };
            made.rows.push(vec![
                words(&clip.name),
                words(&clip.made_from),
                plain(format!("{}x{}", clip.width, clip.height)),
                plain(clip.format.clone()),
                plain(clip.frames.to_string()),
                number(Some(clip.fps), 2),
                plain(clip.sha256.get(..16).unwrap_or_default().to_owned()),
            ]);
        }
        made
    }

    /// The table in tags.
    pub(super) fn html(&self) -> String {
        let mut out = "<div class=\"wide\"><table><tr>".to_owned();
        for head in &self.heads {
            out += &format!("<th>{}</th>", escaped(head));
        }
        out += "</tr>\n";
        for row in &self.rows {
            let ours = row.first().is_some_and(|c| c.text.starts_with("framecast"));
            out += if ours { "<tr class=\"ours\">" } else { "<tr>" };
            let alone = row.len() == 1;
            for cell in row {
                let wide = if alone {
                    format!(" colspan=\"{}\"", self.heads.len())
                } else {
                    String::new()
                };
                let class = match cell.class {
                    "" => String::new(),
                    class => format!(" class=\"{class}\""),
                };
                out += &format!("<td{class}{wide}>{}</td>", escaped(&cell.text));
            }
            out += "</tr>\n";
        }
        out + "</table></div>\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_decimals_and_zero_no_sign() {
        let shown = [Some(-0.001), Some(-0.01), Some(1.0), None].map(|v| number(v, 2).text);
        assert_eq!(shown, ["0.00", "-0.01", "1.00", "-"]);
    }
}
