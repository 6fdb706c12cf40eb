//! The tables of the page.

use crate::bench::codec::quality::BdRate;
use crate::bench::codec::report::{BdRates, FewerRow, LosslessTable, Report, short_name};

use super::escaped;

/// One cell.
#[derive(Clone, Debug, Default)]
struct Cell {
    text: String,
    /// `best`, `bad`, `weak`, `w` for words, or nothing.
    class: &'static str,
    /// What is shown beside the pointer.
    title: String,
}

/// A table with a head; the first column holds names.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    heads: Vec<String>,
    rows: Vec<Vec<Cell>>,
    /// Columns at the left that hold words.
    names: usize,
}

/// A number with so many decimals; a dash for none.
fn number(value: Option<f64>, decimals: usize) -> Cell {
    let text = value.map_or("-".to_owned(), |v| format!("{v:.decimals$}"));
    // Nothing lost is not less than nothing.
    let zero = text.starts_with("-0") && !text.contains(|c| ('1'..='9').contains(&c));
    plain(if zero { text.trim_start_matches('-').to_owned() } else { text })
}

fn plain(text: String) -> Cell {
    Cell { text, ..Cell::default() }
}

fn words(text: &str) -> Cell {
    Cell { text: text.to_owned(), class: "w", ..Cell::default() }
}

/// A difference of rate, with what it rests on.
fn difference(value: Option<BdRate>) -> Cell {
    let Some(bd) = value else { return number(None, 1) };
    let [low, high] = bd.range;
    Cell {
        text: format!("{:+.1}", bd.percent),
        class: if bd.says_much() { "" } else { "weak" },
        title: format!(
            "from {low:.1} to {high:.1} dB: {:.0} % of the narrower curve",
            100.0 * bd.overlap
        ),
    }
}

/// The mean of differences, if all are there.
fn mean_difference(values: &[Option<BdRate>]) -> Cell {
    let all: Option<Vec<BdRate>> = values.iter().copied().collect();
    let Some(all) = all.filter(|v| !v.is_empty()) else { return number(None, 1) };
    let mean = all.iter().map(|v| v.percent).sum::<f64>() / all.len() as f64;
    let weak = all.iter().any(|v| !v.says_much());
    Cell { text: format!("{mean:+.1}"), class: if weak { "weak" } else { "" }, ..Cell::default() }
}

