//! The report as one HTML file that needs nothing else.

mod chart;
mod plots;
mod table;

use super::report::Report;

use table::Table;

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:82rem;\
padding:0 1rem;color:#222;background:#fff}h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2.2rem}\
table{border-collapse:collapse;font-size:.9rem}td,th{padding:.22rem .6rem;border-bottom:1px solid \
#ddd;text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}td:first-child,\
th:first-child,td.w,th.w{text-align:left;white-space:normal}td.best{font-weight:700}td.bad{color:#b00020}\
td.weak{color:#999;font-style:italic}td.bad[colspan]{white-space:normal;text-align:left}\
tr.ours td:first-child{font-weight:600}.grid{stroke:#e4e4e4;fill:none}svg text{font-size:11px;fill:#555}\
figure{margin:0}figcaption{font-weight:600;font-size:.9rem}.plots{display:grid;gap:1.2rem;\
grid-template-columns:repeat(auto-fill,minmax(26rem,1fr))}.wide{overflow-x:auto}.legend{margin:.1rem 0;\
font-size:.82rem;color:#444}.key{margin-right:.8rem;white-space:nowrap}code,pre{font-size:.8rem}\
pre{white-space:pre-wrap;background:#f6f6f6;padding:.6rem}";

/// The page of `report`.
#[must_use]
pub fn page(report: &Report) -> String {
    let ffmpeg = report.ffmpeg.as_deref().map_or("no ffmpeg".to_owned(), |v| format!("ffmpeg {v}"));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Codec report</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body>\n\
         <h1>Codec report</h1>\n<p>framecast {}, {}; {} ({}), one thread.</p>\n",
        escaped(&report.framecast),
        escaped(&ffmpeg),
        escaped(&report.processor),
        escaped(&report.architecture)
    );
    if !report.notes.is_empty() {
        out += "<ul>\n";
        for note in &report.notes {
            out += &format!("<li>{}</li>\n", escaped(note));
        }
        out += "</ul>\n";
    }
    lossless(report, &mut out);
    curves(report, &mut out);
    predictors(report, &mut out);
    fewer_frames(report, &mut out);
    clips(report, &mut out);
    commands(report, &mut out);
    out + "</body></html>\n"
}

fn lossless(report: &Report, out: &mut String) {
    let Some(table) = &report.lossless else { return };
    *out += "<h2>Lossless</h2>\n<p>Bits a luma pixel of the whole clip, all planes; the smallest of \
             each clip is bold. For framecast the whole file counts, for the others the packets \
             alone. The best anchor of a clip is the smallest of ffv1, x264 and x265. Ratios are \
             geometric means over the clips.</p>\n";
    *out += &Table::lossless_sizes(report, table).html();
    for sentence in &table.missing {
        *out += &format!("<p>{}</p>\n", escaped(sentence));
    }
    *out += "<p>Speed is 41 times the processor time of ffv1's encoder over that of the codec, the \
             least of several rounds in turn on the same clip, and frames of 640x360 in a second of \
             processor time on this machine.</p>\n";
    *out += &Table::lossless_speeds(table).html();
    *out += &figures(&[plots::size_and_speed(table)]);
}

fn curves(report: &Report, out: &mut String) {
    if report.curves.is_empty() {
        return;
    }
    *out += "<h2>Rate and quality</h2>\n<p>Frames are paired by their number. PSNR is over all \
             samples of all planes; SSIM, MS-SSIM and the perceptual distance are of RGB. framecast's \
             points are bounds of the error of every sample.</p>\n";
    for clip in &report.curves {
        *out += &figures(&[plots::psnr(clip), plots::ms_ssim(clip)]);
    }
    if let (Some(table), Some(first)) = (Table::bd_rates(report), report.curves.first()) {
        *out += &format!(
            "<h3>BD-rate against {}, percent</h3>\n<p>Bits more or less at equal quality: at equal \
             PSNR on each clip, then the means over the clips for each measure. {WEAK}</p>\n{}",
            escaped(&first.reference),
            table.html()
        );
    }
    for (clip, curve) in report.curves.iter().flat_map(|c| c.curves.iter().map(move |v| (c, v))) {
        for point in &curve.points {
            if let Some(error) = &point.error {
                let who = format!("{} {} on {}: {error}", curve.codec, point.mode, clip.clip);
                *out += &format!("<p>Not measured: {}</p>\n", escaped(&who));
            }
        }
    }
}

/// What a grey difference means.
const WEAK: &str = "Grey where the two curves overlap over less than half of the narrower one.";

fn predictors(report: &Report, out: &mut String) {
    if report.predictors.is_empty() {
        return;
    }
    *out += "<h2>Bits saved by predictors</h2>\n<p>The same stream with the predictor's frame as one \
             more source of prediction: percent of the whole file that is saved against the same codec \
             without it, negative where it costs; in the mean also against copy-last and motion as \
             predictors. Speeds are those of the codec with its predictor.</p>\n";
    *out += &Table::predictors(report).html();
}

fn fewer_frames(report: &Report, out: &mut String) {
    let rates: Vec<_> =
        report.frame_rate.iter().filter(|c| c.points.iter().any(|p| p.every > 1)).collect();
    if !rates.is_empty() {
        *out += "<h2>Every n-th frame sent</h2>\n<p>The others are predicted from those that came, \
                 without waiting for the next. Bits and quality (PSNR in RGB) are over all \
                 frames.</p>\n";
        let plots: Vec<_> = rates.into_iter().map(plots::frame_rate).collect();
        *out += &figures(&plots);
        if let Some(table) = Table::fewer(report) {
            *out += &format!(
                "<h3>BD-rate against every frame sent, percent</h3>\n<p>Bits more or less at equal \
                 quality of what is shown: at equal PSNR on each clip, then the means over the clips. \
                 {WEAK}</p>\n{}",
                table.html()
            );
        }
    }
    errors(report.frame_rate.iter().flat_map(|c| &c.errors), out);
    if !report.gating.is_empty() {
        *out += "<h2>Surprising frames sent</h2>\n<p>A frame is sent only when the receiver's \
                 prediction of it has a lower PSNR than the limit; points of one line are the limits. \
                 The grey line is the carrier with every frame sent, and the table says how many bits \
                 more or less than on that line are used at the same PSNR, where it reaches so \
                 far.</p>\n";
        let rates = |clip: &str| report.frame_rate.iter().find(|c| c.clip == clip);
        let plots: Vec<_> =
            report.gating.iter().map(|c| plots::gating(c, rates(&c.clip))).collect();
        *out += &figures(&plots);
        *out += &Table::gating(report).html();
        errors(report.gating.iter().flat_map(|c| &c.errors), out);
    }
}

fn clips(report: &Report, out: &mut String) {
    *out += "<h2>Clips</h2>\n";
    *out += &Table::clips(report).html();
}

fn commands(report: &Report, out: &mut String) {
    *out += &format!(
        "<h2>Commands</h2>\n<p>This report:</p>\n<pre>{}</pre>\n",
        escaped(&report.command)
    );
    let lossless = report.lossless.iter().flat_map(|table| &table.rows);
    let lossless = lossless.filter_map(|row| row.clips.first()?.command.as_ref());
    let inside = report.predictors.iter().filter_map(|row| row.clips.first()?.command.as_ref());
    let curves = report.curves.first().into_iter().flat_map(|clip| &clip.curves);
    let curves = curves.flat_map(|c| &c.points).filter_map(|p| p.command.as_ref());
    let mut commands: Vec<&String> = Vec::new();
    for command in lossless.chain(inside).chain(curves) {
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    if commands.is_empty() {
        return;
    }
    *out += "<details><summary>Encoding the first clip by hand; the streams come into the folder \
             where it is typed</summary>\n<pre>";
    for command in commands {
        *out += &escaped(command);
        *out += "\n";
    }
    *out += "</pre></details>\n";
}

fn errors<'a>(errors: impl Iterator<Item = &'a String>, out: &mut String) {
    for error in errors {
        *out += &format!("<p>Not measured: {}</p>\n", escaped(error));
    }
}

fn figures(charts: &[chart::Chart]) -> String {
    let figures: String = charts.iter().map(chart::Chart::html).collect();
    format!("<div class=\"plots\">\n{figures}</div>\n")
}

/// `text` for a place between tags or in quotes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