impl Table {
    fn new<'a>(heads: impl IntoIterator<Item = &'a str>) -> Self {
        let heads = heads.into_iter().map(str::to_owned).collect();
        Self { heads, rows: Vec::new(), names: 1 }
    }

    /// Bits a pixel of each codec on each clip.
    pub(super) fn lossless_sizes(report: &Report, table: &LosslessTable) -> Self {
        let clips = report.clips.iter().map(|c| c.name.as_str());
        let noisy = report.clips.iter().any(|c| c.noisy);
        let ratios = ["vs ffv1", "vs best", "noisy clips", "worst clip"];
        let ratios = ratios.into_iter().filter(|name| noisy || *name != "noisy clips");
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
            cells.push(number(row.vs_ffv1, 3));
            cells.push(number(row.vs_best, 3));
            if noisy {
                cells.push(number(row.vs_best_noisy, 3));
            }
            cells.push(number(row.worst_vs_best, 3));
            made.rows.push(cells);
        }
        if table.best.iter().any(Option::is_some) {
            let mut best = vec![words("best anchor")];
            for anchor in &table.best {
                let text = anchor
                    .as_ref()
                    .map_or("-".to_owned(), |(name, bpp)| format!("{name} {bpp:.3}"));
                best.push(plain(text));
            }
            best.resize_with(made.heads.len(), Cell::default);
            made.rows.push(best);
        }
        let errors = table.rows.iter().flat_map(|row| row.clips.iter().map(move |e| (row, e)));
        for (row, entry) in errors {
            if let Some(error) = &entry.error {
                made.failure(format!("{} on {}: {error}", row.codec, entry.clip));
            }
        }
        made
    }

    /// A row of its own for what was not measured.
    fn failure(&mut self, text: String) {
        self.rows.push(vec![Cell { text, class: "bad", ..Cell::default() }]);
    }

    /// Speeds of each codec.
    pub(super) fn lossless_speeds(table: &LosslessTable) -> Self {
        let heads = ["encode, ffv1 = 41", "decode, ffv1 = 41", "encode fps", "decode fps", "exact"];
        let mut made = Self::new(std::iter::once("codec").chain(heads));
        for row in &table.rows {
            let s = row.speeds;
            let mut cells = vec![words(&row.codec)];
            for speed in [s.encode_speed, s.decode_speed, s.encode_fps, s.decode_fps] {
                cells.push(number(speed, 1));
            }
            let failed = row.clips.iter().filter(|e| e.error.is_some()).count();
            let (text, class) = match (row.exact, failed) {
                (true, _) => ("every sample".to_owned(), ""),
                (false, 0) => ("no".to_owned(), "bad"),
                (false, n) => (format!("{n} of {} clips failed", row.clips.len()), "bad"),
            };
            cells.push(Cell { text, class, ..Cell::default() });
            made.rows.push(cells);
        }
        made
    }

    /// Differences of rate of the codecs: at equal PSNR on each clip, in the mean for the other
    /// measures of quality.
    pub(super) fn bd_rates(report: &Report) -> Option<Self> {
        type Of = fn(&BdRates) -> Option<BdRate>;
        let others: [(&str, Of); 4] = [
            ("SSIM", |b| b.ssim),
            ("MS-SSIM", |b| b.ms_ssim),
            ("PD", |b| b.pd),
            ("PSNR, cubic", |b| b.psnr_yuv_cubic),
        ];
        let first = report.curves.first()?;
        let clips = report.curves.iter().map(|c| c.clip.as_str());
        let heads = std::iter::once("codec").chain(clips).chain(["PSNR"]);
        let mut made = Self::new(heads.chain(others.iter().map(|(name, _)| *name)));
        for (at, curve) in first.curves.iter().enumerate() {
            if curve.codec == first.reference {
                continue;
            }
            let values = |of: Of| {
                let curves = report.curves.iter().map(|c| of(&c.curves.get(at)?.bd_rate));
                curves.collect::<Vec<Option<BdRate>>>()
            };
            let psnr = values(|b| b.psnr_yuv);
            let mut cells = vec![words(&curve.codec)];
            cells.extend(psnr.iter().map(|v| difference(*v)));
            cells.push(mean_difference(&psnr));
            cells.extend(others.iter().map(|(_, of)| mean_difference(&values(*of))));
            made.rows.push(cells);
        }
        (!made.rows.is_empty()).then_some(made)
    }

    /// Bits saved by each predictor.
    pub(super) fn predictors(report: &Report) -> Self {
        let clips = report.clips.iter().map(|c| c.name.as_str());
        let noisy = report.clips.iter().any(|c| c.noisy);
        let after = ["mean", "noisy clips", "least", "vs copy-last", "vs motion"];
        let after = after.into_iter().filter(|name| noisy || *name != "noisy clips");
        let speeds = ["encode, ffv1 = 41", "decode, ffv1 = 41"];
        let heads = ["codec", "predictor"].into_iter().chain(clips).chain(after);
        let mut made = Self::new(heads.chain(speeds));
        made.names = 2;
        for row in &report.predictors {
            let mut cells = vec![words(&row.codec), words(short_name(&row.predictor))];
            for entry in &row.clips {
                let mut cell = number(entry.saved.saved_percent, 2);
                if entry.exact == Some(false) || entry.error.is_some() {
                    cell.class = "bad";
                    cell.text =
                        if entry.error.is_some() { "failed" } else { "not exact" }.to_owned();
                }
                let of = |fps: Option<f64>| fps.map_or("-".to_owned(), |fps| format!("{fps:.1}"));
                cell.title = format!(
                    "{} bits a pixel, {} frames of 640x360 a second",
                    entry.bpp.map_or("-".to_owned(), |bpp| format!("{bpp:.3}")),
                    of(entry.speeds.encode_fps)
                );
                cells.push(cell);
            }
            cells.push(number(row.saved.saved_percent, 2));
            if noisy {
                cells.push(number(row.saved_percent_noisy, 2));
            }
            for value in [
                row.least_percent,
                row.saved.saved_percent_vs_copy_last,
                row.saved.saved_percent_vs_motion,
            ] {
                cells.push(number(value, 2));
            }
            cells.push(number(row.speeds.encode_speed, 1));
            cells.push(number(row.speeds.decode_speed, 1));
            made.rows.push(cells);
        }
        let errors = report.predictors.iter().flat_map(|r| r.clips.iter().map(move |e| (r, e)));
        for (row, entry) in errors {
            if let Some(error) = &entry.error {
                made.failure(format!(
                    "{} with {} on {}: {error}",
                    row.codec, row.predictor, entry.clip
                ));
            }
        }
        made
    }

    /// What it costs to send every n-th frame: at equal PSNR on each clip, in the mean for others.
    pub(super) fn fewer(report: &Report) -> Option<Self> {
        type Of = fn(&FewerRow) -> Option<BdRate>;
        let others: [(&str, Of); 3] =
            [("SSIM", |r| r.ssim), ("MS-SSIM", |r| r.ms_ssim), ("PD", |r| r.pd)];
        let clips: Vec<&str> = report.frame_rate.iter().map(|c| c.clip.as_str()).collect();
        let heads = ["predictor", "sent"].into_iter().chain(clips.iter().copied()).chain(["PSNR"]);
        let mut made = Self::new(heads.chain(others.iter().map(|(name, _)| *name)));
        made.names = 2;
        let mut ways: Vec<(usize, &str)> = Vec::new();
        for row in &report.frame_rate_bd {
            let way = (row.every, row.predictor.as_str());
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        ways.sort_by_key(|(every, _)| *every);
        for (every, predictor) in ways {
            let values = |of: Of| {
                let of_clip = |clip: &&str| {
                    let mut rows = report.frame_rate_bd.iter();
                    let way = |r: &&FewerRow| (r.every, r.predictor.as_str()) == (every, predictor);
                    of(rows.find(|r| r.clip == **clip && way(r))?)
                };
                clips.iter().map(of_clip).collect::<Vec<Option<BdRate>>>()
            };
            let psnr = values(|r| r.psnr_rgb);
            let mut cells = vec![words(short_name(predictor)), words(&format!("every {every}."))];
            cells.extend(psnr.iter().map(|v| difference(*v)));
            cells.push(mean_difference(&psnr));
            cells.extend(others.iter().map(|(_, of)| mean_difference(&values(*of))));
            made.rows.push(cells);
        }
        (!made.rows.is_empty()).then_some(made)
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
            "vs every frame, %",
            "MS-SSIM",
            "PD",
        ]);
        made.names = 2;
        for (clip, p) in report.gating.iter().flat_map(|c| c.points.iter().map(move |p| (c, p))) {
            made.rows.push(vec![
                words(&clip.clip),
                words(short_name(&p.point.predictor)),
                number(Some(p.limit_db), 0),
                plain(format!("{} of {}", p.sent, p.frames)),
                number(Some(p.point.bpp), 4),
                number(p.point.psnr_rgb, 2),
                plain(p.vs_every_frame_percent.map_or("-".to_owned(), |v| format!("{v:+.1}"))),
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
        made.names = 2;
        for clip in &report.clips {
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
        for (at, head) in self.heads.iter().enumerate() {
            let class = if at < self.names { " class=\"w\"" } else { "" };
            out += &format!("<th{class}>{}</th>", escaped(head));
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
                let title = match cell.title.as_str() {
                    "" => String::new(),
                    title => format!(" title=\"{}\"", escaped(title)),
                };
                out += &format!("<td{class}{wide}{title}>{}</td>", escaped(&cell.text));
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
